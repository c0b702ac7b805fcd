//! What is kept of a body that may be anything: text that every database can store, of bounded length.

use std::borrow::Cow;

/// The most that is kept of one payload, in bytes.
pub const KEPT_BYTES_MAX: usize = 64 * 1024;

/// Ends a payload that was longer than what is kept.
pub const CUT_MARK: &str = "… (cut at 64 KiB)";

/// The payload as it is kept: bytes that are not UTF-8 and the NUL character are replaced, what is too long is cut.
pub fn kept(bytes: &[u8]) -> String {
    let cut = bytes.len() > KEPT_BYTES_MAX;
    let bytes = if cut { &bytes[..KEPT_BYTES_MAX] } else { bytes };
    let text = match String::from_utf8_lossy(bytes) {
        Cow::Borrowed(text) => text.to_owned(),
        Cow::Owned(text) => text,
    };
    let mut text = if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text };
    if cut {
        text.push_str(CUT_MARK);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_valid_payload_is_kept_as_it_is() {
        assert_eq!(kept("{\"units\": \"1\"} ü".as_bytes()), "{\"units\": \"1\"} ü");
    }

    #[test]
    fn bytes_no_database_takes_are_replaced() {
        assert_eq!(kept(b"a\xffb\0c"), "a\u{fffd}b\u{fffd}c");
    }

    #[test]
    fn a_long_payload_is_cut_with_a_mark() {
        let kept = kept(&vec![b'x'; KEPT_BYTES_MAX + 1]);
        assert!(kept.ends_with(CUT_MARK));
        assert_eq!(kept.len(), KEPT_BYTES_MAX + CUT_MARK.len());
    }
}
