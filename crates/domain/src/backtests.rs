//! Backtests: what customers would have been charged for a past range under another plan version, beside what they would have been
//! charged under the one it is compared with. How usage is rated is in `charges`; this file adds up.
//!
//! Compared is what the prices of a plan come to in its currency, with the minimum commitment, before coupons and tax.

use crate::amount::Amount;
use crate::currency::Currency;
use crate::ids::{BacktestId, CustomerId, JobId};
use crate::named::named;
use crate::ratio::OutOfRange;
use crate::time::Instant;

named! {
    /// In which order results are listed.
    ResultOrder {
        /// The largest increase first.
        Increase = "increase",
        /// The largest decrease first: the same list from its other end.
        Decrease = "decrease",
        /// By the key of the customer.
        Customer = "customer",
    }
}

/// A version of a plan, by its key and number.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlanVersionKey {
    pub key: String,
    pub version: u32,
}

/// What was asked for, and what came of it so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backtest {
    pub id: BacktestId,
    pub job: JobId,
    pub plan: PlanVersionKey,
    /// `None`: before is zero.
    pub baseline: Option<PlanVersionKey>,
    pub currency: Currency,
    pub from: Instant,
    /// Exclusive.
    pub to: Instant,
    /// Only these customers; `None`: all that used something.
    pub customer_keys: Option<Vec<String>>,
    pub totals: BacktestTotals,
    pub created_by: String,
    pub created_at: Instant,
}

/// What one customer would have been charged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BacktestResult {
    pub customer: CustomerId,
    pub customer_key: String,
    pub before: Amount,
    pub after: Amount,
    /// `after − before`.
    pub difference: Amount,
}

/// The results of all customers together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BacktestTotals {
    pub before: Amount,
    pub after: Amount,
    /// Customers that count: they used something that either version prices, or were named.
    pub customers: i64,
    /// Customers that would have paid more.
    pub up: i64,
    /// Customers that would have paid less.
    pub down: i64,
}

impl BacktestResult {
    /// # Errors
    /// [`OutOfRange`] when the difference does not fit.
    pub fn new(
        customer: CustomerId,
        customer_key: String,
        before: Amount,
        after: Amount,
    ) -> Result<BacktestResult, OutOfRange> {
        let difference = after.checked_sub(before).ok_or(OutOfRange)?;
        Ok(BacktestResult { customer, customer_key, before, after, difference })
    }
}

impl BacktestTotals {
    pub const NOTHING: BacktestTotals =
        BacktestTotals { before: Amount::ZERO, after: Amount::ZERO, customers: 0, up: 0, down: 0 };

    /// The totals with one more customer.
    ///
    /// # Errors
    /// [`OutOfRange`] when a sum does not fit.
    pub fn with(self, result: &BacktestResult) -> Result<BacktestTotals, OutOfRange> {
        Ok(BacktestTotals {
            before: self.before.checked_add(result.before).ok_or(OutOfRange)?,
            after: self.after.checked_add(result.after).ok_or(OutOfRange)?,
            customers: self.customers + 1,
            up: self.up + i64::from(result.difference.is_positive()),
            down: self.down + i64::from(result.difference.is_negative()),
        })
    }

    /// `after − before`.
    ///
    /// # Errors
    /// [`OutOfRange`] when it does not fit.
    pub fn difference(self) -> Result<Amount, OutOfRange> {
        self.after.checked_sub(self.before).ok_or(OutOfRange)
    }

    /// Customers that would have paid the same.
    pub fn same(self) -> i64 {
        self.customers - self.up - self.down
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn result(before: &str, after: &str) -> BacktestResult {
        let amount = |text| Amount::parse(text).unwrap();
        BacktestResult::new(CustomerId::from_uuid(Uuid::from_u128(1)), "c".to_owned(), amount(before), amount(after))
            .unwrap()
    }

    #[test]
    fn totals_count_who_would_pay_more_less_and_the_same() {
        let results = [result("1", "2.5"), result("3", "1"), result("4", "4"), result("0", "0.000001")];
        let totals = results.iter().try_fold(BacktestTotals::NOTHING, BacktestTotals::with).unwrap();
        assert_eq!((totals.customers, totals.up, totals.down, totals.same()), (4, 2, 1, 1));
        assert_eq!((totals.before, totals.after), (Amount::parse("8").unwrap(), Amount::parse("7.500001").unwrap()));
        assert_eq!(totals.difference().unwrap().to_string(), "-0.499999");
    }

    #[test]
    fn totals_that_do_not_fit_are_an_error_and_no_other_number() {
        let most = Amount::from_micros(i64::MAX);
        let rich = BacktestResult::new(CustomerId::from_uuid(Uuid::nil()), "c".to_owned(), Amount::ZERO, most).unwrap();
        let totals = BacktestTotals::NOTHING.with(&rich).unwrap();
        assert_eq!(totals.with(&rich), Err(OutOfRange));
    }
}
