//! Wallets: a customer's prepaid money in one currency, made of credit lots, and the order in which charges draw on them.

use std::cmp::Ordering;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::amount::Amount;
use crate::currency::Currency;
use crate::ids::{CustomerId, LotId};
use crate::ledger::account::Account;
use crate::ledger::balance::Balance;
use crate::named::named;
use crate::refusal::{Code, Refusal};
use crate::time::Instant;

named! {
    /// Whether the customer paid for a lot.
    LotKind {
        /// Granted: spent before paid credit, and not income when it is spent.
        Promotional = "promotional",
        /// Paid for: money that is owed to the customer until it is spent.
        Paid = "paid",
    }
}

/// The priority a lot has when nobody chose one.
pub const PRIORITY_DEFAULT: i64 = 50;

/// The highest number a priority can have: drawn last. The lowest is 0: drawn first.
pub const PRIORITY_MAX: i64 = 100;

/// Most lots of one wallet that hold something at the same time; more would not fit in one entry.
pub const OPEN_LOTS_MAX: usize = 300;

/// One grant of credit and what is left of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lot {
    pub id: LotId,
    pub kind: LotKind,
    /// 0 to [`PRIORITY_MAX`]; the lower number is drawn first.
    pub priority: i64,
    pub granted: Amount,
    pub balance: Amount,
    pub valid_from: Instant,
    /// From this instant on it cannot be spent.
    pub expires_at: Option<Instant>,
    pub created_at: Instant,
}

/// A wallet with the lots that matter to a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wallet {
    pub customer: CustomerId,
    pub currency: Currency,
    /// How far beyond its lots the wallet may be charged; not negative.
    pub overdraft_limit: Amount,
    /// What was charged beyond the lots and not repaid yet; not negative.
    pub overdrawn: Amount,
    pub lots: Vec<Lot>,
}

/// What a charge takes from one lot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    pub lot: LotId,
    pub kind: LotKind,
    pub amount: Amount,
}

/// How an amount is taken from lots: parts in draw order, and the rest that the lots do not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draw {
    pub parts: Vec<Part>,
    pub rest: Amount,
}

impl Lot {
    /// Whether something can be drawn from it at this instant.
    pub fn is_spendable(&self, at: Instant) -> bool {
        self.balance.is_positive() && self.valid_from <= at && !self.is_expired(at)
    }

    pub fn is_expired(&self, at: Instant) -> bool {
        self.expires_at.is_some_and(|expiry| expiry <= at)
    }

    /// Draw order: priority, soonest expiry, promotional before paid, oldest, and the id where all else is equal.
    pub fn draw_order(&self, other: &Lot) -> Ordering {
        let expiry = |lot: &Lot| (lot.expires_at.is_none(), lot.expires_at);
        (self.priority, expiry(self), self.kind, self.created_at, self.id).cmp(&(
            other.priority,
            expiry(other),
            other.kind,
            other.created_at,
            other.id,
        ))
    }
}

impl Part {
    /// The account of the lot.
    pub const fn account(&self, customer: CustomerId) -> Account {
        lot_account(self.kind, customer, self.lot)
    }
}

/// The account that holds a lot.
pub const fn lot_account(kind: LotKind, customer: CustomerId, lot: LotId) -> Account {
    match kind {
        LotKind::Promotional => Account::WalletPromo { customer, lot },
        LotKind::Paid => Account::WalletPaid { customer, lot },
    }
}

impl Wallet {
    /// All that the lots hold, expired or not, minus what was overdrawn.
    pub fn balance(&self) -> Balance {
        self.holdings(|_| true)
    }

    /// What is the customer's own to spend at this instant: lots that can be spent, minus what was overdrawn. Negative
    /// while an overdraft stands.
    pub fn available(&self, at: Instant) -> Balance {
        self.holdings(|lot| lot.is_spendable(at))
    }

    /// What a charge may take at this instant: the available and the overdraft that is left.
    pub fn spending_power(&self, at: Instant) -> Balance {
        let limit = i128::from(self.overdraft_limit.micros());
        Balance::from_micros(self.available(at).micros() + limit)
    }

    /// Takes an amount in draw order, the rest from the overdraft.
    ///
    /// # Errors
    /// [`Code::InsufficientCredit`] when lots and overdraft together hold less.
    pub fn take(&self, amount: Amount, at: Instant) -> Result<Draw, Refusal> {
        let power = self.spending_power(at);
        if power < Balance::from(amount) {
            let currency = self.currency;
            return Err(Refusal::new(
                Code::InsufficientCredit,
                format!(
                    "{amount} {currency} is more than the wallet can pay: {power} {currency} with its overdraft. Grant \
                     credit or raise the overdraft limit, then send a new request with a new Idempotency-Key."
                ),
            ));
        }
        Ok(draw(&self.lots, amount, at))
    }

    pub fn lot(&self, id: LotId) -> Option<&Lot> {
        self.lots.iter().find(|lot| lot.id == id)
    }

    fn holdings(&self, counts: impl Fn(&Lot) -> bool) -> Balance {
        let lots: i128 = self.lots.iter().filter(|lot| counts(lot)).map(|lot| i128::from(lot.balance.micros())).sum();
        Balance::from_micros(lots - i128::from(self.overdrawn.micros()))
    }
}

/// When a lot that should expire at `wanted` does: at the start of the next day in the customer's zone, so that a day's
/// charges can still draw on it; at `wanted` itself when that is the start of a day.
pub fn expiry(wanted: Instant, zone: &TimeZone) -> Instant {
    let wanted_date = wanted.timestamp().to_zoned(zone.clone()).date();
    let start = |date: Date| date.to_zoned(zone.clone()).ok().map(|start| Instant::from_timestamp(start.timestamp()));
    let days = [Some(wanted_date), wanted_date.tomorrow().ok()];
    // At the end of the calendar there is no next day.
    days.into_iter().flatten().filter_map(start).find(|midnight| *midnight >= wanted).unwrap_or(wanted)
}

/// Takes an amount from lots that can be spent at this instant, in draw order. The amount is positive.
///
/// The parts and the rest always sum to the amount; no part exceeds what its lot holds; the order of `lots` is of no
/// matter.
pub fn draw(lots: &[Lot], amount: Amount, at: Instant) -> Draw {
    assert!(amount.is_positive(), "a draw takes something");
    let mut open: Vec<&Lot> = lots.iter().filter(|lot| lot.is_spendable(at)).collect();
    open.sort_by(|one, other| one.draw_order(other));
    let mut rest = amount.micros();
    let mut parts = Vec::new();
    for lot in open {
        if rest == 0 {
            break;
        }
        let taken = rest.min(lot.balance.micros());
        parts.push(Part { lot: lot.id, kind: lot.kind, amount: Amount::from_micros(taken) });
        rest -= taken;
    }
    Draw { parts, rest: Amount::from_micros(rest) }
}

#[cfg(test)]
mod tests;
