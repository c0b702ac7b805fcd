//! Rated usage comes to less than what was posted, or is credited after its invoice: what it drew returns in reverse draw order.
//!
//! First what is still unbilled, then the lots from the last drawn to the first. What returns to an expired lot expires at once.

use crate::amount::Amount;
use crate::ledger::account::Account;
use crate::ledger::lines::{Draft, Lines};
use crate::ledger::recipes::give_back::{expire, is_expired};
use crate::named::named;
use crate::refusal::{Code, Refusal};
use crate::time::Instant;
use crate::wallets::{LotKind, Part, Wallet};

named! {
    /// Why usage that a wallet paid gives money back.
    ReturnReason {
        /// A later cut of the same usage came to less: the income was never there.
        Revision = "revision",
        /// A credit note for a line of an issued invoice.
        CreditNote = "creditNote",
    }
}

/// What has to be known to give back a part of what rated usage drew.
#[derive(Debug, Clone)]
pub struct ReturnRated<'a> {
    /// The wallet, with every lot that was drawn on.
    pub wallet: &'a Wallet,
    /// What all revisions so far drew from lots and did not get back, in draw order.
    pub drawn: &'a [Part],
    /// What of them is unbilled; nothing after an invoice.
    pub unbilled: Amount,
    /// What comes back; positive.
    pub amount: Amount,
    pub reason: ReturnReason,
    pub at: Instant,
}

/// `revenue:usage` (or `contra:credit_note`) → `unbilled`, then the lots; the memo of promotional credit swapped.
///
/// # Errors
/// [`Code::RefundTooLarge`] when more would come back than was drawn and posted.
pub fn return_rated(request: &ReturnRated<'_>) -> Result<Lines, Refusal> {
    let ReturnRated { wallet, drawn, unbilled, amount, reason, at } = request;
    let from = match reason {
        ReturnReason::Revision => Account::RevenueUsage,
        ReturnReason::CreditNote => Account::ContraCreditNote,
    };
    let mut draft = Draft::new(wallet.currency);
    draft.debit(from, *amount);
    let from_unbilled = (*amount).min(*unbilled);
    draft.credit(Account::Unbilled { customer: wallet.customer }, from_unbilled);
    let mut left = amount.micros() - from_unbilled.micros();
    let mut returned = Vec::new();
    for part in drawn.iter().rev() {
        let back = left.min(part.amount.micros());
        if back > 0 {
            left -= back;
            returned.push(Part { amount: Amount::from_micros(back), ..*part });
        }
    }
    if left > 0 {
        let detail = format!("{} more would come back than this usage drew.", Amount::from_micros(left));
        return Err(Refusal::new(Code::RefundTooLarge, detail));
    }
    for part in &returned {
        draft.credit(part.account(wallet.customer), part.amount);
    }
    let promotional = returned.iter().filter(|part| part.kind == LotKind::Promotional).map(|part| part.amount);
    // Cannot fail: the parts were drawn for one amount.
    let promotional = Amount::checked_sum(promotional).expect("the parts of a return are within its amount");
    draft.transfer(Account::PromoIssued, Account::ContraPromo, promotional);
    for part in returned.iter().filter(|part| is_expired(wallet, part, *at)) {
        expire(&mut draft, wallet, part);
    }
    draft.finish()
}
