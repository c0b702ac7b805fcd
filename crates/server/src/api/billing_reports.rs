//! `/projects/{projectId}/billing/runs/{billingRunId}/report`: what a run comes to, and what of it a person should look at; and beside it,
//! `compare` and `difference`: two runs beside each other.

use axum::extract::State;
use domain::billing::report::{ReportFilter, ReportFlag, ReportOutcome};
use domain::ids::BillingRunId;
use domain::refusal::{Code, Refusal};
use engine::Ctx;
use engine::billing::compare::{CustomerDifference, Mismatch, RunDifference, RunPair};
use engine::billing::reports::{LineView, MissingView, ReportInvoiceView, RunReport};

use crate::app::App;
use crate::extract::{In, Json, PathPart, Query};
use crate::failure::Failure;
use crate::filter;
use crate::page::{Page, PageQuery};

#[derive(Debug, Clone, Default, serde::Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct ReportInvoiceParams {
    /// `issued`, `draft` or `refused`; all if not given.
    outcome: Option<String>,
    /// `first`, `zero` or `outlier`: only those; all if not given.
    flag: Option<String>,
}

#[derive(Debug, Clone, Default, serde::Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct CompareParams {
    /// The other run: it counts as the second of the two.
    #[param(required = true, value_type = String)]
    with: Option<String>,
}

impl CompareParams {
    fn pair(&self, before: BillingRunId) -> Result<RunPair, Refusal> {
        let with = self.with.as_deref().and_then(|text| text.parse().ok());
        let after = with.ok_or_else(|| {
            Refusal::field(Code::InvalidQuery, "with", "is required: the id of the run to compare with.")
        })?;
        Ok(RunPair { before, after })
    }
}

/// What a billing run comes to
///
/// Totals by plan and currency, invoices with what is new, nothing or unlike before, reasons, and how many customers are missing. Of a dry
/// run what it would have done, of another what it did.
#[utoipa::path(get, path = "/projects/{projectId}/billing/runs/{billingRunId}/report", tag = "billing",
    responses((status = 200, description = "The report", body = RunReport)))]
pub async fn get_billing_report(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(id): PathPart<BillingRunId>,
) -> Result<Json<RunReport>, Failure> {
    app.run(move |engine| engine.billing_report(&ctx, id)).await.map(Json)
}

/// List the charges of a billing run
///
/// By who pays. A dry run and the run that follows it name a charge alike.
#[utoipa::path(get, path = "/projects/{projectId}/billing/runs/{billingRunId}/report/lines", tag = "billing",
    params(PageQuery), responses((status = 200, description = "A page of charges", body = Page<LineView>)))]
pub async fn list_billing_report_lines(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(id): PathPart<BillingRunId>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<LineView>>, Failure> {
    let (after, fetch) = (page.after()?, page.fetch()?);
    let found = app.run(move |engine| engine.list_billing_report_lines(&ctx, id, after, fetch)).await?;
    Ok(Json(Page::new(found, &page, LineView::position)?))
}

/// List the invoices of a billing run
///
/// Those that it issued or put something on, by who pays, as it left them.
#[utoipa::path(get, path = "/projects/{projectId}/billing/runs/{billingRunId}/report/invoices", tag = "billing",
    params(PageQuery, ReportInvoiceParams),
    responses((status = 200, description = "A page of invoices", body = Page<ReportInvoiceView>)))]
pub async fn list_billing_report_invoices(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(id): PathPart<BillingRunId>,
    Query(page): Query<PageQuery>,
    Query(params): Query<ReportInvoiceParams>,
) -> Result<Json<Page<ReportInvoiceView>>, Failure> {
    let filter = ReportFilter {
        outcome: filter::named("outcome", params.outcome.as_deref(), ReportOutcome::ALL, ReportOutcome::parse)?,
        flag: filter::named("flag", params.flag.as_deref(), ReportFlag::ALL, ReportFlag::parse)?,
    };
    let (after, fetch) = (page.after()?, page.fetch()?);
    let found = app.run(move |engine| engine.list_billing_report_invoices(&ctx, id, filter, after, fetch)).await?;
    Ok(Json(Page::new(found, &page, ReportInvoiceView::position)?))
}

/// List the customers that are missing in a billing run
///
/// Who had an invoice whole months before the days of this run, was charged for nothing that reaches beyond, and has no invoice now.
#[utoipa::path(get, path = "/projects/{projectId}/billing/runs/{billingRunId}/report/missing-customers", tag = "billing",
    params(PageQuery), responses((status = 200, description = "A page of customers", body = Page<MissingView>)))]
pub async fn list_missing_customers(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(id): PathPart<BillingRunId>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<MissingView>>, Failure> {
    let (after, fetch) = (page.after()?, page.fetch()?);
    let found = app.run(move |engine| engine.list_missing_customers(&ctx, id, after, fetch)).await?;
    Ok(Json(Page::new(found, &page, |customer| customer.customer_id)?))
}

/// Compare two billing runs line by line
///
/// The customers about whom they differ, with the charges and invoices that differ and why. An empty list: they match to the last digit, as
/// a dry run and the run that follows it do if nothing happened in between.
#[utoipa::path(get, path = "/projects/{projectId}/billing/runs/{billingRunId}/compare", tag = "billing",
    params(PageQuery, CompareParams),
    responses((status = 200, description = "A page of customers with what differs", body = Page<Mismatch>)))]
pub async fn compare_billing_runs(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(id): PathPart<BillingRunId>,
    Query(page): Query<PageQuery>,
    Query(params): Query<CompareParams>,
) -> Result<Json<Page<Mismatch>>, Failure> {
    let runs = params.pair(id)?;
    let (after, fetch) = (page.after()?, page.fetch()?);
    let found = app.run(move |engine| engine.compare_billing_runs(&ctx, runs, after, fetch)).await?;
    Ok(Json(Page::new(found, &page, |mismatch| mismatch.customer_id)?))
}

/// Explain the difference of two billing runs
///
/// By currency and cause: usage, quantity, price, discounts, tax and so on. The causes sum to the whole difference.
#[utoipa::path(get, path = "/projects/{projectId}/billing/runs/{billingRunId}/difference", tag = "billing",
    params(CompareParams),
    responses((status = 200, description = "What differs, by currency", body = RunDifference)))]
pub async fn explain_billing_runs(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(id): PathPart<BillingRunId>,
    Query(params): Query<CompareParams>,
) -> Result<Json<RunDifference>, Failure> {
    let runs = params.pair(id)?;
    app.run(move |engine| engine.explain_billing_runs(&ctx, runs)).await.map(Json)
}

/// Explain the difference of two billing runs by customer
///
/// Those who pay something else, and why.
#[utoipa::path(get, path = "/projects/{projectId}/billing/runs/{billingRunId}/difference/customers", tag = "billing",
    params(PageQuery, CompareParams),
    responses((status = 200, description = "A page of customers", body = Page<CustomerDifference>)))]
pub async fn explain_billing_runs_by_customer(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(id): PathPart<BillingRunId>,
    Query(page): Query<PageQuery>,
    Query(params): Query<CompareParams>,
) -> Result<Json<Page<CustomerDifference>>, Failure> {
    let runs = params.pair(id)?;
    let (after, fetch) = (page.after()?, page.fetch()?);
    let found = app.run(move |engine| engine.explain_billing_runs_by_customer(&ctx, runs, after, fetch)).await?;
    Ok(Json(Page::new(found, &page, |customer| customer.customer_id)?))
}
