//! `/projects/{projectId}/subscriptions/{subscriptionId}/changes`: the history, which only grows.

use axum::extract::State;
use domain::ids::{SubscriptionChangeId, SubscriptionId};
use domain::ledger::reason::Reason;
use domain::refusal::Refusal;
use domain::subscriptions::request::When;
use domain::subscriptions::version::StateVersion;
use domain::subscriptions::wish::{ChangeRequest, ChangeWish};
use engine::Ctx;
use engine::billing::forecast::ChangePreview;
use engine::subscriptions::{ChangeView, SubscriptionChanged, WithdrawChange};

use super::instant;
use crate::answer::{Reply, answer};
use crate::app::App;
use crate::extract::{IdempotencyHeader, Idempotent, In, Json, PathPart, Query};
use crate::failure::Failure;
use crate::page::{Page, PageQuery};

#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeSubscriptionRequest {
    change: ChangeWish,
    /// `now`, `periodEnd` (the end of what is paid for) or an RFC 3339 time, in the past or ahead. If not given: now, or for `uncancelled`
    /// the time of the cancellation.
    #[schema(example = "periodEnd")]
    effective_at: Option<String>,
    /// Refuses the change if the subscription is not in this state any more.
    state_version: Option<StateVersion>,
    #[schema(example = "contract")]
    reason_code: Option<String>,
    reason: Option<String>,
}

/// Why a change is taken back.
#[derive(Debug, Clone, Default, serde::Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct WithdrawParams {
    /// One of the reason codes.
    reason_code: Option<String>,
    /// Words beside the code.
    reason: Option<String>,
}

/// Change a subscription
///
/// Adds a dated change. It is refused if it is not possible at its time, would change nothing, or stands in the way of a later change.
#[utoipa::path(post, path = "/projects/{projectId}/subscriptions/{subscriptionId}/changes", tag = "subscriptions",
    params(IdempotencyHeader), request_body = ChangeSubscriptionRequest,
    responses(
        (status = 201, description = "The change, and the subscription with it", body = SubscriptionChanged),
        (status = 409, description = "`preview_stale` for another state; a code of its own for each change that is not possible",
            body = engine::problem::Problem, content_type = "application/problem+json"),
    ))]
pub async fn change_subscription(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(id): PathPart<SubscriptionId>,
    Idempotent(key): Idempotent,
    Json(body): Json<ChangeSubscriptionRequest>,
) -> Reply {
    let request = body.read()?;
    app.run(move |engine| engine.change_subscription(&ctx, key, id, &request)).await.map(answer)
}

/// Preview a change
///
/// What the change would bring: the invoices that it touches and the one after, as they would be. The change is made and billed by the same
/// code, and undone. Send `effectiveAt` and `stateVersion` of the answer with the change to get exactly this.
#[utoipa::path(post, path = "/projects/{projectId}/subscriptions/{subscriptionId}/preview", tag = "subscriptions",
    request_body = ChangeSubscriptionRequest,
    responses(
        (status = 200, description = "What the change would bring", body = ChangePreview),
        (status = 409, description = "As the change would be answered",
            body = engine::problem::Problem, content_type = "application/problem+json"),
    ))]
pub async fn preview_subscription_change(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(id): PathPart<SubscriptionId>,
    Json(body): Json<ChangeSubscriptionRequest>,
) -> Result<Json<ChangePreview>, Failure> {
    let request = body.read()?;
    app.run(move |engine| engine.preview_subscription_change(&ctx, id, &request)).await.map(Json)
}

/// List the changes of a subscription
///
/// In the order in which they were submitted, withdrawn ones too: when each takes effect, by whom it was submitted, when and why.
#[utoipa::path(get, path = "/projects/{projectId}/subscriptions/{subscriptionId}/changes", tag = "subscriptions",
    params(PageQuery), responses((status = 200, description = "A page of changes", body = Page<ChangeView>)))]
pub async fn list_subscription_changes(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(id): PathPart<SubscriptionId>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<ChangeView>>, Failure> {
    let (after, fetch): (Option<u64>, usize) = (page.after()?, page.fetch()?);
    let changes = app.run(move |engine| engine.list_subscription_changes(&ctx, id, after, fetch)).await?;
    Ok(Json(Page::new(changes, &page, |change| change.sequence)?))
}

/// Withdraw a change
///
/// Takes back a change that lies ahead. It stays in the history and has no effect.
#[utoipa::path(delete, path = "/projects/{projectId}/subscriptions/{subscriptionId}/changes/{changeId}",
    tag = "subscriptions", params(IdempotencyHeader, WithdrawParams),
    responses(
        (status = 200, description = "The withdrawn change, and the subscription without it", body = SubscriptionChanged),
        (status = 409, description = "`already_effective`, `already_withdrawn`, `first_change`, `later_change_conflict` or `metric_already_priced`",
            body = engine::problem::Problem, content_type = "application/problem+json"),
    ))]
pub async fn withdraw_subscription_change(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart((subscription, change)): PathPart<(SubscriptionId, SubscriptionChangeId)>,
    Idempotent(key): Idempotent,
    Query(params): Query<WithdrawParams>,
) -> Reply {
    let reason = Reason::optional(params.reason_code.as_deref(), params.reason.as_deref())?;
    let request = WithdrawChange { subscription, change, reason };
    app.run(move |engine| engine.withdraw_subscription_change(&ctx, key, &request)).await.map(answer)
}

impl ChangeSubscriptionRequest {
    fn read(self) -> Result<ChangeRequest, Refusal> {
        let reason = Reason::optional(self.reason_code.as_deref(), self.reason.as_deref())?;
        let effective = self.effective_at.map(|text| when(&text)).transpose()?;
        Ok(ChangeRequest { change: self.change, effective, state_version: self.state_version, reason })
    }
}

fn when(text: &str) -> Result<When, Refusal> {
    Ok(match text {
        "now" => When::Now,
        "periodEnd" => When::PeriodEnd,
        at => When::At { at: instant("effectiveAt", at)? },
    })
}
