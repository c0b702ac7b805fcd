//! Recognition: a fee that was billed in advance becomes income as its time passes.

use jiff::tz::TimeZone;

use crate::amount::Amount;
use crate::currency::Currency;
use crate::ids::{CustomerId, SubscriptionId};
use crate::ledger::account::Account;
use crate::ledger::lines::Lines;
use crate::ledger::recipes::signed::Sums;
use crate::proration::TimeBasis;
use crate::ratio::OutOfRange;
use crate::refusal::Refusal;
use crate::subscriptions::cuts::Cutting;
use crate::time::Instant;
use crate::window::Span;

/// What an invoice line deferred, and the time it is for. The line of a credit is negative and is recognized alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recognition {
    pub customer: CustomerId,
    pub subscription: SubscriptionId,
    pub currency: Currency,
    /// Net of discount and tax.
    pub deferred: Amount,
    pub span: Span,
}

impl Recognition {
    /// What is earned until an instant, by seconds; all of it from the end of the span on.
    ///
    /// # Errors
    /// [`OutOfRange`] when a count does not fit.
    pub fn earned_until(&self, until: Instant) -> Result<Amount, OutOfRange> {
        if until >= self.span.end {
            return Ok(self.deferred);
        }
        if until <= self.span.start {
            return Ok(Amount::ZERO);
        }
        let cutting = Cutting { period: self.span, basis: TimeBasis::Second, zone: TimeZone::UTC };
        let rest = cutting.after(self.deferred, until)?;
        self.deferred.checked_sub(rest).ok_or(OutOfRange)
    }
}

/// `deferred` → `revenue:subscription`: what is earned from one instant to another, usually a day of the customer. Whatever the days are,
/// together they are what was deferred. `None` when nothing is earned.
///
/// # Errors
/// [`crate::refusal::Code::QuantityOutOfRange`] when a count does not fit.
pub fn recognition(line: &Recognition, day: Span) -> Result<Option<Lines>, Refusal> {
    let earned = line.earned_until(day.end)?.checked_sub(line.earned_until(day.start)?).ok_or(OutOfRange)?;
    let mut sums = Sums::new(line.currency);
    let deferred = Account::Deferred { customer: line.customer, subscription: line.subscription };
    sums.transfer(deferred, Account::RevenueSubscription, earned);
    sums.finish()
}
