//! Cutting a price over a range of time: billing periods, the part of each inside the range, stretches between effective dates, and the
//! elementary spans whose counters are needed.

use std::ops::Range;

use jiff::tz::TimeZone;

use crate::calendar::{Anchor, RatingWindow, Schedule, rating_windows};
use crate::catalog::price::{AnchorKind, Price};
use crate::proration::{TimeBasis, share};
use crate::ratio::Ratio;
use crate::refusal::{Code, Refusal};
use crate::time::Instant;
use crate::window::{Span, WINDOWS_MAX};

/// How the periods of one customer are counted.
#[derive(Debug, Clone, Copy)]
pub struct CutRules<'a> {
    /// The customer's zone, or the project's.
    pub zone: &'a TimeZone,
    pub basis: TimeBasis,
    /// The day the subscription began; where there is none, the first day of the range.
    pub anniversary: Anchor,
}

/// A price cut over a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceCut {
    /// In the order of time; together they are the range.
    pub parts: Vec<PeriodPart>,
    /// The elementary spans: touching, in order, together the range. Counters are wanted for each.
    pub spans: Vec<Span>,
}

/// The part of one billing period that lies in the range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeriodPart {
    /// The whole billing period.
    pub period: Span,
    pub part: Span,
    /// Which share of the period the part is, 0 to 1.
    pub share: Ratio,
    /// Stretches under the same terms, in order; at least one.
    pub stretches: Vec<Stretch>,
}

/// A stretch of a part without an effective date inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// Which terms of the price's timeline are in force ([`Price::terms_number`]).
    pub terms: usize,
    pub span: Span,
    /// Which share of the period the stretch is, 0 to 1.
    pub share: Ratio,
    /// Its elementary spans, as indexes of [`PriceCut::spans`].
    pub spans: Range<usize>,
}

impl PriceCut {
    /// Makes an instant a bound of elementary spans, where one of them holds it.
    pub fn split_at(&mut self, at: Instant) {
        let Some(split) = self.spans.iter().position(|span| span.start < at && at < span.end) else { return };
        let rest = Span { start: at, end: self.spans[split].end };
        self.spans[split].end = at;
        self.spans.insert(split + 1, rest);
        for stretch in self.parts.iter_mut().flat_map(|part| &mut part.stretches) {
            let moved = |bound: usize| if bound > split { bound + 1 } else { bound };
            stretch.spans = moved(stretch.spans.start)..moved(stretch.spans.end);
        }
    }

    /// How many elementary spans are over at an instant.
    pub fn spans_until(&self, at: Instant) -> usize {
        self.spans.partition_point(|span| span.end <= at)
    }
}

impl PeriodPart {
    /// Its elementary spans, as indexes of [`PriceCut::spans`].
    pub fn spans(&self) -> Range<usize> {
        match (self.stretches.first(), self.stretches.last()) {
            (Some(first), Some(last)) => first.spans.start..last.spans.end,
            (_, _) => 0..0,
        }
    }
}

/// Cuts a price over a range. `window` says how finely usage is wanted; any window gives the same figures in the end.
///
/// # Errors
/// [`Code::InvalidQuery`] for more than [`WINDOWS_MAX`] periods or windows, and for a range at the end of the calendar.
pub fn cut_price(price: &Price, range: Span, rules: &CutRules<'_>, window: RatingWindow) -> Result<PriceCut, Refusal> {
    let anchor = match price.anchor {
        AnchorKind::Calendar => Anchor::calendar(price.interval.unit),
        AnchorKind::Anniversary => rules.anniversary,
    };
    let schedule = Schedule::new(anchor, price.interval, rules.zone.clone());
    let mut cut = PriceCut { parts: Vec::new(), spans: Vec::new() };
    for (period, part) in periods_of(&schedule, range)? {
        let stretches = stretches(price, part)
            .map(|(terms, span)| {
                let first = cut.spans.len();
                cut.spans.extend(rating_windows(span, window, rules.zone)?);
                let share = share(period, span, rules.basis, rules.zone)?;
                Ok(Stretch { terms, span, share, spans: first..cut.spans.len() })
            })
            .collect::<Result<Vec<_>, Refusal>>()?;
        cut.parts.push(PeriodPart { period, part, share: share(period, part, rules.basis, rules.zone)?, stretches });
    }
    Ok(cut)
}

/// Every period with a moment in the range, and the part of it inside.
pub(super) fn periods_of(schedule: &Schedule, range: Span) -> Result<Vec<(Span, Span)>, Refusal> {
    let inside = |period: Span| Span { start: period.start.max(range.start), end: period.end.min(range.end) };
    let periods = schedule.periods_in(range).take(WINDOWS_MAX + 1);
    let periods: Vec<(Span, Span)> = periods.map(|(_, period)| (period, inside(period))).collect();
    if periods.len() > WINDOWS_MAX {
        let detail = format!("The range holds more than {WINDOWS_MAX} billing periods. Ask for less.");
        return Err(Refusal::new(Code::InvalidQuery, detail));
    }
    let is_whole = periods.last().is_some_and(|(_, last)| last.end == range.end);
    if !is_whole && range.start < range.end {
        return Err(Refusal::new(Code::InvalidQuery, "The range lies at the end of the calendar. Choose another."));
    }
    Ok(periods)
}

/// Cuts a span at the effective dates of the price.
fn stretches(price: &Price, span: Span) -> impl Iterator<Item = (usize, Span)> {
    let starts = move |number: usize| match number {
        0 => span.start,
        number => price.changes[number - 1].effective_from.max(span.start),
    };
    let count = price.changes.len();
    let all = (0..=count).map(move |number| {
        let end = if number == count { span.end } else { starts(number + 1).min(span.end) };
        (number, Span { start: starts(number), end })
    });
    all.filter(|(_, stretch)| stretch.start < stretch.end)
}
