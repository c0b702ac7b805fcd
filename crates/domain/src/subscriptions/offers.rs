//! What the catalog says about a subscription: the plan and add-on versions that its changes name, and which states they allow.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::add_on::AddOn;
use crate::catalog::coupon::Coupon;
use crate::catalog::plan::{PlanState, PlanVersion};
use crate::catalog::price::Price;
use crate::pricing::model::PriceKind;
use crate::pricing::terms::Terms;
use crate::problems::Problems;
use crate::quantity::Quantity;
use crate::refusal::{Code, Refusal};
use crate::subscriptions::change::{Change, Overridden, QuantityChanged, SubscriptionChange};
use crate::subscriptions::price_ref::{PriceRef, VersionRef};
use crate::subscriptions::state::{State, check_quantity};
use crate::time::Instant;
use crate::time_zone::time_zone;

/// The versions that are known. Loaded for the subscriptions at hand; what is missing here does not exist.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Offers {
    pub plans: BTreeMap<VersionRef, PlanVersion>,
    pub add_ons: BTreeMap<VersionRef, AddOn>,
    pub coupons: BTreeMap<String, Coupon>,
}

impl Offers {
    /// Every price that a state has, the plan's first, in the order of the catalog.
    pub fn prices<'a>(&'a self, state: &State) -> Vec<(PriceRef, &'a Price)> {
        let of_plan = self.plans.get(&state.plan).map_or(&[][..], |plan| &plan.definition.prices);
        let mut prices: Vec<_> = of_plan.iter().map(|price| (PriceRef::of_plan(&price.key), price)).collect();
        for (key, version) in &state.add_ons {
            let booked = self.add_ons.get(&VersionRef { key: key.clone(), version: *version });
            let of_add_on = booked.map_or(&[][..], |add_on| &add_on.prices);
            prices.extend(of_add_on.iter().map(|price| (PriceRef::of_add_on(key, &price.key), price)));
        }
        prices
    }

    /// A price of a state, and the version that brings it.
    pub fn price<'a>(&'a self, state: &State, price: &PriceRef) -> Option<(VersionRef, &'a Price)> {
        let (source, prices) = match &price.add_on {
            None => (state.plan.clone(), &self.plans.get(&state.plan)?.definition.prices),
            Some(key) => {
                let source = VersionRef { key: key.clone(), version: *state.add_ons.get(key)? };
                let prices = &self.add_ons.get(&source)?.prices;
                (source, prices)
            }
        };
        Some((source, prices.iter().find(|candidate| candidate.key == price.price)?))
    }

    /// The metrics that a state prices, each once, with the price.
    ///
    /// # Errors
    /// [`Code::MetricAlreadyPriced`] when two prices measure the same metric.
    pub fn metrics<'a>(&'a self, state: &State) -> Result<BTreeMap<&'a str, PriceRef>, Refusal> {
        let mut metrics = BTreeMap::new();
        for (price_ref, price) in self.prices(state) {
            let Some(metric) = price.metric.as_deref() else { continue };
            if let Some(first) = metrics.insert(metric, price_ref.clone()) {
                let detail = format!("The prices `{first}` and `{price_ref}` would both measure `{metric}`.");
                return Err(Refusal::new(Code::MetricAlreadyPriced, detail));
            }
        }
        Ok(metrics)
    }

    /// Whether the catalog allows a state, and the step to it from the one before.
    ///
    /// # Errors
    /// [`Code::UnknownPlan`], [`Code::PlanNotPublished`], [`Code::CurrencyChange`], [`Code::UnknownAddOn`], [`Code::AddOnNotOffered`],
    /// [`Code::QuantityRequired`], [`Code::MetricAlreadyPriced`], [`Code::UnknownCoupon`].
    pub fn check(&self, before: Option<&State>, state: &State) -> Result<(), Refusal> {
        let plan = self.plan(&state.plan)?;
        if let Some(before) = before {
            let (from, to) = (self.plan(&before.plan)?.definition.currency, plan.definition.currency);
            if from != to {
                let detail = format!("`{}` is in {to}, and the subscription in {from}.", state.plan.key);
                return Err(Refusal::new(Code::CurrencyChange, detail));
            }
        }
        for (key, version) in &state.add_ons {
            self.check_add_on(plan, VersionRef { key: key.clone(), version: *version })?;
        }
        for (price_ref, price) in self.prices(state) {
            if price.kind() == PriceKind::Seat && !state.quantities.contains_key(&price_ref) {
                let detail = format!("The price `{price_ref}` is for seats. Say how many in `quantities`.");
                return Err(Refusal::new(Code::QuantityRequired, detail));
            }
        }
        if let Some(coupon) = state.coupons.keys().find(|coupon| !self.coupons.contains_key(*coupon)) {
            return Err(Refusal::new(Code::UnknownCoupon, format!("There is no coupon `{coupon}`.")));
        }
        self.metrics(state).map(|_| ())
    }

    /// Whether a new change says something about prices that the state after it has.
    ///
    /// # Errors
    /// [`Code::UnknownPrice`] for a price that is not there, or a quantity of one that has no seats; [`Code::InvalidCatalog`] for terms
    /// that are wrong; [`Code::InvalidValue`] for terms of another kind, an unknown zone, or a trial that ends before it begins.
    pub fn check_change(&self, change: &SubscriptionChange, state: &State) -> Result<(), Refusal> {
        match &change.change {
            Change::Created(created) => {
                time_zone("zone", &created.zone)?;
                check_trial(created.trial_ends_at, change.effective_at)?;
                created.quantities.iter().try_for_each(|(price, quantity)| check_quantity(price, *quantity))?;
                self.check_quantities(state, &created.quantities)?;
                self.check_overrides(state, &created.overrides)
            }
            Change::PlanChanged(changed) => {
                self.check_quantities(state, &changed.quantities)?;
                self.check_overrides(state, &changed.overrides)
            }
            Change::QuantityChanged(QuantityChanged { price, .. }) => self.check_seats(state, price),
            Change::AddOnAdded(added) => self.check_quantities(state, &added.quantities),
            Change::Overridden(Overridden { price, terms: Some(terms) }) => self.check_terms(state, price, terms),
            Change::Overridden(Overridden { terms: None, .. })
            | Change::AddOnRemoved(_)
            | Change::Paused
            | Change::Resumed
            | Change::Cancelled
            | Change::Uncancelled
            | Change::TrialExtended(_)
            | Change::CouponRedeemed(_) => Ok(()),
        }
    }

    /// The versions that changes name: what has to be loaded for them.
    pub fn named_by<'c>(changes: impl IntoIterator<Item = &'c Change>) -> (BTreeSet<VersionRef>, BTreeSet<VersionRef>) {
        let (mut plans, mut add_ons) = (BTreeSet::new(), BTreeSet::new());
        for change in changes {
            match change {
                Change::Created(created) => {
                    plans.insert(created.plan.clone());
                    let booked = created.add_ons.iter();
                    add_ons.extend(booked.map(|(key, version)| VersionRef { key: key.clone(), version: *version }));
                }
                Change::PlanChanged(changed) => plans.extend([changed.plan.clone()]),
                Change::AddOnAdded(added) => add_ons.extend([added.add_on.clone()]),
                Change::QuantityChanged(_)
                | Change::AddOnRemoved(_)
                | Change::Paused
                | Change::Resumed
                | Change::Cancelled
                | Change::Uncancelled
                | Change::Overridden(_)
                | Change::TrialExtended(_)
                | Change::CouponRedeemed(_) => {}
            }
        }
        (plans, add_ons)
    }

    /// The coupons that changes name: what has to be loaded for them too.
    pub fn coupons_named_by<'c>(changes: impl IntoIterator<Item = &'c Change>) -> BTreeSet<String> {
        let mut coupons = BTreeSet::new();
        for change in changes {
            match change {
                Change::Created(created) => coupons.extend(created.coupons.iter().cloned()),
                Change::CouponRedeemed(redeemed) => coupons.extend([redeemed.coupon.clone()]),
                Change::PlanChanged(_)
                | Change::QuantityChanged(_)
                | Change::AddOnAdded(_)
                | Change::AddOnRemoved(_)
                | Change::Paused
                | Change::Resumed
                | Change::Cancelled
                | Change::Uncancelled
                | Change::Overridden(_)
                | Change::TrialExtended(_) => {}
            }
        }
        coupons
    }

    fn plan(&self, plan: &VersionRef) -> Result<&PlanVersion, Refusal> {
        let unknown = || Refusal::new(Code::UnknownPlan, format!("There is no plan {plan}."));
        let found = self.plans.get(plan).ok_or_else(unknown)?;
        match found.state {
            PlanState::Published => Ok(found),
            PlanState::Draft => {
                Err(Refusal::new(Code::PlanNotPublished, format!("{plan} is a draft. Publish it first.")))
            }
        }
    }

    fn check_add_on(&self, plan: &PlanVersion, add_on: VersionRef) -> Result<(), Refusal> {
        let unknown = || Refusal::new(Code::UnknownAddOn, format!("There is no add-on {add_on}."));
        let found = self.add_ons.get(&add_on).ok_or_else(unknown)?;
        let is_offered = plan.definition.add_ons.contains(&add_on.key) && found.currency == plan.definition.currency;
        if !is_offered {
            let detail =
                format!("The add-on `{}` cannot be booked with the plan `{}`.", add_on.key, plan.definition.key);
            return Err(Refusal::new(Code::AddOnNotOffered, detail));
        }
        Ok(())
    }

    fn check_quantities(&self, state: &State, quantities: &BTreeMap<PriceRef, Quantity>) -> Result<(), Refusal> {
        quantities.keys().try_for_each(|price| self.check_seats(state, price))
    }

    fn check_seats(&self, state: &State, price: &PriceRef) -> Result<(), Refusal> {
        match self.price(state, price) {
            Some((_, found)) if found.kind() == PriceKind::Seat => Ok(()),
            Some(_) => Err(Refusal::new(Code::UnknownPrice, format!("The price `{price}` has no seats."))),
            None => Err(unknown_price(price)),
        }
    }

    fn check_overrides(&self, state: &State, overrides: &BTreeMap<PriceRef, Terms>) -> Result<(), Refusal> {
        overrides.iter().try_for_each(|(price, terms)| self.check_terms(state, price, terms))
    }

    fn check_terms(&self, state: &State, price: &PriceRef, terms: &Terms) -> Result<(), Refusal> {
        let (_, found) = self.price(state, price).ok_or_else(|| unknown_price(price))?;
        let mut problems = Problems::default();
        terms.check("terms", &mut problems);
        problems.into_result()?;
        if terms.model.kind() != found.kind() {
            let detail = format!("must be those of a {} price.", found.kind());
            return Err(Refusal::field(Code::InvalidValue, "terms.model.type", detail));
        }
        Ok(())
    }
}

fn check_trial(ends_at: Option<Instant>, starts_at: Instant) -> Result<(), Refusal> {
    if ends_at.is_some_and(|end| end <= starts_at) {
        return Err(Refusal::field(Code::InvalidValue, "trialEndsAt", "must be later than the beginning."));
    }
    Ok(())
}

fn unknown_price(price: &PriceRef) -> Refusal {
    Refusal::new(Code::UnknownPrice, format!("The subscription has no price `{price}` at that time."))
}

#[cfg(test)]
mod tests;
