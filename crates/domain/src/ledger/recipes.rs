//! The posting rules: for each business event one pure function from what is known to the lines that book it.
//!
//! Promotional lots are a memo: `promo_issued` always equals what all promotional lots hold, and what is paid with them
//! is income less `contra:promo`.

mod credit_note;
mod give_back;
mod issue;
mod mirror;
mod payment;
mod recognition;
mod return_rated;
mod signed;
#[cfg(test)]
mod tests;
mod unbilled;

pub use credit_note::{CreditNote, CreditedLine, Earned, Overpaid, credit_note};
pub use give_back::{GiveBack, give_back};
pub use issue::{BilledFrom, Issue, IssuedLine, LineTax, issue};
pub use mirror::mirror;
pub use payment::{ByHand, apply_balance, payment_by_hand, recovery_by_hand, write_off};
pub use recognition::{EarnedFee, Recognized, recognition, void};
pub use return_rated::{ReturnRated, ReturnReason, return_rated};
pub use unbilled::{Income, postpaid_charge, postpaid_charges, rated_usage};

use super::account::Account;
use super::lines::{Draft, Lines};
use super::reason::ReasonCode;
use crate::amount::Amount;
use crate::ids::LotId;
use crate::refusal::{Code, Refusal};
use crate::time::Instant;
use crate::wallets::{Draw, Lot, LotKind, OPEN_LOTS_MAX, Wallet, lot_account};

/// Grants a new lot of `amount`: `promo_issued`, or `bank` when it was paid for, → the lot. While an overdraft stands,
/// the new lot repays it first.
///
/// # Errors
/// [`Code::OutOfRange`] when the wallet would hold more than an amount can say, [`Code::TooManyItems`] when it has too
/// many lots that hold something.
pub fn grant(wallet: &Wallet, kind: LotKind, lot: LotId, amount: Amount) -> Result<Lines, Refusal> {
    room_for(wallet, amount)?;
    let account = lot_account(kind, wallet.customer, lot);
    let from = match kind {
        LotKind::Promotional => Account::PromoIssued,
        LotKind::Paid => Account::Bank,
    };
    let repaid = amount.min(wallet.overdrawn);
    let mut draft = Draft::new(wallet.currency);
    draft.transfer(from, account, amount);
    draft.transfer(account, Account::WalletOverdraft { customer: wallet.customer }, repaid);
    if kind == LotKind::Promotional {
        draft.transfer(Account::ContraPromo, Account::PromoIssued, repaid);
    }
    draft.finish()
}

/// Charges usage: lots in draw order, the rest from the overdraft → `revenue:usage`.
///
/// # Errors
/// [`Code::InsufficientCredit`] when lots and overdraft together hold less.
pub fn charge(wallet: &Wallet, amount: Amount, at: Instant) -> Result<Lines, Refusal> {
    take(wallet, amount, at, Account::RevenueUsage)
}

/// A debit by an operator: as a charge, but to the account that the reason names.
///
/// # Errors
/// As [`charge`].
pub fn adjustment(wallet: &Wallet, amount: Amount, at: Instant, reason: ReasonCode) -> Result<Lines, Refusal> {
    take(wallet, amount, at, reason.debit_account())
}

/// Takes back a grant: the mirror of [`grant`], possible while the lot holds all that was granted.
///
/// # Errors
/// [`Code::PartlySpent`] when a part of the lot was spent, repaid an overdraft, or expired.
pub fn revoke_grant(wallet: &Wallet, lot: &Lot) -> Result<Lines, Refusal> {
    if lot.balance != lot.granted {
        let (granted, left) = (lot.granted, lot.balance);
        return Err(Refusal::new(
            Code::PartlySpent,
            format!(
                "Of the {granted} granted, {left} is left: a grant is reversed whole or not at all. Debit what is left \
                 instead."
            ),
        ));
    }
    let to = match lot.kind {
        LotKind::Promotional => Account::PromoIssued,
        LotKind::Paid => Account::Bank,
    };
    let mut draft = Draft::new(wallet.currency);
    draft.transfer(lot_account(lot.kind, wallet.customer, lot.id), to, lot.granted);
    draft.finish()
}

/// What is left of a lot expires: paid credit becomes `revenue:breakage`, a promotional lot goes back to `promo_issued`. The lot holds
/// something.
///
/// # Errors
/// None: two lines always fit.
pub fn expire_lot(wallet: &Wallet, lot: &Lot) -> Result<Lines, Refusal> {
    let to = match lot.kind {
        LotKind::Promotional => Account::PromoIssued,
        LotKind::Paid => Account::RevenueBreakage,
    };
    let mut draft = Draft::new(wallet.currency);
    draft.transfer(lot_account(lot.kind, wallet.customer, lot.id), to, lot.balance);
    draft.finish()
}

fn take(wallet: &Wallet, amount: Amount, at: Instant, income: Account) -> Result<Lines, Refusal> {
    let Draw { parts, rest } = wallet.take(amount, at)?;
    let mut draft = Draft::new(wallet.currency);
    for part in &parts {
        draft.debit(part.account(wallet.customer), part.amount);
    }
    draft.debit(Account::WalletOverdraft { customer: wallet.customer }, rest);
    draft.credit(income, amount);
    let promotional = parts.iter().filter(|part| part.kind == LotKind::Promotional).map(|part| part.amount);
    // Cannot fail: the parts of an amount do not exceed it.
    let promotional = Amount::checked_sum(promotional).expect("the parts of a draw are within its amount");
    draft.transfer(Account::ContraPromo, Account::PromoIssued, promotional);
    draft.finish()
}

/// Refuses a grant that would leave the wallet beyond what can be said or drawn.
fn room_for(wallet: &Wallet, amount: Amount) -> Result<(), Refusal> {
    let after = wallet.balance().micros() + i128::from(amount.micros());
    if i64::try_from(after).is_err() {
        return Err(Refusal::field(Code::OutOfRange, "amount", "would take the wallet beyond the largest balance."));
    }
    let open = wallet.lots.iter().filter(|lot| lot.balance.is_positive()).count();
    if open >= OPEN_LOTS_MAX {
        return Err(Refusal::new(
            Code::TooManyItems,
            format!("The wallet has {open} credit lots that hold something; it can have {OPEN_LOTS_MAX}."),
        ));
    }
    Ok(())
}
