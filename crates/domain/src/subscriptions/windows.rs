//! Windows: usage is rated at the end of each of them while its period is still open, so that prepaid usage draws on its credit soon.
//!
//! Rating is cumulative: what is rated at the end of a window is everything from the beginning of the period on, and what was charged before
//! is taken off. So any windows come to the same when the period closes. A window ends at an instant because of what the subscription is just
//! before it, never because of when somebody looks: a run that comes late rates each window that it missed.

use std::collections::BTreeSet;

use crate::calendar::RatingWindow;
use crate::pricing::terms::Terms;
use crate::subscriptions::segments::{Billed, BilledPrice, Subscription};
use crate::time::Instant;
use crate::window::{Span, Window};

/// What decides about windows where a price names none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows<'a> {
    /// From when on who pays has credit: usage from then on is rated by the day. Absent: it never had any.
    pub prepaid_from: Option<Instant>,
    /// Metrics that say nothing before the end of a period: their latest reading counts.
    pub read_at_end: &'a BTreeSet<String>,
}

static NO_METRICS: BTreeSet<String> = BTreeSet::new();

impl Windows<'static> {
    /// Those that prices name, and no others.
    pub fn named() -> Windows<'static> {
        Windows { prepaid_from: None, read_at_end: &NO_METRICS }
    }
}

impl Windows<'_> {
    /// The windows of a price and from when on they hold; `None` where it is rated by the period.
    fn of(&self, billed: &Billed<'_>) -> Option<(Window, Option<Instant>)> {
        if let Some(named) = billed.price.window {
            return Some((named.of_calendar()?, None));
        }
        let prepaid_from = self.prepaid_from?;
        let metric = billed.price.metric.as_ref()?;
        let mut terms = billed.price.timeline().map(|(_, terms)| terms).chain(billed.override_terms);
        let is_known_at_end = terms.any(Terms::starts_again) || self.read_at_end.contains(metric);
        let by_day = RatingWindow::Day.of_calendar().filter(|_| !is_known_at_end)?;
        Some((by_day, Some(prepaid_from)))
    }
}

impl Subscription<'_> {
    /// The ends of windows of a price after the start of a span and before its end, in order.
    pub fn window_ends(&self, price: &BilledPrice, span: Span, windows: Windows<'_>) -> Vec<Instant> {
        let zone = self.zone();
        let mut ends = Vec::new();
        for (stretch, point) in self.timeline.within(span) {
            let Ok(billed) = self.content(price, point) else { continue };
            let Some((window, from)) = windows.of(&billed) else { continue };
            let mut at = from.map_or(stretch.start, |from| from.max(stretch.start));
            while let Some(end) = window.next_start(at, &zone).filter(|end| *end <= stretch.end && *end < span.end) {
                ends.push(end);
                at = end;
            }
        }
        ends
    }

    /// The first end of a window after an instant, if nothing changes until then.
    pub(crate) fn next_window_end(&self, price: &BilledPrice, after: Instant, windows: Windows<'_>) -> Option<Instant> {
        let billed = self.content(price, self.timeline.at(after)).ok()?;
        let (window, from) = windows.of(&billed)?;
        window.next_start(from.map_or(after, |from| from.max(after)), &self.zone())
    }
}

#[cfg(test)]
mod tests;
