//! What is due when: the items that a billing run plans for one price of one subscription.
//!
//! In advance an item is due when its time begins. In arrears it is due when the period has closed and the project's late buffer has
//! passed ([`Subscription::closes_at`]): usage may come a little late; where it is rated in windows, so it is for each of them. What a change
//! in mid-period brings is due by the proration policy.

use std::time::Duration;

use crate::catalog::price::Timing;
use crate::named::named;
use crate::pricing::RateError;
use crate::ratio::OutOfRange;
use crate::subscriptions::policy::ProrationBilling;
use crate::subscriptions::segments::{BilledPrice, Exclusion, Stretch, Subscription};
use crate::subscriptions::windows::Windows;
use crate::time::Instant;
use crate::window::Span;

named! {
    /// Which part of a period's bill an item is.
    ItemKind {
        /// The period at its start.
        Advance = "advance",
        /// A change in the middle of a period that was billed in advance.
        Proration = "proration",
        /// The period at its end.
        Arrears = "arrears",
    }
}

/// One thing to bill. Price, period, kind and `at` name it: planned again, it is the same item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub price: BilledPrice,
    /// The number of the period in the schedule of the price.
    pub number: i64,
    pub period: Span,
    pub kind: ItemKind,
    /// When it came up: the lines of this instant belong to it, and usage up to it.
    pub at: Instant,
    /// From when on it is billed.
    pub due_at: Instant,
    /// Why it bills nothing, where nothing of the period is billed at all.
    pub skipped: Option<Exclusion>,
    /// How usage is rated before it closes; absent for what is rated once, when it is due.
    pub windows: Option<RatedWindows>,
}

/// The windows of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RatedWindows {
    /// Ends of windows at which usage is to be rated, in order.
    pub ends: Vec<Instant>,
    /// The item is not due yet: only what was used until these ends is billed.
    pub is_open: bool,
}

/// Which items are asked for: those that are due after one instant and until another, itself included; and those that are still open and
/// rated in windows, at least with the newest of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due<'a> {
    /// Absent: from the beginning on. Periods before it cost nothing to leave out. A change in the past may bring items that were due
    /// before it took effect was known: whoever plans asks from there on again.
    pub after: Option<Instant>,
    pub until: Instant,
    /// How late usage may come after the end of its period.
    pub late_buffer: Duration,
    pub windows: Windows<'a>,
}

impl Subscription<'_> {
    /// The items of a price, or of what stands for commitments, that are due, in the order of periods.
    ///
    /// # Errors
    /// [`RateError`] when an amount does not fit.
    pub fn items(&self, price: &BilledPrice, due: Due<'_>) -> Result<Vec<Item>, RateError> {
        let Due { after, until, late_buffer, .. } = due;
        let (started_at, ended_at) = (self.timeline.started_at(), self.timeline.ended_at());
        // What is due after an instant is of a period that ends after it, or in arrears at most the late buffer before it.
        let from = after.and_then(|after| after.checked_sub(late_buffer));
        let start = from.map_or(started_at, |from| from.max(started_at));
        let end = ended_at.map_or(until, |ended_at| ended_at.min(until));
        // The period that begins at the end may be due; one that ends there is found too.
        let life = Span { start, end: next_moment(end.max(start)) };
        let schedule = self.schedule(price);
        let mut items = Vec::new();
        for (number, period) in schedule.periods_in(life) {
            let is_commitment = price.is_commitment();
            let stretches = if is_commitment { Vec::new() } else { self.stretches(price, period)? };
            let reason = if is_commitment { self.committed(price, period)?.err() } else { skipped(&stretches) };
            let item = |kind, at, due_at, skipped| {
                let price = price.clone();
                Item { price, number, period, kind, at, due_at, skipped, windows: None }
            };
            match (reason, price.rhythm.timing) {
                // A price that the subscription does not have in this period is no item of it.
                (Some(Exclusion::NotPriced | Exclusion::Ended | Exclusion::NotStarted), _) => {}
                (Some(reason), Timing::Advance) => {
                    let at = period.start.max(self.timeline.started_at());
                    items.push(item(ItemKind::Advance, at, at, Some(reason)));
                }
                (None, Timing::Advance) => {
                    for (kind, at) in self.comes_up(price, period, &stretches)? {
                        items.push(item(kind, at, self.proration_due(kind, at, period), None));
                    }
                }
                (reason, Timing::Arrears) => {
                    let at = self.closes_at(period);
                    let due_at = at.checked_add(late_buffer).ok_or(OutOfRange)?;
                    items.push(self.rated_in_windows(item(ItemKind::Arrears, at, due_at, reason), due));
                }
            }
        }
        let is_due = |item: &Item| after.is_none_or(|after| item.due_at > after) && item.due_at <= until;
        items.retain(|item| is_due(item) || item.open_windows().is_some_and(|ends| !ends.is_empty()));
        Ok(items)
    }

    /// The item with the windows at whose ends it is rated.
    fn rated_in_windows(&self, item: Item, due: Due<'_>) -> Item {
        if item.skipped.is_some() || item.price.is_commitment() {
            return item;
        }
        let ends = self.window_ends(&item.price, Span { start: item.period.start, end: item.at }, due.windows);
        if ends.is_empty() {
            return item;
        }
        let due_at = |end: &Instant| end.checked_add(due.late_buffer);
        let is_due = |end: &&Instant| due_at(end).is_some_and(|due_at| due_at <= due.until);
        let is_asked = |end: &&Instant| due.after.is_none_or(|after| due_at(end) > Some(after));
        let mut windows: Vec<Instant> = ends.iter().filter(is_due).filter(is_asked).copied().collect();
        let is_open = item.due_at > due.until;
        if is_open && windows.is_empty() {
            // A late buffer that has grown makes no window unrated.
            let newest = ends.iter().rfind(is_due).or_else(|| ends.iter().rfind(|end| **end <= due.until));
            windows.extend(newest);
        }
        Item { windows: Some(RatedWindows { ends: windows, is_open }), ..item }
    }

    /// The instants at which a period that is billed in advance brings lines.
    fn comes_up(
        &self,
        price: &BilledPrice,
        period: Span,
        stretches: &[Stretch<'_>],
    ) -> Result<Vec<(ItemKind, Instant)>, RateError> {
        let begins = stretches.iter().find(|stretch| stretch.content.is_ok()).map(|stretch| stretch.span.start);
        let mut instants: Vec<Instant> = self.lines(price, period)?.iter().map(|line| line.at).collect();
        instants.dedup();
        let kind = |at: Instant| if Some(at) == begins { ItemKind::Advance } else { ItemKind::Proration };
        Ok(instants.into_iter().map(|at| (kind(at), at)).collect())
    }

    fn proration_due(&self, kind: ItemKind, at: Instant, period: Span) -> Instant {
        match (kind, self.policy.billing) {
            (ItemKind::Proration, ProrationBilling::PeriodEnd) => period.end,
            (ItemKind::Proration, ProrationBilling::Now) | (ItemKind::Advance | ItemKind::Arrears, _) => at,
        }
    }
}

impl Item {
    /// The windows that are rated while the item is not due yet; `None` when it is due.
    pub fn open_windows(&self) -> Option<&[Instant]> {
        self.windows.as_ref().filter(|windows| windows.is_open).map(|windows| windows.ends.as_slice())
    }
}

/// Why nothing of a period is billed: the reason of most weight, if no stretch of it is.
fn skipped(stretches: &[Stretch<'_>]) -> Option<Exclusion> {
    let reasons: Option<Vec<Exclusion>> =
        stretches.iter().map(|stretch| stretch.content.as_ref().err().copied()).collect();
    reasons?.into_iter().max_by_key(|reason| reason.weight())
}

impl Exclusion {
    /// Which of several reasons is told.
    pub(super) const fn weight(self) -> u8 {
        match self {
            Exclusion::Pause => 4,
            Exclusion::Trial => 3,
            Exclusion::NotPriced => 2,
            Exclusion::Ended => 1,
            Exclusion::NotStarted => 0,
        }
    }
}

fn next_moment(at: Instant) -> Instant {
    at.checked_add(Duration::from_micros(1)).unwrap_or(at)
}

#[cfg(test)]
mod tests;
