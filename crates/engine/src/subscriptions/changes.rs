//! Changes of subscriptions: submitted for any time, listed, taken back while they lie ahead.

use domain::access::Permission;
use domain::idempotency::{Family, IdempotencyKey};
use domain::ids::{SubscriptionChangeId, SubscriptionId};
use domain::ledger::reason::Reason;
use domain::subscriptions::change::{AddOnAdded, Change, PlanChanged};
use domain::subscriptions::history::History;
use domain::subscriptions::offers::Offers;
use domain::subscriptions::request::{When, undo_cancellation_at};
use domain::subscriptions::timeline::Timeline;
use domain::subscriptions::wish::{ChangeRequest, ChangeWish, withdrawal_fingerprint};
use domain::time::Instant;
use serde_json::json;
use storage::{ProjectTx, subscription_withdrawals, subscriptions};

use super::change_in;
use super::load::{self, Household, Loaded};
use super::offers;
use super::submission::Submission;
use super::view::{self, ChangeView, SubscriptionView};
use crate::audit::{AuditRecord, Audited};
use crate::command::{Answer, Idempotency};
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;

/// A change and what the subscription is with it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionChanged {
    pub change: ChangeView,
    pub subscription: SubscriptionView,
}

/// A change that shall be taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithdrawChange {
    pub subscription: SubscriptionId,
    pub change: SubscriptionChangeId,
    pub reason: Option<Reason>,
}

/// What a submission made of a history.
pub(super) struct Step<'s> {
    pub submission: &'s Submission<'s>,
    pub household: &'s Household,
    pub loaded: &'s Loaded,
    pub after: &'s History,
    pub change: SubscriptionChangeId,
}

impl Engine {
    /// Adds a change to a subscription, wherever in time it takes effect.
    ///
    /// # Errors
    /// [`domain::refusal::Code::PreviewStale`] when the state is not the one that was previewed; the refusals of
    /// `History::submit`; `metric_already_priced`; `not_found`.
    pub fn change_subscription(
        &self,
        ctx: &Ctx,
        key: IdempotencyKey,
        id: SubscriptionId,
        request: &ChangeRequest,
    ) -> Result<Answer, Error> {
        ctx.require(Permission::SubscriptionsWrite)?;
        let (operation, fingerprint) = ("changeSubscription", request.fingerprint(id));
        let idempotency = Idempotency { family: Family::Other, key, operation, fingerprint };
        self.command_once(ctx, "change_subscription", 201, &idempotency, |tx| {
            Ok(change_in::change(tx, ctx, id, request, &idempotency)?.audited)
        })
    }

    /// Takes a change back that lies ahead.
    ///
    /// # Errors
    /// The refusals of `History::withdraw`; `metric_already_priced` when another subscription counts on the change; `not_found`.
    pub fn withdraw_subscription_change(
        &self,
        ctx: &Ctx,
        key: IdempotencyKey,
        request: &WithdrawChange,
    ) -> Result<Answer, Error> {
        ctx.require(Permission::SubscriptionsWrite)?;
        let WithdrawChange { subscription: id, change, reason } = request;
        let fingerprint = withdrawal_fingerprint(*id, *change, reason.as_ref());
        let idempotency =
            Idempotency { family: Family::Other, key, operation: "withdrawSubscriptionChange", fingerprint };
        self.command_once(ctx, "withdraw_subscription_change", 200, &idempotency, |tx| {
            let household = change_in::household(tx, *id)?;
            let loaded = household.own(*id)?;
            let offers = offers::load(tx, household.changes())?;
            let submission = Submission { ctx, idempotency: &idempotency, reason: reason.as_ref() };
            let withdrawal = submission.withdrawal(&loaded.history, *change);
            let after = loaded.history.withdraw(withdrawal.clone(), &offers)?;
            household.require_own_metrics(&loaded.record, &after.timeline(), &offers)?;
            subscription_withdrawals::insert(tx, *id, &withdrawal)?;
            load::schedule(tx, &loaded.record, &after, ctx.now())?;
            let (submission, household) = (&submission, &household);
            Step { submission, household, loaded, after: &after, change: *change }
                .audited("subscription.changeWithdrawn")
        })
    }

    /// Every change, withdrawn ones too, in the order of submission, after the given number; `limit` of them at most.
    ///
    /// # Errors
    /// `not_found`; `forbidden` without the permission to read them.
    pub fn list_subscription_changes(
        &self,
        ctx: &Ctx,
        id: SubscriptionId,
        after: Option<u64>,
        limit: usize,
    ) -> Result<Vec<ChangeView>, Error> {
        ctx.require(Permission::SubscriptionsRead)?;
        self.read(ctx.project, "list_subscription_changes", |tx| {
            let record = subscriptions::get(tx, id)?.ok_or_else(Error::not_found)?;
            let loaded = load::histories(tx, vec![record])?;
            let views = loaded.iter().flat_map(|loaded| view::of_history(&loaded.history));
            let later = views.filter(|view| after.is_none_or(|after| view.sequence > after));
            Ok(later.take(limit).collect())
        })
    }
}

/// What a change says, with the versions that were left open.
pub(super) fn content(tx: &mut ProjectTx<'_>, wish: &ChangeWish) -> Result<Change, Error> {
    Ok(match wish.clone() {
        ChangeWish::PlanChanged(wish) => {
            let (plan, _) = offers::plan(tx, &wish.plan)?;
            Change::PlanChanged(PlanChanged { plan, quantities: wish.quantities, overrides: wish.overrides })
        }
        ChangeWish::AddOnAdded(wish) => {
            let add_on = offers::add_on(tx, &wish.add_on)?;
            Change::AddOnAdded(AddOnAdded { add_on, quantities: wish.quantities })
        }
        ChangeWish::CouponRedeemed(redeemed) => {
            offers::require_coupon(tx, &redeemed.coupon)?;
            Change::CouponRedeemed(redeemed)
        }
        ChangeWish::QuantityChanged(changed) => Change::QuantityChanged(changed),
        ChangeWish::AddOnRemoved(removed) => Change::AddOnRemoved(removed),
        ChangeWish::Paused => Change::Paused,
        ChangeWish::Resumed => Change::Resumed,
        ChangeWish::Cancelled => Change::Cancelled,
        ChangeWish::Uncancelled => Change::Uncancelled,
        ChangeWish::Overridden(overridden) => Change::Overridden(overridden),
        ChangeWish::TrialExtended(extended) => Change::TrialExtended(extended),
    })
}

pub(super) fn effective_at(
    ctx: &Ctx,
    request: &ChangeRequest,
    household: &Household,
    loaded: &Loaded,
    offers: &Offers,
) -> Result<Instant, Error> {
    let timeline: Timeline = loaded.history.timeline();
    let subscription = household.subscription(&timeline, offers);
    match (request.effective, &request.change) {
        (Some(when), _) => Ok(when.resolve(&subscription, ctx.now())?),
        // Decision 0060.
        (None, ChangeWish::Uncancelled) => Ok(undo_cancellation_at(&subscription)?),
        (None, _) => Ok(When::Now.resolve(&subscription, ctx.now())?),
    }
}

impl Household {
    pub(super) fn own(&self, id: SubscriptionId) -> Result<&Loaded, Error> {
        self.subscriptions.iter().find(|loaded| loaded.record.id == id).ok_or_else(Error::not_found)
    }
}

impl Step<'_> {
    pub(super) fn audited(&self, name: &'static str) -> Result<Audited<SubscriptionChanged>, Error> {
        let (record, customer, now) = (&self.loaded.record, &self.household.customer, self.submission.ctx.now());
        let before = view::of(record, customer, &self.loaded.history, now);
        let subscription = view::of(record, customer, self.after, now);
        let change = view::of_history(self.after).into_iter().find(|change| change.id == self.change);
        let change = change.ok_or_else(|| Error::Bug(format!("{} is not in its history", self.change)))?;
        let mut audit = AuditRecord::new(name, record.id).changed(&before, &subscription)?;
        audit.details["change"] = json!(change);
        let body = json!({ "subscription": subscription, "change": change });
        let changed = SubscriptionChanged { change, subscription };
        Ok(Audited::new(changed, self.submission.because(audit)).announce(name, body))
    }
}
