//! Filters of lists: the texts of a query, read as what they stand for. A malformed one is refused by its name.

use domain::currency::Currency;
use domain::refusal::{Code, Refusal};
use domain::time::Instant;

/// An RFC 3339 time.
///
/// # Errors
/// [`Code::InvalidQuery`] for anything else.
pub(crate) fn instant(name: &str, text: Option<&str>) -> Result<Option<Instant>, Refusal> {
    read(name, text, |text| Instant::parse(text).map_err(|error| error.to_string()))
}

/// A whole number.
///
/// # Errors
/// [`Code::InvalidQuery`] for anything else.
pub(crate) fn integer(name: &str, text: Option<&str>) -> Result<Option<i64>, Refusal> {
    read(name, text, |text| text.parse().map_err(|_| "is not a whole number".to_owned()))
}

/// An ISO 4217 code.
///
/// # Errors
/// [`Code::InvalidQuery`] for anything else.
pub(crate) fn currency(name: &str, text: Option<&str>) -> Result<Option<Currency>, Refusal> {
    read(name, text, |text| Currency::parse(text).map_err(|error| error.to_string()))
}

/// The IANA name of a time zone.
///
/// # Errors
/// [`Code::InvalidQuery`] for anything else.
pub(crate) fn time_zone(name: &str, text: Option<&str>) -> Result<Option<String>, Refusal> {
    let parse = |text: &str| domain::time_zone::time_zone(name, text);
    read(name, text, |text| {
        parse(text).map_err(|_| "is not the IANA name of a time zone, such as Europe/Berlin".to_owned())
    })
}

/// One of a closed list of names.
///
/// # Errors
/// [`Code::InvalidQuery`] for anything else.
pub(crate) fn named<T: Copy + std::fmt::Display>(
    name: &str,
    text: Option<&str>,
    all: &[T],
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, Refusal> {
    read(name, text, |text| {
        parse(text).ok_or_else(|| {
            let names: Vec<String> = all.iter().map(ToString::to_string).collect();
            format!("is not one of {}", names.join(", "))
        })
    })
}

fn read<T>(name: &str, text: Option<&str>, parse: impl Fn(&str) -> Result<T, String>) -> Result<Option<T>, Refusal> {
    let refused = |problem: String| Refusal::field(Code::InvalidQuery, name, format!("{problem}."));
    text.map(|text| parse(text).map_err(refused)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::ledger::entry::TransactionType;

    #[test]
    fn a_malformed_filter_is_refused_by_its_name() {
        let refusal = instant("from", Some("yesterday")).unwrap_err();
        assert_eq!((refusal.code, refusal.first_field()), (Code::InvalidQuery, Some("from")));
        assert_eq!(integer("cut", Some("1.5")).unwrap_err().first_field(), Some("cut"));
        assert_eq!(currency("currency", Some("usd")).unwrap_err().code, Code::InvalidQuery);
        let refusal = named("type", Some("gift"), TransactionType::ALL, TransactionType::parse).unwrap_err();
        let names: Vec<&str> = TransactionType::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(refusal.errors[0].detail, format!("is not one of {}.", names.join(", ")));
    }

    #[test]
    fn what_was_not_asked_for_filters_nothing() {
        assert_eq!(instant("from", None), Ok(None));
    }
}
