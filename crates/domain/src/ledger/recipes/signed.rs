//! Lines of an entry whose amounts may be negative: a negative debit is a credit, and what cancels out leaves no line.

use std::collections::BTreeMap;

use crate::amount::Amount;
use crate::currency::Currency;
use crate::ledger::account::{Account, Direction};
use crate::ledger::lines::{Draft, Lines};
use crate::ratio::OutOfRange;
use crate::refusal::Refusal;

/// Sums by account, debits positive; accounts in the order in which they were first named.
#[derive(Debug, Clone)]
pub(super) struct Sums {
    currency: Currency,
    order: Vec<Account>,
    micros: BTreeMap<Account, i128>,
}

impl Sums {
    pub(super) fn new(currency: Currency) -> Sums {
        Sums { currency, order: Vec::new(), micros: BTreeMap::new() }
    }

    pub(super) fn debit(&mut self, account: Account, amount: Amount) {
        self.add(account, i128::from(amount.micros()));
    }

    pub(super) fn credit(&mut self, account: Account, amount: Amount) {
        self.add(account, -i128::from(amount.micros()));
    }

    /// `debit` → `credit`; the other way round for a negative amount.
    pub(super) fn transfer(&mut self, debit: Account, credit: Account, amount: Amount) {
        self.debit(debit, amount);
        self.credit(credit, amount);
    }

    /// What all lines so far debit more than they credit.
    ///
    /// # Errors
    /// [`OutOfRange`] when it does not fit.
    pub(super) fn open(&self) -> Result<Amount, OutOfRange> {
        let sum = self.micros.values().sum::<i128>();
        i64::try_from(sum).map(Amount::from_micros).map_err(|_| OutOfRange)
    }

    /// The lines; `None` when nothing moves.
    ///
    /// # Errors
    /// [`crate::refusal::Code::TooManyItems`] for more lines than an entry has, [`crate::refusal::Code::QuantityOutOfRange`] for a sum
    /// that is larger than an amount can be.
    pub(super) fn finish(self) -> Result<Option<Lines>, Refusal> {
        let mut draft = Draft::new(self.currency);
        let mut is_empty = true;
        for account in self.order {
            let sum = self.micros[&account];
            let amount = i64::try_from(sum.abs()).map(Amount::from_micros).map_err(|_| OutOfRange)?;
            let direction = if sum < 0 { Direction::Credit } else { Direction::Debit };
            is_empty &= amount.is_zero();
            match direction {
                Direction::Debit => draft.debit(account, amount),
                Direction::Credit => draft.credit(account, amount),
            }
        }
        if is_empty { Ok(None) } else { draft.finish().map(Some) }
    }

    fn add(&mut self, account: Account, micros: i128) {
        if !self.micros.contains_key(&account) {
            self.order.push(account);
        }
        *self.micros.entry(account).or_default() += micros;
    }
}
