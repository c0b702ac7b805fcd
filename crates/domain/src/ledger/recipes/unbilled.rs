//! What was rated and is not invoiced yet: usage, fees in arrears, one-off items, and the true-up of a minimum commitment.

use crate::amount::Amount;
use crate::currency::Currency;
use crate::ids::CustomerId;
use crate::ledger::account::Account;
use crate::ledger::lines::{Draft, Lines};
use crate::ledger::recipes::signed::Sums;
use crate::named::named;
use crate::refusal::Refusal;
use crate::time::Instant;
use crate::wallets::{LotKind, Wallet, draw};

named! {
    /// What a charge is income from.
    Income {
        Usage = "usage",
        /// Fees in arrears, and what is missing to a minimum commitment.
        Subscription = "subscription",
        Oneoff = "oneoff",
    }
}

impl Income {
    pub const fn account(self) -> Account {
        match self {
            Income::Usage => Account::RevenueUsage,
            Income::Subscription => Account::RevenueSubscription,
            Income::Oneoff => Account::RevenueOneoff,
        }
    }
}

/// Posts what a charge comes to beyond what was posted for it before: `unbilled` → income. A negative amount (a revision that came to
/// less) is posted with debit and credit swapped; `None` when nothing is to be posted.
///
/// # Errors
/// None for amounts that fit.
pub fn postpaid_charge(
    customer: CustomerId,
    currency: Currency,
    income: Income,
    amount: Amount,
) -> Result<Option<Lines>, Refusal> {
    let mut sums = Sums::new(currency);
    sums.transfer(Account::Unbilled { customer }, income.account(), amount);
    sums.finish()
}

/// As [`postpaid_charge`] for several charges of one customer in one entry: one pair of lines for each kind of income.
///
/// # Errors
/// [`crate::refusal::Code::QuantityOutOfRange`] when a sum does not fit.
pub fn postpaid_charges(
    customer: CustomerId,
    currency: Currency,
    charges: &[(Income, Amount)],
) -> Result<Option<Lines>, Refusal> {
    let mut sums = Sums::new(currency);
    for (income, amount) in charges {
        sums.transfer(Account::Unbilled { customer }, income.account(), *amount);
    }
    sums.finish()
}

/// Posts rated usage of a customer with a wallet: lots that can be spent at `at`, in draw order, and the rest from `unbilled`, →
/// `revenue:usage`. Rated usage is never refused. The amount is positive.
///
/// # Errors
/// [`crate::refusal::Code::TooManyItems`] when it would touch more lots than fit in one entry.
pub fn rated_usage(wallet: &Wallet, amount: Amount, at: Instant) -> Result<Lines, Refusal> {
    let drawn = draw(&wallet.lots, amount, at);
    let mut draft = Draft::new(wallet.currency);
    for part in &drawn.parts {
        draft.debit(part.account(wallet.customer), part.amount);
    }
    draft.debit(Account::Unbilled { customer: wallet.customer }, drawn.rest);
    draft.credit(Account::RevenueUsage, amount);
    let promotional = drawn.parts.iter().filter(|part| part.kind == LotKind::Promotional).map(|part| part.amount);
    // Cannot fail: the parts of an amount do not exceed it.
    let promotional = Amount::checked_sum(promotional).expect("the parts of a draw are within its amount");
    draft.transfer(Account::ContraPromo, Account::PromoIssued, promotional);
    draft.finish()
}
