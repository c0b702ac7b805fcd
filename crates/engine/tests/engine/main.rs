//! The use cases of the engine, each story on both databases.

mod access;
mod ingest;
mod ledger;
mod world;
