//! Everything that touches a database: the thin SQL layer, the migrations, and the repositories (one file per noun).
//!
//! The only crate with SQL or a driver. Each statement is written once; what the databases do differently is a named
//! function of `dialect`. It knows no rules: those are in `domain`; it decides nothing: that is `engine`.

pub mod access_grants;
pub mod access_keys;
pub mod accounts;
pub mod audit_entries;
pub mod balances;
mod constraints;
pub mod credit_lots;
pub mod customers;
mod database;
mod dialect;
mod error;
pub mod idempotency_keys;
pub mod journal;
pub mod members;
mod migrations;
pub mod outbox_events;
mod pool;
pub mod projects;
#[cfg(feature = "raw")]
pub mod raw;
pub mod sessions;
mod sql;
mod timing;
mod tx;
mod url;
pub mod users;
pub mod wallets;

pub use database::{Database, OpenOptions};
pub use dialect::Dialect;
pub use error::{Retryable, StorageError};
pub use migrations::{MigrationReport, SchemaState};
pub use sql::value::JsonText;
pub use tx::{InstallationTx, ProjectTx};
pub use url::{DatabaseUrl, DatabaseUrlError};
