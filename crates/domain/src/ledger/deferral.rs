//! Fees in advance are deferred when their invoice is issued, and earned by whole days: how much of what until which day, and what a credit
//! note takes back of it before it is earned.
//!
//! Days are civil days: those of the fee in the zone of who pays, those of the books in the zone of the project. The 31st of March is
//! earned by the entry of the 31st of March everywhere, so a fee for March is income of March in every zone.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::amount::Amount;
use crate::currency::Currency;
use crate::ids::{CreditNoteId, CustomerId, DeferralId, InvoiceId, ProjectId, SubscriptionId, derived};
use crate::ledger::account::Account;
use crate::ratio::OutOfRange;
use crate::split::split_amount;
use crate::time::Instant;
use crate::window::Span;

/// Whole days; at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    pub first: Date,
    /// Exclusive.
    pub end: Date,
}

/// What one line of an issued invoice deferred, or what a credit note took back of that: negative, and earned alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deferral {
    pub id: DeferralId,
    pub invoice: InvoiceId,
    /// The number of the line, from 1.
    pub line: u32,
    /// The credit note that took it back.
    pub credit_note: Option<CreditNoteId>,
    /// Who pays.
    pub customer: CustomerId,
    pub subscription: SubscriptionId,
    pub currency: Currency,
    /// Net of discount and tax; negative for unused time that came back.
    pub amount: Amount,
    /// The days it is for.
    pub days: Days,
    /// The day whose entry is the first to earn of it, with everything from before that day: nothing is earned before it is billed.
    pub starts_on: Date,
}

impl Days {
    /// The days of a stretch of time. As in proration, the day in which it ends belongs to what comes after it; a stretch within one day
    /// has that day.
    ///
    /// # Errors
    /// [`OutOfRange`] at the end of the calendar.
    pub fn of(span: Span, zone: &TimeZone) -> Result<Days, OutOfRange> {
        let day = |at: Instant| at.timestamp().to_zoned(zone.clone()).date();
        let first = day(span.start);
        let end = day(span.end);
        Ok(Days { first, end: if end > first { end } else { first.tomorrow().map_err(|_| OutOfRange)? } })
    }

    /// How many of them there are up to a day, this included.
    fn through(self, day: Date) -> Result<u64, OutOfRange> {
        let end = day.tomorrow().unwrap_or(self.end).clamp(self.first, self.end);
        let passed = self.first.until(end).map_err(|_| OutOfRange)?;
        u64::try_from(passed.get_days()).map_err(|_| OutOfRange)
    }
}

impl Deferral {
    /// The id of what a line deferred: the same whenever it is issued.
    pub fn id_of(project: ProjectId, issued_at: Instant, invoice: InvoiceId, line: u32) -> DeferralId {
        DeferralId::from_uuid(derived(issued_at, project, "deferral", &format!("{invoice}/{line}")))
    }

    pub const fn account(&self) -> Account {
        Account::Deferred { customer: self.customer, subscription: self.subscription }
    }

    /// The day with whose entry all of it is earned.
    pub fn ends_on(&self) -> Date {
        self.starts_on.max(self.days.end.yesterday().unwrap_or(self.days.end))
    }

    /// What is earned with the entries of all days up to this one: `amount × days passed / days`, to the millionth; a tie goes to what is
    /// earned. The difference of two days is what the days between them earn, so days in any grouping sum to the amount.
    ///
    /// # Errors
    /// [`OutOfRange`] when the days cannot be counted.
    pub fn earned_through(&self, day: Date) -> Result<Amount, OutOfRange> {
        if day < self.starts_on {
            return Ok(Amount::ZERO);
        }
        let (passed, all) = (self.days.through(day)?, self.days.through(self.days.end)?);
        let parts = split_amount(self.amount, &[(0u8, passed), (1, all - passed)])?;
        Ok(parts[0])
    }

    /// What is not earned with the entry of this day.
    ///
    /// # Errors
    /// As [`Deferral::earned_through`].
    pub fn unearned_after(&self, day: Date) -> Result<Amount, OutOfRange> {
        self.amount.checked_sub(self.earned_through(day)?).ok_or(OutOfRange)
    }
}

/// What a credit note takes of a line: the same share of what is earned and of what is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credited {
    pub credit_note: CreditNoteId,
    pub id: DeferralId,
    /// Without tax.
    pub net: Amount,
    /// What was left of the line before, without tax.
    pub left: Amount,
    /// The last day that is over: earned, whether its entry is posted or not.
    pub earned_through: Date,
}

/// What a credit note takes back of what a line deferred and is not earned yet: a negative deferral over the days that are left, so that
/// each of them earns less by the same share. `of_line` is everything deferred and taken back of the line before. The rest of what is
/// credited was earned. `None` when nothing is left to be earned.
///
/// # Errors
/// [`OutOfRange`] when a sum does not fit.
pub fn take_back(of_line: &[Deferral], credited: &Credited) -> Result<Option<Deferral>, OutOfRange> {
    let Some(first) = of_line.first() else { return Ok(None) };
    let through = credited.earned_through;
    let unearned = of_line.iter().map(|deferral| deferral.unearned_after(through)).collect::<Result<Vec<_>, _>>()?;
    let unearned = Amount::checked_sum(unearned).ok_or(OutOfRange)?;
    let share = share_of(unearned, credited)?;
    if share.is_zero() {
        return Ok(None);
    }
    // Where nothing is earned yet, what is taken back covers the same days; else those that are left.
    let tomorrow = through.tomorrow().map_err(|_| OutOfRange)?;
    let days = if through < first.starts_on { first.days } else { Days { first: tomorrow, end: first.days.end } };
    Ok(Some(Deferral {
        id: credited.id,
        credit_note: Some(credited.credit_note),
        amount: Amount::ZERO.checked_sub(share).ok_or(OutOfRange)?,
        days,
        starts_on: first.starts_on.max(tomorrow),
        ..*first
    }))
}

/// `unearned × net / left`; all of it where all of the line is credited.
fn share_of(unearned: Amount, credited: &Credited) -> Result<Amount, OutOfRange> {
    let rest = credited.left.checked_sub(credited.net).ok_or(OutOfRange)?;
    if !credited.net.is_positive() {
        return Ok(Amount::ZERO);
    }
    if !rest.is_positive() {
        return Ok(unearned);
    }
    let weights = [(0u8, credited.net.micros().unsigned_abs()), (1, rest.micros().unsigned_abs())];
    Ok(split_amount(unearned, &weights)?[0])
}

#[cfg(test)]
pub(super) mod tests;
