//! Texts of strangers on paper: characters that have no shape or that turn the order of others around are taken out.

/// The text without control characters and without marks that override the direction of what follows: an amount or a name must stand
/// as it was written, whatever stands before it.
pub(crate) fn printable(text: &str) -> String {
    let kept = text.chars().filter_map(|character| match character {
        '\t' | '\u{2028}' | '\u{2029}' => Some(' '),
        '\n' => Some('\n'),
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => None,
        other => (!other.is_control()).then_some(other),
    });
    kept.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("Acme\u{0}\u{7} GmbH", "Acme GmbH")]
    #[case("one\r\ntwo\tthree", "one\ntwo three")]
    #[case("\u{202e}001 RUE\u{202c}", "001 RUE")]
    #[case("العربية שלום 東京 😀", "العربية שלום 東京 😀")]
    fn what_has_no_shape_is_taken_out(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(printable(text), expected);
    }
}
