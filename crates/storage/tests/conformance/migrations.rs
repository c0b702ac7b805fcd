//! Migrations are applied once, in order, whoever comes first, and never silently to a schema of another program.

use storage::raw::{self, Migration, RawTx, SchemaState, Statement};
use storage::{Database, OpenOptions, StorageError};
use testkit::{empty_databases, fresh_databases, migrated_at};

const FIRST: Migration = Migration {
    name: "0001_first",
    sqlite: "create table first (id integer not null) strict;",
    postgres: "create table first (id bigint not null);",
};
const SECOND: Migration = Migration {
    name: "0002_second",
    sqlite: "create table second (id integer not null) strict;",
    postgres: "create table second (id bigint not null);",
};
const BROKEN: Migration = Migration {
    name: "0002_broken",
    sqlite: "create table half (id integer not null) strict; insert into nowhere values (1);",
    postgres: "create table half (id bigint not null); insert into nowhere values (1);",
};
const EDITED: Migration = Migration {
    name: "0001_first",
    sqlite: "create table first (id integer) strict;",
    postgres: "create table first (id bigint);",
};

static ONE: [Migration; 1] = [FIRST];
static TWO: [Migration; 2] = [FIRST, SECOND];
static OTHER: [Migration; 1] = [EDITED];
static HALF: [Migration; 2] = [FIRST, BROKEN];

fn open() -> Vec<(&'static str, Database)> {
    let open = |url| Database::open(&url, &OpenOptions::standard()).unwrap();
    empty_databases().into_iter().map(|(name, url)| (name, open(url))).collect()
}

#[test]
fn a_second_run_has_nothing_to_do() {
    for (name, database) in open() {
        let first = raw::migrate(&database, &TWO, migrated_at()).unwrap();
        assert_eq!(first.applied, ["0001_first", "0002_second"], "{name}");
        let second = raw::migrate(&database, &TWO, migrated_at()).unwrap();
        assert!(second.applied.is_empty(), "{name}");
    }
}

#[test]
fn what_is_missing_is_listed_and_then_applied() {
    for (name, database) in open() {
        let all = SchemaState::Pending(vec!["0001_first", "0002_second"]);
        assert_eq!(raw::check_schema(&database, &TWO).unwrap(), all, "{name}");
        raw::migrate(&database, &ONE, migrated_at()).unwrap();
        let rest = SchemaState::Pending(vec!["0002_second"]);
        assert_eq!(raw::check_schema(&database, &TWO).unwrap(), rest, "{name}");
        assert_eq!(raw::migrate(&database, &TWO, migrated_at()).unwrap().applied, ["0002_second"], "{name}");
        assert_eq!(raw::check_schema(&database, &TWO).unwrap(), SchemaState::Current, "{name}");
    }
}

fn refusal<T: std::fmt::Debug>(result: Result<T, StorageError>) -> String {
    match result {
        Err(error @ StorageError::Schema { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_database_of_a_newer_program_is_refused() {
    for (name, database) in open() {
        raw::migrate(&database, &TWO, migrated_at()).unwrap();
        for text in [refusal(raw::migrate(&database, &ONE, migrated_at())), refusal(raw::check_schema(&database, &ONE))]
        {
            assert!(text.contains("0002_second") && text.contains("newer"), "{name}: {text}");
        }
    }
}

#[test]
fn a_changed_migration_is_refused() {
    for (name, database) in open() {
        raw::migrate(&database, &ONE, migrated_at()).unwrap();
        let text = refusal(raw::migrate(&database, &OTHER, migrated_at()));
        assert!(text.contains("0001_first") && text.contains("another text"), "{name}: {text}");
    }
}

#[test]
fn a_migration_that_fails_leaves_nothing_behind() {
    for (name, database) in open() {
        assert!(raw::migrate(&database, &HALF, migrated_at()).is_err(), "{name}");
        let left = SchemaState::Pending(vec!["0002_second"]);
        assert_eq!(raw::check_schema(&database, &TWO).unwrap(), left, "{name}");
        let half = raw::query_as_owner(&database, "-- t\nselect id\nfrom half", |_| Ok(()));
        assert!(half.is_err(), "{name}: the table of the failed migration exists");
        assert_eq!(raw::migrate(&database, &TWO, migrated_at()).unwrap().applied, ["0002_second"], "{name}");
    }
}

#[test]
fn nodes_that_start_together_apply_each_migration_once() {
    for (name, url) in empty_databases() {
        let applied: Vec<&str> = std::thread::scope(|scope| {
            let node = || {
                let database = Database::open(&url, &OpenOptions::standard()).unwrap();
                raw::migrate(&database, &TWO, migrated_at()).unwrap().applied
            };
            let nodes: Vec<_> = (0..4).map(|_| scope.spawn(node)).collect();
            nodes.into_iter().flat_map(|node| node.join().unwrap()).collect()
        });
        let mut applied = applied;
        applied.sort_unstable();
        assert_eq!(applied, ["0001_first", "0002_second"], "{name}");
    }
}

#[test]
fn the_server_itself_cannot_change_the_schema() {
    static CREATE: Statement = raw::statement("-- t\ncreate table mine (id bigint)");
    static DROP: Statement = raw::statement("-- t\ndrop table users");
    static FORGET: Statement = raw::statement("-- t\ndelete from schema_migrations");
    for (name, database) in testkit::databases() {
        for statement in [&CREATE, &DROP, &FORGET] {
            let result = database.write_installation("ddl", |tx| tx.execute(statement, &[]));
            assert!(matches!(result, Err(StorageError::Refused { .. })), "{name}: {result:?}");
        }
    }
}

#[test]
fn connections_opened_before_a_migration_work_after_it() {
    static READ: Statement = raw::statement("-- t\nselect id\nfrom users");
    for (name, url) in empty_databases() {
        let old = Database::open(&url, &OpenOptions::standard()).unwrap();
        Database::open(&url, &OpenOptions::standard()).unwrap().migrate(migrated_at()).unwrap();
        let rows = old.read_installation::<_, StorageError>("users", |tx| tx.query(&READ, &[], |_| Ok(())));
        assert!(rows.unwrap().is_empty(), "{name}");
    }
}

#[test]
fn a_migrated_database_says_when() {
    let text = "-- t\nselect applied_at\nfrom schema_migrations";
    for (name, _, database) in fresh_databases() {
        let times = raw::query_as_owner(&database, text, |row| row.get::<domain::time::Instant>(0)).unwrap();
        assert!(!times.is_empty() && times.iter().all(|time| *time == migrated_at()), "{name}: {times:?}");
        assert_eq!(database.check_schema().unwrap(), SchemaState::Current, "{name}");
    }
}
