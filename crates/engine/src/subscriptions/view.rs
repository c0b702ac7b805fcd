//! Subscriptions and their changes as callers see them.

use std::collections::{BTreeMap, BTreeSet};

use domain::customers::Customer;
use domain::ids::{CustomerId, SubscriptionChangeId, SubscriptionId};
use domain::ledger::entry::ActorName;
use domain::ledger::reason::{Reason, ReasonCode};
use domain::subscriptions::change::{Change, SubscriptionChange, Withdrawal};
use domain::subscriptions::history::History;
use domain::subscriptions::record::SubscriptionRecord;
use domain::subscriptions::state::{Phase, State};
use domain::subscriptions::version::StateVersion;
use domain::time::Instant;
use serde::Serialize;
use storage::{ProjectTx, customers};

use super::load;
use crate::error::Error;

/// A subscription as it is at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Subscription)]
pub struct SubscriptionView {
    pub id: SubscriptionId,
    /// Your own name for it: the `subscriptionKey` by which events name it.
    pub external_key: String,
    pub customer_id: CustomerId,
    pub customer_key: String,
    pub starts_at: Instant,
    /// When it ends, as far as is known now.
    pub ends_at: Option<Instant>,
    /// `null` before it begins.
    pub phase: Option<Phase>,
    /// What it is now; `null` before it begins.
    pub state: Option<State>,
    /// The changes that lie ahead, in the order of effect.
    pub upcoming: Vec<ChangeView>,
    /// Changes with every change that is submitted or withdrawn. Send it with a change that must not meet another state.
    pub state_version: StateVersion,
    pub created_at: Instant,
}

/// One change as it was submitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SubscriptionChange)]
pub struct ChangeView {
    pub id: SubscriptionChangeId,
    /// The order of submission within the subscription; withdrawals count too.
    pub sequence: u64,
    /// When it takes effect: earlier than it was submitted, then, or later.
    pub effective_at: Instant,
    pub submitted_at: Instant,
    pub change: Change,
    pub actor: SubmittedBy,
    pub reason_code: Option<ReasonCode>,
    pub reason: Option<String>,
    pub idempotency_key: String,
    /// Set when it was taken back: it has no effect.
    pub withdrawn: Option<WithdrawalView>,
}

/// How a change was taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SubscriptionWithdrawal)]
pub struct WithdrawalView {
    pub sequence: u64,
    pub submitted_at: Instant,
    pub actor: SubmittedBy,
    pub reason_code: Option<ReasonCode>,
    pub reason: Option<String>,
}

/// Who submitted something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubmittedBy {
    /// `user`, `accessKey` or `system`.
    pub kind: String,
    pub id: String,
    pub name: String,
}

/// These as they are now, in their order.
pub(super) fn of_records(
    tx: &mut ProjectTx<'_>,
    records: Vec<SubscriptionRecord>,
    now: Instant,
) -> Result<Vec<SubscriptionView>, Error> {
    let ids: BTreeSet<CustomerId> = records.iter().map(|record| record.customer).collect();
    let ids: Vec<CustomerId> = ids.into_iter().collect();
    let found = customers::find_by_ids(tx, &ids)?;
    let found: BTreeMap<CustomerId, Customer> = found.into_iter().map(|customer| (customer.id, customer)).collect();
    let loaded = load::histories(tx, records)?;
    let views = loaded.into_iter().map(|loaded| {
        let customer = found
            .get(&loaded.record.customer)
            .ok_or_else(|| Error::Bug(format!("the customer of {} is not stored", loaded.record.id)))?;
        Ok(of(&loaded.record, customer, &loaded.history, now))
    });
    views.collect()
}

pub(super) fn of(
    record: &SubscriptionRecord,
    customer: &Customer,
    history: &History,
    now: Instant,
) -> SubscriptionView {
    let timeline = history.timeline();
    let point = timeline.at(now);
    SubscriptionView {
        id: record.id,
        external_key: record.external_key.clone(),
        customer_id: record.customer,
        customer_key: customer.external_key.clone(),
        starts_at: timeline.started_at(),
        ends_at: timeline.ended_at(),
        phase: point.map(|point| point.phase),
        state: point.map(|point| point.state.clone()),
        upcoming: history.ahead(now).map(|change| of_change(change, None)).collect(),
        state_version: history.version(),
        created_at: record.created_at,
    }
}

/// Every change in the order of submission.
pub(super) fn of_history(history: &History) -> Vec<ChangeView> {
    let mut views: Vec<ChangeView> = history.all().map(|(change, withdrawal)| of_change(change, withdrawal)).collect();
    views.sort_by_key(|view| view.sequence);
    views
}

pub(super) fn of_change(change: &SubscriptionChange, withdrawal: Option<&Withdrawal>) -> ChangeView {
    let (reason_code, reason) = of_reason(change.reason.as_ref());
    ChangeView {
        id: change.id,
        sequence: change.sequence,
        effective_at: change.effective_at,
        submitted_at: change.submitted_at,
        change: change.change.clone(),
        actor: of_actor(&change.actor),
        reason_code,
        reason,
        idempotency_key: change.idempotency_key.as_str().to_owned(),
        withdrawn: withdrawal.map(of_withdrawal),
    }
}

fn of_withdrawal(withdrawal: &Withdrawal) -> WithdrawalView {
    let (reason_code, reason) = of_reason(withdrawal.reason.as_ref());
    WithdrawalView {
        sequence: withdrawal.sequence,
        submitted_at: withdrawal.submitted_at,
        actor: of_actor(&withdrawal.actor),
        reason_code,
        reason,
    }
}

fn of_actor(actor: &ActorName) -> SubmittedBy {
    let ActorName { kind, id, name } = actor.clone();
    SubmittedBy { kind, id, name }
}

fn of_reason(reason: Option<&Reason>) -> (Option<ReasonCode>, Option<String>) {
    (reason.map(|reason| reason.code), reason.and_then(|reason| reason.text.clone()))
}
