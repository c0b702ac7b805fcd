//! The use cases of the engine, each story on both databases.

mod access;
mod ingest;
mod jobs;
mod ledger;
mod world;
