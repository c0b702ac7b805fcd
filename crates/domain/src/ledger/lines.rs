//! The lines of an entry, balanced by construction: nothing else can be posted.

use std::collections::BTreeMap;

use super::account::{Account, Direction};
use super::balance::Balance;
use crate::amount::Amount;
use crate::currency::Currency;
use crate::ids::CustomerId;
use crate::refusal::{Code, Refusal};

/// Most lines of one entry.
pub const LINES_MAX: usize = 1_000;

/// One side of a movement of money. The amount is positive; the direction says which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    pub account: Account,
    pub currency: Currency,
    pub direction: Direction,
    pub amount: Amount,
}

/// The lines of one entry: at least two, at most [`LINES_MAX`], and Σ debits = Σ credits per currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lines(Vec<Line>);

/// Lines on their way to being balanced, all in one currency.
#[derive(Debug, Clone)]
pub struct Draft {
    currency: Currency,
    lines: Vec<Line>,
}

/// Why stored lines cannot be the lines of an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinesError {
    #[error("an entry has {0} lines; it needs 2 to {LINES_MAX}")]
    Count(usize),
    #[error("line {line} is not positive")]
    NotPositive { line: usize },
    #[error("debits exceed credits in {currency} by {difference}")]
    Unbalanced { currency: Currency, difference: Balance },
}

impl Draft {
    pub fn new(currency: Currency) -> Draft {
        Draft { currency, lines: Vec::new() }
    }

    /// Adds a debit; a part of nothing leaves no line.
    pub fn debit(&mut self, account: Account, amount: Amount) {
        self.line(account, Direction::Debit, amount);
    }

    /// Adds a credit; a part of nothing leaves no line.
    pub fn credit(&mut self, account: Account, amount: Amount) {
        self.line(account, Direction::Credit, amount);
    }

    /// Adds `debit` → `credit`, as two lines that follow each other.
    pub fn transfer(&mut self, debit: Account, credit: Account, amount: Amount) {
        self.debit(debit, amount);
        self.credit(credit, amount);
    }

    /// The lines, balanced.
    ///
    /// # Errors
    /// [`Code::TooManyItems`] beyond [`LINES_MAX`] lines: the caller drew on too many lots at once.
    ///
    /// # Panics
    /// When the lines do not balance: a recipe is wrong, and nothing may be posted by it.
    pub fn finish(self) -> Result<Lines, Refusal> {
        match Lines::check(self.lines) {
            Ok(lines) => Ok(lines),
            Err(LinesError::Count(count)) if count > LINES_MAX => Err(Refusal::new(
                Code::TooManyItems,
                format!("One transaction can touch about {} credit lots at once. Send smaller amounts.", LINES_MAX / 3),
            )),
            Err(error) => panic!("a recipe made lines that cannot be posted: {error}"),
        }
    }

    fn line(&mut self, account: Account, direction: Direction, amount: Amount) {
        assert!(!amount.is_negative(), "the direction says which way, never the sign");
        if !amount.is_zero() {
            self.lines.push(Line { account, currency: self.currency, direction, amount });
        }
    }
}

impl Lines {
    /// Takes lines as they are stored, or as they are about to be.
    ///
    /// # Errors
    /// [`LinesError`] when they are not the lines of an entry.
    pub fn check(lines: Vec<Line>) -> Result<Lines, LinesError> {
        if !(2..=LINES_MAX).contains(&lines.len()) {
            return Err(LinesError::Count(lines.len()));
        }
        if let Some(line) = lines.iter().position(|line| !line.amount.is_positive()) {
            return Err(LinesError::NotPositive { line });
        }
        let mut sums: BTreeMap<Currency, i128> = BTreeMap::new();
        for line in &lines {
            // At most 1,000 lines of 63 bits: far from the ends of 128 bits.
            *sums.entry(line.currency).or_default() += line.toward(Direction::Debit);
        }
        match sums.into_iter().find(|(_, sum)| *sum != 0) {
            Some((currency, sum)) => Err(LinesError::Unbalanced { currency, difference: Balance::from_micros(sum) }),
            None => Ok(Lines(lines)),
        }
    }

    pub fn as_slice(&self) -> &[Line] {
        &self.0
    }

    /// These lines, then the others, in one entry.
    ///
    /// # Errors
    /// [`Code::TooManyItems`] beyond [`LINES_MAX`] lines together.
    pub fn and(&self, others: &Lines) -> Result<Lines, Refusal> {
        let together: Vec<Line> = self.0.iter().chain(&others.0).copied().collect();
        let count = together.len();
        // Each balances by itself, so they do together: only their number can be too large.
        Lines::check(together).map_err(|_| {
            Refusal::new(Code::TooManyItems, format!("The entry would have {count} lines; it can have {LINES_MAX}."))
        })
    }

    /// What the entry changes per account, on the account's normal side. Accounts whose lines cancel out are listed too.
    pub fn net(&self) -> BTreeMap<(Account, Currency), i128> {
        let mut net = BTreeMap::new();
        for line in &self.0 {
            let normal = line.account.class().normal_side();
            *net.entry((line.account, line.currency)).or_default() += line.toward(normal);
        }
        net
    }

    /// What the entry adds to the wallet of a customer: to its lots, and against its overdraft.
    pub fn effect_on_wallet(&self, customer: CustomerId, currency: Currency) -> Balance {
        let own = |line: &&Line| {
            line.account.is_wallet() && line.account.customer() == Some(customer) && line.currency == currency
        };
        Balance::from_micros(self.0.iter().filter(own).map(|line| line.toward(Direction::Credit)).sum())
    }
}

impl Line {
    /// The amount in micros, positive when the line is on this side.
    fn toward(&self, side: Direction) -> i128 {
        let micros = i128::from(self.amount.micros());
        if self.direction == side { micros } else { -micros }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Amount = Amount::from_micros(1);
    const TWO: Amount = Amount::from_micros(2);

    fn line(direction: Direction, amount: Amount) -> Line {
        Line { account: Account::Bank, currency: Currency::USD, direction, amount }
    }

    #[test]
    fn lines_that_do_not_balance_are_refused() {
        // promise P10
        let lines = vec![line(Direction::Debit, TWO), line(Direction::Credit, ONE)];
        let error = Lines::check(lines).unwrap_err();
        assert_eq!(error.to_string(), "debits exceed credits in USD by 0.000001");
    }

    #[test]
    fn each_currency_balances_by_itself() {
        let euro = Currency::parse("EUR").unwrap();
        let lines = vec![line(Direction::Debit, ONE), Line { currency: euro, ..line(Direction::Credit, ONE) }];
        assert!(matches!(Lines::check(lines), Err(LinesError::Unbalanced { .. })));
    }

    #[test]
    fn an_entry_has_two_lines_at_least_and_each_is_positive() {
        assert_eq!(Lines::check(vec![]), Err(LinesError::Count(0)));
        let lines = vec![line(Direction::Debit, Amount::ZERO), line(Direction::Credit, Amount::ZERO)];
        assert_eq!(Lines::check(lines), Err(LinesError::NotPositive { line: 0 }));
    }

    #[test]
    #[should_panic(expected = "a recipe made lines that cannot be posted")]
    fn a_recipe_that_does_not_balance_stops_the_operation() {
        // promise P10
        let mut draft = Draft::new(Currency::USD);
        draft.debit(Account::Bank, TWO);
        draft.credit(Account::RevenueUsage, ONE);
        let _lines = draft.finish();
    }

    #[test]
    fn more_than_a_thousand_lines_are_refused() {
        let mut draft = Draft::new(Currency::USD);
        for _ in 0..501 {
            draft.transfer(Account::Bank, Account::RevenueUsage, ONE);
        }
        assert_eq!(draft.finish().unwrap_err().code, Code::TooManyItems);
    }

    #[test]
    fn sums_of_the_largest_amounts_do_not_overflow() {
        let most = Amount::from_micros(i64::MAX);
        let mut draft = Draft::new(Currency::USD);
        draft.transfer(Account::Bank, Account::RevenueUsage, most);
        draft.transfer(Account::Bank, Account::RevenueUsage, most);
        let net = draft.finish().unwrap().net();
        assert_eq!(net[&(Account::Bank, Currency::USD)], 2 * i128::from(i64::MAX));
    }
}
