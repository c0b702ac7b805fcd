//! Money: an exact count of millionths of one unit of a currency.

use std::fmt;

use crate::decimal::{self, DecimalError};

/// An amount of money, an `i64` count of 10⁻⁶ units; about ±9.2 trillion units. The currency stands beside it.
///
/// ```
/// use domain::amount::Amount;
/// assert_eq!(Amount::parse("100").unwrap().to_string(), "100.000000");
/// assert!(Amount::parse("0.0000001").is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, utoipa::ToSchema)]
#[schema(value_type = String, pattern = r"^-?\d+\.\d{6}$", example = "100.000000")]
pub struct Amount(i64);

impl Amount {
    pub const ZERO: Amount = Amount(0);

    /// From a count of 10⁻⁶ units.
    pub const fn from_micros(micros: i64) -> Amount {
        Amount(micros)
    }

    /// The count of 10⁻⁶ units.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Reads decimal text with at most six places.
    ///
    /// # Errors
    /// [`DecimalError`] when the text is no such decimal or out of range.
    pub fn parse(text: &str) -> Result<Amount, DecimalError> {
        decimal::parse_micros(text).map(Amount)
    }

    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum, or `None` when it leaves the range.
    pub fn checked_add(self, other: Amount) -> Option<Amount> {
        self.0.checked_add(other.0).map(Amount)
    }

    /// The difference, or `None` when it leaves the range.
    pub fn checked_sub(self, other: Amount) -> Option<Amount> {
        self.0.checked_sub(other.0).map(Amount)
    }

    /// The sum of many amounts, or `None` when it leaves the range.
    pub fn checked_sum(amounts: impl IntoIterator<Item = Amount>) -> Option<Amount> {
        amounts.into_iter().try_fold(Amount::ZERO, Amount::checked_add)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal::write_micros(self.0, out)
    }
}

impl serde::Serialize for Amount {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Amount {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Amount, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Amount::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overflow_is_an_answer_not_a_wrap() {
        assert_eq!(Amount(i64::MAX).checked_add(Amount(1)), None);
        assert_eq!(Amount(i64::MIN).checked_sub(Amount(1)), None);
        assert_eq!(Amount::checked_sum([Amount(i64::MAX), Amount(1), Amount(-1)]), None);
    }

    #[test]
    fn json_is_a_string_with_six_places() {
        let amount = Amount::parse("-1.5").unwrap();
        assert_eq!(serde_json::to_string(&amount).unwrap(), "\"-1.500000\"");
        assert_eq!(serde_json::from_str::<Amount>("\"-1.5\"").unwrap(), amount);
    }
}
