//! What the server itself may never do on SQLite: change what is written once, or change the schema. PostgreSQL keeps
//! the same rules with the rights of the role `neruba_server`.

use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

use crate::error::StorageError;

use super::sqlite_error::classify;

/// Tables whose rows are never changed and never deleted.
pub const APPEND_ONLY_TABLES: &[&str] = &[
    "audit_entries",
    "backtest_results",
    "billing_report_items",
    "billing_report_lines",
    "catalog_items",
    "charges",
    "credit_note_lines",
    "credit_notes",
    "deferrals",
    "ingest_attempts",
    "installation_audit_entries",
    "invoice_payments",
    "issued_invoices",
    "journal_entries",
    "late_usage_charges",
    "late_usage_effects",
    "ledger_closings",
    "outbox_events",
    "plan_versions",
    "postings",
    "reconciliations",
    "subscription_changes",
    "subscription_withdrawals",
    "subscriptions",
    "usage_correction_items",
    "usage_correction_steps",
    "usage_corrections",
    "usage_event_ids",
    "usage_events",
    "usage_keys",
    "usage_voids",
];
/// Tables whose rows may be changed, but never deleted.
pub const KEPT_TABLES: &[&str] = &[
    "access_grants",
    "access_keys",
    "accounts",
    "backtests",
    "balances",
    "billing_items",
    "billing_report_invoices",
    "billing_runs",
    "billing_settings",
    "catalogs",
    "coupon_uses",
    "credit_lots",
    "customer_billing",
    "customer_tax",
    "customers",
    "idempotency_keys",
    "ingest_batches",
    "invoice_lines",
    "invoice_series",
    "invoices",
    "jobs",
    "late_usage",
    "late_usage_cursors",
    "metric_versions",
    "metrics",
    "plans",
    "projects",
    "recognitions",
    "rejections",
    "rollup_cursors",
    "sessions",
    "subscription_schedules",
    "users",
    "wallets",
];

/// Makes the connection refuse to prepare what the server may never do.
pub(crate) fn install(connection: &mut Connection) -> Result<(), StorageError> {
    connection.authorizer(Some(|context: AuthContext<'_>| authorize(&context))).map_err(|error| classify(&error))
}

fn authorize(context: &AuthContext<'_>) -> Authorization {
    if is_allowed(context.action) { Authorization::Allow } else { Authorization::Deny }
}

fn is_allowed(action: AuthAction<'_>) -> bool {
    match action {
        AuthAction::Update { table_name, .. } => !APPEND_ONLY_TABLES.contains(&table_name) && !is_schema(table_name),
        AuthAction::Delete { table_name } => {
            !APPEND_ONLY_TABLES.contains(&table_name) && !KEPT_TABLES.contains(&table_name) && !is_schema(table_name)
        }
        AuthAction::Insert { table_name } => !is_schema(table_name),
        AuthAction::Select
        | AuthAction::Read { .. }
        | AuthAction::Transaction { .. }
        | AuthAction::Savepoint { .. }
        | AuthAction::Function { .. }
        | AuthAction::Recursive => true,
        // Tables, indexes, triggers, views, attached files, settings, and whatever a later SQLite can do.
        _ => false,
    }
}

/// SQLite's own tables and the list of migrations.
fn is_schema(table: &str) -> bool {
    table.starts_with("sqlite_") || table == "schema_migrations"
}
