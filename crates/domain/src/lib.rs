//! The rules of billing: pure functions and types. No IO, no clock, no randomness, no floats, no SQL, no HTTP.

pub mod access;
pub mod access_grant;
pub mod access_key;
pub mod amount;
pub mod currency;
pub mod customer;
pub mod decimal;
pub mod idempotency;
pub mod ids;
pub mod ingest;
pub mod ledger;
pub mod member;
pub mod metric;
mod named;
pub mod password;
pub mod project;
pub mod quantity;
pub mod refusal;
pub mod text;
pub mod time;
pub mod time_zone;
pub mod user;
pub mod wallet;
pub mod window;
