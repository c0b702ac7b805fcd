//! Money that comes in by hand, the customer's balance, and what is given up: what settles an invoice without a payment provider.

use crate::amount::Amount;
use crate::currency::Currency;
use crate::ids::CustomerId;
use crate::ledger::account::Account;
use crate::ledger::lines::{Draft, Lines};
use crate::refusal::Refusal;

/// A payment that a person records; positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByHand {
    pub customer: CustomerId,
    pub currency: Currency,
    pub amount: Amount,
}

/// `bank` → `receivable` up to what is open, the rest → `customer_balance`.
///
/// # Errors
/// None for a positive amount.
pub fn payment_by_hand(payment: ByHand, outstanding: Amount) -> Result<Lines, Refusal> {
    let ByHand { customer, currency, amount } = payment;
    let settled = amount.min(outstanding);
    // Cannot fail: neither part exceeds the payment.
    let rest = amount.checked_sub(settled).expect("a part is within its whole");
    let mut draft = Draft::new(currency);
    draft.debit(Account::Bank, amount);
    draft.credit(Account::Receivable { customer }, settled);
    draft.credit(Account::CustomerBalance { customer }, rest);
    draft.finish()
}

/// `customer_balance` → `receivable`: pays as much of what is open as the balance holds, after tax. `None` when one of them is nothing.
///
/// # Errors
/// None for amounts that are not negative.
pub fn apply_balance(
    customer: CustomerId,
    currency: Currency,
    balance: Amount,
    outstanding: Amount,
) -> Result<Option<(Lines, Amount)>, Refusal> {
    let applied = balance.min(outstanding);
    if !applied.is_positive() {
        return Ok(None);
    }
    let mut draft = Draft::new(currency);
    draft.transfer(Account::CustomerBalance { customer }, Account::Receivable { customer }, applied);
    Ok(Some((draft.finish()?, applied)))
}

/// `bad_debt` → `receivable`: what is open is given up; positive.
///
/// # Errors
/// None for a positive amount.
pub fn write_off(customer: CustomerId, currency: Currency, outstanding: Amount) -> Result<Lines, Refusal> {
    let mut draft = Draft::new(currency);
    draft.transfer(Account::BadDebt, Account::Receivable { customer }, outstanding);
    draft.finish()
}

/// `bank` → `bad_debt` up to what was given up, the rest → `customer_balance`: a payment after all.
///
/// # Errors
/// None for a positive amount.
pub fn recovery_by_hand(payment: ByHand, given_up: Amount) -> Result<Lines, Refusal> {
    let ByHand { customer, currency, amount } = payment;
    let recovered = amount.min(given_up);
    // Cannot fail: neither part exceeds the payment.
    let rest = amount.checked_sub(recovered).expect("a part is within its whole");
    let mut draft = Draft::new(currency);
    draft.debit(Account::Bank, amount);
    draft.credit(Account::BadDebt, recovered);
    draft.credit(Account::CustomerBalance { customer }, rest);
    draft.finish()
}
