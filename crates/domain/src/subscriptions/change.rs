//! The changes of a subscription: what each one says. Changes are added, never edited; each says when it takes effect, when it was
//! submitted, by whom and why.

use std::collections::{BTreeMap, BTreeSet};

use crate::calendar::Anchor;
use crate::idempotency::{Fingerprint, IdempotencyKey};
use crate::ids::SubscriptionChangeId;
use crate::ledger::entry::ActorName;
use crate::ledger::reason::Reason;
use crate::named::named;
use crate::pricing::terms::Terms;
use crate::quantity::Quantity;
use crate::subscriptions::price_ref::{PriceRef, VersionRef};
use crate::subscriptions::state::State;
use crate::time::Instant;

named! {
    /// The kind of a change.
    ChangeKind {
        Created = "created",
        PlanChanged = "planChanged",
        QuantityChanged = "quantityChanged",
        AddOnAdded = "addOnAdded",
        AddOnRemoved = "addOnRemoved",
        Paused = "paused",
        Resumed = "resumed",
        Cancelled = "cancelled",
        Uncancelled = "uncancelled",
        Overridden = "overridden",
        TrialExtended = "trialExtended",
        CouponRedeemed = "couponRedeemed",
    }
}

named! {
    /// Which events a subscription prices.
    UsageScope {
        /// All of its customer.
        Customer = "customer",
        /// Those that name it by its `subscriptionKey`.
        Named = "named",
    }
}

/// What changes.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "camelCase")]
#[schema(as = SubscriptionChangeContent)]
pub enum Change {
    Created(Created),
    PlanChanged(PlanChanged),
    QuantityChanged(QuantityChanged),
    AddOnAdded(AddOnAdded),
    AddOnRemoved(AddOnRemoved),
    /// Nothing is billed and usage is excluded, until it is resumed.
    Paused,
    Resumed,
    /// The subscription ends when this takes effect: now, at the end of a period, at a date.
    Cancelled,
    /// Undoes a cancellation. At the same instant as the cancellation, it is as if that had never been; later, the time between is a gap.
    Uncancelled,
    Overridden(Overridden),
    TrialExtended(TrialExtended),
    CouponRedeemed(CouponRedeemed),
}

/// The first change: everything that is decided once.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Created {
    pub plan: VersionRef,
    /// IANA name of the zone in which its periods run. Kept: periods do not move when the customer does.
    pub zone: String,
    /// What anniversaries are counted from. Kept, whatever happens later.
    #[schema(value_type = String, example = "2024-01-31T00:00:00")]
    pub anchor: Anchor,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial_ends_at: Option<Instant>,
    pub usage: UsageScope,
    /// Seats by price; each seat price has a number.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub quantities: BTreeMap<PriceRef, Quantity>,
    /// The versions of booked add-ons by their keys.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub add_ons: BTreeMap<String, u32>,
    /// Terms that replace those of the catalog, by price.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub overrides: BTreeMap<PriceRef, Terms>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub coupons: BTreeSet<String>,
}

/// Another plan, or another version of the same. Overrides of plan prices stay while the plan's key does; add-ons stay.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlanChanged {
    pub plan: VersionRef,
    /// Seats that change with it; the others stay.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub quantities: BTreeMap<PriceRef, Quantity>,
    /// Overrides that begin with it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub overrides: BTreeMap<PriceRef, Terms>,
}

/// Another number of seats.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct QuantityChanged {
    pub price: PriceRef,
    pub quantity: Quantity,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddOnAdded {
    pub add_on: VersionRef,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub quantities: BTreeMap<PriceRef, Quantity>,
}

/// Its overrides and quantities end with it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddOnRemoved {
    pub add_on: String,
}

/// Terms agreed with this customer alone.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Overridden {
    pub price: PriceRef,
    /// Absent: those of the catalog again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<Terms>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TrialExtended {
    pub trial_ends_at: Instant,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CouponRedeemed {
    pub coupon: String,
}

/// One change as it was submitted. // checklist 44
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionChange {
    pub id: SubscriptionChangeId,
    /// The order of submission within the subscription, from 1; withdrawals count too.
    pub sequence: u64,
    /// When it takes effect: earlier than it was submitted, then, or later.
    pub effective_at: Instant,
    pub submitted_at: Instant,
    pub idempotency_key: IdempotencyKey,
    /// Of the request as it was sent.
    pub fingerprint: Fingerprint,
    pub actor: ActorName,
    pub reason: Option<Reason>,
    pub change: Change,
}

/// A change that lay ahead was taken back. It stays in the history and has no effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withdrawal {
    pub change: SubscriptionChangeId,
    pub sequence: u64,
    pub submitted_at: Instant,
    pub idempotency_key: IdempotencyKey,
    pub actor: ActorName,
    pub reason: Option<Reason>,
}

impl SubscriptionChange {
    /// The state that it makes, if it is the one with which the subscription begins.
    pub(super) fn created(&self) -> Option<State> {
        match &self.change {
            Change::Created(created) => Some(State::created(created, self.effective_at)),
            Change::PlanChanged(_)
            | Change::QuantityChanged(_)
            | Change::AddOnAdded(_)
            | Change::AddOnRemoved(_)
            | Change::Paused
            | Change::Resumed
            | Change::Cancelled
            | Change::Uncancelled
            | Change::Overridden(_)
            | Change::TrialExtended(_)
            | Change::CouponRedeemed(_) => None,
        }
    }
}

impl Change {
    pub const fn kind(&self) -> ChangeKind {
        match self {
            Change::Created(_) => ChangeKind::Created,
            Change::PlanChanged(_) => ChangeKind::PlanChanged,
            Change::QuantityChanged(_) => ChangeKind::QuantityChanged,
            Change::AddOnAdded(_) => ChangeKind::AddOnAdded,
            Change::AddOnRemoved(_) => ChangeKind::AddOnRemoved,
            Change::Paused => ChangeKind::Paused,
            Change::Resumed => ChangeKind::Resumed,
            Change::Cancelled => ChangeKind::Cancelled,
            Change::Uncancelled => ChangeKind::Uncancelled,
            Change::Overridden(_) => ChangeKind::Overridden,
            Change::TrialExtended(_) => ChangeKind::TrialExtended,
            Change::CouponRedeemed(_) => ChangeKind::CouponRedeemed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subscriptions::samples::created;

    /// Changes are stored as JSON for ever: this form may only grow.
    #[test]
    fn a_change_is_stored_under_its_kind_and_comes_back_as_it_was() {
        let changes = [
            Change::Created(Created { coupons: BTreeSet::from(["spring".to_owned()]), ..created("team") }),
            Change::QuantityChanged(QuantityChanged {
                price: PriceRef::of_plan("seats"),
                quantity: Quantity::from_micros(7_000_000),
            }),
            Change::Paused,
        ];
        for change in &changes {
            let json = serde_json::to_value(change).unwrap();
            assert_eq!(json["type"], change.kind().as_str());
            assert_eq!(&serde_json::from_value::<Change>(json).unwrap(), change);
        }
        insta::assert_snapshot!(serde_json::to_string(&changes[0]).unwrap(), @r#"{"type":"created","plan":{"key":"team","version":1},"zone":"UTC","anchor":"2024-01-31T00:00:00","usage":"customer","quantities":{"seats":"5.000000"},"coupons":["spring"]}"#);
        insta::assert_snapshot!(serde_json::to_string(&changes[1]).unwrap(), @r#"{"type":"quantityChanged","price":"seats","quantity":"7.000000"}"#);
    }

    #[test]
    fn a_field_that_is_not_known_is_refused() {
        assert!(serde_json::from_str::<Change>(r#"{"type":"addOnRemoved","addOn":"x","at":"now"}"#).is_err());
    }
}
