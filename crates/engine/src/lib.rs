//! Use cases: each loads, decides by the pure rules of `domain`, and saves, in one transaction.
//!
//! Synchronous; reaches the world only through [`ports`]. Knows nothing of HTTP, SQL or async.

pub mod access;
pub mod access_grants;
pub mod access_keys;
pub mod audit;
pub mod audit_entries;
pub mod backtests;
pub mod billing;
pub mod billing_settings;
pub mod catalog;
pub mod charges;
pub mod clock;
pub mod command;
pub mod ctx;
pub mod customers;
pub mod documents;
pub mod engine;
pub mod error;
pub mod estimates;
pub mod ids;
pub mod ingest;
pub mod invoices;
pub mod jobs;
pub mod late_usage;
pub mod ledger;
pub mod members;
pub mod metering;
pub mod metrics;
pub mod overview;
mod page;
pub mod plans;
pub mod ports;
pub mod problem;
pub mod projects;
pub mod readiness;
pub mod secrets;
pub mod sessions;
pub mod subscriptions;
pub mod trace;
pub mod transactions;
pub mod usage_corrections;
pub mod users;
pub mod verify;
mod verify_ingest;
mod verify_invoices;
mod verify_ledger;
pub mod wallets;
pub mod workers;

pub use audit::{AuditRecord, Audited};
pub use command::{Answer, Idempotency};
pub use ctx::{Actor, Caller, Ctx};
pub use engine::{Engine, EngineParts};
pub use error::Error;
pub use secrets::Secrets;
pub use workers::Workers;
