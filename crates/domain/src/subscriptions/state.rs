//! The state of a subscription, and what each change makes of it. A change that is not possible is refused with a code of its own.
//!
//! Only what the subscription itself knows is judged here; what the catalog says is judged in [`super::offers`].

use std::collections::BTreeMap;

use crate::calendar::Anchor;
use crate::named::named;
use crate::pricing::terms::Terms;
use crate::quantity::Quantity;
use crate::refusal::{Code, Refusal};
use crate::subscriptions::change::{AddOnAdded, Change, Created, Overridden, PlanChanged, UsageScope};
use crate::subscriptions::price_ref::{PriceRef, VersionRef};
use crate::time::Instant;

named! {
    /// Where a subscription is in its life.
    Phase {
        /// Before its first paid moment.
        Trial = "trial",
        Active = "active",
        Paused = "paused",
        Ended = "ended",
    }
}

/// A subscription at an instant.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SubscriptionState)]
pub struct State {
    pub started_at: Instant,
    pub plan: VersionRef,
    pub zone: String,
    #[schema(value_type = String, example = "2024-01-31T00:00:00")]
    pub anchor: Anchor,
    pub usage: UsageScope,
    pub trial_ends_at: Option<Instant>,
    pub paused_since: Option<Instant>,
    pub ended_at: Option<Instant>,
    /// Seats by price. Those of prices that the plan does not have now are kept, in case it has them again.
    pub quantities: BTreeMap<PriceRef, Quantity>,
    pub add_ons: BTreeMap<String, u32>,
    pub overrides: BTreeMap<PriceRef, Terms>,
    /// When each coupon was redeemed.
    pub coupons: BTreeMap<String, Instant>,
}

impl State {
    /// The state that the first change makes.
    pub fn created(created: &Created, at: Instant) -> State {
        let created = created.clone();
        State {
            started_at: at,
            plan: created.plan,
            zone: created.zone,
            anchor: created.anchor,
            usage: created.usage,
            trial_ends_at: created.trial_ends_at,
            paused_since: None,
            ended_at: None,
            quantities: created.quantities,
            add_ons: created.add_ons,
            overrides: created.overrides,
            coupons: created.coupons.into_iter().map(|coupon| (coupon, at)).collect(),
        }
    }

    /// The phase at an instant in which this is the state.
    pub fn phase(&self, at: Instant) -> Phase {
        if self.ended_at.is_some() {
            Phase::Ended
        } else if self.paused_since.is_some() {
            Phase::Paused
        } else if self.trial_ends_at.is_some_and(|end| at < end) {
            Phase::Trial
        } else {
            Phase::Active
        }
    }

    /// When paid time begins, unless something else changes it.
    pub fn paid_from(&self) -> Instant {
        self.trial_ends_at.map_or(self.started_at, |end| end.max(self.started_at))
    }

    /// The state after a change that takes effect at `at`.
    ///
    /// # Errors
    /// [`Code::SubscriptionEnded`] for everything but undoing the cancellation, and for each change the code of its own: it is possible
    /// only in certain states, and it changes something.
    pub fn after(&self, change: &Change, at: Instant) -> Result<State, Refusal> {
        let mut state = self.clone();
        match (change, self.ended_at) {
            (Change::Uncancelled, Some(_)) => {
                state.ended_at = None;
                return Ok(state);
            }
            (Change::Uncancelled, None) => {
                return Err(refused(Code::NotCancelled, at, "the subscription is not cancelled"));
            }
            (_, Some(ended_at)) => {
                let detail = format!("the subscription has ended ({ended_at})");
                return Err(refused(Code::SubscriptionEnded, at, &detail));
            }
            (_, None) => state.apply(change, at)?,
        }
        if state == *self {
            return Err(refused(Code::NothingChanges, at, "the subscription is as asked for already"));
        }
        Ok(state)
    }

    fn apply(&mut self, change: &Change, at: Instant) -> Result<(), Refusal> {
        match change {
            Change::Created(_) => return Err(refused(Code::NothingChanges, at, "the subscription exists")),
            Change::PlanChanged(changed) => self.change_plan(changed)?,
            Change::QuantityChanged(changed) => self.set_quantity(&changed.price, changed.quantity)?,
            Change::AddOnAdded(added) => self.add(added, at)?,
            Change::AddOnRemoved(removed) => self.remove(&removed.add_on, at)?,
            Change::Paused if self.paused_since.is_some() => {
                return Err(refused(Code::AlreadyPaused, at, "the subscription is paused"));
            }
            Change::Paused => self.paused_since = Some(at),
            Change::Resumed => {
                let ended = self.paused_since.take();
                ended.ok_or_else(|| refused(Code::NotPaused, at, "the subscription is not paused"))?;
            }
            Change::Cancelled => self.ended_at = Some(at),
            // Judged before: only what has ended is taken up again.
            Change::Uncancelled => {}
            Change::Overridden(Overridden { price, terms: Some(terms) }) => {
                self.overrides.insert(price.clone(), terms.clone());
            }
            Change::Overridden(Overridden { price, terms: None }) => {
                self.overrides.remove(price);
            }
            Change::TrialExtended(extended) => self.extend_trial(extended.trial_ends_at, at)?,
            Change::CouponRedeemed(redeemed) => {
                if self.coupons.insert(redeemed.coupon.clone(), at).is_some() {
                    let detail = format!("the coupon `{}` was redeemed before", redeemed.coupon);
                    return Err(refused(Code::CouponRedeemed, at, &detail));
                }
            }
        }
        Ok(())
    }

    fn change_plan(&mut self, changed: &PlanChanged) -> Result<(), Refusal> {
        if changed.plan.key != self.plan.key {
            self.overrides.retain(|price, _| price.add_on.is_some());
        }
        self.plan = changed.plan.clone();
        self.overrides.extend(changed.overrides.clone());
        self.set_quantities(&changed.quantities)
    }

    fn add(&mut self, added: &AddOnAdded, at: Instant) -> Result<(), Refusal> {
        let VersionRef { key, version } = &added.add_on;
        if self.add_ons.insert(key.clone(), *version).is_some() {
            return Err(refused(Code::AddOnBooked, at, &format!("the add-on `{key}` is booked")));
        }
        self.set_quantities(&added.quantities)
    }

    fn remove(&mut self, key: &str, at: Instant) -> Result<(), Refusal> {
        if self.add_ons.remove(key).is_none() {
            return Err(refused(Code::AddOnNotBooked, at, &format!("the add-on `{key}` is not booked")));
        }
        let is_other = |price: &PriceRef| price.add_on.as_deref() != Some(key);
        self.quantities.retain(|price, _| is_other(price));
        self.overrides.retain(|price, _| is_other(price));
        Ok(())
    }

    fn extend_trial(&mut self, to: Instant, at: Instant) -> Result<(), Refusal> {
        let Some(end) = self.trial_ends_at.filter(|end| at < *end) else {
            return Err(refused(Code::TrialOver, at, "there is no trial"));
        };
        if to <= end {
            return Err(Refusal::field(Code::InvalidValue, "trialEndsAt", format!("must be later than {end}.")));
        }
        self.trial_ends_at = Some(to);
        Ok(())
    }

    fn set_quantities(&mut self, quantities: &BTreeMap<PriceRef, Quantity>) -> Result<(), Refusal> {
        quantities.iter().try_for_each(|(price, quantity)| self.set_quantity(price, *quantity))
    }

    fn set_quantity(&mut self, price: &PriceRef, quantity: Quantity) -> Result<(), Refusal> {
        check_quantity(price, quantity)?;
        self.quantities.insert(price.clone(), quantity);
        Ok(())
    }
}

/// A quantity may be zero, never negative.
pub(super) fn check_quantity(price: &PriceRef, quantity: Quantity) -> Result<(), Refusal> {
    if quantity.is_negative() {
        return Err(Refusal::field(Code::OutOfRange, format!("quantities.{price}"), "must not be negative."));
    }
    Ok(())
}

fn refused(code: Code, at: Instant, why: &str) -> Refusal {
    Refusal::new(code, format!("At {at} {why}."))
}

#[cfg(test)]
mod tests;
