//! How SQLite finds the rows. The plans are the same on every machine, because the statistics are.

use std::collections::BTreeSet;

use storage::{Dialect, raw};

/// Statements that read the whole of a small table of the installation.
const SCANS: &[(&str, &str)] = &[
    ("any_user", "SCAN users"),
    ("durability_risks", "SCAN settings"),
    ("known_migrations", "SCAN schema_migrations"),
    ("page_all_projects", "SCAN projects"),
    ("page_installation_audit_entries", "SCAN installation_audit_entries"),
    // Of an index that holds only the jobs it counts.
    ("count_open_jobs", "SCAN j"),
    ("projects_to_settle_late_usage", "SCAN p"),
    ("projects_with_due_jobs", "SCAN p"),
    ("projects_with_unfolded_batches", "SCAN p"),
    ("schema_migrations_exists", "SCAN sqlite_schema"),
    ("total_outcomes", "SCAN counts"),
];

/// Where the index decides whether a large project is fast.
const HOT: &[(&str, &str)] = &[
    ("open_credit_lots", "credit_lots_by_wallet (project_id=? AND customer_id=? AND currency=?)"),
    ("page_journal_entries", "PRIMARY KEY (project_id=?)"),
    ("page_journal_entries_of_customer", "journal_entries_by_customer (project_id=? AND customer_id=?)"),
    ("find_journal_entries_by_key", "journal_entries_by_key (project_id=? AND idempotency_key=?)"),
    ("refunds_of_entry", "journal_entries_by_refund (project_id=? AND refunds_id=?)"),
    ("find_reversal", "(project_id=? AND reverses_id=?)"),
    ("repayments_of_overdraft", "postings_by_account (project_id=? AND account_id=?)"),
    ("sum_postings", "postings_by_account (project_id=? AND account_id=?)"),
    ("sum_postings_as_of_effective", "postings_by_account (project_id=? AND account_id=?)"),
    ("sum_postings_as_of_recorded", "postings_by_account (project_id=? AND account_id=?)"),
    ("page_accounts_of_customer", "accounts_by_customer (project_id=? AND customer_id=?)"),
    ("find_accounts", "(project_id=? AND name=? AND currency=?)"),
    ("find_usage_keys", "PRIMARY KEY (project_id=? AND key=?)"),
    ("rollups_of_span", "rollups_by_time (project_id=? AND metric_id=? AND series=? AND width=? AND slice_start>?"),
    ("rollups_of_customers", "PRIMARY KEY (project_id=? AND metric_id=? AND series=? AND width=? AND customer_id>?"),
    (
        "rollup_values_of_span",
        "rollup_values_by_time (project_id=? AND metric_id=? AND series=? AND width=? AND slice_start>?",
    ),
    (
        "rollup_values_of_customers",
        "PRIMARY KEY (project_id=? AND metric_id=? AND series=? AND width=? AND customer_id>?",
    ),
    ("rollup_levels_of_span", "rollup_levels_by_time (project_id=? AND metric_id=? AND series=? AND at>?"),
    ("rollup_levels_of_customers", "PRIMARY KEY (project_id=? AND metric_id=? AND series=? AND customer_id>?"),
    ("latest_rollup_levels", "customer_id=? AND subscription_key=? AND dimensions=? AND at<?)"),
    // The events of others are passed over in the index.
    (
        "measurements_of_span",
        "COVERING INDEX usage_events_by_metric_at_customer (project_id=? AND metric_id=? AND at>? AND at<?)",
    ),
    (
        "measurements_at_cut",
        "COVERING INDEX usage_events_by_metric_at_customer (project_id=? AND metric_id=? AND at>? AND at<?)",
    ),
    ("unfolded_ingest_batches", "ingest_batches_unfolded (project_id=?)"),
    ("oldest_usage_event_of_metric", "usage_events_by_metric_at_customer (project_id=? AND metric_id=?)"),
    ("open_jobs_of_kind", "jobs_open (project_id=?)"),
    ("next_due_job", "jobs_open (project_id=? AND due_at<?)"),
    ("projects_with_due_jobs", "jobs_open (project_id=? AND due_at<?)"),
    ("count_open_jobs", "jobs_open"),
    ("page_backtest_results_from_increase", "backtest_results_by_difference (project_id=? AND backtest_id=?)"),
    ("page_backtest_results_from_decrease", "backtest_results_by_difference (project_id=? AND backtest_id=?)"),
    ("page_backtest_results_by_key", "backtest_results_by_key (project_id=? AND backtest_id=?)"),
    ("ingest_attempts_of_key", "ingest_attempts_by_key (project_id=? AND idempotency_key=?)"),
    ("newest_catalog_item", "PRIMARY KEY (project_id=? AND kind=? AND key=?)"),
    ("page_subscriptions_of_customer", "subscriptions_by_customer (project_id=? AND customer_id=?)"),
    ("changes_of_subscriptions", "PRIMARY KEY (project_id=? AND subscription_id=?)"),
    ("withdrawals_of_subscriptions", "PRIMARY KEY (project_id=? AND subscription_id=?)"),
    (
        "page_usage_events_of_metric",
        "usage_events_by_metric_at_customer (project_id=? AND metric_id=? AND at>? AND at<?)",
    ),
    ("page_lines_of_run", "charges_by_run (project_id=? AND run_id=? AND (payer_id,id)>(?,?)"),
    ("payers_of_run", "charges_by_run (project_id=? AND run_id=? AND payer_id>?)"),
    ("lines_of_run_of_payers", "charges_by_run (project_id=? AND run_id=? AND payer_id=?)"),
    ("totals_of_run", "charges_by_run (project_id=? AND run_id=?)"),
    ("lines_of_dry_run_of_payers", "PRIMARY KEY (project_id=? AND run_id=? AND payer_id=?)"),
    ("missing_payers", "invoices_by_day (project_id=? AND bills_on>? AND bills_on<?)"),
    ("invoice_totals_before", "(project_id=? AND customer_id=? AND currency=? AND kind=?)"),
    ("invoices_of_charges", "invoice_lines_charge (project_id=? AND charge_id=?)"),
    ("invoices_of_charges", "invoice_lines_released (project_id=? AND charge_id=?)"),
    ("due_drafts_of_payers", "invoices_by_customer (project_id=? AND customer_id=?)"),
    ("billing_runs_done_before", "billing_runs_done (project_id=? AND as_of<?)"),
    ("due_first", "subscription_schedules_due (project_id=? AND next_due_at<?)"),
    ("schedules_of_customers_paid_for", "customers_by_payer (project_id=? AND payer_id=?)"),
    ("rejections_of_key", "rejections_by_key (project_id=? AND idempotency_key=?)"),
];

/// Every step of every plan, with the name of the statement.
fn steps() -> Vec<(&'static str, String)> {
    let (_, db) = testkit::databases().into_iter().find(|(_, db)| db.dialect() == Dialect::Sqlite).unwrap();
    let mut steps = Vec::new();
    for (name, _, text) in raw::registered(Dialect::Sqlite) {
        let explain = format!("explain query plan {}", bound(text));
        let plan = raw::query_as_owner(&db, &explain, |row| row.get::<String>(3)).unwrap();
        steps.extend(plan.into_iter().map(|step| (name, step)));
    }
    steps
}

/// The statement with a value for each parameter.
fn bound(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('?') {
        out.push_str(before);
        out.push('1');
        rest = after.trim_start_matches(|letter: char| letter.is_ascii_digit());
    }
    out + rest
}

/// The rows of a bulk statement are the table `r`, what a statement found itself has these names, and a select without tables is a constant
/// row.
fn reads_a_table(step: &str) -> bool {
    let its_own = ["SCAN r", "SCAN newest", "SCAN charged", "SCAN CONSTANT ROW"];
    step.starts_with("SCAN") && !its_own.contains(&step)
}

#[test]
fn no_statement_reads_a_whole_table() {
    let found: BTreeSet<(&str, String)> = steps()
        .into_iter()
        .filter(|(_, step)| reads_a_table(step))
        .map(|(name, step)| (name, step.split(" USING ").next().unwrap().to_owned()))
        .collect();
    let listed: BTreeSet<(&str, String)> = SCANS.iter().map(|(name, step)| (*name, (*step).to_owned())).collect();
    assert_eq!(found, listed, "statements that read whole tables (left) and the list of them (right)");
}

#[test]
fn no_plan_begins_by_making_an_index() {
    let found: Vec<_> = steps().into_iter().filter(|(_, step)| step.contains("AUTOMATIC")).collect();
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn what_is_asked_often_goes_by_its_index() {
    let steps = steps();
    for (name, index) in HOT {
        let plan: Vec<&String> = steps.iter().filter(|(known, _)| known == name).map(|(_, step)| step).collect();
        assert!(plan.iter().any(|step| step.contains(index)), "{name} should go by {index}: {plan:?}");
    }
}
