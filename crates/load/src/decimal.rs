//! Decimal text of the API (six places) to and from whole micros; sums stay exact.

/// `1250.500000` for 1,250,500,000 micros.
pub(crate) fn text(micros: i64) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    let absolute = micros.unsigned_abs();
    format!("{sign}{}.{:06}", absolute / 1_000_000, absolute % 1_000_000)
}

/// Micros of a decimal text with at most six places; `None` for anything else.
pub(crate) fn parse(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || fraction.len() > 6 || !plain(whole) || !plain(fraction) {
        return None;
    }
    let value: i128 = format!("{whole}{fraction:0<6}").parse().ok()?;
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::{parse, text};

    #[test]
    fn text_and_micros_are_each_others_inverse() {
        for (micros, shown) in
            [(0, "0.000000"), (1, "0.000001"), (-1_500_000, "-1.500000"), (100_000_000, "100.000000")]
        {
            assert_eq!(text(micros), shown);
            assert_eq!(parse(shown), Some(i128::from(micros)));
        }
    }

    #[test]
    fn what_is_not_a_plain_decimal_is_not_read() {
        for bad in ["", "-", "1e3", "1.0000001", "NaN", "1,5", ".5", "1.+5"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        assert_eq!(parse("7"), Some(7_000_000));
    }
}
