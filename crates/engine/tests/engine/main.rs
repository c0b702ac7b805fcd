//! The use cases of the engine, each story on both databases.

mod ledger;
mod world;
