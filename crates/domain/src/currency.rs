//! Currencies: ISO 4217 codes and their minor units.

use std::fmt;

/// An ISO 4217 currency, by its three-letter code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, utoipa::ToSchema)]
#[schema(value_type = String, pattern = "^[A-Z]{3}$", example = "USD")]
pub struct Currency([u8; 3]);

/// A text that is not the code of a currency.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not an ISO 4217 currency code such as \"USD\"")]
pub struct CurrencyError;

impl Currency {
    pub const USD: Currency = Currency(*b"USD");

    /// Reads an upper-case ISO 4217 code.
    ///
    /// # Errors
    /// [`CurrencyError`] when no such currency exists.
    pub fn parse(code: &str) -> Result<Currency, CurrencyError> {
        let known = iso_currency::Currency::from_code(code).ok_or(CurrencyError)?;
        let bytes: [u8; 3] = known.code().as_bytes().try_into().map_err(|_| CurrencyError)?;
        Ok(Currency(bytes))
    }

    /// Digits of the minor unit after the decimal point (ISO 4217): 0 for JPY, 2 for EUR, 3 for KWD, 4 for CLF; `None` for codes
    /// that have no minor unit, such as gold (XAU).
    pub fn exponent(&self) -> Option<u32> {
        let known = iso_currency::Currency::from_code(self.code())?;
        known.exponent().map(u32::from)
    }

    pub fn code(&self) -> &str {
        // Cannot fail: the bytes come from an ASCII code.
        std::str::from_utf8(&self.0).expect("a currency code is ASCII")
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.code())
    }
}

impl serde::Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Currency {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Currency, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Currency::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_iso_codes_are_currencies() {
        assert_eq!(Currency::parse("EUR").unwrap().to_string(), "EUR");
        for text in ["eur", "EURO", "ZZZ", "", "€"] {
            assert_eq!(Currency::parse(text), Err(CurrencyError), "{text}");
        }
    }
}
