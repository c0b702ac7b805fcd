//! The rules of billing: pure functions and types. No IO, no clock, no randomness, no floats, no SQL, no HTTP.

pub mod access;
pub mod amount;
pub mod currency;
pub mod customer;
pub mod decimal;
pub mod idempotency;
pub mod ids;
pub mod metric;
mod named;
pub mod project;
pub mod quantity;
pub mod refusal;
pub mod time;
