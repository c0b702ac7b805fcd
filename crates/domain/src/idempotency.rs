//! Idempotency: keys, the families in which a key is unique, and the fingerprint that tells a retry from another request.

use sha2::{Digest, Sha256};

use crate::ids::TypedId;
use crate::named::named;
use crate::refusal::{Code, Refusal};
use crate::time::Instant;

named! {
    /// The space in which an idempotency key is unique within a project.
    Family {
        /// Usage events, through whichever door they come.
        Usage = "usage",
        /// Whatever moves money: charge, hold, capture, credit, debit, refund, reverse.
        Money = "money",
        /// Everything else.
        Other = "other",
    }
}

/// Longest key in bytes.
pub const KEY_LENGTH_MAX: usize = 255;

/// A caller's name for one request: 1 to 255 bytes of printable text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// # Errors
    /// [`Code::InvalidIdempotencyKey`] for an empty or too long text, control characters, and spaces at the ends.
    pub fn parse(text: &str) -> Result<IdempotencyKey, Refusal> {
        let accepted = (1..=KEY_LENGTH_MAX).contains(&text.len())
            && !text.chars().any(char::is_control)
            && text.trim().len() == text.len();
        if accepted {
            Ok(IdempotencyKey(text.to_owned()))
        } else {
            Err(Refusal::new(
                Code::InvalidIdempotencyKey,
                "An Idempotency-Key is 1 to 255 bytes of printable text without spaces at its ends.",
            ))
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// SHA-256 over the canonical form of a request: equal for a retry, different for another request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

/// Builds the canonical form of a request, field by field, in the order the operation lists them.
///
/// The form is typed and length-prefixed, so no two different requests share it: white space, field order, `1.50` against
/// `1.5` and `+01:00` against `Z` are gone before it is built. A field that was not sent is [`Canonical::absent`], whatever
/// default it gets later.
#[derive(Debug, Clone)]
pub struct Canonical {
    hash: Sha256,
}

/// Version of the canonical form; a new one never changes what an old one says.
const VERSION: u8 = 1;

impl Canonical {
    /// Begins the form of one operation (`"usage"`, `"credit"`…).
    pub fn new(operation: &str) -> Canonical {
        let mut canonical = Canonical { hash: Sha256::new() };
        canonical.hash.update([VERSION]);
        canonical.bytes(b'o', operation.as_bytes());
        canonical
    }

    pub fn id(mut self, id: impl TypedId) -> Canonical {
        self.bytes(b'i', id.uuid().as_bytes());
        self
    }

    pub fn text(mut self, text: &str) -> Canonical {
        self.bytes(b't', text.as_bytes());
        self
    }

    /// An amount or a quantity, by its micros.
    pub fn micros(mut self, micros: i64) -> Canonical {
        self.bytes(b'm', &micros.to_be_bytes());
        self
    }

    pub fn integer(mut self, integer: i64) -> Canonical {
        self.bytes(b'n', &integer.to_be_bytes());
        self
    }

    pub fn flag(mut self, flag: bool) -> Canonical {
        self.bytes(b'b', &[u8::from(flag)]);
        self
    }

    pub fn instant(mut self, instant: Instant) -> Canonical {
        self.bytes(b'a', &instant.micros().to_be_bytes());
        self
    }

    /// JSON that is in canonical form already.
    pub fn json(mut self, canonical_json: &str) -> Canonical {
        self.bytes(b'j', canonical_json.as_bytes());
        self
    }

    /// A field that was not sent.
    pub fn absent(mut self) -> Canonical {
        self.bytes(b'-', &[]);
        self
    }

    /// A field that may not have been sent.
    pub fn optional<T>(self, field: Option<T>, write: impl FnOnce(Canonical, T) -> Canonical) -> Canonical {
        match field {
            Some(value) => write(self, value),
            None => self.absent(),
        }
    }

    pub fn fingerprint(self) -> Fingerprint {
        Fingerprint(self.hash.finalize().into())
    }

    fn bytes(&mut self, kind: u8, bytes: &[u8]) {
        // Cannot fail: a request body is far below 2^64 bytes.
        let length = u64::try_from(bytes.len()).expect("a length fits in 64 bits");
        self.hash.update([kind]);
        self.hash.update(length.to_be_bytes());
        self.hash.update(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_cannot_flow_into_each_other() {
        let one = Canonical::new("x").text("ab").text("c").fingerprint();
        let two = Canonical::new("x").text("a").text("bc").fingerprint();
        assert_ne!(one, two);
    }

    #[test]
    fn a_field_left_out_differs_from_its_default() {
        let sent = Canonical::new("x").optional(Some(""), Canonical::text).fingerprint();
        let left_out = Canonical::new("x").optional(None, Canonical::text).fingerprint();
        assert_ne!(sent, left_out);
    }

    #[test]
    fn the_first_version_never_changes() {
        let fingerprint = Canonical::new("usage").text("api_tokens").micros(1_250_000_000).absent().fingerprint();
        let hex: String = fingerprint.0.iter().map(|byte| format!("{byte:02x}")).collect();
        insta::assert_snapshot!(hex, @"8a7239ae6c3235f0dd8d3bc8a759378289c1018791cda2ecc79b95bd77bf5cc5");
    }

    #[rstest::rstest]
    #[case("")]
    #[case(" a")]
    #[case("a\n")]
    #[case("a\u{0}b")]
    fn a_malformed_key_is_refused(#[case] text: &str) {
        assert_eq!(IdempotencyKey::parse(text).unwrap_err().code, Code::InvalidIdempotencyKey);
    }

    #[test]
    fn a_key_of_256_bytes_is_refused() {
        assert!(IdempotencyKey::parse(&"k".repeat(255)).is_ok());
        assert!(IdempotencyKey::parse(&"k".repeat(256)).is_err());
    }
}
