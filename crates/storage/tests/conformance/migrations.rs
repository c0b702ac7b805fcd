//! Migrations are applied once, in order, whoever comes first, and never silently to a schema of another program.

use storage::raw::{self, Migration, RawTx, SchemaState, Statement};
use storage::{Database, Dialect, OpenOptions, StorageError};
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

macro_rules! released {
    ($name:literal) => {
        Migration {
            name: $name,
            sqlite: include_str!(concat!("../../migrations/sqlite/", $name, ".sql")),
            postgres: include_str!(concat!("../../migrations/postgres/", $name, ".sql")),
        }
    };
}
static BEFORE_METERING: [Migration; 3] = [released!("0001_access"), released!("0002_ledger"), released!("0003_ingest")];
static WITH_METERING: [Migration; 4] =
    [released!("0001_access"), released!("0002_ledger"), released!("0003_ingest"), released!("0004_metering")];

/// A project with a metric and a batch that was folded; values as SQLite spells them.
const FOLDED: &str = "
    insert into users (id, email, name, password_hash, platform_admin, created_at, password_changed_at)
    values (x'01', 'a@example.com', 'A', '', 0, 0, 0);
    insert into projects (id, name, external_key, mode, currency, time_zone, unknown_metric, unknown_customer,
        require_customer_key, support_limit_micros, fingerprint, created_by, created_at)
    values (x'02', 'P', 'p', 'live', 'USD', 'UTC', 'reject', 'reject', 0, 0, x'00', x'01', 0);
    insert into metrics (project_id, id, key, name, aggregation, unit_label, declared, created_at)
    values (x'02', x'03', 'a \"b\"', 'A B', 'max', null, 1, 7);
    insert into ingest_batches (project_id, id, operation, received_at, events, accepted, replayed, duplicates, conflicts,
        failed, rollup_seq)
    values (x'02', x'04', 'usage', 0, 1, 1, 0, 0, 0, 0, 1);
    insert into outcome_rollups (project_id, operation, slice_start, accepted, replayed, duplicates, conflicts, failed)
    values (x'02', 'usage', 0, 1, 0, 0, 0, 0);
    insert into rollup_cursors (project_id, last_seq) values (x'02', 1);";

/// The same for PostgreSQL.
fn folded(dialect: Dialect) -> String {
    let id = |number: u8| format!("'00000000-0000-0000-0000-{number:012}'");
    match dialect {
        Dialect::Sqlite => FOLDED.to_owned(),
        Dialect::Postgres => FOLDED
            .replace("x'00'", "'\\x00'")
            .replace("x'01'", &id(1))
            .replace("x'02'", &id(2))
            .replace("x'03'", &id(3))
            .replace("x'04'", &id(4))
            .replace("'', 0, 0, 0)", "'', false, to_timestamp(0), to_timestamp(0))")
            .replace("'reject', 0, 0, ", "'reject', false, 0, ")
            .replace(&format!("{}, 0);", id(1)), &format!("{}, to_timestamp(0));", id(1)))
            .replace("null, 1, 7)", "null, true, to_timestamp(7))")
            .replace("'usage', 0, ", "'usage', to_timestamp(0), "),
    }
}

#[test]
fn what_was_folded_before_metering_is_folded_again() {
    for (name, database) in open() {
        raw::migrate(&database, &BEFORE_METERING, migrated_at()).unwrap();
        raw::run_as_owner(&database, &folded(database.dialect())).unwrap();
        raw::migrate(&database, &WITH_METERING, migrated_at()).unwrap();
        let version = "-- t\nselect number, series, state, definition\nfrom metric_versions";
        let versions = raw::query_as_owner(&database, version, |row| {
            let definition: String = row.get(3)?;
            let definition = storage::metric_versions::definition_of(&definition)?;
            Ok((row.get::<i64>(0)?, row.get::<i64>(1)?, row.get::<String>(2)?, definition))
        });
        let definition = domain::catalog::metric::MetricDefinition {
            name: "A B".to_owned(),
            aggregation: domain::metrics::Aggregation::Max,
            ..domain::catalog::metric::MetricDefinition::plain("a \"b\"")
        };
        assert_eq!(versions.unwrap(), [(1, 1, "current".to_owned(), definition)], "{name}");
        // Nothing is folded, and nothing counts twice when it is.
        let places = "-- t\nselect rollup_seq\nfrom ingest_batches";
        let places = raw::query_as_owner(&database, places, |row| row.get::<Option<i64>>(0)).unwrap();
        let cursor = "-- t\nselect last_seq + metrics_epoch\nfrom rollup_cursors";
        let cursor = raw::query_as_owner(&database, cursor, |row| row.get::<i64>(0)).unwrap();
        let outcomes = "-- t\nselect accepted\nfrom outcome_rollups";
        let outcomes = raw::query_as_owner(&database, outcomes, |row| row.get::<i64>(0)).unwrap();
        assert_eq!((places, cursor, outcomes), (vec![None], vec![0], vec![]), "{name}");
    }
}

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
