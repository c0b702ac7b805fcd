//! `/projects/{projectId}/late-usage`: what arrived or was corrected after its invoice was issued.

use axum::extract::State;
use domain::ids::LateUsageId;
use domain::late_usage::LateState;
use domain::late_usage::settle::Resolution;
use domain::ledger::reason::Reason;
use domain::refusal::{Code, Refusal};
use engine::Ctx;
use engine::late_usage::{LateUsageDetail, LateUsageQuery, LateUsageView, ResolveLateUsage};

use crate::answer::{Reply, answer};
use crate::app::App;
use crate::extract::{IdempotencyHeader, Idempotent, In, Json, PathPart, Query};
use crate::failure::Failure;
use crate::filter;
use crate::page::{Page, PageQuery};

#[derive(Debug, Clone, Default, serde::Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct LateUsageParams {
    /// `open`, `held`, `settled`, `unchanged` or `ignored`.
    state: Option<String>,
    /// Only invoices that this customer pays.
    customer_key: Option<String>,
    /// Only this invoice.
    invoice_id: Option<String>,
}

#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResolveLateUsageRequest {
    /// `nextInvoice`, `creditNote` or `reissue`, as the policies of the same names; `ignore`: nothing becomes of it, now or later.
    #[schema(example = "nextInvoice")]
    policy: String,
    #[schema(example = "contract")]
    reason_code: Option<String>,
    reason: Option<String>,
}

/// List late usage
///
/// What arrived, or was corrected, after an issued invoice had counted: one for each invoice until it is settled, the newest first.
#[utoipa::path(get, path = "/projects/{projectId}/late-usage", tag = "late usage", params(PageQuery, LateUsageParams),
    responses((status = 200, description = "A page of late usage", body = Page<LateUsageView>)))]
pub async fn list_late_usage(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    Query(page): Query<PageQuery>,
    Query(params): Query<LateUsageParams>,
) -> Result<Json<Page<LateUsageView>>, Failure> {
    let invoice = params
        .invoice_id
        .as_deref()
        .map(|text| text.parse().map_err(|error| Refusal::field(Code::InvalidQuery, "invoiceId", format!("{error}."))));
    let query = LateUsageQuery {
        state: filter::named("state", params.state.as_deref(), LateState::ALL, LateState::parse)?,
        customer_key: params.customer_key,
        invoice: invoice.transpose()?,
        before: page.after()?,
    };
    let fetch = page.fetch()?;
    let found = app.run(move |engine| engine.list_late_usage(&ctx, &query, fetch)).await?;
    Ok(Json(Page::new(found, &page, |late| late.id)?))
}

/// One late usage
///
/// With the charges that may come to something else, and the events behind it.
#[utoipa::path(get, path = "/projects/{projectId}/late-usage/{lateUsageId}", tag = "late usage",
    responses((status = 200, description = "The late usage", body = LateUsageDetail)))]
pub async fn get_late_usage(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(id): PathPart<LateUsageId>,
) -> Result<Json<LateUsageDetail>, Failure> {
    app.run(move |engine| engine.get_late_usage(&ctx, id)).await.map(Json)
}

/// Resolve late usage
///
/// Settles it in one of the ways of the policies, whatever the policy of the project and however old it is, or ignores it for good. What
/// else of the same invoice waits is decided with it.
#[utoipa::path(post, path = "/projects/{projectId}/late-usage/{lateUsageId}/resolve", tag = "late usage",
    params(IdempotencyHeader), request_body = ResolveLateUsageRequest,
    responses(
        (status = 200, description = "The late usage as it was decided", body = LateUsageDetail),
        (status = 409, description = "`already_resolved`, or `late_usage_unratable`",
            body = engine::problem::Problem, content_type = "application/problem+json"),
    ))]
pub async fn resolve_late_usage(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(id): PathPart<LateUsageId>,
    Idempotent(key): Idempotent,
    Json(body): Json<ResolveLateUsageRequest>,
) -> Reply {
    let detail = "must be \"nextInvoice\", \"creditNote\", \"reissue\" or \"ignore\".";
    let resolution = Resolution::parse(&body.policy);
    let resolution = resolution.ok_or_else(|| Refusal::field(Code::InvalidValue, "policy", detail))?;
    let reason = Reason::required(body.reason_code.as_deref(), body.reason.as_deref())?;
    let wish = ResolveLateUsage { resolution, reason };
    app.run(move |engine| engine.resolve_late_usage(&ctx, key, id, &wish)).await.map(answer)
}
