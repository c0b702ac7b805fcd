//! Everything that touches a database: the thin SQL layer, the migrations, and the repositories (one file per noun).
//!
//! The only crate with SQL or a driver. Each statement is written once; what the databases do differently is a named
//! function of `dialect`. It knows no rules: those are in `domain`; it decides nothing: that is `engine`.

pub mod access_grants;
pub mod access_keys;
pub mod accounts;
pub mod audit_entries;
pub mod backtest_results;
pub mod backtests;
pub mod balances;
pub mod billing_items;
pub mod billing_report_invoices;
pub mod billing_report_items;
pub mod billing_report_lines;
pub mod billing_runs;
pub mod billing_settings;
pub mod catalog_items;
pub mod catalogs;
pub mod charges;
mod constraints;
pub mod coupon_uses;
pub mod credit_lots;
pub mod credit_notes;
pub mod customer_billing;
pub mod customer_tax;
pub mod customers;
mod database;
pub mod deferrals;
mod dialect;
mod error;
#[cfg(feature = "failpoints")]
pub mod failpoints;
#[cfg(not(feature = "failpoints"))]
mod failpoints;
mod health;
pub mod idempotency_keys;
pub mod ingest_attempts;
pub mod ingest_batches;
pub mod ingest_checks;
pub mod ingest_rules;
pub mod invoice_checks;
pub mod invoice_payments;
pub mod invoice_series;
pub mod invoices;
pub mod issued_invoices;
pub mod jobs;
pub mod journal;
pub mod late_usage;
pub mod ledger_checks;
pub mod ledger_closings;
pub mod members;
pub mod metric_versions;
pub mod metrics;
mod migrations;
pub mod outbox_events;
pub mod outcome_rollups;
pub mod plan_versions;
pub mod plans;
mod pool;
pub mod project_clocks;
pub mod projects;
#[cfg(feature = "raw")]
pub mod raw;
pub mod recognitions;
pub mod reconciliations;
pub mod rejections;
pub mod rollup_cursors;
pub mod rollup_levels;
pub mod rollup_values;
pub mod rollups;
pub mod sessions;
mod sql;
pub mod subscription_changes;
pub mod subscription_schedules;
pub mod subscription_withdrawals;
pub mod subscriptions;
mod timing;
mod tx;
mod url;
pub mod usage_corrections;
pub mod usage_events;
pub mod usage_keys;
pub mod usage_voids;
pub mod users;
pub mod wallets;

pub use database::{Database, OpenOptions};
pub use dialect::Dialect;
pub use error::{Retryable, StorageError};
pub use migrations::{MigrationReport, SchemaState};
pub use sql::value::JsonText;
pub use tx::{InstallationTx, ProjectTx};
pub use url::{DatabaseUrl, DatabaseUrlError};
