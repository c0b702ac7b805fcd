//! A change inside a transaction: what the use case stores, and what a preview rehearses.

use domain::ids::SubscriptionId;
use domain::subscriptions::history::Submitted;
use domain::subscriptions::version::StateVersion;
use domain::subscriptions::wish::ChangeRequest;
use domain::time::Instant;
use storage::{ProjectTx, subscription_changes, subscriptions};

use super::changes::{Step, SubscriptionChanged, content, effective_at};
use super::load::{self, Household};
use super::offers;
use super::submission::Submission;
use super::view::SubscriptionView;
use crate::audit::Audited;
use crate::command::Idempotency;
use crate::ctx::Ctx;
use crate::error::Error;

/// A change that was made.
pub(crate) struct Changed {
    pub effective_at: Instant,
    /// Of the state before it.
    pub version_before: StateVersion,
    pub subscription: SubscriptionView,
    pub audited: Audited<SubscriptionChanged>,
}

/// The customer of a subscription, locked, with all it has.
pub(crate) fn household(tx: &mut ProjectTx<'_>, id: SubscriptionId) -> Result<Household, Error> {
    let record = subscriptions::get(tx, id)?.ok_or_else(Error::not_found)?;
    load::locked(tx, record.customer)
}

/// Adds a change to a subscription.
///
/// # Errors
/// As [`crate::Engine::change_subscription`].
pub(crate) fn change(
    tx: &mut ProjectTx<'_>,
    ctx: &Ctx,
    id: SubscriptionId,
    request: &ChangeRequest,
    idempotency: &Idempotency,
) -> Result<Changed, Error> {
    let household = household(tx, id)?;
    let loaded = household.own(id)?;
    let version_before = loaded.history.version();
    if let Some(previewed) = request.state_version {
        version_before.require(previewed)?;
    }
    let content = content(tx, &request.change)?;
    let offers = offers::load(tx, household.changes().chain([&content]))?;
    let effective_at = effective_at(ctx, request, &household, loaded, &offers)?;
    let submission = Submission { ctx, idempotency, reason: request.reason.as_ref() };
    let change = submission.change(&loaded.history, effective_at, content);
    let (after, timeline) = match loaded.history.submit(change.clone(), &offers)? {
        Submitted::Added { history, timeline } => (history, timeline),
        Submitted::Replay(_) => return Err(Error::Bug("a change has no idempotency record".to_owned())),
    };
    household.require_own_metrics(&loaded.record, &timeline, &offers)?;
    subscription_changes::insert(tx, id, &change)?;
    load::schedule(tx, &loaded.record, &after, ctx.now())?;
    let (submission, household) = (&submission, &household);
    let step = Step { submission, household, loaded, after: &after, change: change.id };
    let audited = step.audited("subscription.changed")?;
    let subscription = audited.value.subscription.clone();
    Ok(Changed { effective_at, version_before, subscription, audited })
}
