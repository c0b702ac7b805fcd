//! Unit prices and percentages: exact decimals that are finer than an amount.

use std::fmt;

use crate::amount::Amount;
use crate::decimal::{self, DecimalError};
use crate::ratio::{self, Ratio};

/// Places after the decimal point that a unit price can carry.
pub const PLACES_MAX: usize = 12;

/// The price of one unit, or any amount finer than a millionth: an exact count of 10⁻¹², below 9.3 trillion units of the currency.
///
/// ```
/// use domain::unit_price::UnitPrice;
/// let token = UnitPrice::parse("0.000000150000").unwrap();
/// assert_eq!((token.picos(), token.to_string()), (150_000, "0.00000015".to_owned()));
/// assert!(UnitPrice::parse("0.0000000000001").is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, utoipa::ToSchema)]
#[schema(value_type = String, pattern = r"^-?\d+(\.\d{1,12})?$", example = "0.00000015")]
pub struct UnitPrice(i128);

/// The largest count of 10⁻¹²: the same range as an [`Amount`].
const PICOS_MAX: i128 = 9_223_372_036_854_775_807_000_000;

/// Why a text is not a unit price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnitPriceError {
    #[error("is not a decimal number such as \"0.00000015\"")]
    Malformed,
    #[error("has more than twelve decimal places; it is refused, never rounded")]
    TooPrecise,
    #[error("is out of range: the largest value is 9223372036854.775807")]
    OutOfRange,
}

impl UnitPrice {
    pub const ZERO: UnitPrice = UnitPrice(0);

    /// The count of 10⁻¹² units of the currency.
    pub const fn picos(self) -> i128 {
        self.0
    }

    /// Reads `[-]digits[.digits]` with at most twelve places; zeros beyond them carry no information and are accepted.
    ///
    /// # Errors
    /// [`UnitPriceError`] tells malformed text, too many places, and too large values apart.
    pub fn parse(text: &str) -> Result<UnitPrice, UnitPriceError> {
        let (whole, places) = match text.split_once('.') {
            Some((_, "")) => return Err(UnitPriceError::Malformed),
            Some(parts) => parts,
            None => (text, ""),
        };
        let unsigned = whole.strip_prefix('-').unwrap_or(whole);
        let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if unsigned.is_empty() || !is_digits(unsigned) || !is_digits(places) {
            return Err(UnitPriceError::Malformed);
        }
        let (kept, dropped) = places.split_at(places.len().min(PLACES_MAX));
        if dropped.bytes().any(|digit| digit != b'0') {
            return Err(UnitPriceError::TooPrecise);
        }
        let picos: i128 = format!("{whole}{kept:0<PLACES_MAX$}").parse().map_err(|_| UnitPriceError::OutOfRange)?;
        if picos.unsigned_abs() > PICOS_MAX.unsigned_abs() {
            return Err(UnitPriceError::OutOfRange);
        }
        Ok(UnitPrice(picos))
    }

    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl From<Amount> for UnitPrice {
    fn from(amount: Amount) -> UnitPrice {
        UnitPrice(i128::from(amount.micros()) * 1_000_000)
    }
}

impl From<UnitPrice> for Ratio {
    fn from(price: UnitPrice) -> Ratio {
        // Cannot fail: a price is below 2^84.
        Ratio::decimal(price.0, 12).expect("twelve places fit")
    }
}

/// Without superfluous zeros, as price lists show it.
impl fmt::Display for UnitPrice {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ratio::from(*self).fmt(out)
    }
}

impl serde::Serialize for UnitPrice {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for UnitPrice {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<UnitPrice, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        UnitPrice::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A percentage, an exact count of 10⁻⁶ percent: `"2.9"` is 2.9 %, that is 0.029 of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, utoipa::ToSchema)]
#[schema(value_type = String, pattern = r"^-?\d+(\.\d{1,6})?$", example = "2.9")]
pub struct Percent(i64);

impl Percent {
    pub const ZERO: Percent = Percent(0);
    pub const HUNDRED: Percent = Percent(100_000_000);

    /// Reads decimal text with at most six places, without a percent sign.
    ///
    /// # Errors
    /// [`DecimalError`] when the text is no such decimal or out of range.
    pub fn parse(text: &str) -> Result<Percent, DecimalError> {
        decimal::parse_micros(text).map(Percent)
    }

    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }
}

/// The share of the whole: `2.9 %` is `0.029`.
impl From<Percent> for Ratio {
    fn from(percent: Percent) -> Ratio {
        // Cannot fail: eight places of an `i64` fit.
        Ratio::decimal(i128::from(percent.0), 8).expect("eight places fit")
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Ratio::decimal(i128::from(self.0), 6) {
            Ok(value) => value.fmt(out),
            Err(_) => ratio::write_decimal(i128::from(self.0), 6, out),
        }
    }
}

impl serde::Serialize for Percent {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Percent {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Percent, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Percent::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[rstest::rstest]
    #[case("0.000000150000", Ok(150_000))]
    #[case("1", Ok(1_000_000_000_000))]
    #[case("-0.5", Ok(-500_000_000_000))]
    #[case("1.0000000000000", Ok(1_000_000_000_000))]
    #[case("9223372036854.775807", Ok(PICOS_MAX))]
    #[case("9223372036854.775807000001", Err(UnitPriceError::OutOfRange))]
    #[case("99999999999999999999999999999999999999999", Err(UnitPriceError::OutOfRange))]
    #[case("0.0000000000001", Err(UnitPriceError::TooPrecise))]
    #[case("1e-7", Err(UnitPriceError::Malformed))]
    #[case(".5", Err(UnitPriceError::Malformed))]
    #[case("5.", Err(UnitPriceError::Malformed))]
    #[case("-", Err(UnitPriceError::Malformed))]
    #[case("+1", Err(UnitPriceError::Malformed))]
    #[case("1.-5", Err(UnitPriceError::Malformed))]
    #[case("", Err(UnitPriceError::Malformed))]
    fn twelve_places_are_exact_and_more_refused(#[case] text: &str, #[case] expected: Result<i128, UnitPriceError>) {
        assert_eq!(UnitPrice::parse(text).map(UnitPrice::picos), expected);
    }

    #[test]
    fn a_percentage_is_a_hundredth() {
        let percent = Percent::parse("2.9").unwrap();
        assert_eq!((percent.to_string().as_str(), Ratio::from(percent).to_string().as_str()), ("2.9", "0.029"));
        assert_eq!(Ratio::from(Percent::HUNDRED), Ratio::ONE);
    }

    #[test]
    fn a_number_in_json_is_no_price() {
        assert!(serde_json::from_str::<UnitPrice>("1").is_err());
        assert!(serde_json::from_str::<Percent>("1").is_err());
    }

    proptest! {
        #[test]
        fn every_price_survives_its_text(picos in -PICOS_MAX..=PICOS_MAX) {
            prop_assert_eq!(UnitPrice::parse(&UnitPrice(picos).to_string()), Ok(UnitPrice(picos)));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _result = UnitPrice::parse(&text);
        }
    }
}
