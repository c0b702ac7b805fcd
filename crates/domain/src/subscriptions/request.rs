//! From what people ask for to dated changes: when a change takes effect, when a trial ends, and what anniversaries are counted from.

use jiff::tz::TimeZone;

use crate::calendar::{Anchor, days_later};
use crate::proration::TimeBasis;
use crate::refusal::{Code, Refusal};
use crate::subscriptions::segments::Subscription;
use crate::subscriptions::timeline::Cause;
use crate::time::Instant;

/// When a change is asked to take effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum When {
    Now,
    /// At the end of what is paid for.
    PeriodEnd,
    At {
        at: Instant,
    },
}

impl When {
    /// The instant it means for a subscription. Whoever confirms a change confirms this instant: what happens later does not move it.
    ///
    /// The period end is the latest end of the current periods of the prices that are billed in advance, or of all prices if there are
    /// none: until then the customer has paid.
    ///
    /// # Errors
    /// [`Code::SubscriptionEnded`] for the end of a period when nothing is billed any more.
    pub fn resolve(self, subscription: &Subscription<'_>, now: Instant) -> Result<Instant, Refusal> {
        match self {
            When::Now => Ok(now),
            When::At { at } => Ok(at),
            When::PeriodEnd => subscription.period_end(now).ok_or_else(|| {
                Refusal::new(
                    Code::SubscriptionEnded,
                    "There is no current period: the subscription bills nothing any more.",
                )
            }),
        }
    }
}

/// The instant at which undoing a cancellation takes effect, so that it is as if there had been none: that of the latest cancellation
/// that still stands.
///
/// # Errors
/// [`Code::NotCancelled`] when the subscription does not end.
pub fn undo_cancellation_at(subscription: &Subscription<'_>) -> Result<Instant, Refusal> {
    let points = subscription.timeline.points();
    let cancelled = points.iter().rev().find(|point| point.causes.contains(&Cause::Cancelled));
    let ends = subscription.timeline.ended_at().is_some();
    cancelled.filter(|_| ends).map(|point| point.at).ok_or_else(|| {
        Refusal::new(Code::NotCancelled, "The subscription does not end: there is no cancellation to undo.")
    })
}

/// When a trial that begins now ends: the same local time, so many days later. `None` without a trial, or at the end of the calendar.
pub fn trial_end(start: Instant, days: Option<u16>, zone: &TimeZone) -> Option<Instant> {
    days_later(start, days.filter(|days| *days > 0)?, zone)
}

/// What anniversaries are counted from when nobody chose a day: the moment paid time begins, as it is known at creation. By days it is
/// the local day, by seconds the local time, so that the first period is a whole one.
///
/// ```
/// use domain::{proration::TimeBasis, subscriptions::request::*, time::Instant, window::zone};
/// let paid_from = Instant::parse("2024-01-31T15:30:00Z").unwrap();
/// let local = |basis| anchor(paid_from, basis, &zone("Asia/Kolkata")).local().to_string();
/// assert_eq!(local(TimeBasis::Day), "2024-01-31T00:00:00");
/// assert_eq!(local(TimeBasis::Second), "2024-01-31T21:00:00");
/// ```
pub fn anchor(paid_from: Instant, basis: TimeBasis, zone: &TimeZone) -> Anchor {
    match basis {
        TimeBasis::Day => Anchor::day_of(paid_from, zone),
        TimeBasis::Second => Anchor::at(paid_from.timestamp().to_zoned(zone.clone()).datetime()),
    }
}
