//! Giving back what a charge took: refunds in part or whole, and the reversal of a charge.
//!
//! Money returns in reverse draw order. What returns to an overdraft that was repaid meanwhile goes on to the lots that
//! repaid it, the latest first, so that promotional credit never comes back as paid credit. What returns to an expired
//! lot expires at once.

use crate::amount::Amount;
use crate::ledger::account::Account;
use crate::ledger::lines::{Draft, Lines};
use crate::ledger::taken::{Source, Taken};
use crate::refusal::{Code, Refusal};
use crate::time::Instant;
use crate::wallets::{LotKind, Part, Wallet};

/// What has to be known to give money of a charge back.
#[derive(Debug, Clone)]
pub struct GiveBack<'a> {
    /// The wallet, with every lot that money may return to.
    pub wallet: &'a Wallet,
    pub taken: &'a Taken,
    /// What earlier refunds of the same charge gave back.
    pub returned_before: Amount,
    /// What is given back now; positive.
    pub amount: Amount,
    /// What lots paid to settle overdrafts of this wallet and did not get back yet, the latest first.
    pub repaid: &'a [Part],
    pub at: Instant,
}

/// The income account of the charge → overdraft and lots, in reverse draw order.
///
/// # Errors
/// [`Code::RefundTooLarge`] when all refunds together would exceed the charge, [`Code::OutOfRange`] when the wallet
/// would hold more than an amount can say.
pub fn give_back(request: &GiveBack<'_>) -> Result<Lines, Refusal> {
    let GiveBack { wallet, taken, returned_before, amount, repaid, at } = request;
    let left = left_to_return(taken.total(), *returned_before);
    if *amount > left {
        return Err(Refusal::new(
            Code::RefundTooLarge,
            format!("{amount} is more than the {left} of this transaction that is not given back yet."),
        ));
    }
    if i64::try_from(wallet.balance().micros() + i128::from(amount.micros())).is_err() {
        return Err(Refusal::field(Code::OutOfRange, "amount", "would take the wallet beyond the largest balance."));
    }
    let mut returned = Vec::new();
    let mut draft = Draft::new(wallet.currency);
    let overdraft = Account::WalletOverdraft { customer: wallet.customer };
    draft.debit(taken.income, *amount);
    for source in taken.sources(*returned_before, *amount) {
        match source {
            Source::Overdraft(amount) => {
                draft.credit(overdraft, amount);
                for part in undone(repaid, amount, wallet.overdrawn) {
                    draft.transfer(overdraft, part.account(wallet.customer), part.amount);
                    returned.push(part);
                }
            }
            Source::Lot(part) => {
                draft.credit(part.account(wallet.customer), part.amount);
                returned.push(part);
            }
        }
    }
    let promotional = returned.iter().filter(|part| part.kind == LotKind::Promotional).map(|part| part.amount);
    // Cannot fail: the parts were taken for one amount.
    let promotional = Amount::checked_sum(promotional).expect("the parts of a return are within its amount");
    draft.transfer(Account::PromoIssued, Account::ContraPromo, promotional);
    for part in returned.iter().filter(|part| is_expired(wallet, part, *at)) {
        expire(&mut draft, wallet, part);
    }
    draft.finish()
}

/// Books that a part of a lot cannot be spent any more: paid credit becomes income, promotional credit just ends.
pub(super) fn expire(draft: &mut Draft, wallet: &Wallet, part: &Part) {
    let to = match part.kind {
        LotKind::Paid => Account::RevenueBreakage,
        LotKind::Promotional => Account::PromoIssued,
    };
    draft.transfer(part.account(wallet.customer), to, part.amount);
}

pub(super) fn is_expired(wallet: &Wallet, part: &Part, at: Instant) -> bool {
    // Cannot fail: the caller loads the wallet with the lots of the charge and of the repayments.
    wallet.lot(part.lot).expect("a lot that money returns to is loaded").is_expired(at)
}

/// Which repayments an overdraft part of `amount` undoes, beyond the `standing` overdraft that it settles.
fn undone(repaid: &[Part], amount: Amount, standing: Amount) -> Vec<Part> {
    let mut excess = (amount.micros() - standing.micros()).max(0);
    let mut parts = Vec::new();
    for part in repaid {
        let back = excess.min(part.amount.micros());
        if back > 0 {
            excess -= back;
            parts.push(Part { amount: Amount::from_micros(back), ..*part });
        }
    }
    assert_eq!(excess, 0, "an overdraft that does not stand was repaid by lots");
    parts
}

fn left_to_return(total: Amount, returned_before: Amount) -> Amount {
    // Cannot fail: each refund before was within what was left then.
    total.checked_sub(returned_before).expect("refunds are within their charge")
}
