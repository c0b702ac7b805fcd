//! What is written once stays: the server's own connection can neither change nor remove it.

use std::collections::BTreeSet;

use storage::raw::{self, APPEND_ONLY_TABLES, KEPT_TABLES, RawTx};
use storage::{Database, Dialect, StorageError};

fn server_runs(database: &Database, text: &str) -> Result<u64, StorageError> {
    let statement = raw::leaked(text);
    database.write_installation("tamper", |tx| tx.execute(statement, &[]))
}

fn tables(database: &Database) -> Vec<String> {
    let text = match database.dialect() {
        Dialect::Sqlite => {
            "-- t\nselect name\nfrom sqlite_schema\nwhere type = 'table' and name not like 'sqlite_%'\norder by name"
        }
        Dialect::Postgres => {
            "-- t\nselect cast(tablename as text)\nfrom pg_tables\nwhere schemaname = current_schema()\norder by 1"
        }
    };
    raw::query_as_owner(database, text, |row| row.get(0)).unwrap()
}

fn column(database: &Database, table: &str) -> &'static str {
    let text = format!("-- t\nselect project_id\nfrom {table}");
    if raw::query_as_owner(database, &text, |_| Ok(())).is_ok() { "project_id" } else { "id" }
}

#[test]
fn rows_that_are_history_cannot_be_changed_or_removed_by_the_server() {
    // checklist 31, 63
    // promise P11
    for (name, database) in testkit::databases() {
        for table in APPEND_ONLY_TABLES {
            let column = column(&database, table);
            for text in [
                format!("-- t\nupdate {table}\nset {column} = {column}"),
                format!("-- t\ndelete from {table}"),
                format!("-- t\ndelete from {table}\nwhere 1 = 0"),
            ] {
                let result = server_runs(&database, &text);
                assert!(matches!(result, Err(StorageError::Refused { .. })), "{name}: {text}: {result:?}");
            }
        }
    }
}

#[test]
fn rows_that_are_kept_cannot_be_removed_by_the_server() {
    for (name, database) in testkit::databases() {
        for table in KEPT_TABLES {
            let result = server_runs(&database, &format!("-- t\ndelete from {table}"));
            assert!(matches!(result, Err(StorageError::Refused { .. })), "{name}: {table}: {result:?}");
        }
    }
}

#[test]
fn the_server_has_the_same_rights_on_both_databases() {
    let mut rights = Vec::new();
    for (_, database) in testkit::databases() {
        let may = |table: &String| {
            let column = column(&database, table);
            let update = server_runs(&database, &format!("-- t\nupdate {table}\nset {column} = {column}\nwhere 1 = 0"));
            let delete = server_runs(&database, &format!("-- t\ndelete from {table}\nwhere 1 = 0"));
            (table.clone(), update.is_ok(), delete.is_ok())
        };
        let tables = tables(&database);
        let found: BTreeSet<(String, bool, bool)> =
            tables.iter().filter(|table| *table != "schema_migrations").map(may).collect();
        rights.push(found);
    }
    for pair in rights.windows(2) {
        assert_eq!(pair[0], pair[1], "SQLite's guard (left) and PostgreSQL's grants (right): table, update, delete");
    }
}

/// A user, a project and one row of history, written past the server.
const HISTORY: &str = "
    insert into users (id, email, name, password_hash, platform_admin, created_at, password_changed_at)
    values (x'01', 'a@example.com', 'A', '', 0, 0, 0);
    insert into projects (id, name, external_key, mode, currency, time_zone, unknown_metric, unknown_customer,
        require_customer_key, support_limit_micros, fingerprint, created_by, created_at)
    values (x'02', 'P', 'p', 'live', 'USD', 'UTC', 'reject', 'reject', 0, 0, x'00', x'01', 0);
    insert into audit_entries (project_id, id, happened_at, actor_kind, actor_id, actor_name, action, target,
        request_id, details)
    values (x'02', x'03', 0, 'user', 'u', 'A', 'made', 't', 'r', '{}');";

#[test]
fn the_triggers_of_sqlite_hold_even_for_the_owner() {
    for (name, _, database) in testkit::fresh_databases() {
        if database.dialect() != Dialect::Sqlite {
            continue;
        }
        raw::run_as_owner(&database, HISTORY).unwrap();
        for text in [
            "update audit_entries set action = 'unmade'",
            "delete from audit_entries",
            // Replacing removes the old row without a `delete`: the trigger must see that as well.
            "insert or replace into audit_entries select project_id, id, happened_at, actor_kind, actor_id,
                actor_name, 'unmade', target, reason_code, reason, request_id, details from audit_entries",
        ] {
            let result = raw::run_as_owner(&database, text);
            match result {
                Err(StorageError::Refused { constraint }) => {
                    assert!(constraint.contains("audit_entries is insert-only"), "{name}: {constraint}");
                }
                other => panic!("{name}: {text}: {other:?}"),
            }
        }
    }
}
