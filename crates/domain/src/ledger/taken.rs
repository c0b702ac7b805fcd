//! What a charge took, read back from its lines: the starting point of refunds and reversals.

use super::account::{Account, Direction};
use super::lines::{Line, Lines};
use crate::amount::Amount;
use crate::ids::CustomerId;
use crate::wallets::{LotKind, Part};

/// What one charge or debit took, and where it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    pub customer: CustomerId,
    /// Parts of lots, in the order in which they were drawn.
    pub parts: Vec<Part>,
    /// What was taken beyond the lots.
    pub overdrawn: Amount,
    /// The account that was credited with the whole.
    pub income: Account,
}

/// A part of the wallet that money returns to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Overdraft(Amount),
    Lot(Part),
}

impl Taken {
    /// Reads the lines of a charge or an adjustment; `None` when they are the lines of something else.
    pub fn of(lines: &Lines) -> Option<Taken> {
        let debits = lines.as_slice().iter().filter(|line| line.direction == Direction::Debit);
        let mut parts = Vec::new();
        let mut overdrawn = Amount::ZERO;
        let mut customer = None;
        for line in debits.filter(|line| line.account.is_wallet()) {
            customer = line.account.customer();
            match lot_part(line) {
                Some(part) => parts.push(part),
                None => overdrawn = overdrawn.checked_add(line.amount)?,
            }
        }
        // Beside the lots stands one credit with the whole; the memo of promotional credit comes after it.
        let income = lines.as_slice().iter().find(|line| line.direction == Direction::Credit)?.account;
        let income = (!income.is_wallet() && income != Account::PromoIssued).then_some(income)?;
        Some(Taken { customer: customer?, parts, overdrawn, income })
    }

    /// The whole amount.
    pub fn total(&self) -> Amount {
        let parts = self.parts.iter().map(|part| part.amount);
        // Cannot fail: the parts were drawn for one amount.
        Amount::checked_sum(parts.chain([self.overdrawn])).expect("the parts of a charge sum to its amount")
    }

    /// Where `amount` returns to after `returned_before` has returned already: reverse draw order, so the overdraft
    /// first, then the lots from the last to the first. Both together do not exceed the whole.
    pub fn sources(&self, returned_before: Amount, amount: Amount) -> Vec<Source> {
        let lots = self.parts.iter().rev().map(|part| Source::Lot(*part));
        let all = std::iter::once(Source::Overdraft(self.overdrawn)).chain(lots);
        let (mut skip, mut wanted) = (returned_before.micros(), amount.micros());
        let mut sources = Vec::new();
        for source in all {
            let size = source.amount().micros();
            let skipped = skip.min(size);
            let taken = wanted.min(size - skipped);
            skip -= skipped;
            wanted -= taken;
            if taken > 0 {
                sources.push(source.with_amount(Amount::from_micros(taken)));
            }
        }
        assert!(skip == 0 && wanted == 0, "no more returns than was taken");
        sources
    }
}

impl Source {
    pub const fn amount(&self) -> Amount {
        match self {
            Source::Overdraft(amount) => *amount,
            Source::Lot(part) => part.amount,
        }
    }

    fn with_amount(self, amount: Amount) -> Source {
        match self {
            Source::Overdraft(_) => Source::Overdraft(amount),
            Source::Lot(part) => Source::Lot(Part { amount, ..part }),
        }
    }
}

/// The part of a lot that a line moves; `None` for a line on another account.
pub(crate) fn lot_part(line: &Line) -> Option<Part> {
    let kind = if matches!(line.account, Account::WalletPaid { .. }) { LotKind::Paid } else { LotKind::Promotional };
    Some(Part { lot: line.account.lot()?, kind, amount: line.amount })
}
