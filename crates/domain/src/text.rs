//! Texts people write: names, keys of their own, reasons. Trimmed or refused here, once.

use crate::refusal::{Code, Refusal};

/// Longest name in characters.
pub const NAME_LENGTH_MAX: usize = 200;
/// Longest external key in bytes.
pub const EXTERNAL_KEY_LENGTH_MAX: usize = 255;
/// Longest reason in characters.
pub const REASON_LENGTH_MAX: usize = 1_000;

/// A name for people: 1 to 200 characters after spaces at the ends are taken off, no control characters.
///
/// # Errors
/// [`Code::InvalidValue`] for anything else.
pub fn name(field: &str, text: &str) -> Result<String, Refusal> {
    printable(field, text, NAME_LENGTH_MAX)
}

/// Why somebody did something: 1 to 1,000 characters after spaces at the ends are taken off, no control characters.
///
/// # Errors
/// [`Code::ReasonRequired`] when nothing is left, [`Code::InvalidValue`] for anything else.
pub fn reason(field: &str, text: &str) -> Result<String, Refusal> {
    if text.trim().is_empty() {
        return Err(Refusal::field(Code::ReasonRequired, field, "must say why."));
    }
    printable(field, text, REASON_LENGTH_MAX)
}

/// A key that programs use: 1 to 255 bytes, no control characters, no spaces at the ends. Kept exactly as it was sent.
///
/// # Errors
/// [`Code::InvalidValue`] for anything else.
pub fn external_key(field: &str, text: &str) -> Result<String, Refusal> {
    let accepted = (1..=EXTERNAL_KEY_LENGTH_MAX).contains(&text.len())
        && !text.chars().any(char::is_control)
        && text.trim().len() == text.len();
    if accepted {
        Ok(text.to_owned())
    } else {
        let detail = "must be 1 to 255 bytes of printable text without spaces at its ends.";
        Err(Refusal::field(Code::InvalidValue, field, detail))
    }
}

/// One line for people, of at most so many characters after spaces at the ends are taken off.
///
/// # Errors
/// [`Code::InvalidValue`] for nothing, for more, and for control characters.
pub(crate) fn printable(field: &str, text: &str, length_max: usize) -> Result<String, Refusal> {
    let text = text.trim();
    let accepted = (1..=length_max).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if accepted {
        Ok(text.to_owned())
    } else {
        let detail = format!("must be 1 to {length_max} characters of printable text.");
        Err(Refusal::field(Code::InvalidValue, field, detail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_around_a_name_are_taken_off() {
        assert_eq!(name("name", "  Acme Production "), Ok("Acme Production".to_owned()));
    }

    #[rstest::rstest]
    #[case("")]
    #[case("   ")]
    #[case("two\nlines")]
    #[case(&"n".repeat(201))]
    fn a_name_that_nobody_could_read_is_refused(#[case] text: &str) {
        assert_eq!(name("name", text).unwrap_err().code, Code::InvalidValue);
    }

    #[rstest::rstest]
    #[case("")]
    #[case(" acme")]
    #[case("acme\u{0}")]
    #[case(&"k".repeat(256))]
    fn an_external_key_is_never_changed_silently(#[case] text: &str) {
        let refusal = external_key("externalKey", text).unwrap_err();
        assert_eq!((refusal.code, refusal.first_field()), (Code::InvalidValue, Some("externalKey")));
    }

    #[test]
    fn a_reason_without_words_is_refused_as_missing() {
        assert_eq!(reason("reason", " ").unwrap_err().code, Code::ReasonRequired);
        assert_eq!(reason("reason", &"r".repeat(1_001)).unwrap_err().code, Code::InvalidValue);
    }
}
