//! `/projects/{projectId}/invoices/{invoiceId}/explain|events`: why an invoice is what it is, down to its events.

use axum::extract::State;
use domain::ids::InvoiceId;
use engine::Ctx;
use engine::ingest::events::UsageEventView;
use engine::ingest::events_of_metric::EventPlace;
use engine::invoices::{ExplainedInvoice, ReconciliationView};

use crate::app::App;
use crate::extract::{In, Json, PathPart, Query};
use crate::failure::Failure;
use crate::page::{Page, PageQuery};

#[derive(Debug, Clone, serde::Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct LineParams {
    /// The number of the line on the invoice: 1 if not given.
    line: Option<u32>,
}

/// Explain an invoice
///
/// Every line down to its formula, inputs, price snapshot and rounding, as they were kept when it was charged; then coupons, wallet, tax and the
/// one rounding of the invoice.
#[utoipa::path(get, path = "/projects/{projectId}/invoices/{invoiceId}/explain", tag = "invoices",
    responses((status = 200, description = "The explanation", body = ExplainedInvoice)))]
pub async fn explain_invoice(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(id): PathPart<InvoiceId>,
) -> Result<Json<ExplainedInvoice>, Failure> {
    app.run(move |engine| engine.explain_invoice(&ctx, id)).await.map(Json)
}

/// The reconciliation of an invoice
///
/// The same money on every way: single events counted anew up to the cut, what was rated, what was posted, what was billed. Made once after the
/// invoice was issued, and hashed; `not_found` until then.
#[utoipa::path(get, path = "/projects/{projectId}/invoices/{invoiceId}/reconciliation", tag = "invoices",
    responses((status = 200, description = "The reconciliation", body = ReconciliationView)))]
pub async fn get_reconciliation(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(id): PathPart<InvoiceId>,
) -> Result<Json<ReconciliationView>, Failure> {
    app.run(move |engine| engine.get_reconciliation(&ctx, id)).await.map(Json)
}

/// List the events behind a line
///
/// Exactly those that were counted for it, the latest first. A line that counts no events has none.
#[utoipa::path(get, path = "/projects/{projectId}/invoices/{invoiceId}/events", tag = "invoices",
    params(PageQuery, LineParams),
    responses((status = 200, description = "A page of events", body = Page<UsageEventView>)))]
pub async fn list_invoice_events(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(id): PathPart<InvoiceId>,
    Query(page): Query<PageQuery>,
    Query(params): Query<LineParams>,
) -> Result<Json<Page<UsageEventView>>, Failure> {
    let (before, fetch): (Option<EventPlace>, usize) = (page.after()?, page.fetch()?);
    let line = params.line.unwrap_or(1);
    let events = app.run(move |engine| engine.list_invoice_events(&ctx, id, line, before, fetch)).await?;
    Ok(Json(Page::new(events, &page, UsageEventView::place)?))
}
