//! Recognition: how far deferrals are earned in the books, and the entries of the days that come next. Posting them is left to the engine.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::amount::Amount;
use crate::currency::Currency;
use crate::ids::{CustomerId, DeferralId, EntryId, ProjectId, SubscriptionId, derived};
use crate::ledger::deferral::Deferral;
use crate::ledger::lines::LINES_MAX;
use crate::ledger::recipes::{EarnedFee, Recognized, recognition};
use crate::ratio::OutOfRange;
use crate::refusal::Refusal;
use crate::time::Instant;

/// The most deferrals whose days are booked together: each is at most one line of an entry, and income is another.
pub const TOGETHER_MAX: usize = LINES_MAX - 1;

/// How far a deferral is earned in the books.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub deferral: Deferral,
    /// The first day whose entry is not posted; absent when there is none.
    pub next_on: Option<Date>,
    /// What the entries so far earned of it.
    pub recognized: Amount,
}

/// The entry of one day in one currency, over many subscriptions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayEntry {
    pub day: Date,
    pub currency: Currency,
    /// The smallest of the deferrals in it. A deferral is in one entry of a day, so day, currency and this name an entry for ever.
    pub first: DeferralId,
    pub recognized: Recognized,
}

/// What the deferrals of one day and currency earn.
struct Gathered {
    first: DeferralId,
    fees: BTreeMap<(CustomerId, SubscriptionId), Amount>,
}

impl Progress {
    /// Nothing is earned yet.
    pub const fn new(deferral: Deferral) -> Progress {
        Progress { next_on: Some(deferral.starts_on), recognized: Amount::ZERO, deferral }
    }

    /// Goes on with one day, the next one: what it earns.
    fn step(&mut self, day: Date) -> Result<Amount, OutOfRange> {
        let earned = self.deferral.earned_through(day)?;
        let by_day = earned.checked_sub(self.recognized).ok_or(OutOfRange)?;
        let is_last = day >= self.deferral.ends_on();
        *self = Progress {
            next_on: if is_last { None } else { Some(day.tomorrow().map_err(|_| OutOfRange)?) },
            recognized: earned,
            ..*self
        };
        Ok(by_day)
    }
}

/// Goes on with every deferral up to a day, this included: the entries of the days, in their order, and how far each deferral is then.
/// Done again from there, nothing is left to book.
///
/// # Errors
/// [`crate::refusal::Code::QuantityOutOfRange`] when a sum does not fit.
pub fn recognize(open: &[Progress], through: Date) -> Result<(Vec<DayEntry>, Vec<Progress>), Refusal> {
    assert!(open.len() <= TOGETHER_MAX, "an entry has room for {TOGETHER_MAX} deferrals");
    let mut days: BTreeMap<(Date, Currency), Gathered> = BTreeMap::new();
    let mut after = open.to_vec();
    for progress in &mut after {
        let Deferral { id, customer, subscription, currency, .. } = progress.deferral;
        while let Some(day) = progress.next_on.filter(|day| *day <= through) {
            let earned = progress.step(day)?;
            if earned.is_zero() {
                continue;
            }
            let of_day = days.entry((day, currency)).or_insert_with(|| Gathered { first: id, fees: BTreeMap::new() });
            of_day.first = of_day.first.min(id);
            let fee = of_day.fees.entry((customer, subscription)).or_insert(Amount::ZERO);
            *fee = fee.checked_add(earned).ok_or(OutOfRange)?;
        }
    }
    let mut entries = Vec::with_capacity(days.len());
    for ((day, currency), Gathered { first, fees }) in days {
        let fees =
            fees.into_iter().map(|((customer, subscription), amount)| EarnedFee { customer, subscription, amount });
        // What a fee earns and a credit takes back on one day may cancel out.
        if let Some(recognized) = recognition(currency, &fees.collect::<Vec<_>>())? {
            entries.push(DayEntry { day, currency, first, recognized });
        }
    }
    Ok((entries, after))
}

impl DayEntry {
    /// When it counts: the last millisecond of the day, so that it counts for this day wherever a balance is asked for at its end.
    ///
    /// # Errors
    /// [`OutOfRange`] at the end of the calendar.
    pub fn happened_at(&self, zone: &TimeZone) -> Result<Instant, OutOfRange> {
        let end = end_of(self.day, zone)?;
        Instant::from_micros(end.micros() - 1_000).map_err(|_| OutOfRange)
    }

    /// The id of the entry: the same whoever books it, whenever.
    ///
    /// # Errors
    /// As [`DayEntry::happened_at`].
    pub fn id(&self, project: ProjectId, zone: &TimeZone) -> Result<EntryId, OutOfRange> {
        let DayEntry { day, currency, first, .. } = self;
        let id = derived(self.happened_at(zone)?, project, "recognition", &format!("{day}/{currency}/{first}"));
        Ok(EntryId::from_uuid(id))
    }
}

/// When a civil day of the books is over.
///
/// # Errors
/// [`OutOfRange`] at the end of the calendar.
pub fn end_of(day: Date, zone: &TimeZone) -> Result<Instant, OutOfRange> {
    let end = day.tomorrow().and_then(|next| next.to_zoned(zone.clone())).map_err(|_| OutOfRange)?;
    Ok(Instant::from_timestamp(end.timestamp()))
}

/// The last civil day of the books that is over at an instant.
///
/// # Errors
/// [`OutOfRange`] at the beginning of the calendar.
pub fn last_day_over(at: Instant, zone: &TimeZone) -> Result<Date, OutOfRange> {
    at.timestamp().to_zoned(zone.clone()).date().yesterday().map_err(|_| OutOfRange)
}

#[cfg(test)]
mod tests;
