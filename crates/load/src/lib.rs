//! Everything that drives a running server from outside: smoke check, demo data, benchmark and crash driver.
//! It speaks only HTTP (and starts, kills and stops server processes); it knows nothing of the database or of the engine.

pub mod account;
pub mod bench;
pub mod catalog;
pub mod client;
pub mod crash;
pub mod demo;
pub mod server_process;
pub mod smoke;

mod clock;
mod decimal;
mod error;
mod keys;
mod random;
mod requests;

pub use error::LoadError;
