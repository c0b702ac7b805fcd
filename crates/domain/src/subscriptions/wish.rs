//! What people ask for: a new subscription or a change, with what they may leave open. What is stored names versions and instants.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer};

use crate::calendar::Anchor;
use crate::idempotency::{Canonical, Fingerprint};
use crate::ids::{SubscriptionChangeId, SubscriptionId};
use crate::ledger::reason::Reason;
use crate::pricing::terms::Terms;
use crate::quantity::Quantity;
use crate::subscriptions::change::{
    AddOnRemoved, CouponRedeemed, Overridden, QuantityChanged, TrialExtended, UsageScope,
};
use crate::subscriptions::price_ref::PriceRef;
use crate::subscriptions::request::When;
use crate::subscriptions::version::StateVersion;
use crate::tagged::{self, NoFields, Tagged};
use crate::time::Instant;

/// A plan or an add-on. Without a version, the current one.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = SubscribedItem)]
pub struct ItemWish {
    #[schema(example = "team")]
    pub key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
}

/// A new subscription.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewSubscription {
    pub external_key: String,
    pub customer_key: String,
    pub plan: ItemWish,
    /// Now if absent; may lie in the past or ahead.
    pub starts_at: Option<Instant>,
    /// That of the customer, or else of the project, if absent.
    pub time_zone: Option<String>,
    /// The moment at which paid time begins if absent.
    pub anchor: Option<Anchor>,
    /// That of the plan if absent; 0 for none.
    pub trial_days: Option<u16>,
    /// Instead of a number of days.
    pub trial_ends_at: Option<Instant>,
    pub usage: Option<UsageScope>,
    pub quantities: BTreeMap<PriceRef, Quantity>,
    pub add_ons: Vec<ItemWish>,
    pub overrides: BTreeMap<PriceRef, Terms>,
    pub coupons: BTreeSet<String>,
    #[serde(skip)]
    pub reason: Option<Reason>,
}

/// A change that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeRequest {
    pub change: ChangeWish,
    /// Absent: now, or where undoing a cancellation leaves no gap.
    pub effective: Option<When>,
    /// The state that the change was previewed with.
    pub state_version: Option<StateVersion>,
    pub reason: Option<Reason>,
}

/// What shall change.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "camelCase")]
#[schema(as = SubscriptionChangeWish)]
pub enum ChangeWish {
    PlanChanged(PlanWish),
    QuantityChanged(QuantityChanged),
    AddOnAdded(AddOnWish),
    AddOnRemoved(AddOnRemoved),
    Paused,
    Resumed,
    /// Ends the subscription.
    Cancelled,
    /// Undoes a cancellation; without a time of its own it is as if that had never been.
    Uncancelled,
    Overridden(Overridden),
    TrialExtended(TrialExtended),
    CouponRedeemed(CouponRedeemed),
}

/// Another plan, or another version of the same.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = SubscriptionPlanWish)]
pub struct PlanWish {
    pub plan: ItemWish,
    /// Seats that change with it; the others stay.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub quantities: BTreeMap<PriceRef, Quantity>,
    /// Agreed terms that begin with it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub overrides: BTreeMap<PriceRef, Terms>,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = SubscriptionAddOnWish)]
pub struct AddOnWish {
    pub add_on: ItemWish,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub quantities: BTreeMap<PriceRef, Quantity>,
}

impl Tagged for ChangeWish {
    const TYPES: &'static [&'static str] = &[
        "planChanged",
        "quantityChanged",
        "addOnAdded",
        "addOnRemoved",
        "paused",
        "resumed",
        "cancelled",
        "uncancelled",
        "overridden",
        "trialExtended",
        "couponRedeemed",
    ];

    fn read<'de, D: Deserializer<'de>>(kind: &str, fields: D) -> Result<ChangeWish, D::Error> {
        let plain = |wish: ChangeWish, fields: D| NoFields::deserialize(fields).map(|NoFields {}| wish);
        match kind {
            "planChanged" => Deserialize::deserialize(fields).map(ChangeWish::PlanChanged),
            "quantityChanged" => Deserialize::deserialize(fields).map(ChangeWish::QuantityChanged),
            "addOnAdded" => Deserialize::deserialize(fields).map(ChangeWish::AddOnAdded),
            "addOnRemoved" => Deserialize::deserialize(fields).map(ChangeWish::AddOnRemoved),
            "paused" => plain(ChangeWish::Paused, fields),
            "resumed" => plain(ChangeWish::Resumed, fields),
            "cancelled" => plain(ChangeWish::Cancelled, fields),
            "uncancelled" => plain(ChangeWish::Uncancelled, fields),
            "overridden" => Deserialize::deserialize(fields).map(ChangeWish::Overridden),
            "trialExtended" => Deserialize::deserialize(fields).map(ChangeWish::TrialExtended),
            "couponRedeemed" => Deserialize::deserialize(fields).map(ChangeWish::CouponRedeemed),
            other => Err(tagged::unknown::<ChangeWish, _>(other)),
        }
    }
}

impl<'de> Deserialize<'de> for ChangeWish {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ChangeWish, D::Error> {
        tagged::deserialize(deserializer)
    }
}

impl NewSubscription {
    /// Tells a repeated request from another one.
    pub fn fingerprint(&self) -> Fingerprint {
        because(Canonical::new("createSubscription").json(&json(self)), self.reason.as_ref()).fingerprint()
    }
}

impl ChangeRequest {
    /// Tells a repeated request from another one. `now` stays `now`, whenever it is sent again.
    pub fn fingerprint(&self, subscription: SubscriptionId) -> Fingerprint {
        let form = Canonical::new("changeSubscription")
            .id(subscription)
            .json(&json(&self.change))
            .optional(self.effective, |form, when| form.json(&json(&when)))
            .optional(self.state_version, |form, version| form.text(&version.to_string()));
        because(form, self.reason.as_ref()).fingerprint()
    }
}

/// Tells a repeated withdrawal from another request.
pub fn withdrawal_fingerprint(
    subscription: SubscriptionId,
    change: SubscriptionChangeId,
    reason: Option<&Reason>,
) -> Fingerprint {
    because(Canonical::new("withdrawSubscriptionChange").id(subscription).id(change), reason).fingerprint()
}

fn because(form: Canonical, reason: Option<&Reason>) -> Canonical {
    form.optional(reason, |form, reason| {
        form.text(reason.code.as_str()).optional(reason.text.as_deref(), Canonical::text)
    })
}

fn json(value: &impl serde::Serialize) -> String {
    // Cannot fail: texts, numbers as texts, and maps with text keys.
    serde_json::to_string(value).expect("a wish is representable in JSON")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subscriptions::change::{Change, ChangeKind};

    #[test]
    fn every_kind_but_the_first_can_be_asked_for() {
        let kinds = ChangeKind::ALL.iter().filter(|kind| **kind != ChangeKind::Created);
        let kinds: Vec<&str> = kinds.map(|kind| kind.as_str()).collect();
        assert_eq!(ChangeWish::TYPES, kinds);
    }

    #[rstest::rstest]
    #[case(r#"{"type":"paused"}"#)]
    #[case(r#"{"type":"addOnRemoved","addOn":"support"}"#)]
    #[case(r#"{"type":"quantityChanged","price":"seats","quantity":"7.000000"}"#)]
    fn a_wish_that_leaves_nothing_open_reads_like_the_change(#[case] json: &str) {
        let wish: ChangeWish = serde_json::from_str(json).unwrap();
        let change: Change = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&wish).unwrap(), serde_json::to_string(&change).unwrap());
    }

    #[rstest::rstest]
    #[case(r#"{"type":"paused","at":"now"}"#)]
    #[case(r#"{"type":"created"}"#)]
    #[case(r#"{"type":"planChanged","plan":{"key":"team","number":1}}"#)]
    fn what_is_not_known_is_refused(#[case] json: &str) {
        assert!(serde_json::from_str::<ChangeWish>(json).is_err());
    }
}
