//! The use cases of the engine, each story on both databases.

mod access;
mod backtests;
mod billing;
mod clock;
mod estimates;
mod ingest;
mod invoices;
mod jobs;
mod late_usage;
mod ledger;
mod metering;
mod metrics;
mod recognition;
mod usage_corrections;
mod world;
