//! Assets: currencies, and units that a project makes itself, such as credits, with rates at which they become money.

use std::fmt;

use crate::currency::Currency;
use crate::problems::Problems;
use crate::ratio::{OutOfRange, Ratio};
use crate::rounding::MinorUnit;
use crate::time::Instant;
use crate::unit_price::UnitPrice;

/// An ISO 4217 currency or a custom asset: `USD`, `CREDITS`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AssetCode {
    Currency(Currency),
    Custom(String),
}

/// A text that is neither a currency nor a code of one's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "is neither a currency such as \"USD\" nor a code of 3 to 12 upper-case letters and digits such as \"CREDITS\""
)]
pub struct AssetCodeError;

impl AssetCode {
    /// Reads a currency, or a custom code: 3 to 12 upper-case letters and digits, beginning with a letter.
    ///
    /// # Errors
    /// [`AssetCodeError`] for anything else.
    pub fn parse(text: &str) -> Result<AssetCode, AssetCodeError> {
        if let Ok(currency) = Currency::parse(text) {
            return Ok(AssetCode::Currency(currency));
        }
        let is_accepted = (3..=12).contains(&text.len())
            && text.starts_with(|first: char| first.is_ascii_uppercase())
            && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        if is_accepted { Ok(AssetCode::Custom(text.to_owned())) } else { Err(AssetCodeError) }
    }

    pub fn code(&self) -> &str {
        match self {
            AssetCode::Currency(currency) => currency.code(),
            AssetCode::Custom(code) => code,
        }
    }
}

impl fmt::Display for AssetCode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.code())
    }
}

impl serde::Serialize for AssetCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for AssetCode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<AssetCode, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        AssetCode::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl utoipa::PartialSchema for AssetCode {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        String::schema()
    }
}

impl utoipa::ToSchema for AssetCode {}

/// A unit of a project's own.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CustomAsset {
    /// 3 to 12 upper-case letters and digits; no code of a currency.
    pub code: String,
    pub name: String,
    /// Places after the decimal point that can be paid, 0 to 6.
    pub places: u32,
    /// What one unit costs in money.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conversions: Vec<Conversion>,
}

/// One unit of a custom asset in a currency, from a date on.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Conversion {
    pub currency: Currency,
    pub unit_price: UnitPrice,
    /// Absent: from the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_from: Option<Instant>,
}

impl CustomAsset {
    /// The rate in force at an instant: of those of the currency that began, the one that began last.
    pub fn conversion_at(&self, currency: Currency, at: Instant) -> Option<&Conversion> {
        let of_currency = self.conversions.iter().filter(|conversion| conversion.currency == currency);
        let begun = of_currency.filter(|conversion| conversion.effective_from.is_none_or(|from| from <= at));
        begun.max_by_key(|conversion| conversion.effective_from)
    }

    /// Finds what is wrong with the asset at `path`.
    pub fn check(&self, path: &str, problems: &mut Problems) {
        let is_custom = matches!(AssetCode::parse(&self.code), Ok(AssetCode::Custom(_)));
        let detail = "must be 3 to 12 upper-case letters and digits, and no code of a currency.";
        problems.require(is_custom, format!("{path}.code"), detail);
        problems.require(!self.name.trim().is_empty(), format!("{path}.name"), "must not be empty.");
        let places_fit = MinorUnit::with_places(self.places).is_some();
        problems.require(places_fit, format!("{path}.places"), "must be 0 to 6.");
        for (index, conversion) in self.conversions.iter().enumerate() {
            let at = format!("{path}.conversions[{index}]");
            let is_positive = !conversion.unit_price.is_negative() && !conversion.unit_price.is_zero();
            problems.require(is_positive, format!("{at}.unitPrice"), "must be greater than zero.");
            let same = |other: &Conversion| {
                (other.currency, other.effective_from) == (conversion.currency, conversion.effective_from)
            };
            let is_first = !self.conversions[..index].iter().any(same);
            problems.require(
                is_first,
                format!("{at}.effectiveFrom"),
                "is the same as that of another rate of this currency.",
            );
        }
    }
}

impl Conversion {
    /// What units of the asset are in the currency, exactly.
    ///
    /// # Errors
    /// [`OutOfRange`] when the exact product does not fit.
    pub fn to_money(&self, units: Ratio) -> Result<Ratio, OutOfRange> {
        units.times(self.unit_price.into())
    }

    /// How many units of the asset an amount of the currency buys, exactly.
    ///
    /// # Errors
    /// [`OutOfRange`] when the exact quotient does not fit.
    pub fn to_units(&self, money: Ratio) -> Result<Ratio, OutOfRange> {
        money.over(self.unit_price.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_a_currency_or_ones_own() {
        assert_eq!(AssetCode::parse("USD"), Ok(AssetCode::Currency(Currency::USD)));
        assert_eq!(AssetCode::parse("TOK"), Ok(AssetCode::Custom("TOK".to_owned())));
        for text in ["", "AB", "tok", "1AB", "A-B", "ABCDEFGHIJKLM"] {
            assert_eq!(AssetCode::parse(text), Err(AssetCodeError), "{text}");
        }
    }

    #[test]
    fn the_rate_that_began_last_counts() {
        let credits: CustomAsset = serde_json::from_str(
            r#"{"code":"CREDITS","name":"AI credits","places":2,"conversions":[
            {"currency":"USD","unitPrice":"0.02","effectiveFrom":"2026-07-01T00:00:00Z"},
            {"currency":"USD","unitPrice":"0.01"},{"currency":"EUR","unitPrice":"0.009"}]}"#,
        )
        .unwrap();
        let at = |text: &str| credits.conversion_at(Currency::USD, Instant::parse(text).unwrap()).unwrap();
        assert_eq!(at("2026-06-30T23:59:59Z").to_money(Ratio::whole(150)).unwrap().to_string(), "1.5");
        assert_eq!(at("2026-07-01T00:00:00Z").to_units(Ratio::whole(3)).unwrap().to_string(), "150");
        assert_eq!(
            credits.conversion_at(Currency::parse("JPY").unwrap(), Instant::parse("2026-07-01T00:00:00Z").unwrap()),
            None
        );
        let mut problems = Problems::default();
        credits.check("customAssets[0]", &mut problems);
        assert_eq!(problems.errors(), []);
    }
}
