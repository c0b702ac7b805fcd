//! One price of a subscription in one billing period: stretches that tile the period, and segments in which counters go on.
//!
//! A **stretch** is a part of the period in which nothing about the price changes: it is billed, or excluded for a reason. A **segment**
//! is what one plan version and one set of overrides bill of the period: allowance, minimum, cap and tier fees are prorated to it, and
//! tiers start again in the next one. A pause in between does not end a segment, and neither does another number of seats.

use jiff::tz::TimeZone;

use crate::calendar::{Anchor, Interval, Schedule};
use crate::catalog::price::{AnchorKind, Price, Timing};
use crate::named::named;
use crate::pricing::inputs::SeatStretch;
use crate::pricing::terms::Terms;
use crate::proration::share;
use crate::quantity::Quantity;
use crate::ratio::{OutOfRange, Ratio};
use crate::subscriptions::offers::Offers;
use crate::subscriptions::policy::ProrationPolicy;
use crate::subscriptions::price_ref::{PriceRef, VersionRef};
use crate::subscriptions::state::Phase;
use crate::subscriptions::timeline::{Cause, Point, Timeline};
use crate::time::Instant;
use crate::window::Span;

named! {
    /// Why time is not billed and usage in it is excluded. It can be rated later, when a change makes it billed.
    Exclusion {
        /// Before the subscription began.
        NotStarted = "notStarted",
        Trial = "trial",
        Pause = "pause",
        Ended = "ended",
        /// The subscription is active, but has no such price.
        NotPriced = "notPriced",
    }
}

/// A subscription with all that it takes to say what it bills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscription<'a> {
    pub timeline: &'a Timeline,
    pub offers: &'a Offers,
    pub policy: ProrationPolicy,
}

/// When a price is billed. A price that gets another rhythm at a plan change is billed as another one from then on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rhythm {
    pub interval: Interval,
    pub timing: Timing,
    pub anchor: AnchorKind,
}

/// A price in one rhythm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BilledPrice {
    pub price: PriceRef,
    pub rhythm: Rhythm,
}

/// What a price is, as far as its amounts depend on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Billed<'a> {
    /// The version of the plan or add-on that brings the price.
    pub source: VersionRef,
    pub price: &'a Price,
    /// Terms agreed with this customer instead of those of the price.
    pub override_terms: Option<&'a Terms>,
    /// Seats, for a seat price.
    pub quantity: Option<Quantity>,
}

/// A part of a period in which nothing about the price changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch<'a> {
    pub span: Span,
    /// Of the period; the shares of a period's stretches sum to one.
    pub share: Ratio,
    pub content: Result<Billed<'a>, Exclusion>,
    /// What happened at its start; nothing where it begins with the period.
    pub causes: Vec<Cause>,
}

/// What one version and one set of overrides bill of a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment<'a> {
    /// As it is at the start of the segment.
    pub billed: Billed<'a>,
    /// In order; more than one where something paused.
    pub spans: Vec<Span>,
    /// The part of the period, 0 to 1, that all spans together are.
    pub share: Ratio,
    /// For a seat price: its seats over the parts of the segment.
    pub seats: Vec<SeatStretch>,
}

impl<'a> Subscription<'a> {
    /// Every price that the subscription ever has, each in each of its rhythms, in the order in which they appear.
    pub fn prices(&self) -> Vec<BilledPrice> {
        let mut prices = Vec::new();
        for point in self.timeline.points() {
            for (price_ref, price) in self.offers.prices(&point.state) {
                let billed = BilledPrice { price: price_ref, rhythm: Rhythm::of(price) };
                if !prices.contains(&billed) {
                    prices.push(billed);
                }
            }
        }
        prices
    }

    /// The periods of a price.
    pub fn schedule(&self, price: &BilledPrice) -> Schedule {
        let anchor = match price.rhythm.anchor {
            AnchorKind::Calendar => Anchor::calendar(price.rhythm.interval.unit),
            AnchorKind::Anniversary => self.timeline.points()[0].state.anchor,
        };
        Schedule::new(anchor, price.rhythm.interval, self.zone())
    }

    pub fn zone(&self) -> TimeZone {
        self.timeline.zone()
    }

    /// The stretches of a period, in order; together they are the period.
    ///
    /// # Errors
    /// [`OutOfRange`] for a period without a day (or second) of its own.
    pub fn stretches(&self, price: &BilledPrice, period: Span) -> Result<Vec<Stretch<'a>>, OutOfRange> {
        let zone = self.zone();
        let mut stretches: Vec<Stretch<'a>> = Vec::new();
        for (span, point) in self.timeline.within(period) {
            let content = self.content(price, point);
            let share = share(period, span, self.policy.basis, &zone)?;
            match stretches.last_mut().filter(|last| last.content == content) {
                Some(last) => (last.span.end, last.share) = (span.end, last.share.plus(share)?),
                None => {
                    let happened = point.filter(|point| point.at == span.start);
                    let causes = happened.map_or_else(Vec::new, |point| point.causes.clone());
                    stretches.push(Stretch { span, share, content, causes });
                }
            }
        }
        Ok(stretches)
    }

    /// The segments of a period, in order.
    ///
    /// # Errors
    /// As [`Subscription::stretches`].
    pub fn segments(&self, price: &BilledPrice, period: Span) -> Result<Vec<Segment<'a>>, OutOfRange> {
        let mut segments: Vec<Segment<'a>> = Vec::new();
        let mut goes_on = false;
        for stretch in self.stretches(price, period)? {
            let billed = match stretch.content {
                Ok(billed) => billed,
                Err(Exclusion::NotPriced) => {
                    goes_on = false;
                    continue;
                }
                Err(Exclusion::NotStarted | Exclusion::Trial | Exclusion::Pause | Exclusion::Ended) => continue,
            };
            let seats = billed.quantity.map(|seats| SeatStretch { seats, share: stretch.share });
            match segments.last_mut().filter(|last| goes_on && last.billed.is_same_segment(&billed)) {
                Some(last) => {
                    last.share = last.share.plus(stretch.share)?;
                    last.seats.extend(seats);
                    match last.spans.last_mut().filter(|span| span.end == stretch.span.start) {
                        Some(span) => span.end = stretch.span.end,
                        None => last.spans.push(stretch.span),
                    }
                }
                None => {
                    let (spans, seats) = (vec![stretch.span], seats.into_iter().collect());
                    segments.push(Segment { billed, spans, share: stretch.share, seats });
                }
            }
            goes_on = true;
        }
        Ok(segments)
    }

    /// The end of what is paid for at an instant: the latest end of the current periods of prices billed in advance, or of all prices if
    /// there are none.
    pub fn period_end(&self, at: Instant) -> Option<Instant> {
        let point = self.timeline.at(at).filter(|point| point.phase != Phase::Ended)?;
        let current = self.offers.prices(&point.state).into_iter().filter_map(|(price_ref, price)| {
            let billed = BilledPrice { price: price_ref, rhythm: Rhythm::of(price) };
            Some((billed.rhythm.timing == Timing::Advance, self.schedule(&billed).period_at(at)?.end))
        });
        current.max().map(|(_, end)| end)
    }

    /// What a price is at a point, or why it is not billed.
    pub(super) fn content(&self, price: &BilledPrice, point: Option<&'a Point>) -> Result<Billed<'a>, Exclusion> {
        let point = point.ok_or(Exclusion::NotStarted)?;
        if point.phase == Phase::Ended {
            return Err(Exclusion::Ended);
        }
        let found = self.offers.price(&point.state, &price.price);
        let (source, found) =
            found.filter(|(_, found)| Rhythm::of(found) == price.rhythm).ok_or(Exclusion::NotPriced)?;
        match point.phase {
            Phase::Trial => Err(Exclusion::Trial),
            Phase::Paused => Err(Exclusion::Pause),
            Phase::Active | Phase::Ended => Ok(Billed {
                source,
                price: found,
                override_terms: point.state.overrides.get(&price.price),
                quantity: point.state.quantities.get(&price.price).copied(),
            }),
        }
    }
}

impl Rhythm {
    pub fn of(price: &Price) -> Rhythm {
        Rhythm { interval: price.interval, timing: price.timing, anchor: price.anchor }
    }
}

impl<'a> Billed<'a> {
    /// The terms in force at an instant.
    pub fn terms_at(&self, at: Instant) -> &'a Terms {
        self.override_terms.unwrap_or_else(|| self.price.terms_at(at))
    }

    /// Whether counters go on from one to the other.
    fn is_same_segment(&self, other: &Billed<'_>) -> bool {
        self.source == other.source && self.override_terms == other.override_terms
    }
}

#[cfg(test)]
mod tests;
