//! Recognition: fees that were billed in advance become income as their days pass; what was earned of a void invoice goes back.

use crate::amount::Amount;
use crate::currency::Currency;
use crate::ids::{CustomerId, SubscriptionId};
use crate::ledger::account::Account;
use crate::ledger::lines::Lines;
use crate::ledger::recipes::mirror;
use crate::ledger::recipes::signed::Sums;
use crate::ratio::OutOfRange;
use crate::refusal::Refusal;

/// What is earned of the fees of one subscription; less than nothing where unused time came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EarnedFee {
    /// Who pays.
    pub customer: CustomerId,
    pub subscription: SubscriptionId,
    pub amount: Amount,
}

/// The lines of a recognition, and what all fees in it earn: not negative where more is earned than comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recognized {
    pub lines: Lines,
    pub earned: Amount,
}

/// `deferred` → `revenue:subscription`, by subscription; the other way round where unused time came back. `None` when nothing moves.
///
/// # Errors
/// [`crate::refusal::Code::TooManyItems`] for more subscriptions than an entry has lines;
/// [`crate::refusal::Code::QuantityOutOfRange`] when a sum does not fit.
pub fn recognition(currency: Currency, fees: &[EarnedFee]) -> Result<Option<Recognized>, Refusal> {
    let mut sums = Sums::new(currency);
    for fee in fees {
        let deferred = Account::Deferred { customer: fee.customer, subscription: fee.subscription };
        sums.transfer(deferred, Account::RevenueSubscription, fee.amount);
    }
    let earned = Amount::checked_sum(fees.iter().map(|fee| fee.amount)).ok_or(OutOfRange)?;
    Ok(sums.finish()?.map(|lines| Recognized { lines, earned }))
}

/// A void invoice: the mirror of what issuing it posted, and of what was recognized of it so far.
///
/// # Errors
/// As [`recognition`].
pub fn void(currency: Currency, issued: Option<&Lines>, recognized: &[EarnedFee]) -> Result<Option<Lines>, Refusal> {
    let back = recognition(currency, recognized)?.map(|recognized| mirror(&recognized.lines)).transpose()?;
    match (issued.map(mirror).transpose()?, back) {
        (Some(issued), Some(back)) => issued.and(&back).map(Some),
        (issued, back) => Ok(issued.or(back)),
    }
}
