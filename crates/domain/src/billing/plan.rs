//! What of a subscription is to be looked at: items that are due and were not planned before, and those that changes nobody saw yet may
//! have altered.

use std::time::Duration;

use crate::catalog::price::Timing;
use crate::pricing::RateError;
use crate::subscriptions::due::{Due, Item, ItemKind, RatedWindows};
use crate::subscriptions::policy::ProrationBilling;
use crate::subscriptions::segments::{BilledPrice, Subscription};
use crate::subscriptions::windows::Windows;
use crate::time::Instant;
use crate::window::Span;

/// A change of the subscription that no run saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unseen {
    pub effective_at: Instant,
    pub submitted_at: Instant,
}

/// What is asked of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked<'a> {
    /// Items that are due until then, itself included.
    pub until: Instant,
    /// How late usage may come after the end of its period.
    pub late_buffer: Duration,
    /// Everything that was due until then was planned before.
    pub billed_until: Option<Instant>,
    pub unseen: &'a [Unseen],
    /// Items of periods that overlap with this time are looked at again.
    pub again: Option<Span>,
    pub windows: Windows<'a>,
}

/// An item with the instant on whose day it is billed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    pub item: Item,
    /// When it came up, or when we knew: a change in the past is billed on the day it was asked for.
    pub falls_on: Instant,
}

/// Why nothing of a subscription can be planned.
#[derive(Debug, Clone, PartialEq)]
pub struct Unplanned {
    /// The item of the price at the time that was asked for; absent at the end of the calendar.
    pub item: Option<Box<Item>>,
    pub error: RateError,
}

impl Asked<'_> {
    /// What was billed already is looked at again when a change is new, however early a time was asked for: the change counts as seen
    /// afterwards. So is what is to be looked at again: what was charged and is not planned would be taken back.
    fn until(&self) -> Instant {
        let looks_back = !self.unseen.is_empty() || self.again.is_some();
        self.billed_until.filter(|_| looks_back).map_or(self.until, |billed_until| self.until.max(billed_until))
    }

    /// From when on what was billed may have to be billed otherwise; `None` when no change is new.
    pub fn changed_from(&self) -> Option<Instant> {
        self.unseen.iter().map(|unseen| unseen.effective_at).min()
    }

    /// The item with those of its windows that are to be rated; `None` when nothing of it is.
    fn wanted(&self, mut item: Item) -> Option<Item> {
        let is_new = |due_at: Instant| self.billed_until.is_none_or(|billed_until| due_at > billed_until);
        let is_changed = self.changed_from().is_some_and(|from| item.at >= from);
        let is_again = self.again.is_some_and(|again| item.period.start < again.end && again.start < item.period.end);
        if let Some(RatedWindows { ends, is_open }) = &mut item.windows {
            let newest = ends.last().copied();
            let is_due = |due_at: Instant| due_at <= self.until();
            ends.retain(|end| end.checked_add(self.late_buffer).is_some_and(|due_at| is_new(due_at) && is_due(due_at)));
            if *is_open && ends.is_empty() {
                // What was rated at the end of its newest window is rated there again.
                ends.extend(newest.filter(|_| is_changed || is_again));
            }
        }
        let is_wanted = match item.open_windows() {
            Some(ends) => !ends.is_empty(),
            None => is_new(item.due_at) || is_changed || is_again,
        };
        is_wanted.then_some(item)
    }

    /// From where on items have to be enumerated; `None`: from the beginning.
    fn after(&self) -> Option<Instant> {
        if self.again.is_some() {
            // A period in advance is due before it overlaps with anything.
            return None;
        }
        // An item is due when it comes up or later.
        let just_before = |at: Instant| at.checked_sub(Duration::from_micros(1)).unwrap_or(at);
        let changed_from = self.changed_from().map(just_before);
        self.billed_until.map(|billed_until| changed_from.map_or(billed_until, |from| from.min(billed_until)))
    }
}

impl Subscription<'_> {
    /// The items to look at, price by price in the order in which they appear, and of each in the order of periods; what is committed
    /// after all prices.
    ///
    /// # Errors
    /// [`Unplanned`] when an amount does not fit, with the price whose it is.
    pub fn planned(&self, asked: &Asked<'_>) -> Result<Vec<Planned>, Unplanned> {
        let Asked { late_buffer, windows, .. } = *asked;
        let mut planned = Vec::new();
        for price in self.prices().into_iter().chain(self.commitments()) {
            let due = Due { after: asked.after(), until: asked.until(), late_buffer, windows };
            let unplanned = |error| Unplanned { item: self.current_item(&price, asked.until).map(Box::new), error };
            let items = self.items(&price, due).map_err(unplanned)?;
            for item in items.into_iter().filter_map(|item| asked.wanted(item)) {
                planned.push(Planned { falls_on: self.falls_on(&item, asked), item });
            }
        }
        Ok(planned)
    }

    /// What stands for a price whose items cannot be planned: the start of its period at an instant.
    fn current_item(&self, price: &BilledPrice, at: Instant) -> Option<Item> {
        let schedule = self.schedule(price);
        let number = schedule.number_at(at.max(self.timeline.started_at()))?;
        let period = schedule.period(number)?;
        let kind = match price.rhythm.timing {
            Timing::Advance => ItemKind::Advance,
            Timing::Arrears => ItemKind::Arrears,
        };
        let (price, at) = (price.clone(), period.start);
        Some(Item { price, number, period, kind, at, due_at: at, skipped: None, windows: None })
    }

    fn falls_on(&self, item: &Item, asked: &Asked<'_>) -> Instant {
        let natural = match (item.kind, self.policy.billing) {
            (ItemKind::Proration, ProrationBilling::PeriodEnd) => item.period.end,
            (ItemKind::Proration, ProrationBilling::Now) | (ItemKind::Advance | ItemKind::Arrears, _) => item.at,
        };
        let known =
            asked.unseen.iter().filter(|unseen| unseen.effective_at <= item.at).map(|unseen| unseen.submitted_at);
        known.fold(natural, Instant::max)
    }

    /// When something may be due after an instant: never later than it is. `None` when nothing ever is.
    pub fn due_again_after(&self, after: Instant, late_buffer: Duration, windows: Windows<'_>) -> Option<Instant> {
        // A window is due when it has waited: the next one is the first that ends after what was due until then.
        let waited = after.checked_sub(late_buffer).unwrap_or(after).max(self.timeline.started_at());
        let ends = self.prices().into_iter().filter_map(|price| self.next_window_end(&price, waited, windows)).min();
        let window = ends.and_then(|end| end.checked_add(late_buffer));
        self.next_item_after(after, late_buffer).into_iter().chain(window).min()
    }

    /// When an item may be due after an instant, other than in a window: never later than it is. `None` when none ever is.
    pub fn next_item_after(&self, after: Instant, late_buffer: Duration) -> Option<Instant> {
        let later = |at: Instant| [Some(at), at.checked_add(late_buffer)];
        let last = self.timeline.ended_at();
        let changes = self.timeline.points().iter().flat_map(|point| later(point.at));
        let mut candidates: Vec<Instant> = changes.flatten().collect();
        for price in self.prices().into_iter().chain(self.commitments()) {
            let schedule = self.schedule(&price);
            let reached = last.map_or(after, |last| last.min(after));
            let Some(number) = schedule.number_at(reached.max(self.timeline.started_at())) else { continue };
            let periods =
                (number.saturating_sub(1)..=number.saturating_add(1)).filter_map(|number| schedule.period(number));
            let bounds = periods.flat_map(|period| [period.start, period.end]);
            let is_lived = |bound: &Instant| {
                last.is_none_or(|last| schedule.period_at(last).is_none_or(|period| *bound <= period.end))
            };
            candidates.extend(bounds.filter(is_lived).flat_map(later).flatten());
        }
        candidates.into_iter().filter(|candidate| *candidate > after).min()
    }
}

#[cfg(test)]
mod tests;
