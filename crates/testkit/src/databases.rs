//! Databases for the tests: one of each kind per test process, migrated once and shared (tests keep apart by project),
//! and empty ones where an empty installation is the point.

use std::sync::OnceLock;

use domain::time::Instant;
use storage::{Database, DatabaseUrl, OpenOptions};

use crate::{postgres, scratch};

/// A migrated database of each kind, the same for every test of the process.
///
/// # Panics
/// When a database cannot be made.
pub fn databases() -> Vec<(&'static str, Database)> {
    static SHARED: OnceLock<Vec<(&'static str, DatabaseUrl, Database)>> = OnceLock::new();
    let shared = SHARED.get_or_init(migrated);
    shared.iter().map(|(name, _, database)| (*name, database.clone())).collect()
}

/// A new migrated database of each kind, shared with no other test, with its address.
///
/// # Panics
/// When a database cannot be made.
pub fn fresh_databases() -> Vec<(&'static str, DatabaseUrl, Database)> {
    migrated()
}

/// The address of a new database of each kind, without any table.
///
/// # Panics
/// When a database cannot be made.
pub fn empty_databases() -> Vec<(&'static str, DatabaseUrl)> {
    let sqlite = ("sqlite", DatabaseUrl::sqlite(scratch::path("neruba.db")));
    let postgres = postgres::empty_database().map(|url| ("postgres", url));
    [sqlite].into_iter().chain(postgres).collect()
}

/// As [`empty_databases`], with the addresses as text for another process.
///
/// # Panics
/// When a database cannot be made.
pub fn empty_database_addresses() -> Vec<(&'static str, String)> {
    let sqlite = ("sqlite", format!("sqlite://{}", scratch::path("neruba.db").display()));
    let postgres = postgres::empty_database_address().map(|address| ("postgres", address));
    [sqlite].into_iter().chain(postgres).collect()
}

/// The instant at which the tests' schemas are migrated: 2026-01-01.
///
/// # Panics
/// Never.
pub fn migrated_at() -> Instant {
    Instant::parse("2026-01-01T00:00:00Z").unwrap()
}

fn migrated() -> Vec<(&'static str, DatabaseUrl, Database)> {
    let open = |(name, url): (&'static str, DatabaseUrl)| {
        let database = Database::open(&url, &OpenOptions::standard()).unwrap();
        database.migrate(migrated_at()).unwrap();
        (name, url, database)
    };
    empty_databases().into_iter().map(open).collect()
}
