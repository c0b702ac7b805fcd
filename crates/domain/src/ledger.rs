//! The ledger: accounts, balanced lines, entries, and for each business event one pure function that says what it posts.

pub mod account;
pub mod balance;
pub mod closing;
pub mod deferral;
pub mod entry;
pub mod explanation;
pub mod jurisdiction;
pub mod lines;
pub mod reason;
pub mod recipes;
pub mod recognition;
pub mod request;
pub mod taken;
