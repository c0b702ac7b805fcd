//! How much was used: an exact count of millionths of one unit of a metric.

use std::fmt;

use crate::decimal::{self, DecimalError};

/// The quantity of one event, an `i64` count of 10⁻⁶ units; about ±9.2 trillion units. Sums are [`QuantitySum`].
///
/// ```
/// use domain::quantity::Quantity;
/// assert_eq!(Quantity::parse("100").unwrap().to_string(), "100.000000");
/// assert!(Quantity::parse("0.0000001").is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, utoipa::ToSchema)]
#[schema(value_type = String, pattern = r"^-?\d+\.\d{6}$", example = "100.000000")]
pub struct Quantity(i64);

impl Quantity {
    pub const ZERO: Quantity = Quantity(0);

    /// From a count of 10⁻⁶ units.
    pub const fn from_micros(micros: i64) -> Quantity {
        Quantity(micros)
    }

    /// The count of 10⁻⁶ units.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Reads decimal text with at most six places.
    ///
    /// # Errors
    /// [`DecimalError`] when the text is no such decimal or out of range.
    pub fn parse(text: &str) -> Result<Quantity, DecimalError> {
        decimal::parse_micros(text).map(Quantity)
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
    pub fn checked_add(self, other: Quantity) -> Option<Quantity> {
        self.0.checked_add(other.0).map(Quantity)
    }

    /// The difference, or `None` when it leaves the range.
    pub fn checked_sub(self, other: Quantity) -> Option<Quantity> {
        self.0.checked_sub(other.0).map(Quantity)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal::write_micros(self.0, out)
    }
}

impl serde::Serialize for Quantity {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Quantity {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Quantity, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Quantity::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// The sum of many quantities, an `i128` count of 10⁻⁶ units, so that bytes at petabyte scale stay exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, utoipa::ToSchema)]
#[schema(value_type = String, pattern = r"^-?\d+\.\d{6}$", example = "1250.000000")]
pub struct QuantitySum(i128);

impl QuantitySum {
    /// From a count of 10⁻⁶ units.
    pub const fn from_micros(micros: i128) -> QuantitySum {
        QuantitySum(micros)
    }

    /// The count of 10⁻⁶ units.
    pub const fn micros(self) -> i128 {
        self.0
    }

    /// Reads decimal text with at most six places.
    ///
    /// # Errors
    /// [`DecimalError`] when the text is no such decimal or outside `i128` micros.
    pub fn parse(text: &str) -> Result<QuantitySum, DecimalError> {
        decimal::parse_wide_micros(text).map(QuantitySum)
    }

    /// This sum and one more quantity, or `None` when it leaves the range.
    pub fn checked_add(self, quantity: Quantity) -> Option<QuantitySum> {
        self.0.checked_add(i128::from(quantity.0)).map(QuantitySum)
    }

    /// Two sums together, or `None` when they leave the range.
    pub fn checked_merge(self, other: QuantitySum) -> Option<QuantitySum> {
        self.0.checked_add(other.0).map(QuantitySum)
    }
}

impl fmt::Display for QuantitySum {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal::write_wide_micros(self.0, out)
    }
}

impl serde::Serialize for QuantitySum {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for QuantitySum {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<QuantitySum, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        QuantitySum::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overflow_is_an_answer_not_a_wrap() {
        assert_eq!(Quantity(i64::MAX).checked_add(Quantity(1)), None);
        assert_eq!(Quantity(i64::MIN).checked_sub(Quantity(1)), None);
        let petabytes = QuantitySum::from_micros(i128::from(i64::MAX)).checked_add(Quantity(i64::MAX)).unwrap();
        assert_eq!(petabytes.to_string(), "18446744073709.551614");
    }

    #[test]
    fn json_is_a_string_with_six_places() {
        let quantity = Quantity::parse("-1.5").unwrap();
        assert_eq!(serde_json::to_string(&quantity).unwrap(), "\"-1.500000\"");
        assert_eq!(serde_json::from_str::<Quantity>("\"-1.5\"").unwrap(), quantity);
    }
}
