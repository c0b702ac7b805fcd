//! Jurisdictions: to whom tax is owed.

use std::fmt;

/// A country (ISO 3166-1 alpha-2) and perhaps a part of it (ISO 3166-2): `DE`, `US-CA`.
///
/// ```
/// use domain::ledger::jurisdiction::Jurisdiction;
/// assert_eq!(Jurisdiction::of(Some("US"), Some("CA")).unwrap().to_string(), "US-CA");
/// assert_eq!(Jurisdiction::of(None, None), Ok(Jurisdiction::WORLD));
/// assert!("us-ca".parse::<Jurisdiction>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Jurisdiction {
    /// Padded with zeros.
    text: [u8; LENGTH_MAX],
}

const LENGTH_MAX: usize = 6;

/// A text that names no jurisdiction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a country such as \"DE\", or a part of one such as \"US-CA\"")]
pub struct JurisdictionError;

impl Jurisdiction {
    /// Of rates that hold everywhere: `ZZ`, which ISO 3166 leaves to its users.
    pub const WORLD: Jurisdiction = Jurisdiction { text: *b"ZZ\0\0\0\0" };

    /// The jurisdiction of a place; [`Jurisdiction::WORLD`] without a country.
    ///
    /// # Errors
    /// [`JurisdictionError`] when they are no codes of ISO 3166, and for a part of no country.
    pub fn of(country: Option<&str>, region: Option<&str>) -> Result<Jurisdiction, JurisdictionError> {
        match (country, region) {
            (None, None) => Ok(Jurisdiction::WORLD),
            (Some(country), None) => country.parse(),
            (Some(country), Some(region)) => format!("{country}-{region}").parse(),
            (None, Some(_)) => Err(JurisdictionError),
        }
    }
}

impl std::str::FromStr for Jurisdiction {
    type Err = JurisdictionError;
    fn from_str(text: &str) -> Result<Jurisdiction, JurisdictionError> {
        let (country, region) = match text.split_once('-') {
            Some((country, region)) => (country, Some(region)),
            None => (text, None),
        };
        let is_country = country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase());
        let is_region = |region: &str| {
            let is_code = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
            (1..=3).contains(&region.len()) && region.bytes().all(is_code)
        };
        if !is_country || !region.is_none_or(is_region) {
            return Err(JurisdictionError);
        }
        let mut padded = [0; LENGTH_MAX];
        padded[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Jurisdiction { text: padded })
    }
}

impl fmt::Display for Jurisdiction {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.text.iter().take_while(|byte| **byte != 0);
        text.into_iter().try_for_each(|byte| fmt::Write::write_char(out, char::from(*byte)))
    }
}

impl serde::Serialize for Jurisdiction {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Jurisdiction {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Jurisdiction, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("")]
    #[case("D")]
    #[case("DEU")]
    #[case("de")]
    #[case("US-")]
    #[case("US-CALI")]
    #[case("US-ca")]
    #[case("-CA")]
    fn a_text_that_names_none_is_refused(#[case] text: &str) {
        assert_eq!(text.parse::<Jurisdiction>(), Err(JurisdictionError));
    }

    #[test]
    fn a_part_of_no_country_is_refused() {
        assert_eq!(Jurisdiction::of(None, Some("CA")), Err(JurisdictionError));
        assert_eq!(Jurisdiction::of(Some("GB"), Some("ENG")).unwrap().to_string(), "GB-ENG");
    }
}
