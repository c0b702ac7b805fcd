//! What only SQLite can go wrong with: damaged files, a second process, a missing file.

use std::process::Command;

use domain::ids::ProjectId;
use storage::raw::RawTx;
use storage::{Database, DatabaseUrl, OpenOptions, StorageError, raw};
use testkit::{migrated_at, scratch};

use crate::probe::{self, PROBE, count, id, insert_number};

#[test]
fn a_file_that_is_no_database_is_refused() {
    let path = scratch::path("garbage.db");
    std::fs::write(&path, "this is not a database, but it is longer than the header of one. ".repeat(10)).unwrap();
    let opened = Database::open(&DatabaseUrl::sqlite(&path), &OpenOptions::standard());
    assert!(matches!(opened, Err(StorageError::Corrupt { .. })), "{opened:?}");
}

#[test]
fn a_missing_file_is_made_only_when_asked() {
    let path = scratch::path("folder").join("neruba.db");
    let url = DatabaseUrl::sqlite(&path);
    let mut options = OpenOptions::standard();
    options.create = false;
    let opened = Database::open(&url, &options);
    assert!(matches!(opened, Err(StorageError::Schema { .. })), "{opened:?}");
    assert!(!path.exists());
    options.create = true;
    Database::open(&url, &options).unwrap();
    assert!(path.exists());
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let path = scratch::path("private.db");
    Database::open(&DatabaseUrl::sqlite(&path), &OpenOptions::standard()).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn commits_are_synced_to_the_disk() {
    let (_, database) = probe::databases().swap_remove(0);
    let setting = |text| raw::query_as_owner(&database, text, |row| row.get::<i64>(0)).unwrap();
    // 2 is FULL: the log is synced at every commit.
    assert_eq!(setting("pragma synchronous"), [2]);
    assert_eq!(setting("pragma foreign_keys"), [1]);
    assert_eq!(setting("pragma recursive_triggers"), [1]);
    let mode = raw::query_as_owner(&database, "pragma journal_mode", |row| row.get::<String>(0));
    assert_eq!(mode.unwrap(), ["wal"]);
}

#[test]
fn it_has_no_settings_that_could_lose_commits() {
    let (_, database) = probe::databases().swap_remove(0);
    assert!(database.durability_risks().unwrap().is_empty());
}

#[test]
fn the_server_cannot_weaken_its_own_connection() {
    let (_, database) = probe::databases().swap_remove(0);
    for text in ["pragma synchronous = off", "pragma writable_schema = on", "attach ':memory:' as other"] {
        let statement = raw::leaked(text);
        let result = database.write_installation("weaken", |tx| tx.query(statement, &[], |_| Ok(())));
        assert!(matches!(result, Err(StorageError::Refused { .. })), "{text}: {result:?}");
    }
}

#[test]
fn another_process_that_holds_the_file_is_waited_for_and_then_reported() {
    let (_, url, database) = probe::fresh().swap_remove(0);
    let mut hasty = OpenOptions::standard();
    hasty.wait_max = std::time::Duration::from_millis(1);
    let other = Database::open(&url, &hasty).unwrap();
    let project = probe::project();
    let result = database.write::<_, StorageError>("hold", project, |tx| {
        insert_number(tx, id(1), 1)?;
        let busy = other.write::<_, StorageError>("meanwhile", project, |tx| insert_number(tx, id(2), 2));
        assert!(matches!(busy, Err(StorageError::Busy { .. })), "{busy:?}");
        Ok(())
    });
    result.unwrap();
    other.write::<_, StorageError>("afterwards", project, |tx| insert_number(tx, id(2), 2)).unwrap();
}

const FILE_OF_BOTH: &str = "NERUBA_TEST_FILE_OF_BOTH";
const ROWS: u32 = 100;

#[test]
#[expect(clippy::disallowed_methods, reason = "tells the second process which file to write to")]
fn two_processes_write_to_one_file() {
    let write = |database: &Database, project: ProjectId| {
        for number in 0..ROWS {
            database.write::<_, StorageError>("row", project, |tx| insert_number(tx, id(number.into()), 1)).unwrap();
        }
        assert_eq!(database.read::<_, StorageError>("count", project, count).unwrap(), i64::from(ROWS));
    };
    if let Ok(path) = std::env::var(FILE_OF_BOTH) {
        // This is the second process.
        let database = Database::open(&DatabaseUrl::sqlite(path), &OpenOptions::standard()).unwrap();
        return write(&database, probe::project());
    }
    let url = DatabaseUrl::sqlite(scratch::path("both.db"));
    let database = Database::open(&url, &OpenOptions::standard()).unwrap();
    raw::migrate(&database, &PROBE, migrated_at()).unwrap();
    let mut second = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sqlite_only::two_processes_write_to_one_file"])
        .env(FILE_OF_BOTH, url.sqlite_path().unwrap())
        .spawn()
        .unwrap();
    write(&database, probe::project());
    assert!(second.wait().unwrap().success());
    let all = raw::query_as_owner(&database, "-- t\nselect count(*)\nfrom samples", |row| row.get::<i64>(0));
    assert_eq!(all.unwrap(), [i64::from(2 * ROWS)]);
}
