//! The use cases of the engine, each story on both databases.

mod access;
mod ledger;
mod world;
