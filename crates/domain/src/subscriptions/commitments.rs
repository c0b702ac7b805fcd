//! Minimum commitments of a subscription: which versions of its plan commit it to an amount, and to which share of it in an interval.
//!
//! Intervals are counted from the anchor of the subscription, as contracts are. What a version of the plan commits to in an interval is its
//! share of the time that is billed: nothing is committed in a trial, in a pause, before the beginning or after the end. A plan change
//! ends a part, a pause does not, as with the segments of prices. All parts of an interval are due when it closes, with what is billed
//! in arrears then.

use crate::calendar::Interval;
use crate::catalog::plan::MinimumCommitment;
use crate::catalog::price::{AnchorKind, Timing};
use crate::charges::commitment::COMMITMENT_KEY;
use crate::proration::share;
use crate::ratio::{OutOfRange, Ratio};
use crate::subscriptions::price_ref::{PriceRef, VersionRef};
use crate::subscriptions::segments::{BilledPrice, Exclusion, Rhythm, Subscription};
use crate::subscriptions::state::Phase;
use crate::subscriptions::timeline::Point;
use crate::time::Instant;
use crate::window::Span;

/// What one version of the plan commits to in an interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    pub source: VersionRef,
    pub minimum: MinimumCommitment,
    /// From its first moment that is billed to its last.
    pub part: Span,
    /// Of the interval, 0 to 1.
    pub share: Ratio,
    /// What is charged by the rates of this time counts towards it. The times of one version are the whole interval, so that what comes
    /// back in a pause counts, too.
    pub counts: Span,
}

/// The parts of an interval, or why it has none.
type Parts = Result<Vec<Committed>, Exclusion>;

impl BilledPrice {
    /// What stands for commitments of an interval among the prices of a subscription.
    fn commitment(interval: Interval) -> BilledPrice {
        let rhythm = Rhythm { interval, timing: Timing::Arrears, anchor: AnchorKind::Anniversary };
        BilledPrice { price: PriceRef::of_plan(COMMITMENT_KEY), rhythm }
    }

    /// Whether it stands for commitments: no price has such a key.
    pub fn is_commitment(&self) -> bool {
        self.price.add_on.is_none() && self.price.price == COMMITMENT_KEY
    }
}

impl Subscription<'_> {
    /// What stands for the commitments that the subscription ever has, one for each length of interval, in the order in which they appear.
    pub fn commitments(&self) -> Vec<BilledPrice> {
        let mut prices = Vec::new();
        for point in self.timeline.points() {
            if let Some(minimum) = self.minimum(point) {
                let price = BilledPrice::commitment(minimum.interval);
                if !prices.contains(&price) {
                    prices.push(price);
                }
            }
        }
        prices
    }

    /// What is committed in an interval, version by version of the plan.
    ///
    /// # Errors
    /// [`OutOfRange`] for an interval without a day (or second) of its own.
    pub fn committed(&self, price: &BilledPrice, interval: Span) -> Result<Parts, OutOfRange> {
        let zone = self.zone();
        let mut parts: Vec<Committed> = Vec::new();
        let mut excluded: Vec<Exclusion> = Vec::new();
        let mut goes_on = false;
        for (span, point) in self.timeline.within(interval) {
            let (source, minimum) = match self.committed_at(price, point) {
                Ok(committed) => committed,
                Err(exclusion) => {
                    goes_on &= exclusion != Exclusion::NotPriced;
                    excluded.push(exclusion);
                    continue;
                }
            };
            let share = share(interval, span, self.policy.basis, &zone)?;
            match parts.last_mut().filter(|last| goes_on && last.source == source) {
                Some(last) => (last.part.end, last.share) = (span.end, last.share.plus(share)?),
                None => parts.push(Committed { source, minimum, part: span, share, counts: interval }),
            }
            goes_on = true;
        }
        count_each_moment_once(&mut parts);
        let excluded = excluded.into_iter().max_by_key(|exclusion| exclusion.weight());
        Ok(match excluded.filter(|_| parts.is_empty()) {
            Some(exclusion) => Err(exclusion),
            None => Ok(parts),
        })
    }

    /// From when on charges have to be known to say what was charged for an interval that begins at an instant: the revisions of a charge
    /// come up in one period of its price.
    pub fn counted_from(&self, interval_start: Instant) -> Instant {
        let starts = self.prices().into_iter().filter_map(|price| self.schedule(&price).period_at(interval_start));
        starts.map(|period| period.start).min().map_or(interval_start, |start| start.min(interval_start))
    }

    fn committed_at(
        &self,
        price: &BilledPrice,
        point: Option<&Point>,
    ) -> Result<(VersionRef, MinimumCommitment), Exclusion> {
        let point = point.ok_or(Exclusion::NotStarted)?;
        if point.phase == Phase::Ended {
            return Err(Exclusion::Ended);
        }
        let minimum = self.minimum(point).filter(|minimum| minimum.interval == price.rhythm.interval);
        let minimum = minimum.ok_or(Exclusion::NotPriced)?;
        match point.phase {
            Phase::Trial => Err(Exclusion::Trial),
            Phase::Paused => Err(Exclusion::Pause),
            Phase::Active | Phase::Ended => Ok((point.state.plan.clone(), minimum)),
        }
    }

    fn minimum(&self, point: &Point) -> Option<MinimumCommitment> {
        self.offers.plans.get(&point.state.plan)?.definition.minimum_commitment
    }
}

/// Where a version comes back in an interval, what is charged from then on counts for its later part.
fn count_each_moment_once(parts: &mut [Committed]) {
    for index in 1..parts.len() {
        let (before, from_here) = parts.split_at_mut(index);
        let this = &mut from_here[0];
        if let Some(last) = before.iter_mut().rev().find(|earlier| earlier.source == this.source) {
            (last.counts.end, this.counts.start) = (this.part.start, this.part.start);
        }
    }
}

#[cfg(test)]
mod tests;
