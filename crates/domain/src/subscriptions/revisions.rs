//! Revisions: what is still to be billed when some lines of a period were billed before, and the history may have changed since.
//!
//! A line is known by its key, not by its amount. What was billed under a key that is there no more goes back; what came to another amount
//! is billed by the difference. So everything billed sums to what the lines say, and done again nothing is left to do.

use std::collections::BTreeMap;

use crate::amount::Amount;
use crate::ratio::OutOfRange;
use crate::subscriptions::lines::{Line, LineKind};
use crate::subscriptions::price_ref::{PriceRef, VersionRef};
use crate::subscriptions::segments::BilledPrice;
use crate::time::Instant;

/// What a line is known by, within its subscription.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineKey {
    pub price: PriceRef,
    pub period_start: Instant,
    /// When it came up.
    pub at: Instant,
    /// Where the time begins that it charges or credits.
    pub span_start: Instant,
    pub kind: LineKind,
    pub source: VersionRef,
}

/// What is to be billed under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    pub key: LineKey,
    /// Positive or negative, never zero.
    pub amount: Amount,
    /// Counted per key, from 0 for what is billed the first time.
    pub number: u32,
}

/// What was billed under a key: the sum of its revisions, and how many they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlreadyBilled {
    pub amount: Amount,
    pub revisions: u32,
}

impl Line<'_> {
    /// The key of the line in a period of a price.
    pub fn key(&self, price: &BilledPrice, period_start: Instant) -> LineKey {
        LineKey {
            price: price.price.clone(),
            period_start,
            at: self.at,
            span_start: self.span.start,
            kind: self.kind,
            source: self.billed.source.clone(),
        }
    }
}

/// What is to be billed so that everything billed under the keys is what the lines come to, in the order of keys.
///
/// # Errors
/// [`OutOfRange`] when a difference does not fit.
pub fn revisions(
    wanted: impl IntoIterator<Item = (LineKey, Amount)>,
    billed: &BTreeMap<LineKey, AlreadyBilled>,
) -> Result<Vec<Revision>, OutOfRange> {
    let mut amounts: BTreeMap<LineKey, Amount> = billed.keys().map(|key| (key.clone(), Amount::ZERO)).collect();
    for (key, amount) in wanted {
        let sum = amounts.entry(key).or_insert(Amount::ZERO);
        *sum = sum.checked_add(amount).ok_or(OutOfRange)?;
    }
    let mut revisions = Vec::new();
    for (key, wanted) in amounts {
        let (before, number) = billed.get(&key).map_or((Amount::ZERO, 0), |billed| (billed.amount, billed.revisions));
        let amount = wanted.checked_sub(before).ok_or(OutOfRange)?;
        if !amount.is_zero() {
            revisions.push(Revision { key, amount, number });
        }
    }
    Ok(revisions)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subscriptions::change::Change;
    use crate::subscriptions::lines::sum_until;
    use crate::subscriptions::samples::*;
    use proptest::prelude::*;

    /// The keys and amounts of all lines of the period of 29 February.
    fn wanted(told: &Told, price: &str) -> Vec<(LineKey, Amount)> {
        let (price, period) = (told.price(price), span("2024-02-29", "2024-03-31"));
        let lines = told.subscription().lines(&price, period).unwrap();
        lines.iter().map(|line| (line.key(&price, period.start), line.amount)).collect()
    }

    fn bill(billed: &mut BTreeMap<LineKey, AlreadyBilled>, wanted: Vec<(LineKey, Amount)>) {
        for revision in revisions(wanted, billed).unwrap() {
            let nothing = AlreadyBilled { amount: Amount::ZERO, revisions: 0 };
            let entry = billed.entry(revision.key).or_insert(nothing);
            assert_eq!(entry.revisions, revision.number);
            entry.amount = entry.amount.checked_add(revision.amount).unwrap();
            entry.revisions += 1;
        }
    }

    #[test]
    fn a_backdated_change_bills_the_difference_and_done_again_nothing() {
        // checklist 44, checklist 54
        let told = Told::new("team").then("2024-03-20", seats("7"));
        let mut billed = BTreeMap::new();
        bill(&mut billed, wanted(&told, "seats"));
        assert_eq!(revisions(wanted(&told, "seats"), &billed), Ok(Vec::new()));
        // Ten days earlier there were four: −1 seat for 10 days, and the credit of the 20th is of four.
        let backdated = told.then("2024-03-10", seats("4"));
        let more = revisions(wanted(&backdated, "seats"), &billed).unwrap();
        let found: Vec<String> = more
            .iter()
            .map(|revision| format!("{} {} {}", revision.key.kind, revision.amount, revision.number))
            .collect();
        assert_eq!(found, ["charge 16.800000 0", "credit -21.000000 0", "credit 2.200000 1"]);
        assert_eq!(
            Amount::checked_sum(more.iter().map(|revision| revision.amount)),
            Some(Amount::from_micros(-2_000_000))
        );
    }

    #[test]
    fn what_is_not_there_any_more_goes_back() {
        let told = Told::new("team");
        let ended = told.clone().then("2024-03-10", Change::Cancelled);
        let mut billed = BTreeMap::new();
        bill(&mut billed, wanted(&ended, "base"));
        let undone = revisions(wanted(&told, "base"), &billed).unwrap();
        assert_eq!((undone.len(), undone[0].amount.to_string().as_str(), undone[0].number), (1, "21.000000", 1));
    }

    proptest! {
        // checklist 54, promise P19
        #[test]
        fn whatever_was_billed_before_the_sum_is_what_the_lines_say(
            changes in prop::collection::vec((1i8..=30, 0u8..5), 1..8),
        ) {
            let mut told = Told::new("team");
            let mut billed = BTreeMap::new();
            for (day, kind) in changes {
                let change = match kind {
                    0 => Change::Paused,
                    1 => Change::Resumed,
                    2 => to_plan("business"),
                    3 => to_plan("team"),
                    _ => Change::Cancelled,
                };
                drop(told.submit(&format!("2024-03-{day:02}"), change));
                bill(&mut billed, wanted(&told, "base"));
                let lines = told.subscription().lines(&told.price("base"), span("2024-02-29", "2024-03-31")).unwrap();
                let sum = Amount::checked_sum(billed.values().map(|billed| billed.amount));
                prop_assert_eq!(sum, sum_until(&lines, at("2024-03-31")).ok());
                prop_assert_eq!(revisions(wanted(&told, "base"), &billed), Ok(Vec::new()));
            }
        }
    }
}
