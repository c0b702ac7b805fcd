//! The one way to write a JSON number: `1.50`, `1.5` and `15e-1` are the same number and get the same text, exactly.

/// The most digits before and after the decimal point.
const DIGITS_MAX: usize = 40;

/// Writes a valid JSON number as plain decimal without superfluous zeros; `None` when it would need too many digits.
pub(super) fn canonical(number: &str) -> Option<String> {
    let (negative, unsigned) = match number.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.strip_prefix('+').unwrap_or(exponent)),
        None => (unsigned, "0"),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let leading = digits.iter().take_while(|digit| **digit == b'0').count();
    let trailing = digits[leading..].iter().rev().take_while(|digit| **digit == b'0').count();
    let significant = &digits[leading..digits.len() - trailing];
    if significant.is_empty() {
        return Some("0".to_owned());
    }
    // Digits before the decimal point, counted from the first significant one; negative means zeros after the point.
    let point = i64::try_from(whole.len())
        .ok()?
        .checked_sub(i64::try_from(leading).ok()?)?
        .checked_add(exponent.parse::<i64>().ok()?)?;
    let after = i64::try_from(significant.len()).ok()?.checked_sub(point)?;
    let most = i64::try_from(DIGITS_MAX).ok()?;
    if point > most || after > most {
        return None;
    }
    Some(plain(negative, significant, point))
}

fn plain(negative: bool, significant: &[u8], point: i64) -> String {
    let mut out = String::with_capacity(significant.len() + 8);
    if negative {
        out.push('-');
    }
    let (whole_digits, zeros_after_point) = match (usize::try_from(point), usize::try_from(-point)) {
        (Ok(digits), _) => (digits, 0),
        (Err(_), Ok(zeros)) => (0, zeros),
        (Err(_), Err(_)) => unreachable!("a number or its opposite is not negative"),
    };
    let (whole, fraction) = significant.split_at(whole_digits.min(significant.len()));
    out.extend(whole.iter().copied().map(char::from));
    out.extend(std::iter::repeat_n('0', whole_digits - whole.len()));
    if whole_digits == 0 {
        out.push('0');
    }
    if !fraction.is_empty() {
        out.push('.');
        out.extend(std::iter::repeat_n('0', zeros_after_point));
        out.extend(fraction.iter().copied().map(char::from));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[rstest::rstest]
    #[case("0", Some("0"))]
    #[case("-0.00e7", Some("0"))]
    #[case("1.50", Some("1.5"))]
    #[case("15e-1", Some("1.5"))]
    #[case("1E+3", Some("1000"))]
    #[case("-0.00100", Some("-0.001"))]
    #[case("100", Some("100"))]
    #[case("120e-1", Some("12"))]
    #[case("0.1e1", Some("1"))]
    #[case("9007199254740993", Some("9007199254740993"))]
    #[case("1e-40", Some("0.0000000000000000000000000000000000000001"))]
    #[case("1e-41", None)]
    #[case("1e40", None)]
    #[case("1e99999999999999999999", None)]
    #[case("1e-9223372036854775808", None)]
    fn one_number_has_one_text(#[case] number: &str, #[case] expected: Option<&str>) {
        assert_eq!(canonical(number).as_deref(), expected);
    }

    proptest! {
        #[test]
        fn writing_it_again_changes_nothing(number in r"-?(0|[1-9][0-9]{0,12})(\.[0-9]{1,12})?([eE][+-]?[0-9]{1,2})?") {
            if let Some(once) = canonical(&number) {
                prop_assert_eq!(canonical(&once), Some(once.clone()));
            }
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _result = canonical(&text);
        }
    }
}
