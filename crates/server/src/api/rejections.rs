//! `/projects/{projectId}/ingest/rejections`: refused payloads, looked at and replayed.

use axum::extract::State;
use domain::ids::RejectionId;
use domain::ingest::Outcome;
use domain::ledger::reason::Reason;
use domain::refusal::Code;
use engine::Ctx;
use engine::ingest::rejections::{RejectionQuery, RejectionView, ReplayRejection};
use serde_json::value::RawValue;

use crate::app::App;
use crate::extract::{In, Json, PathPart, Query};
use crate::failure::Failure;
use crate::filter;
use crate::page::{Page, PageQuery};

#[derive(Debug, Clone, Default, serde::Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct RejectionParams {
    /// `conflict` or `failed`.
    outcome: Option<String>,
    /// The code of the refusal.
    #[param(example = "too_precise")]
    code: Option<String>,
    /// Only the refusals of requests with this key.
    idempotency_key: Option<String>,
    /// Whether an operator saw to it.
    resolved: Option<bool>,
}

#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReplayRequest {
    /// The corrected event, in the form of the door it came through; as it was received if not given.
    #[schema(value_type = Option<Object>, example = json!({ "metricKey": "api_tokens", "units": "1.000001" }))]
    payload: Option<Box<RawValue>>,
    /// Required: one of the reason codes of the documentation.
    #[schema(example = "billing_error")]
    reason_code: Option<String>,
    reason: Option<String>,
}

/// List rejections
///
/// Refused requests with their payloads, the newest first.
#[utoipa::path(get, path = "/projects/{projectId}/ingest/rejections", tag = "ingest views",
    params(PageQuery, RejectionParams),
    responses((status = 200, description = "A page of rejections", body = Page<RejectionView>)))]
pub async fn list_rejections(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    Query(page): Query<PageQuery>,
    Query(params): Query<RejectionParams>,
) -> Result<Json<Page<RejectionView>>, Failure> {
    let refused = [Outcome::Conflict, Outcome::Failed];
    let parse_outcome = |text: &str| Outcome::parse(text).filter(|outcome| refused.contains(outcome));
    let parse_code = |text: &str| text.parse::<Code>().ok();
    let query = RejectionQuery {
        outcome: filter::named("outcome", params.outcome.as_deref(), &refused, parse_outcome)?,
        code: filter::named("code", params.code.as_deref(), Code::ALL, parse_code)?,
        idempotency_key: params.idempotency_key,
        resolved: params.resolved,
        before: page.after()?,
    };
    let fetch = page.fetch()?;
    let found = app.run(move |engine| engine.list_rejections(&ctx, &query, fetch)).await?;
    Ok(Json(Page::new(found, &page, |rejection| rejection.id)?))
}

/// One rejection
#[utoipa::path(get, path = "/projects/{projectId}/ingest/rejections/{rejectionId}", tag = "ingest views",
    responses((status = 200, description = "The rejection", body = RejectionView)))]
pub async fn get_rejection(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(id): PathPart<RejectionId>,
) -> Result<Json<RejectionView>, Failure> {
    app.run(move |engine| engine.get_rejection(&ctx, id)).await.map(Json)
}

/// Replay a rejection
///
/// Stores the event that the refused request meant, under the key of that request: when its client sends it again, it is
/// answered as a replay. A rejection is replayed once.
#[utoipa::path(post, path = "/projects/{projectId}/ingest/rejections/{rejectionId}/replay", tag = "ingest views",
    request_body = ReplayRequest,
    responses(
        (status = 200, description = "The rejection, resolved, with the id of its event", body = RejectionView),
        (status = 409, description = "`already_resolved`, or the key stands for another event by now",
            body = engine::problem::Problem, content_type = "application/problem+json"),
    ))]
pub async fn replay_rejection(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(id): PathPart<RejectionId>,
    Json(body): Json<ReplayRequest>,
) -> Result<Json<RejectionView>, Failure> {
    let reason = Reason::required(body.reason_code.as_deref(), body.reason.as_deref())?;
    let payload = body.payload.map(|payload| payload.get().to_owned());
    let command = ReplayRejection { id, payload, reason };
    app.run(move |engine| engine.replay_rejection(&ctx, &command)).await.map(Json)
}
