//! The fields of requests that move money: read once, each refusal names its field.

use crate::amount::Amount;
use crate::currency::Currency;
use crate::decimal::DecimalError;
use crate::refusal::{Code, Refusal};
use crate::time::Instant;
use crate::wallets::{PRIORITY_DEFAULT, PRIORITY_MAX};

/// Longest description in characters.
pub const DESCRIPTION_LENGTH_MAX: usize = 500;

/// An amount that moves: decimal text, at most six places, greater than zero.
///
/// # Errors
/// [`Code::InvalidValue`], [`Code::TooPrecise`], [`Code::OutOfRange`] or [`Code::NotPositive`], with the field.
pub fn positive_amount(field: &str, text: &str) -> Result<Amount, Refusal> {
    let amount = amount(field, text)?;
    if amount.is_positive() {
        return Ok(amount);
    }
    let detail = "must be greater than zero. Money in the other direction has an operation of its own.";
    Err(Refusal::field(Code::NotPositive, field, detail))
}

/// A limit: decimal text, at most six places, not negative.
///
/// # Errors
/// [`Code::InvalidValue`], [`Code::TooPrecise`] or [`Code::OutOfRange`], with the field.
pub fn limit(field: &str, text: &str) -> Result<Amount, Refusal> {
    let amount = amount(field, text)?;
    if amount.is_negative() {
        return Err(Refusal::field(Code::OutOfRange, field, "must not be negative."));
    }
    Ok(amount)
}

/// An ISO 4217 code.
///
/// # Errors
/// [`Code::InvalidValue`], with the field.
pub fn currency(field: &str, text: &str) -> Result<Currency, Refusal> {
    Currency::parse(text).map_err(|error| Refusal::field(Code::InvalidValue, field, format!("{error}.")))
}

/// An RFC 3339 time.
///
/// # Errors
/// [`Code::InvalidTimestamp`], with the field.
pub fn instant(field: &str, text: &str) -> Result<Instant, Refusal> {
    Instant::parse(text).map_err(|error| Refusal::field(Code::InvalidTimestamp, field, format!("{error}.")))
}

/// What people read beside the amount: at most [`DESCRIPTION_LENGTH_MAX`] characters, no control characters; spaces at
/// the ends are taken off.
///
/// # Errors
/// [`Code::InvalidValue`], with the field.
pub fn description(field: &str, text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    if text.chars().count() <= DESCRIPTION_LENGTH_MAX && !text.chars().any(char::is_control) {
        return Ok(text.to_owned());
    }
    let detail = format!("must be at most {DESCRIPTION_LENGTH_MAX} characters of printable text.");
    Err(Refusal::field(Code::InvalidValue, field, detail))
}

/// The priority of a lot, or the usual one.
///
/// # Errors
/// [`Code::OutOfRange`] outside 0 to [`PRIORITY_MAX`].
pub fn priority(priority: Option<i64>) -> Result<i64, Refusal> {
    let priority = priority.unwrap_or(PRIORITY_DEFAULT);
    if (0..=PRIORITY_MAX).contains(&priority) {
        return Ok(priority);
    }
    Err(Refusal::field(Code::OutOfRange, "priority", format!("must be a number from 0 to {PRIORITY_MAX}.")))
}

fn amount(field: &str, text: &str) -> Result<Amount, Refusal> {
    Amount::parse(text).map_err(|error| {
        let code = match error {
            DecimalError::Malformed => Code::InvalidValue,
            DecimalError::TooPrecise => Code::TooPrecise,
            DecimalError::OutOfRange => Code::OutOfRange,
        };
        Refusal::field(code, field, format!("{error}."))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("0", Code::NotPositive)]
    #[case("-5", Code::NotPositive)]
    #[case("-0.000001", Code::NotPositive)]
    #[case("0.0000001", Code::TooPrecise)]
    #[case("1e3", Code::InvalidValue)]
    #[case("NaN", Code::InvalidValue)]
    #[case("", Code::InvalidValue)]
    #[case("9223372036854.775808", Code::OutOfRange)]
    fn an_amount_that_cannot_move_is_refused_with_its_field(#[case] text: &str, #[case] code: Code) {
        // checklist 64
        let refusal = positive_amount("amount", text).unwrap_err();
        assert_eq!((refusal.code, refusal.first_field()), (code, Some("amount")));
    }

    #[test]
    fn a_limit_may_be_zero_but_not_negative() {
        assert_eq!(limit("overdraftLimit", "0"), Ok(Amount::ZERO));
        assert_eq!(limit("overdraftLimit", "-1").unwrap_err().code, Code::OutOfRange);
    }

    #[test]
    fn a_description_is_short_and_printable() {
        assert_eq!(description("description", " Launch credit "), Ok("Launch credit".to_owned()));
        assert_eq!(description("description", "two\nlines").unwrap_err().code, Code::InvalidValue);
        assert_eq!(description("description", &"x".repeat(501)).unwrap_err().code, Code::InvalidValue);
    }

    #[test]
    fn a_priority_has_a_range() {
        assert_eq!(priority(None), Ok(PRIORITY_DEFAULT));
        assert_eq!(priority(Some(101)).unwrap_err().code, Code::OutOfRange);
        assert_eq!(priority(Some(-1)).unwrap_err().code, Code::OutOfRange);
    }
}
