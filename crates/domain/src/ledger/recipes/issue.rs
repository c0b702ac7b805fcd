//! An invoice is issued: what was unbilled becomes receivable, fees in advance become deferred, tax is owed, all in one entry.

use crate::amount::Amount;
use crate::currency::Currency;
use crate::ids::{CustomerId, SubscriptionId};
use crate::ledger::account::Account;
use crate::ledger::jurisdiction::Jurisdiction;
use crate::ledger::lines::Lines;
use crate::ledger::recipes::Income;
use crate::ledger::recipes::signed::Sums;
use crate::ratio::OutOfRange;
use crate::refusal::Refusal;
use crate::tax::TaxBehaviour;

/// Where the money of a line stands before the invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BilledFrom {
    /// Rated and posted before, as income of this kind.
    Unbilled(Income),
    /// A fee in advance, or the unused time of one that comes back.
    Advance(SubscriptionId),
}

/// The tax of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineTax {
    pub jurisdiction: Jurisdiction,
    pub amount: Amount,
    pub behaviour: TaxBehaviour,
}

/// One line of an invoice; a credit of unused time is negative in all its amounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IssuedLine {
    pub from: BilledFrom,
    pub amount: Amount,
    pub discount: Amount,
    /// What a wallet paid of it when it was charged: never due again. None of it is unbilled.
    pub prepaid: Amount,
    pub tax: Option<LineTax>,
}

impl IssuedLine {
    /// What of the amount is tax.
    fn tax_within(&self) -> Amount {
        let within = |tax: &LineTax| match tax.behaviour {
            TaxBehaviour::Exclusive => Amount::ZERO,
            TaxBehaviour::Inclusive => tax.amount,
        };
        self.tax.as_ref().map_or(Amount::ZERO, within)
    }

    /// What issuing the line defers, net of discount and tax, and for which subscription; `None` of what was earned before.
    ///
    /// # Errors
    /// [`OutOfRange`] when it does not fit.
    pub fn deferred(&self) -> Result<Option<(SubscriptionId, Amount)>, OutOfRange> {
        match self.from {
            BilledFrom::Unbilled(_) => Ok(None),
            BilledFrom::Advance(subscription) => {
                let net = self.amount.checked_sub(self.discount).and_then(|net| net.checked_sub(self.tax_within()));
                Ok(Some((subscription, net.ok_or(OutOfRange)?)))
            }
        }
    }
}

/// An invoice about to be issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue<'a> {
    pub customer: CustomerId,
    pub currency: Currency,
    pub lines: &'a [IssuedLine],
    /// What the rounding to the minor unit changed.
    pub rounding: Amount,
}

/// `receivable` gross → `unbilled`, `deferred`, `tax_payable`; discounts from `contra:discount`, on a fee in advance from what is deferred;
/// tax that is part of the amounts out of the income, or out of what is deferred; the rounding ↔ `rounding`.
///
/// Answers the lines (`None` when nothing moves) and the total, which is what the invoice says is to be paid. A negative total becomes the
/// customer's balance.
///
/// # Errors
/// [`crate::refusal::Code::QuantityOutOfRange`] when a sum does not fit.
pub fn issue(invoice: &Issue<'_>) -> Result<(Option<Lines>, Amount), Refusal> {
    let Issue { customer, currency, lines, rounding } = *invoice;
    let mut sums = Sums::new(currency);
    // Named first, so that it is the first line.
    sums.debit(Account::Receivable { customer }, Amount::ZERO);
    for line in lines {
        let own = match line.from {
            BilledFrom::Unbilled(income) => {
                let unbilled = line.amount.checked_sub(line.prepaid).ok_or(OutOfRange)?;
                sums.credit(Account::Unbilled { customer }, unbilled);
                sums.debit(Account::ContraDiscount, line.discount);
                income.account()
            }
            BilledFrom::Advance(subscription) => {
                assert!(line.prepaid.is_zero(), "wallets pay for usage");
                let account = Account::Deferred { customer, subscription };
                sums.credit(account, line.amount.checked_sub(line.discount).ok_or(OutOfRange)?);
                account
            }
        };
        if let Some(tax) = line.tax {
            sums.credit(Account::TaxPayable { jurisdiction: tax.jurisdiction }, tax.amount);
        }
        let within = line.tax_within();
        if !within.is_zero() {
            sums.debit(own, within);
        }
    }
    sums.credit(Account::Rounding, rounding);
    let total = Amount::ZERO.checked_sub(sums.open()?).ok_or(OutOfRange)?;
    let owed_by =
        if total.is_negative() { Account::CustomerBalance { customer } } else { Account::Receivable { customer } };
    sums.debit(owed_by, total);
    Ok((sums.finish()?, total))
}
