//! What only PostgreSQL can go wrong with: lost connections, commits without an answer, rights, row-level security.

use std::io::{Read, Write};
use std::net::TcpListener;

use storage::raw::{self, BulkStatement, ColumnType, RawTx, Statement};
use storage::{Database, DatabaseUrl, Dialect, OpenOptions, StorageError};

use crate::probe::{self, count, id, insert_number};

static BACKEND: Statement = raw::statement("-- backend\nselect cast(pg_backend_pid() as bigint)");

fn probe_on_postgres() -> Option<(DatabaseUrl, Database)> {
    let mut fresh = probe::fresh().into_iter().filter(|(_, _, database)| database.dialect() == Dialect::Postgres);
    fresh.next().map(|(_, url, database)| (url, database))
}

fn terminate(database: &Database, backend: i64) {
    raw::run_as_owner(database, &format!("select pg_terminate_backend({backend})")).unwrap();
}

#[test]
fn a_connection_that_died_while_idle_is_replaced_without_anybody_noticing() {
    let Some((_, database)) = probe_on_postgres() else { return };
    let backend =
        database.read_installation::<_, StorageError>("backend", |tx| tx.query(&BACKEND, &[], |row| row.get(0)));
    terminate(&database, backend.unwrap()[0]);
    assert_eq!(database.read::<_, StorageError>("count", probe::project(), count).unwrap(), 0);
}

#[test]
fn a_connection_that_dies_in_a_transaction_leaves_nothing_in_doubt() {
    let Some((_, database)) = probe_on_postgres() else { return };
    let project = probe::project();
    let result = database.write::<_, StorageError>("dies", project, |tx| {
        insert_number(tx, id(1), 1)?;
        let backend =
            tx.query(raw::leaked("-- t\nselect cast(pg_backend_pid() as bigint)\nwhere ?1 = ?1::uuid"), &[], |row| {
                row.get(0)
            })?;
        terminate(&database, backend[0]);
        insert_number(tx, id(2), 1)
    });
    assert!(matches!(result, Err(StorageError::Unavailable { outcome_unknown: false, .. })), "{result:?}");
    assert_eq!(database.read::<_, StorageError>("count", project, count).unwrap(), 0);
}

#[test]
fn a_commit_without_an_answer_is_reported_as_unknown() {
    let Some((_, database)) = probe_on_postgres() else { return };
    // The server's process ends itself in the middle of the commit.
    raw::run_as_owner(
        &database,
        "create function die() returns trigger language plpgsql security definer as
            $$ begin perform pg_terminate_backend(pg_backend_pid()); return null; end $$;
         create constraint trigger dies after insert on samples deferrable initially deferred
            for each row execute function die();",
    )
    .unwrap();
    let result = database.write::<_, StorageError>("dies", probe::project(), |tx| insert_number(tx, id(1), 1));
    assert!(matches!(result, Err(StorageError::Unavailable { outcome_unknown: true, .. })), "{result:?}");
}

#[test]
fn a_server_that_is_not_there_is_reported_at_once() {
    let url = DatabaseUrl::parse("postgres://nobody@127.0.0.1:1/nothing").unwrap();
    let opened = Database::open(&url, &OpenOptions::standard());
    assert!(matches!(opened, Err(StorageError::Unavailable { outcome_unknown: false, .. })), "{opened:?}");
}

#[test]
fn the_server_acts_as_its_own_role_with_its_own_limits() {
    let Some((_, database)) = probe_on_postgres() else { return };
    let settings = "-- t
        select cast(current_user as text), current_setting('synchronous_commit'), current_setting('statement_timeout'),
            current_setting('lock_timeout'), current_setting('idle_in_transaction_session_timeout'),
            current_setting('application_name'), current_setting('transaction_isolation')";
    let statement = raw::leaked(settings);
    let found = database.write_installation::<_, StorageError>("settings", |tx| {
        tx.query(statement, &[], |row| (0..7).map(|index| row.get(index)).collect::<Result<Vec<String>, _>>())
    });
    let expected = ["neruba_server", "on", "30s", "10s", "30s", "neruba", "read committed"];
    assert_eq!(found.unwrap(), [expected]);
}

#[test]
fn a_statement_that_forgets_its_project_finds_nothing() {
    static FORGETFUL: Statement =
        raw::statement("-- t\nselect cast(count(*) as bigint)\nfrom outbox_events\nwhere ?1 = ?1::uuid");
    let Some((_, database)) = testkit::databases().into_iter().find(|(name, _)| *name == "postgres") else { return };
    let project = probe::project();
    let (user, other) = (probe::project().uuid(), probe::project().uuid());
    raw::run_as_owner(
        &database,
        &format!(
            "insert into users (id, email, name, password_hash, platform_admin, created_at, password_changed_at)
             values ('{user}', '{user}', 'A', '', false, now(), now());
             insert into projects (id, name, external_key, mode, currency, time_zone, unknown_metric, unknown_customer,
                require_customer_key, support_limit_micros, fingerprint, created_by, created_at)
             values ('{other}', 'P', 'p', 'live', 'USD', 'UTC', 'reject', 'reject', false, 0, '', '{user}', now());
             insert into outbox_events (project_id, id, kind, happened_at, body)
             values ('{other}', '{other}', 'made', now(), '{{}}');"
        ),
    )
    .unwrap();
    let ours =
        database.read::<_, StorageError>("ours", project, |tx| tx.query(&FORGETFUL, &[], |row| row.get::<i64>(0)));
    assert_eq!(ours.unwrap(), [0]);
    let theirs = domain::ids::ProjectId::from_uuid(other);
    let theirs =
        database.read::<_, StorageError>("theirs", theirs, |tx| tx.query(&FORGETFUL, &[], |row| row.get::<i64>(0)));
    assert_eq!(theirs.unwrap(), [1]);
}

#[test]
fn every_table_of_a_project_has_row_level_security() {
    let Some((_, database)) = testkit::databases().into_iter().find(|(name, _)| *name == "postgres") else { return };
    let text = "-- t
        select cast(c.relname as text)
        from pg_class c
        join pg_attribute a on a.attrelid = c.oid and a.attname = 'project_id'
        where c.relnamespace = current_schema()::regnamespace
        and c.relkind in ('r', 'p') and not c.relrowsecurity";
    let without = raw::query_as_owner(&database, text, |row| row.get::<String>(0)).unwrap();
    assert!(without.is_empty(), "{without:?}");
}

/// Decision 0083: what PostgreSQL concludes about a project it does not know is wrong, so it has nothing to conclude from.
#[test]
fn no_plan_depends_on_which_project_it_is_for() {
    let Some((_, database)) = testkit::databases().into_iter().find(|(name, _)| *name == "postgres") else { return };
    let text = "-- t
        select cast(c.relname as text)
        from pg_class c
        join pg_attribute a on a.attrelid = c.oid and a.attname = 'project_id'
        left join pg_policy p on p.polrelid = c.oid
        where c.relnamespace = current_schema()::regnamespace
        and c.relkind in ('r', 'p')
        and (a.attoptions is distinct from '{n_distinct=1}' or pg_get_expr(p.polqual, p.polrelid) not like '%CASE%')";
    let concluded = raw::query_as_owner(&database, text, |row| row.get::<String>(0)).unwrap();
    let constant: Vec<_> = raw::registered(Dialect::Postgres)
        .into_iter()
        .filter(|(_, _, text)| text.contains("project_id = $1"))
        .collect();
    assert!(constant.is_empty(), "{constant:?}");
    assert!(
        concluded.is_empty(),
        "with several projects in the statistics, or row-level security without `case`: {concluded:?}"
    );
}

/// Each row says how its checks are planned.
static INSERT_MODES: BulkStatement = raw::bulk_statement(
    "-- insert_modes
    insert into samples (project_id, id, bytes)
    select r.project_id, r.id, convert_to(current_setting('plan_cache_mode'), 'UTF8')
    from {rows}",
    &[("project_id", ColumnType::Uuid), ("id", ColumnType::Uuid)],
);

#[test]
fn only_the_checks_of_many_rows_are_planned_once() {
    let Some((_, database)) = probe_on_postgres() else { return };
    let (inserted, left) = database
        .write::<_, StorageError>("insert_modes", probe::project(), |tx| {
            for (first, rows) in [(100, 3), (200, 80)] {
                let rows: Vec<Vec<raw::Value<'_>>> =
                    (first..first + rows).map(|number| vec![id(number).into()]).collect();
                tx.execute_many(&INSERT_MODES, &rows)?;
            }
            let modes =
                "-- t\nselect convert_from(bytes, 'UTF8'), count(*)\nfrom samples\nwhere project_id = ?1\ngroup by bytes\norder by bytes";
            let inserted = tx.query(raw::leaked(modes), &[], |row| Ok((row.get::<String>(0)?, row.get::<i64>(1)?)))?;
            let settings = "-- t\nselect current_setting('plan_cache_mode') || ' ' || current_setting('enable_seqscan')
                where ?1 = cast(?1 as uuid)";
            let left = tx.query(raw::leaked(settings), &[], |row| row.get::<String>(0))?;
            Ok((inserted, left))
        })
        .unwrap();
    assert_eq!(inserted, [("auto".to_owned(), 80), ("force_custom_plan".to_owned(), 3)]);
    assert_eq!(left, ["force_custom_plan on"], "what comes next is planned for itself");
}

#[test]
fn a_lock_that_is_not_given_up_is_reported_as_busy() {
    let Some((url, database)) = probe_on_postgres() else { return };
    let mut hasty = OpenOptions::standard();
    hasty.lock_wait_max = std::time::Duration::from_millis(1);
    let other = Database::open(&url, &hasty).unwrap();
    let project = probe::project();
    database.write::<_, StorageError>("insert", project, |tx| insert_number(tx, id(1), 1)).unwrap();
    let result = database.write::<_, StorageError>("hold", project, |tx| {
        probe::lock_number(tx, id(1))?;
        let busy = other.write::<_, StorageError>("meanwhile", project, |tx| probe::set_number(tx, id(1), 2));
        assert!(matches!(busy, Err(StorageError::Busy { .. })), "{busy:?}");
        Ok(())
    });
    result.unwrap();
}

#[test]
fn a_table_that_changes_under_a_prepared_statement_is_read_again() {
    let Some((_, database)) = probe_on_postgres() else { return };
    let project = probe::project();
    let read = || database.read::<_, StorageError>("number", project, |tx| probe::number(tx, id(1)));
    assert_eq!(read().unwrap(), None);
    raw::run_as_owner(&database, "alter table samples alter column number type integer").unwrap();
    assert_eq!(read().unwrap(), None);
}

#[test]
fn a_user_that_may_not_act_as_the_server_is_told_what_to_do() {
    let Some((_, database)) = probe_on_postgres() else { return };
    let server = testkit::postgres::url().unwrap();
    let stranger = format!("stranger_{}", std::process::id());
    raw::run_as_owner(&database, &format!("create role {stranger} login password 'stranger'")).unwrap();
    let (_, place) = server.split_once('@').unwrap();
    let url = DatabaseUrl::parse(&format!("postgres://{stranger}:stranger@{place}")).unwrap();
    let as_stranger = Database::open(&url, &OpenOptions::standard()).unwrap();
    let refused = as_stranger.ping().unwrap_err();
    assert!(refused.to_string().contains("grant neruba_server"), "{refused}");
}

#[test]
fn an_address_that_asks_for_tls_never_talks_in_the_clear() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 8];
        stream.read_exact(&mut request).unwrap();
        // "No TLS here." What follows would be the user's name, and the password after it.
        stream.write_all(b"N").unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        rest
    });
    let url = DatabaseUrl::parse(&format!("postgres://me:secret@{address}/db?sslmode=require")).unwrap();
    let opened = Database::open(&url, &OpenOptions::standard());
    assert!(matches!(opened, Err(StorageError::Unavailable { .. })), "{opened:?}");
    assert!(server.join().unwrap().is_empty());
}

#[test]
fn a_server_that_does_not_sync_is_named() {
    let Some((_, database)) = probe_on_postgres() else { return };
    let risks = database.durability_risks().unwrap();
    let off = "-- t\nselect cast(current_setting('fsync') = 'off' as boolean)";
    let unsynced = raw::query_as_owner(&database, off, |row| row.get::<bool>(0)).unwrap()[0];
    assert_eq!(risks.iter().any(|risk| risk.contains("fsync = off")), unsynced, "{risks:?}");
}
