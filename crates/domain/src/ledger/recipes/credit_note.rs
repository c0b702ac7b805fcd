//! A credit note for an issued invoice: what was billed and is taken back, first against what is still open, the rest to the customer.

use crate::amount::Amount;
use crate::currency::Currency;
use crate::ids::{CustomerId, SubscriptionId};
use crate::ledger::account::Account;
use crate::ledger::jurisdiction::Jurisdiction;
use crate::ledger::lines::Lines;
use crate::ledger::recipes::signed::Sums;
use crate::named::named;
use crate::refusal::{Code, Refusal};

/// Whether what is credited was earned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Earned {
    Yes,
    /// Still deferred for this subscription.
    NotYet(SubscriptionId),
}

named! {
    /// Where the part of a credit note goes that was paid already.
    Overpaid {
        /// Kept for later invoices.
        CustomerBalance = "customerBalance",
        /// To be paid back.
        Refund = "refund",
    }
}

/// One line of a credit note; amounts are positive and without and with their tax apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CreditedLine {
    pub earned: Earned,
    /// Without tax.
    pub net: Amount,
    pub tax: Option<(Jurisdiction, Amount)>,
}

/// A credit note about to be issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditNote<'a> {
    pub customer: CustomerId,
    pub currency: Currency,
    pub lines: &'a [CreditedLine],
    /// What is taken back of the invoice's own rounding; negative where that had lowered the total.
    pub rounding: Amount,
    /// What of the invoice is not paid yet.
    pub outstanding: Amount,
    /// What of the invoice was not credited yet.
    pub creditable: Amount,
    pub overpaid: Overpaid,
}

/// `contra:credit_note` (or `deferred`), `tax_payable` → `receivable` up to what is open, the rest → `customer_balance` or
/// `refund_payable`. Answers the lines and the total.
///
/// # Errors
/// [`Code::NotPositive`] for a total that is not, [`Code::CreditNoteTooLarge`] beyond what was billed and not credited yet.
pub fn credit_note(note: &CreditNote<'_>) -> Result<(Lines, Amount), Refusal> {
    let CreditNote { customer, currency, lines, rounding, outstanding, creditable, overpaid } = *note;
    let mut sums = Sums::new(currency);
    for line in lines {
        let taken_from = match line.earned {
            Earned::Yes => Account::ContraCreditNote,
            Earned::NotYet(subscription) => Account::Deferred { customer, subscription },
        };
        sums.debit(taken_from, line.net);
        if let Some((jurisdiction, tax)) = line.tax {
            sums.debit(Account::TaxPayable { jurisdiction }, tax);
        }
    }
    sums.debit(Account::Rounding, rounding);
    let total = sums.open()?;
    if !total.is_positive() {
        return Err(Refusal::new(Code::NotPositive, "A credit note credits something. Name lines and amounts."));
    }
    if total > creditable {
        let detail =
            format!("{total} {currency} is more than the {creditable} {currency} of the invoice not credited yet.");
        return Err(Refusal::new(Code::CreditNoteTooLarge, detail));
    }
    let against_open = total.min(outstanding);
    // Cannot fail: both are between zero and the total.
    let rest = total.checked_sub(against_open).expect("a part is within its whole");
    sums.credit(Account::Receivable { customer }, against_open);
    sums.credit(
        match overpaid {
            Overpaid::CustomerBalance => Account::CustomerBalance { customer },
            Overpaid::Refund => Account::RefundPayable { customer },
        },
        rest,
    );
    // Cannot fail: the total is positive, so something moves.
    Ok((sums.finish()?.expect("a credit note moves money"), total))
}
