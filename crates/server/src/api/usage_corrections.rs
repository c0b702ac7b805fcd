//! `/projects/{projectId}/usage-corrections`: usage that was accepted and should not count, or should count as something else.

use axum::extract::State;
use domain::ids::UsageCorrectionId;
use domain::ingest::correction::{Amendment, CorrectionAction, EventChange};
use domain::ingest::{properties, usage};
use domain::ledger::reason::Reason;
use domain::ledger::request;
use domain::refusal::{Code, Refusal};
use engine::Ctx;
use engine::usage_corrections::{
    CorrectionPreview, ProposeCorrection, ProposedItem, UsageCorrectionDetail, UsageCorrectionView,
};
use serde_json::value::RawValue;

use crate::answer::{Reply, answer};
use crate::app::App;
use crate::extract::{IdempotencyHeader, Idempotent, In, Json, PathPart, Query};
use crate::failure::Failure;
use crate::page::{Page, PageQuery};

#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProposeCorrectionRequest {
    /// 1 to 1,000 events, each once.
    items: Vec<CorrectionItemRequest>,
    /// Required: one of the reason codes of the documentation.
    #[schema(example = "billing_error")]
    reason_code: Option<String>,
    reason: Option<String>,
}

#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CorrectionItemRequest {
    /// The id it was given (`evt_…`) or the `eventId` of its sender.
    event_id: String,
    /// `void`: it does not count. `amend`: an event with other content counts in its place.
    action: String,
    /// For an amendment; the units stay if not given.
    #[schema(example = "12.500000")]
    units: Option<String>,
    /// RFC 3339, for an amendment; the time stays if not given.
    #[schema(format = DateTime)]
    timestamp: Option<String>,
    /// For an amendment: the whole object in the place of the one before; they stay if not given.
    #[schema(value_type = Option<Object>)]
    properties: Option<Box<RawValue>>,
}

#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevertCorrectionRequest {
    /// Required: one of the reason codes of the documentation.
    #[schema(example = "other")]
    reason_code: Option<String>,
    reason: Option<String>,
}

/// Propose a correction
///
/// Of one event or many, as one. Nothing counts otherwise until it is applied: look at its preview first.
#[utoipa::path(post, path = "/projects/{projectId}/usage-corrections", tag = "usage corrections",
    params(IdempotencyHeader), request_body = ProposeCorrectionRequest,
    responses(
        (status = 201, description = "The correction, proposed", body = UsageCorrectionView),
        (status = 409, description = "`event_voided`: an event does not count any more",
            body = engine::problem::Problem, content_type = "application/problem+json"),
    ))]
pub async fn propose_usage_correction(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    Idempotent(key): Idempotent,
    Json(body): Json<ProposeCorrectionRequest>,
) -> Reply {
    let command = body.read()?;
    app.run(move |engine| engine.propose_usage_correction(&ctx, key, &command)).await.map(answer)
}

/// List corrections
///
/// The newest first.
#[utoipa::path(get, path = "/projects/{projectId}/usage-corrections", tag = "usage corrections", params(PageQuery),
    responses((status = 200, description = "A page of corrections", body = Page<UsageCorrectionView>)))]
pub async fn list_usage_corrections(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<UsageCorrectionView>>, Failure> {
    let (before, fetch) = (page.after()?, page.fetch()?);
    let found = app.run(move |engine| engine.list_usage_corrections(&ctx, before, fetch)).await?;
    Ok(Json(Page::new(found, &page, |correction| correction.id)?))
}

/// One correction
///
/// With its events, and who applied it or took it back, when and why.
#[utoipa::path(get, path = "/projects/{projectId}/usage-corrections/{correctionId}", tag = "usage corrections",
    responses((status = 200, description = "The correction", body = UsageCorrectionDetail)))]
pub async fn get_usage_correction(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(id): PathPart<UsageCorrectionId>,
) -> Result<Json<UsageCorrectionDetail>, Failure> {
    app.run(move |engine| engine.get_usage_correction(&ctx, id)).await.map(Json)
}

/// Preview a correction
///
/// What would differ if it were applied now: the usage, what the late desk would make of issued invoices, and what drafts and the next
/// invoices would come to. Nothing is kept.
#[utoipa::path(get, path = "/projects/{projectId}/usage-corrections/{correctionId}/preview", tag = "usage corrections",
    responses((status = 200, description = "What would differ", body = CorrectionPreview)))]
pub async fn preview_usage_correction(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(id): PathPart<UsageCorrectionId>,
) -> Result<Json<CorrectionPreview>, Failure> {
    app.run(move |engine| engine.preview_usage_correction(&ctx, id)).await.map(Json)
}

/// Apply a correction
///
/// From now on its events do not count, or others count in their place. Asked for again, it answers what is.
#[utoipa::path(post, path = "/projects/{projectId}/usage-corrections/{correctionId}/apply", tag = "usage corrections",
    responses(
        (status = 200, description = "The correction, applied", body = UsageCorrectionView),
        (status = 409, description = "`correction_state` or `event_voided`",
            body = engine::problem::Problem, content_type = "application/problem+json"),
    ))]
pub async fn apply_usage_correction(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(id): PathPart<UsageCorrectionId>,
) -> Result<Json<UsageCorrectionView>, Failure> {
    app.run(move |engine| engine.apply_usage_correction(&ctx, id)).await.map(Json)
}

/// Take a correction back
///
/// Its events count again, and those in their place do not. It cannot be applied again: propose another one.
#[utoipa::path(post, path = "/projects/{projectId}/usage-corrections/{correctionId}/revert", tag = "usage corrections",
    request_body = RevertCorrectionRequest,
    responses(
        (status = 200, description = "The correction, reverted", body = UsageCorrectionView),
        (status = 409, description = "`correction_state`, or `event_voided` when an event in the place of another was corrected itself",
            body = engine::problem::Problem, content_type = "application/problem+json"),
    ))]
pub async fn revert_usage_correction(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(id): PathPart<UsageCorrectionId>,
    Json(body): Json<RevertCorrectionRequest>,
) -> Result<Json<UsageCorrectionView>, Failure> {
    let reason = Reason::required(body.reason_code.as_deref(), body.reason.as_deref())?;
    app.run(move |engine| engine.revert_usage_correction(&ctx, id, &reason)).await.map(Json)
}

impl ProposeCorrectionRequest {
    fn read(self) -> Result<ProposeCorrection, Refusal> {
        let reason = Reason::required(self.reason_code.as_deref(), self.reason.as_deref())?;
        let items = self.items.into_iter().enumerate().map(|(index, item)| item.read(index));
        Ok(ProposeCorrection { items: items.collect::<Result<_, _>>()?, reason })
    }
}

impl CorrectionItemRequest {
    fn read(self, index: usize) -> Result<ProposedItem, Refusal> {
        let field = |name: &str| format!("items[{index}].{name}");
        let action = CorrectionAction::parse(&self.action)
            .ok_or_else(|| Refusal::field(Code::InvalidValue, field("action"), "is not one of void, amend."))?;
        let units = self.units.as_deref().map(|text| usage::units(&field("units"), text));
        let at = self.timestamp.as_deref().map(|text| request::instant(&field("timestamp"), text));
        let properties = self.properties.map(|object| properties::canonical(object.get()));
        let amendment =
            Amendment { units: units.transpose()?, at: at.transpose()?, properties: properties.transpose()? };
        let change = match action {
            CorrectionAction::Amend => EventChange::Amend(amendment),
            CorrectionAction::Void if amendment == Amendment::default() => EventChange::Void,
            CorrectionAction::Void => {
                let detail = "takes no other content: use amend.";
                return Err(Refusal::field(Code::InvalidValue, field("action"), detail));
            }
        };
        Ok(ProposedItem { event: self.event_id, change })
    }
}
