//! The balance of an account: a sum of postings that may be wider than one amount.

use std::fmt;

use crate::amount::Amount;
use crate::decimal;
use crate::named::named;

named! {
    /// Which of the two times of an entry decides whether it is in a balance.
    Axis {
        /// When it counts.
        Effective = "effective",
        /// When we knew.
        Recorded = "recorded",
    }
}

/// An exact sum of amounts in micros, signed; positive on the normal side of the account. Written with six places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, utoipa::ToSchema)]
#[schema(value_type = String, pattern = r"^-?\d+\.\d{6}$", example = "100.000000")]
pub struct Balance(i128);

impl Balance {
    pub const ZERO: Balance = Balance(0);

    pub const fn from_micros(micros: i128) -> Balance {
        Balance(micros)
    }

    pub const fn micros(self) -> i128 {
        self.0
    }

    /// The same as an amount, or `None` when it is out of an amount's range.
    pub fn amount(self) -> Option<Amount> {
        i64::try_from(self.0).ok().map(Amount::from_micros)
    }
}

impl From<Amount> for Balance {
    fn from(amount: Amount) -> Balance {
        Balance(i128::from(amount.micros()))
    }
}

impl fmt::Display for Balance {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal::write_wide_micros(self.0, out)
    }
}

impl serde::Serialize for Balance {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_balance_may_be_wider_than_an_amount_and_says_so() {
        let wide = Balance::from_micros(i128::from(i64::MAX) + 1);
        assert_eq!(wide.to_string(), "9223372036854.775808");
        assert_eq!(wide.amount(), None);
        assert_eq!(Balance::from(Amount::from_micros(-5)).amount(), Some(Amount::from_micros(-5)));
    }
}
