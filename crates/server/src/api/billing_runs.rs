//! `/projects/{projectId}/billing/runs`: what was due, charged and issued, and an account of every item.

use axum::extract::State;
use domain::billing::run::{ItemState, RunMode, RunScope};
use domain::ids::BillingRunId;
use domain::refusal::{Code, Refusal};
use domain::time::Instant;
use domain::window::Span;
use engine::Ctx;
use engine::billing::forecast::Upcoming;
use engine::billing::runs::{ItemView, RunView, StartRun};

use crate::answer::{Reply, answer};
use crate::app::App;
use crate::extract::{In, Json, MaybeIdempotent, OptionalIdempotencyHeader, PathPart, Query};
use crate::failure::Failure;
use crate::filter;
use crate::page::{Page, PageQuery};

#[derive(Default, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StartRunRequest {
    /// Tell what would be billed, and write nothing but the report.
    dry_run: Option<bool>,
    /// RFC 3339: what is due until then; now if not given. Only a dry run may look ahead, a year at most.
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-04-01T01:00:00.000Z")]
    as_of: Option<String>,
    /// Only the subscriptions of this customer.
    customer_key: Option<String>,
    /// Items of periods that overlap with this time are rated again, unless their invoice is issued.
    window: Option<WindowRequest>,
}

#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WindowRequest {
    /// RFC 3339.
    #[schema(value_type = String, format = DateTime, example = "2026-03-01T00:00:00.000Z")]
    start: String,
    /// RFC 3339, exclusive.
    #[schema(value_type = String, format = DateTime, example = "2026-04-01T00:00:00.000Z")]
    end: String,
}

#[derive(Debug, Clone, Default, serde::Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct ItemParams {
    /// `charged`, `skipped` or `failed`; all if not given.
    state: Option<String>,
}

#[derive(Debug, Clone, Default, serde::Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct UpcomingParams {
    /// The project's own customer if not given.
    customer_key: Option<String>,
}

/// Start a billing run
///
/// Plans what is due, rates it, puts it on drafts and issues those that waited long enough. Runs start by themselves when something is
/// due; this starts one at once, or for one customer, or looks at a window again. Done again, it changes nothing. With `dryRun` it does
/// the same, undoes it and keeps a report.
#[utoipa::path(post, path = "/projects/{projectId}/billing/runs", tag = "billing",
    params(OptionalIdempotencyHeader), request_body = StartRunRequest,
    responses((status = 202, description = "The run, and the job that does it", body = RunView)))]
pub async fn start_billing_run(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    MaybeIdempotent(key): MaybeIdempotent,
    Json(body): Json<StartRunRequest>,
) -> Reply {
    let as_of = body.as_of.as_deref().map(|text| instant("asOf", text)).transpose()?;
    let window = body.window.as_ref().map(window).transpose()?;
    let mode = if body.dry_run.unwrap_or(false) { RunMode::DryRun } else { RunMode::Bill };
    let command = StartRun { mode, as_of, scope: RunScope { customer_key: body.customer_key, window } };
    app.run(move |engine| engine.start_billing_run(&ctx, key, &command)).await.map(answer)
}

/// List the billing runs
///
/// The newest first.
#[utoipa::path(get, path = "/projects/{projectId}/billing/runs", tag = "billing", params(PageQuery),
    responses((status = 200, description = "A page of runs", body = Page<RunView>)))]
pub async fn list_billing_runs(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<RunView>>, Failure> {
    let (before, fetch) = (page.after()?, page.fetch()?);
    let found = app.run(move |engine| engine.list_billing_runs(&ctx, before, fetch)).await?;
    Ok(Json(Page::new(found, &page, |run| run.id)?))
}

/// One billing run
///
/// `counts` accounts for every planned item: charged, unchanged, skipped or failed.
#[utoipa::path(get, path = "/projects/{projectId}/billing/runs/{billingRunId}", tag = "billing",
    responses((status = 200, description = "The run", body = RunView)))]
pub async fn get_billing_run(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(id): PathPart<BillingRunId>,
) -> Result<Json<RunView>, Failure> {
    app.run(move |engine| engine.get_billing_run(&ctx, id)).await.map(Json)
}

/// List the items of a billing run
///
/// What the run planned, with what became of it: charged, skipped for a reason, or failed for a reason.
#[utoipa::path(get, path = "/projects/{projectId}/billing/runs/{billingRunId}/items", tag = "billing",
    params(PageQuery, ItemParams),
    responses((status = 200, description = "A page of items", body = Page<ItemView>)))]
pub async fn list_billing_run_items(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(id): PathPart<BillingRunId>,
    Query(page): Query<PageQuery>,
    Query(params): Query<ItemParams>,
) -> Result<Json<Page<ItemView>>, Failure> {
    let state = filter::named("state", params.state.as_deref(), ItemState::ALL, ItemState::parse)?;
    let (after, fetch) = (page.after()?, page.fetch()?);
    let found = app.run(move |engine| engine.list_billing_run_items(&ctx, id, state, after, fetch)).await?;
    Ok(Json(Page::new(found, &page, |item| item.id)?))
}

/// The next invoice
///
/// What the next invoice of a customer would be now: what is on its draft, or what falls due next, with the usage so far.
#[utoipa::path(get, path = "/projects/{projectId}/billing/upcoming", tag = "billing", params(UpcomingParams),
    responses((status = 200, description = "The next invoice as it would be", body = Upcoming)))]
pub async fn upcoming_invoice(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    Query(params): Query<UpcomingParams>,
) -> Result<Json<Upcoming>, Failure> {
    app.run(move |engine| engine.upcoming_invoice(&ctx, params.customer_key.as_deref())).await.map(Json)
}

fn window(request: &WindowRequest) -> Result<Span, Refusal> {
    let (start, end) = (instant("window.start", &request.start)?, instant("window.end", &request.end)?);
    if start >= end {
        let detail = format!("must come after `window.start` ({start}).");
        return Err(Refusal::field(Code::InvalidValue, "window.end", detail));
    }
    Ok(Span { start, end })
}

fn instant(field: &str, text: &str) -> Result<Instant, Refusal> {
    Instant::parse(text).map_err(|error| Refusal::field(Code::InvalidTimestamp, field, format!("{error}.")))
}
