//! Exact decimal text with at most six places, the one form in which amounts and quantities enter and leave.

use std::fmt;

/// One unit of an amount or a quantity, counted in micros (10⁻⁶).
pub const MICROS_PER_UNIT: i64 = 1_000_000;

/// Places after the decimal point that an amount or a quantity can carry.
const PLACES: usize = 6;

/// Why a text is not an exact decimal of at most six places in the range of an `i64` count of micros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    #[error("is not a decimal number such as \"12.500000\"")]
    Malformed,
    #[error("has more than six decimal places; it is refused, never rounded")]
    TooPrecise,
    #[error("is out of range: the largest value is 9223372036854.775807")]
    OutOfRange,
}

/// Reads `[-]digits[.digits]` into micros. No exponent, no plus sign, no spaces, no leading point.
///
/// Trailing zeros beyond the sixth place carry no information and are accepted.
///
/// # Errors
/// [`DecimalError`] tells malformed text, more than six significant places, and values outside `i64` micros apart.
pub fn parse_micros(text: &str) -> Result<i64, DecimalError> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return Err(DecimalError::Malformed),
        None => (digits, ""),
    };
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
        return Err(DecimalError::Malformed);
    }
    let (kept, dropped) = fraction.split_at(fraction.len().min(PLACES));
    if dropped.bytes().any(|digit| digit != b'0') {
        return Err(DecimalError::TooPrecise);
    }
    let padding = std::iter::repeat_n(b'0', PLACES - kept.len());
    let mut micros: i64 = 0;
    // Accumulated as a negative number, because i64::MIN has no positive counterpart.
    for digit in whole.bytes().chain(kept.bytes()).chain(padding) {
        micros = micros
            .checked_mul(10)
            .and_then(|shifted| shifted.checked_sub(i64::from(digit - b'0')))
            .ok_or(DecimalError::OutOfRange)?;
    }
    if negative { Ok(micros) } else { micros.checked_neg().ok_or(DecimalError::OutOfRange) }
}

/// Reads the same text into a count that may exceed `i64`: sums and thresholds of quantities (bytes at petabyte scale).
///
/// # Errors
/// As [`parse_micros`]; out of range means outside `i128` micros.
pub fn parse_wide_micros(text: &str) -> Result<i128, DecimalError> {
    let (whole, fraction) = match text.split_once('.') {
        Some((_, "")) => return Err(DecimalError::Malformed),
        Some(parts) => parts,
        None => (text, ""),
    };
    let unsigned = whole.strip_prefix('-').unwrap_or(whole);
    if unsigned.is_empty() || !all_digits(unsigned) || !all_digits(fraction) {
        return Err(DecimalError::Malformed);
    }
    let (kept, dropped) = fraction.split_at(fraction.len().min(PLACES));
    if dropped.bytes().any(|digit| digit != b'0') {
        return Err(DecimalError::TooPrecise);
    }
    format!("{whole}{kept:0<PLACES$}").parse().map_err(|_| DecimalError::OutOfRange)
}

/// Writes micros with exactly six places, `-0` never occurs.
pub fn write_micros(micros: i64, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    write_wide_micros(i128::from(micros), out)
}

/// Writes a sum of micros that may exceed `i64`, with exactly six places.
pub fn write_wide_micros(micros: i128, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    let unit = u128::from(MICROS_PER_UNIT.unsigned_abs());
    let size = micros.unsigned_abs();
    let sign = if micros < 0 { "-" } else { "" };
    write!(out, "{sign}{}.{:06}", size / unit, size % unit)
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[rstest::rstest]
    #[case("0", Ok(0))]
    #[case("1.5", Ok(1_500_000))]
    #[case("1.500000", Ok(1_500_000))]
    #[case("1.5000000", Ok(1_500_000))]
    #[case("-0.000001", Ok(-1))]
    #[case("9223372036854.775807", Ok(i64::MAX))]
    #[case("-9223372036854.775808", Ok(i64::MIN))]
    #[case("9223372036854.775808", Err(DecimalError::OutOfRange))]
    #[case("1.0000001", Err(DecimalError::TooPrecise))]
    #[case("1e3", Err(DecimalError::Malformed))]
    #[case("NaN", Err(DecimalError::Malformed))]
    #[case("+1", Err(DecimalError::Malformed))]
    #[case(".5", Err(DecimalError::Malformed))]
    #[case("5.", Err(DecimalError::Malformed))]
    #[case("", Err(DecimalError::Malformed))]
    #[case("-", Err(DecimalError::Malformed))]
    #[case("1 ", Err(DecimalError::Malformed))]
    #[case("٣", Err(DecimalError::Malformed))]
    fn decimal_text_is_read_exactly_or_refused(#[case] text: &str, #[case] expected: Result<i64, DecimalError>) {
        assert_eq!(parse_micros(text), expected);
    }

    struct Micros(i64);
    impl fmt::Display for Micros {
        fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            write_micros(self.0, out)
        }
    }

    proptest! {
        #[test]
        fn every_value_survives_its_text_form(micros in any::<i64>()) { // checklist 33
            prop_assert_eq!(parse_micros(&Micros(micros).to_string()), Ok(micros));
        }

        #[test]
        fn the_wide_form_agrees_where_both_can_read(text in r"-?[0-9]{0,15}(\.[0-9]{0,8})?") {
            match parse_micros(&text) {
                Err(DecimalError::OutOfRange) => prop_assert!(parse_wide_micros(&text).is_ok()),
                narrow => prop_assert_eq!(parse_wide_micros(&text), narrow.map(i128::from)),
            }
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _result = parse_micros(&text);
        }
    }
}
