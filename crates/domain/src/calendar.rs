//! Billing periods: stretches of a calendar, counted from a stored anchor. Period n is always computed from the anchor, never from the
//! period before: counting on from 28 February would lose the 31st for ever.
//!
//! A boundary is the local time of the anchor on the n-th date. A date that a month does not have is its last day (anchor 31 January:
//! 29 February 2024, 31 March 2024). A local time that a clock skips is as much later as the clock jumped; one that happens twice is the
//! first of the two (RFC 5545, section 3.3.5). A day that a zone skipped as a whole (Samoa, 30 December 2011) is a period without a moment.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span as Distance, ToSpan};

use crate::named::named;
use crate::time::Instant;
use crate::window::{Span, Window};

named! {
    /// The unit of a billing interval.
    IntervalUnit {
        Day = "day",
        Week = "week",
        Month = "month",
        Quarter = "quarter",
        Year = "year",
    }
}

/// How long a billing period is: `every` units, 1 to 1,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Interval {
    pub unit: IntervalUnit,
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub every: u16,
}

/// The most units of one interval.
pub const EVERY_MAX: u16 = 1_000;

/// What a period is made of: the calendar knows only days and months.
#[derive(Debug, Clone, Copy)]
enum Length {
    Days(i64),
    Months(i64),
}

impl Interval {
    /// One unit: `Interval::of(IntervalUnit::Month)` is monthly.
    pub const fn of(unit: IntervalUnit) -> Interval {
        Interval { unit, every: 1 }
    }

    fn length(self) -> Length {
        let every = i64::from(self.every.clamp(1, EVERY_MAX));
        match self.unit {
            IntervalUnit::Day => Length::Days(every),
            IntervalUnit::Week => Length::Days(7 * every),
            IntervalUnit::Month => Length::Months(every),
            IntervalUnit::Quarter => Length::Months(3 * every),
            IntervalUnit::Year => Length::Months(12 * every),
        }
    }
}

/// Where periods are counted from: a local date and time. Stored with the subscription; never moved by what happens later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor(DateTime);

impl Anchor {
    /// The periods begin at midnight of this date.
    pub fn on(date: Date) -> Anchor {
        Anchor(date.to_datetime(jiff::civil::Time::midnight()))
    }

    /// The periods begin at this local date and time.
    pub const fn at(local: DateTime) -> Anchor {
        Anchor(local)
    }

    /// The local day of an instant: what an anniversary is counted from.
    pub fn day_of(instant: Instant, zone: &TimeZone) -> Anchor {
        Anchor::on(instant.timestamp().to_zoned(zone.clone()).date())
    }

    /// The anchor of all who follow the calendar: weeks begin on Monday (ISO 8601); months, quarters and years with the first of January.
    /// Every second (third …) unit is counted from 1970.
    pub fn calendar(unit: IntervalUnit) -> Anchor {
        let day = match unit {
            IntervalUnit::Week => 5,
            IntervalUnit::Day | IntervalUnit::Month | IntervalUnit::Quarter | IntervalUnit::Year => 1,
        };
        Anchor::on(jiff::civil::date(1970, 1, day))
    }

    pub const fn local(self) -> DateTime {
        self.0
    }
}

/// As it is stored: a local date and time without a zone, `2024-01-31T00:00:00`.
impl serde::Serialize for Anchor {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Anchor {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Anchor, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map(Anchor).map_err(serde::de::Error::custom)
    }
}

/// A schedule of billing periods: an anchor, an interval and a zone.
///
/// ```
/// use domain::calendar::*;
/// use domain::window::zone;
/// let monthly = Schedule::new(Anchor::on(jiff::civil::date(2024, 1, 31)), Interval::of(IntervalUnit::Month), zone("Europe/Berlin"));
/// let february = monthly.period(1).unwrap();
/// assert_eq!(february.start.to_string(), "2024-02-28T23:00:00.000Z");
/// assert_eq!(february.end.to_string(), "2024-03-30T23:00:00.000Z");
/// assert_eq!(monthly.number_at(february.start), Some(1));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    anchor: Anchor,
    interval: Interval,
    zone: TimeZone,
}

impl Schedule {
    pub const fn new(anchor: Anchor, interval: Interval, zone: TimeZone) -> Schedule {
        Schedule { anchor, interval, zone }
    }

    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The n-th period; 0 begins at the anchor, negative ones lie before it. `None` beyond the years -9999 to 9999.
    pub fn period(&self, number: i64) -> Option<Span> {
        Some(Span { start: self.boundary(number)?, end: self.boundary(number.checked_add(1)?)? })
    }

    /// The number of the one period that holds the instant.
    pub fn number_at(&self, at: Instant) -> Option<i64> {
        let local = at.timestamp().to_zoned(self.zone.clone()).datetime();
        let mut number = match self.interval.length() {
            Length::Days(days) => i64::from(days_between(self.anchor.0.date(), local.date())?).div_euclid(days),
            Length::Months(months) => {
                (month_number(local.date()) - month_number(self.anchor.0.date())).div_euclid(months)
            }
        };
        // The estimate is a civil one: the time of day, short months and jumps of the clock move it by very few.
        while self.boundary(number)? > at {
            number = number.checked_sub(1)?;
        }
        while self.boundary(number.checked_add(1)?)? <= at {
            number = number.checked_add(1)?;
        }
        Some(number)
    }

    /// The one period that holds the instant.
    pub fn period_at(&self, at: Instant) -> Option<Span> {
        self.period(self.number_at(at)?)
    }

    /// Every period that has a moment in common with `span`, in order, with its number.
    pub fn periods_in(&self, span: Span) -> impl Iterator<Item = (i64, Span)> {
        let first = self.number_at(span.start);
        let numbers = std::iter::successors(first, |number| number.checked_add(1));
        let periods = numbers.map_while(move |number| Some((number, self.period(number)?)));
        periods.take_while(move |(_, period)| period.start < span.end).filter(|(_, period)| period.start < period.end)
    }

    fn boundary(&self, number: i64) -> Option<Instant> {
        let distance: Distance = match self.interval.length() {
            Length::Days(days) => Distance::new().try_days(number.checked_mul(days)?).ok()?,
            Length::Months(months) => Distance::new().try_months(number.checked_mul(months)?).ok()?,
        };
        let local = self.anchor.0.checked_add(distance).ok()?;
        let zoned = local.to_zoned(self.zone.clone()).ok()?;
        Some(Instant::from_timestamp(zoned.timestamp()))
    }
}

named! {
    /// How much of a period is rated at once.
    RatingWindow {
        Day = "day",
        Week = "week",
        Month = "month",
        Period = "period",
    }
}

impl RatingWindow {
    /// Where windows begin, in the calendar of a zone; `None` where the period is the window.
    pub const fn of_calendar(self) -> Option<Window> {
        match self {
            RatingWindow::Day => Some(Window::Day),
            RatingWindow::Week => Some(Window::Week),
            RatingWindow::Month => Some(Window::Month),
            RatingWindow::Period => None,
        }
    }
}

/// Cuts a period (or a segment of one) into the windows that are rated one after another, at midnights of the zone.
///
/// # Errors
/// [`crate::refusal::Code::InvalidQuery`] for more windows than [`crate::window::WINDOWS_MAX`].
pub fn rating_windows(
    period: Span,
    window: RatingWindow,
    zone: &TimeZone,
) -> Result<Vec<Span>, crate::refusal::Refusal> {
    match window.of_calendar() {
        Some(window) => period.cut(window, zone),
        None => Ok(vec![period]),
    }
}

/// The end of a trial that begins at `start`: the same local time, so many days later.
pub fn days_later(start: Instant, days: u16, zone: &TimeZone) -> Option<Instant> {
    let local = start.timestamp().to_zoned(zone.clone());
    let end = local.checked_add(i64::from(days).days()).ok()?;
    Some(Instant::from_timestamp(end.timestamp()))
}

fn days_between(from: Date, to: Date) -> Option<i32> {
    Some(from.until(to).ok()?.get_days())
}

fn month_number(date: Date) -> i64 {
    i64::from(date.year()) * 12 + i64::from(date.month())
}

fn one() -> u16 {
    1
}

// Takes a reference because serde calls it so.
fn is_one(every: &u16) -> bool {
    *every == 1
}

#[cfg(test)]
mod tests;
