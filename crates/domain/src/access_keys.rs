//! Access keys: credentials of machines. Their text carries 178 random bits and a checksum, so that scanners of leaked
//! secrets can tell a key from a look-alike.

use crate::access::Scope;
use crate::ids::{AccessKeyId, ProjectId, UserId};
use crate::refusal::{Code, Refusal};
use crate::time::Instant;

/// How many random bytes one key is made of.
pub const RANDOM_BYTES: usize = 48;
/// What every key begins with.
const BRAND: &str = "nrb_";
const PUBLIC_LENGTH: usize = 12;
/// Two blocks of 15 digits: 30 · log2(62) = 178.6 bits.
const BLOCK_LENGTH: usize = 15;
const SECRET_LENGTH: usize = 2 * BLOCK_LENGTH;
/// 62^6 is greater than 2^32.
const CHECKSUM_LENGTH: usize = 6;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The text of a key, `nrb_<public id>_<secret><checksum>`: whoever has it holds the key's scopes. Debug output shows
/// only the public part.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyText {
    text: String,
}

/// A text that is no access key: another form, or a checksum that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not an access key")]
pub struct KeyTextError;

impl KeyText {
    /// Makes a key. The same bytes make the same key, so they must be random and used once.
    pub fn from_random(bytes: &[u8; RANDOM_BYTES]) -> KeyText {
        // 128 random bits for at most 90 bits of digits: no digit is noticeably more likely than another.
        let block = |index: usize, length: usize| {
            let mut word = [0; 16];
            word.copy_from_slice(&bytes[index * 16..(index + 1) * 16]);
            base62(u128::from_be_bytes(word), length)
        };
        let public = block(0, PUBLIC_LENGTH);
        let secret = block(1, BLOCK_LENGTH) + &block(2, BLOCK_LENGTH);
        let body = format!("{BRAND}{public}_{secret}");
        let checksum = checksum(&body);
        KeyText { text: body + &checksum }
    }

    /// Reads a key that somebody sent.
    ///
    /// # Errors
    /// [`KeyTextError`] for any other form, and when the checksum does not fit: a typing error, or a made-up key.
    pub fn parse(text: &str) -> Result<KeyText, KeyTextError> {
        let rest = text.strip_prefix(BRAND).ok_or(KeyTextError)?;
        let (public, secret) = rest.split_once('_').ok_or(KeyTextError)?;
        let shaped = public.len() == PUBLIC_LENGTH
            && secret.len() == SECRET_LENGTH + CHECKSUM_LENGTH
            && [public, secret].iter().all(|part| part.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        if !shaped {
            return Err(KeyTextError);
        }
        let (body, found) = text.split_at(text.len() - CHECKSUM_LENGTH);
        if found == checksum(body) { Ok(KeyText { text: text.to_owned() }) } else { Err(KeyTextError) }
    }

    /// The part that may be shown and searched for.
    pub fn public_id(&self) -> &str {
        &self.text[BRAND.len()..BRAND.len() + PUBLIC_LENGTH]
    }

    /// The whole text, secret included: for its owner, once, and for hashing.
    pub fn expose(&self) -> &str {
        &self.text
    }
}

impl std::fmt::Debug for KeyText {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "KeyText({}…)", prefix(self.public_id()))
    }
}

/// How a key is shown after its making: everything before its secret.
pub fn prefix(public_id: &str) -> String {
    format!("{BRAND}{public_id}")
}

/// The last `length` digits of a number in base 62.
fn base62(mut number: u128, length: usize) -> String {
    let mut digits = vec![0_u8; length];
    for digit in digits.iter_mut().rev() {
        // Cannot fail: a remainder of 62 is smaller than 62.
        let position = usize::try_from(number % 62).expect("a digit is an index");
        *digit = ALPHABET[position];
        number /= 62;
    }
    digits.into_iter().map(char::from).collect()
}

/// CRC-32 (ISO-HDLC) of everything before it, in base 62.
fn checksum(body: &str) -> String {
    base62(u128::from(crc32fast::hash(body.as_bytes())), CHECKSUM_LENGTH)
}

/// A machine credential of one project, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKey {
    pub project: ProjectId,
    pub id: AccessKeyId,
    pub name: String,
    pub public_id: String,
    pub scopes: Vec<Scope>,
    pub created_by: UserId,
    pub created_at: Instant,
    /// The first moment at which the key does not work any more.
    pub expires_at: Option<Instant>,
    /// When it was used last, exact to about a minute.
    pub last_used_at: Option<Instant>,
    pub revoked_at: Option<Instant>,
    /// The key this one was rotated from.
    pub replaces: Option<AccessKeyId>,
}

impl AccessKey {
    /// Whether the key works at this moment.
    pub fn is_alive(&self, now: Instant) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|expires_at| now < expires_at)
    }
}

/// Scopes by their names, each once, in the order of the table.
///
/// # Errors
/// [`Code::UnknownScope`] naming the item; [`Code::InvalidValue`] for an empty list.
pub fn scopes(field: &str, names: &[String]) -> Result<Vec<Scope>, Refusal> {
    if names.is_empty() {
        return Err(Refusal::field(Code::InvalidValue, field, "must name at least one scope."));
    }
    let mut scopes = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        let scope = Scope::parse(name).ok_or_else(|| {
            let known: Vec<&str> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
            let detail = format!("is not a scope. Scopes are {}.", known.join(", "));
            Refusal::field(Code::UnknownScope, format!("{field}[{index}]"), detail)
        })?;
        scopes.push(scope);
    }
    scopes.sort_unstable();
    scopes.dedup();
    Ok(scopes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_key_has_the_documented_form() {
        let key = KeyText::from_random(&[0xa5; RANDOM_BYTES]);
        insta::assert_snapshot!(key.expose(), @"nrb_Ceo6GcvXrvOf_7BuCeo6GcvXrvOf7BuCeo6GcvXrvOf1RXO9m");
        assert_eq!(prefix(key.public_id()), &key.expose()[..16]);
    }

    #[test]
    fn a_secret_has_at_least_178_random_bits() {
        // 62^30 ≥ 2^178: thirty digits, each of 62.
        let blocks = 62_u128.pow(15);
        assert!(blocks >= 1 << 89);
        assert_eq!(SECRET_LENGTH, 30);
    }

    #[rstest::rstest]
    #[case("")]
    #[case("nrb_")]
    #[case("nrb_abc_def")]
    #[case("sk_live_0123456789AB_0123456789")]
    fn another_form_is_no_key(#[case] text: &str) {
        assert_eq!(KeyText::parse(text), Err(KeyTextError));
    }

    #[test]
    fn debug_output_hides_the_secret() {
        // checklist 101
        let key = KeyText::from_random(&[7; RANDOM_BYTES]);
        let shown = format!("{key:?}");
        assert!(shown.contains(key.public_id()));
        assert!(!key.expose().ends_with(&shown) && !shown.contains(&key.expose()[17..]));
    }

    #[test]
    fn an_unknown_scope_is_named() {
        // checklist 8
        let names = ["ingest:usage".to_owned(), "ingest:everything".to_owned()];
        let refusal = scopes("scopes", &names).unwrap_err();
        assert_eq!((refusal.code, refusal.first_field()), (Code::UnknownScope, Some("scopes[1]")));
        assert_eq!(scopes("scopes", &[]).unwrap_err().code, Code::InvalidValue);
    }

    #[test]
    fn a_scope_named_twice_is_held_once() {
        let names = ["ingest:charge", "ingest:usage", "ingest:charge"].map(str::to_owned);
        assert_eq!(scopes("scopes", &names), Ok(vec![Scope::IngestUsage, Scope::IngestCharge]));
    }

    proptest! {
        #[test]
        fn every_key_is_read_back(bytes in prop::array::uniform32(any::<u8>()), more in prop::array::uniform16(any::<u8>())) {
            let mut random = [0; RANDOM_BYTES];
            random[..32].copy_from_slice(&bytes);
            random[32..].copy_from_slice(&more);
            let key = KeyText::from_random(&random);
            prop_assert_eq!(KeyText::parse(key.expose()), Ok(key));
        }

        #[test]
        fn a_key_with_one_other_letter_is_refused(bytes in prop::array::uniform32(any::<u8>()), position in 0_usize..53, letter in 0_usize..62) {
            let mut random = [0; RANDOM_BYTES];
            random[..32].copy_from_slice(&bytes);
            let key = KeyText::from_random(&random);
            let mut text = key.expose().as_bytes().to_vec();
            let position = position.min(text.len() - 1);
            prop_assume!(text[position] != ALPHABET[letter]);
            text[position] = ALPHABET[letter];
            prop_assert_eq!(KeyText::parse(std::str::from_utf8(&text).unwrap()), Err(KeyTextError));
        }
    }
}
