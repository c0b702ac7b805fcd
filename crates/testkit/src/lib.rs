//! What tests stand on: databases of both kinds, fakes, builders. Never part of a release build.

#[cfg(feature = "engine")]
pub mod clock;
pub mod databases;
pub mod postgres;
#[cfg(feature = "engine")]
pub mod random;
pub mod scratch;

pub use databases::{databases, empty_database_addresses, empty_databases, fresh_databases, migrated_at};
