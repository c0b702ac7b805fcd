//! The whole API on one screen: each route with who may use it.

use axum::Router;
use axum::routing::get;
use domain::access::Permission;
use utoipa_axum::routes;

use crate::api::catalog::items;
use crate::api::ingest::{batch, charge, usage};
use crate::api::invoices::{self, explain, settle};
use crate::api::ledger::{closings, deferred};
use crate::api::plans::versions;
use crate::api::subscriptions::changes;
use crate::api::{
    access_keys, admin, audit, auth, backtests, billing_reports, billing_runs, billing_settings, catalog, clock,
    customers, docs, documents, estimates, health, ingest_views, jobs, late_usage, ledger, members, metric_versions,
    metrics, overview, plans, projects, rejections, subscriptions, trace, transactions, usage_corrections, wallets,
};
use crate::app::App;
use crate::edge::surround;
use crate::guard::Guard;
use crate::openapi;
use crate::routes::Api;

/// Every route and its guard.
pub fn api() -> Api {
    let parts = [
        about_the_server,
        people,
        projects_and_access,
        customers_and_usage,
        corrections,
        prices,
        subscribed,
        invoiced,
        money,
    ];
    parts.into_iter().fold(Api::new(openapi::base()), |api, part| part(api))
}

fn about_the_server(api: Api) -> Api {
    api.route(routes!(health::live), Guard::Public)
        .route(routes!(health::ready), Guard::Public)
        .route(routes!(docs::metrics), Guard::Public)
        .route(routes!(docs::openapi_json), Guard::Public)
        .page("/docs", get(docs::docs), Guard::Public)
        .page("/docs/", get(docs::docs_index), Guard::Public)
        .page("/docs/{file}", get(docs::docs_file), Guard::Public)
        .page("/docs/errors", get(docs::docs_errors), Guard::Public)
}

fn people(api: Api) -> Api {
    api.route(routes!(auth::login), Guard::Public)
        .route(routes!(auth::refresh), Guard::Public)
        .route(routes!(auth::setup), Guard::Public)
        .route(routes!(auth::logout), Guard::Authenticated)
        .route(routes!(auth::me), Guard::Authenticated)
        .route(routes!(auth::change_password), Guard::Authenticated)
        .route(routes!(admin::list_all_projects), Guard::PlatformAdmin)
        .route(routes!(admin::open_access_grant), Guard::PlatformAdmin)
        .route(routes!(admin::list_access_grants), Guard::PlatformAdmin)
        .route(routes!(admin::close_access_grant), Guard::PlatformAdmin)
        .route(routes!(admin::create_user), Guard::PlatformAdmin)
        .route(routes!(admin::list_installation_audit_entries), Guard::PlatformAdmin)
}

fn projects_and_access(api: Api) -> Api {
    api.route(routes!(projects::create_project), Guard::Authenticated)
        .route(routes!(projects::list_projects), Guard::Authenticated)
        .route(routes!(projects::get_project), Guard::Project(Permission::ProjectRead))
        .route(routes!(projects::update_project), Guard::Project(Permission::ProjectUpdate))
        .route(routes!(clock::get_clock), Guard::Project(Permission::ProjectRead))
        .route(routes!(clock::advance_clock), Guard::Project(Permission::ClockAdvance))
        .route(routes!(members::add_member), Guard::Project(Permission::MembersManage))
        .route(routes!(members::list_members), Guard::Project(Permission::MembersRead))
        .route(routes!(members::change_role), Guard::Project(Permission::MembersManage))
        .route(routes!(members::remove_member), Guard::Project(Permission::MembersManage))
        .route(routes!(access_keys::create_access_key), Guard::Project(Permission::AccessKeysManage))
        .route(routes!(access_keys::list_access_keys), Guard::Project(Permission::AccessKeysRead))
        .route(routes!(access_keys::revoke_access_key), Guard::Project(Permission::AccessKeysManage))
        .route(routes!(access_keys::rotate_access_key), Guard::Project(Permission::AccessKeysManage))
        .route(routes!(audit::list_audit_entries), Guard::Project(Permission::AuditRead))
}

fn customers_and_usage(api: Api) -> Api {
    api.route(routes!(customers::create_customer), Guard::Project(Permission::CustomersWrite))
        .route(routes!(customers::list_customers), Guard::Project(Permission::CustomersRead))
        .route(routes!(customers::get_customer), Guard::Project(Permission::CustomersRead))
        .route(routes!(customers::update_customer), Guard::Project(Permission::CustomersWrite))
        .route(routes!(metrics::declare_metric), Guard::Project(Permission::MetricsManage))
        .route(routes!(metrics::list_metrics), Guard::Project(Permission::MetricsRead))
        .route(routes!(metrics::get_metric), Guard::Project(Permission::MetricsRead))
        .route(routes!(metrics::update_metric), Guard::Project(Permission::MetricsManage))
        .route(routes!(metrics::metric_usage), Guard::Project(Permission::MetricsRead))
        .route(routes!(metric_versions::change_metric), Guard::Project(Permission::MetricsManage))
        .route(routes!(metric_versions::list_metric_versions), Guard::Project(Permission::MetricsRead))
        .route(routes!(metric_versions::preview_metric), Guard::Project(Permission::MetricsManage))
        .route(routes!(usage::record_usage), Guard::AccessKey(Permission::UsageIngest))
        .large_route(
            routes!(batch::record_usage_batch),
            Guard::AccessKey(Permission::UsageIngest),
            batch::BODY_BYTES_MAX,
        )
        .route(routes!(ingest_views::ingest_outcomes), Guard::Project(Permission::IngestRead))
        .route(routes!(ingest_views::list_usage_events), Guard::Project(Permission::IngestRead))
        .route(routes!(ingest_views::get_usage_event), Guard::Project(Permission::IngestRead))
        .route(routes!(rejections::list_rejections), Guard::Project(Permission::IngestRead))
        .route(routes!(rejections::get_rejection), Guard::Project(Permission::IngestRead))
        .route(routes!(rejections::replay_rejection), Guard::Project(Permission::RejectionsReplay))
        .route(routes!(trace::trace), Guard::Project(Permission::IngestRead))
        .route(routes!(jobs::list_jobs), Guard::Project(Permission::JobsRead))
        .route(routes!(jobs::get_job), Guard::Project(Permission::JobsRead))
}

fn corrections(api: Api) -> Api {
    let read = Guard::Project(Permission::IngestRead);
    let propose = Guard::Project(Permission::UsageCorrectionsPropose);
    let apply = Guard::Project(Permission::UsageCorrectionsApply);
    api.route(routes!(usage_corrections::propose_usage_correction), propose)
        .route(routes!(usage_corrections::list_usage_corrections), read)
        .route(routes!(usage_corrections::get_usage_correction), read)
        .route(routes!(usage_corrections::preview_usage_correction), propose)
        .route(routes!(usage_corrections::apply_usage_correction), apply)
        .route(routes!(usage_corrections::revert_usage_correction), apply)
        .route(routes!(late_usage::list_late_usage), Guard::Project(Permission::BillingRead))
        .route(routes!(late_usage::get_late_usage), Guard::Project(Permission::BillingRead))
        .route(routes!(late_usage::resolve_late_usage), Guard::Project(Permission::InvoicesSettle))
}

fn prices(api: Api) -> Api {
    let (read, manage) = (Guard::Project(Permission::CatalogRead), Guard::Project(Permission::CatalogManage));
    api.route(routes!(catalog::get_catalog), read)
        .large_route(routes!(catalog::plan_catalog), read, catalog::BODY_BYTES_MAX)
        .large_route(routes!(catalog::apply_catalog), manage, catalog::BODY_BYTES_MAX)
        .route(routes!(estimates::estimate), Guard::Project(Permission::BillingRead))
        .route(routes!(backtests::start_backtest), manage)
        .route(routes!(backtests::list_backtests), Guard::Project(Permission::BillingRead))
        .route(routes!(backtests::get_backtest), Guard::Project(Permission::BillingRead))
        .route(routes!(backtests::list_backtest_results), Guard::Project(Permission::BillingRead))
        .route(routes!(billing_runs::start_billing_run), Guard::Project(Permission::BillingRun))
        .route(routes!(billing_runs::upcoming_invoice), Guard::Project(Permission::BillingRead))
        .route(routes!(changes::preview_subscription_change), Guard::Project(Permission::SubscriptionsRead))
        .route(routes!(billing_runs::list_billing_runs), Guard::Project(Permission::BillingRead))
        .route(routes!(billing_runs::get_billing_run), Guard::Project(Permission::BillingRead))
        .route(routes!(billing_runs::list_billing_run_items), Guard::Project(Permission::BillingRead))
        .route(routes!(billing_reports::get_billing_report), Guard::Project(Permission::BillingRead))
        .route(routes!(billing_reports::list_billing_report_lines), Guard::Project(Permission::BillingRead))
        .route(routes!(billing_reports::list_billing_report_invoices), Guard::Project(Permission::BillingRead))
        .route(routes!(billing_reports::list_missing_customers), Guard::Project(Permission::BillingRead))
        .route(routes!(billing_reports::compare_billing_runs), Guard::Project(Permission::BillingRead))
        .route(routes!(billing_reports::explain_billing_runs), Guard::Project(Permission::BillingRead))
        .route(routes!(billing_reports::explain_billing_runs_by_customer), Guard::Project(Permission::BillingRead))
        .route(routes!(plans::create_plan), manage)
        .route(routes!(plans::list_plans), read)
        .route(routes!(plans::get_plan), read)
        .route(routes!(plans::archive_plan), manage)
        .route(routes!(plans::restore_plan), manage)
        .route(routes!(versions::draft_plan_version), manage)
        .route(routes!(versions::get_plan_version), read)
        .route(routes!(versions::change_plan_draft), manage)
        .route(routes!(versions::delete_plan_draft), manage)
        .route(routes!(versions::publish_plan_version), manage)
        .route(routes!(items::add_ons::list_add_ons), read)
        .route(routes!(items::add_ons::get_add_on), read)
        .route(routes!(items::add_ons::put_add_on), manage)
        .route(routes!(items::add_ons::remove_add_on), manage)
        .route(routes!(items::coupons::list_coupons), read)
        .route(routes!(items::coupons::get_coupon), read)
        .route(routes!(items::coupons::put_coupon), manage)
        .route(routes!(items::coupons::remove_coupon), manage)
        .route(routes!(items::custom_assets::list_custom_assets), read)
        .route(routes!(items::custom_assets::get_custom_asset), read)
        .route(routes!(items::custom_assets::put_custom_asset), manage)
        .route(routes!(items::custom_assets::remove_custom_asset), manage)
        .route(routes!(items::tax_categories::list_tax_categories), read)
        .route(routes!(items::tax_categories::get_tax_category), read)
        .route(routes!(items::tax_categories::put_tax_category), manage)
        .route(routes!(items::tax_categories::remove_tax_category), manage)
        .route(routes!(items::tax_rates::list_tax_rates), read)
        .route(routes!(items::tax_rates::get_tax_rate), read)
        .route(routes!(items::tax_rates::put_tax_rate), manage)
        .route(routes!(items::tax_rates::remove_tax_rate), manage)
}

fn subscribed(api: Api) -> Api {
    let read = Guard::Project(Permission::SubscriptionsRead);
    let write = Guard::Project(Permission::SubscriptionsWrite);
    api.route(routes!(subscriptions::create_subscription), write)
        .route(routes!(subscriptions::list_subscriptions), read)
        .route(routes!(subscriptions::get_subscription), read)
        .route(routes!(changes::change_subscription), write)
        .route(routes!(changes::list_subscription_changes), read)
        .route(routes!(changes::withdraw_subscription_change), write)
}

fn invoiced(api: Api) -> Api {
    api.route(routes!(invoices::list_invoices), Guard::Project(Permission::BillingRead))
        .route(routes!(invoices::get_invoice), Guard::Project(Permission::BillingRead))
        .route(routes!(documents::get_invoice_pdf), Guard::Project(Permission::BillingRead))
        .route(routes!(documents::get_invoice_html), Guard::Project(Permission::BillingRead))
        .route(routes!(documents::get_credit_note_pdf), Guard::Project(Permission::BillingRead))
        .route(routes!(documents::get_credit_note_html), Guard::Project(Permission::BillingRead))
        .route(routes!(invoices::create_invoice), Guard::Project(Permission::InvoicesIssue))
        .route(routes!(invoices::finalize_invoice), Guard::Project(Permission::InvoicesIssue))
        .route(routes!(explain::explain_invoice), Guard::Project(Permission::BillingRead))
        .route(routes!(explain::get_reconciliation), Guard::Project(Permission::BillingRead))
        .route(routes!(explain::list_invoice_events), Guard::Project(Permission::BillingRead))
        .route(routes!(settle::credit_invoice), Guard::Project(Permission::InvoicesSettle))
        .route(routes!(settle::record_payment), Guard::Project(Permission::InvoicesSettle))
        .route(routes!(settle::void_invoice), Guard::Project(Permission::InvoicesSettle))
        .route(routes!(settle::write_off_invoice), Guard::Project(Permission::InvoicesSettle))
}

fn money(api: Api) -> Api {
    api.route(routes!(charge::charge), Guard::AccessKey(Permission::ChargeIngest))
        .route(routes!(transactions::grant_credit), Guard::Project(Permission::CreditGrant))
        .route(routes!(transactions::debit_wallet), Guard::Project(Permission::MoneyAdjust))
        .route(routes!(transactions::refund_charge), Guard::Project(Permission::MoneyRefund))
        .route(routes!(transactions::reverse_transaction), Guard::Project(Permission::MoneyReverse))
        .route(routes!(transactions::list_transactions), Guard::Project(Permission::BillingRead))
        .route(routes!(transactions::get_transaction), Guard::Project(Permission::BillingRead))
        .route(routes!(transactions::explain_transaction), Guard::Project(Permission::BillingRead))
        .route(routes!(wallets::list_wallets), Guard::Project(Permission::BillingRead))
        .route(routes!(wallets::set_overdraft_limit), Guard::Project(Permission::MoneyAdjust))
        .route(routes!(ledger::list_entries), Guard::Project(Permission::BillingRead))
        .route(routes!(ledger::get_entry), Guard::Project(Permission::BillingRead))
        .route(routes!(ledger::list_accounts), Guard::Project(Permission::BillingRead))
        .route(routes!(closings::close_books), Guard::Project(Permission::LedgerClose))
        .route(routes!(closings::list_closings), Guard::Project(Permission::BillingRead))
        .route(routes!(ledger::balances_as_of), Guard::Project(Permission::BillingRead))
        .route(routes!(deferred::deferred_fees), Guard::Project(Permission::BillingRead))
        .route(routes!(billing_settings::get_billing_settings), Guard::Project(Permission::BillingRead))
        .route(routes!(billing_settings::put_billing_settings), Guard::Project(Permission::BillingSettings))
        .route(routes!(overview::billing_overview), Guard::Project(Permission::BillingRead))
}

/// The server, ready to be served or called.
pub fn router(app: App) -> Router {
    surround(api().into_router(&app), app)
}
