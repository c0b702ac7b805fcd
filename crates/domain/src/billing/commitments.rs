//! Minimum commitments: what is charged beside everything else of a subscription so that it comes to what its plan commits to.
//!
//! A true-up is decided after all other charges, from what they sum to in the end: whenever one of them changes, its interval is looked at
//! again, and the difference is a revision of the true-up. So what is charged in an interval, the true-up with it, is always
//! `max(committed × share, charged by prices)`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::amount::Amount;
use crate::charges::charge::{Charge, ChargeKind};
use crate::charges::commitment::{Toward, true_up};
use crate::charges::line::Item as SoldItem;
use crate::ids::InvoiceId;
use crate::ratio::OutOfRange;
use crate::refusal::Refusal;
use crate::subscriptions::commitments::Committed;
use crate::subscriptions::due::{Item, ItemKind};
use crate::subscriptions::price_ref::VersionRef;
use crate::subscriptions::segments::Subscription;
use crate::time::Instant;

use super::diff::{Before, Charged, NewCharge, missing};
use super::plan::Planned;
use super::wanted::{Billable, Charged as Line, Wanted};

/// What was charged under one key, all revisions together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargedKey {
    pub kind: ChargeKind,
    pub source: VersionRef,
    /// As the newest revision has it.
    pub rates_at: Instant,
    pub amount: Amount,
}

/// Sums up charges by their keys; revisions of a key in their order. What is no charge of a price is left out.
///
/// # Errors
/// [`OutOfRange`] when a sum does not fit.
fn by_key<'c>(charges: impl IntoIterator<Item = &'c Charge>) -> Result<BTreeMap<&'c str, ChargedKey>, OutOfRange> {
    let mut keys: BTreeMap<&str, ChargedKey> = BTreeMap::new();
    for charge in charges {
        let Some(source) = charge.source.as_ref().filter(|_| charge.kind.counts()) else { continue };
        let before = keys.get(charge.key.as_str()).map_or(Amount::ZERO, |known| known.amount);
        let amount = before.checked_add(charge.amount).ok_or(OutOfRange)?;
        let Charge { kind, rates_at, .. } = *charge;
        keys.insert(&charge.key, ChargedKey { kind, source: source.clone(), rates_at, amount });
    }
    Ok(keys)
}

impl ChargeKind {
    /// Whether it counts towards a commitment.
    pub const fn counts(self) -> bool {
        match self {
            ChargeKind::AdvanceFee | ChargeKind::AdvanceCredit | ChargeKind::ArrearsFee | ChargeKind::Usage => true,
            ChargeKind::Commitment | ChargeKind::OneOff => false,
        }
    }
}

impl Committed {
    /// What counts of charges. What comes back of fees that were paid in an earlier interval makes no commitment larger: fees in advance and
    /// their credits count together, and never for less than nothing.
    ///
    /// # Errors
    /// [`OutOfRange`] when a sum does not fit.
    pub fn toward<'c>(&self, charged: impl IntoIterator<Item = &'c ChargedKey>) -> Result<Toward, OutOfRange> {
        let (mut advance, mut arrears, mut usage) = (Amount::ZERO, Amount::ZERO, Amount::ZERO);
        let own = charged.into_iter().filter(|key| key.source == self.source && self.counts.contains(key.rates_at));
        for key in own {
            let sum = match key.kind {
                ChargeKind::AdvanceFee | ChargeKind::AdvanceCredit => &mut advance,
                ChargeKind::ArrearsFee => &mut arrears,
                ChargeKind::Usage => &mut usage,
                ChargeKind::Commitment | ChargeKind::OneOff => continue,
            };
            *sum = sum.checked_add(key.amount).ok_or(OutOfRange)?;
        }
        let fees = advance.max(Amount::ZERO).checked_add(arrears).ok_or(OutOfRange)?;
        Ok(Toward { fees, usage })
    }
}

/// What of a subscription's commitments is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Look<'l> {
    /// Intervals that are due, or may have changed: see [`Subscription::with_touched`].
    pub planned: &'l [Planned],
    /// True-ups that a change may have made unwanted.
    pub before: &'l BTreeMap<String, Before>,
    /// Everything that was charged since [`Subscription::counted_from`] the first of the intervals, each with the issued invoice that it is
    /// on; revisions of a key in their order.
    pub history: &'l [(Charge, Option<InvoiceId>)],
    /// What is charged beside.
    pub new: &'l [NewCharge],
}

/// A true-up that is missing, and what was charged under its key before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrueUp {
    pub new: NewCharge,
    pub before: Amount,
}

/// What came of a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrueUps {
    pub missing: Vec<TrueUp>,
    /// Those of the planned intervals, by place, that have a true-up, now or from before.
    pub trued_up: BTreeSet<usize>,
}

impl Subscription<'_> {
    /// The planned intervals, and those billed before for which something new counts.
    ///
    /// # Errors
    /// As [`Subscription::committed`].
    pub fn with_touched(
        &self,
        mut planned: Vec<Planned>,
        new: &[NewCharge],
        billed_until: Option<Instant>,
        late_buffer: Duration,
    ) -> Result<Vec<Planned>, OutOfRange> {
        let Some(billed_until) = billed_until else { return Ok(planned) };
        for NewCharge { charge, falls_on, .. } in new.iter().filter(|new| new.charge.kind.counts()) {
            for item in self.commitments_of(charge, late_buffer)?.into_iter().filter(|item| item.due_at <= billed_until)
            {
                let is_same = |known: &&mut Planned| known.item.price == item.price && known.item.period == item.period;
                match planned.iter_mut().find(is_same) {
                    Some(known) => known.falls_on = known.falls_on.max(*falls_on),
                    None => planned.push(Planned { falls_on: *falls_on, item }),
                }
            }
        }
        Ok(planned)
    }

    /// The intervals for which a charge counts.
    fn commitments_of(&self, charge: &Charge, late_buffer: Duration) -> Result<Vec<Item>, OutOfRange> {
        let counts =
            |part: &Committed| Some(&part.source) == charge.source.as_ref() && part.counts.contains(charge.rates_at);
        let mut items = Vec::new();
        for price in self.commitments() {
            let schedule = self.schedule(&price);
            let Some(number) = schedule.number_at(charge.rates_at) else { continue };
            let Some(period) = schedule.period(number) else { continue };
            if self.committed(&price, period)?.is_ok_and(|parts| parts.iter().any(counts)) {
                let at = self.closes_at(period);
                let due_at = at.checked_add(late_buffer).ok_or(OutOfRange)?;
                let kind = ItemKind::Arrears;
                items.push(Item { price, number, period, kind, at, due_at, skipped: None, windows: None });
            }
        }
        Ok(items)
    }
}

impl Billable<'_> {
    /// What is missing to the commitments, or too much.
    ///
    /// # Errors
    /// [`crate::refusal::Code::QuantityOutOfRange`] when an amount does not fit.
    pub fn missing_true_ups(
        &self,
        look: &Look<'_>,
        charged: &Charged,
        withdrawn_on: Instant,
    ) -> Result<TrueUps, Refusal> {
        let Look { planned, before, history, new } = *look;
        let of_prices = history.iter().map(|(charge, _)| charge).chain(new.iter().map(|new| &new.charge));
        let by_key = by_key(of_prices)?;
        let mut known = before.clone();
        known.extend(true_ups_before(history, planned)?);
        let (mut wanted, mut place_of) = (Vec::new(), BTreeMap::new());
        for (place, planned) in planned.iter().enumerate() {
            let true_ups = self.true_ups(planned, &by_key)?.into_iter();
            // What was never missing is no line.
            let true_ups = true_ups.filter(|wanted| !wanted.amount.is_zero() || known.contains_key(&wanted.key));
            for true_up in true_ups {
                place_of.insert(true_up.key.clone(), place);
                wanted.push(true_up);
            }
        }
        let item_of = |key: &str| {
            let planned = &planned[*place_of.get(key)?];
            Some(planned.item.id(charged.project, charged.subscription))
        };
        let missing = missing(wanted, &known, charged, withdrawn_on)?.into_iter().map(|mut new| {
            let before = known.get(&new.charge.key).map_or(Amount::ZERO, |known| known.billed.amount);
            new.charge.item = item_of(&new.charge.key).or(new.charge.item);
            TrueUp { new, before }
        });
        Ok(TrueUps { missing: missing.collect(), trued_up: place_of.values().copied().collect() })
    }

    /// The true-ups of an interval, given everything that is charged by prices.
    fn true_ups(&self, planned: &Planned, charged: &BTreeMap<&str, ChargedKey>) -> Result<Vec<Wanted>, Refusal> {
        let Planned { item, .. } = planned;
        let Ok(parts) = self.subscription.committed(&item.price, item.period)? else { return Ok(Vec::new()) };
        parts.iter().map(|part| self.true_up(planned, part, part.toward(charged.values())?)).collect()
    }

    fn true_up(&self, planned: &Planned, part: &Committed, toward: Toward) -> Result<Wanted, Refusal> {
        let Committed { source, minimum, part: span, share, counts } = part;
        let sold = SoldItem { key: &source.key, version: source.version, currency: self.currency()? };
        let mut line = true_up(minimum, sold, toward, *share, Some(*counts))?;
        line.id = format!("{}/{}", line.id, span.start);
        (line.period, line.part) = (Some(planned.item.period), Some(*span));
        let key = format!("{}/commitment", span.start);
        let kind = ChargeKind::Commitment;
        self.wanted(planned, Line { kind, source, key, part: *span, line, open_until: None })
    }
}

/// The true-ups that were charged for these intervals, by key.
fn true_ups_before(
    history: &[(Charge, Option<InvoiceId>)],
    planned: &[Planned],
) -> Result<BTreeMap<String, Before>, OutOfRange> {
    let mut known: BTreeMap<String, Before> = BTreeMap::new();
    for (charge, issued_on) in history {
        let is_asked = planned.iter().any(|planned| Some(planned.item.period) == charge.period);
        if charge.kind == ChargeKind::Commitment && is_asked {
            let together = Before::with(known.remove(&charge.key), charge.clone(), *issued_on)?;
            known.insert(charge.key.clone(), together);
        }
    }
    Ok(known)
}

#[cfg(test)]
mod tests;
