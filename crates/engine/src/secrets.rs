//! The installation's secret, and the keys derived from it: one for tokens, one for access keys, one for refresh tokens.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Shortest acceptable secret in bytes.
pub const SECRET_LENGTH_MIN: usize = 32;

/// Keys derived from the installation's secret. Debug output shows none of them.
#[derive(Clone)]
pub struct Secrets {
    token: [u8; 32],
    pepper: [u8; 32],
    refresh: [u8; 32],
}

/// The secret is too short to protect anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the secret has {length} bytes; it needs at least {SECRET_LENGTH_MIN} random ones")]
pub struct WeakSecret {
    pub length: usize,
}

impl Secrets {
    /// # Errors
    /// [`WeakSecret`] for fewer than 32 bytes.
    pub fn derive(secret: &[u8]) -> Result<Secrets, WeakSecret> {
        if secret.len() < SECRET_LENGTH_MIN {
            return Err(WeakSecret { length: secret.len() });
        }
        let derive = |purpose: &str| mac(secret, &[b"neruba secret v1", purpose.as_bytes()]);
        Ok(Secrets { token: derive("token"), pepper: derive("access key"), refresh: derive("refresh token") })
    }

    /// Signs user tokens.
    pub(crate) fn token_key(&self) -> &[u8; 32] {
        &self.token
    }

    /// The stored form of an access key.
    pub(crate) fn access_key_hash(&self, key: &str) -> [u8; 32] {
        mac(&self.pepper, &[key.as_bytes()])
    }

    /// Authenticates the parts of a refresh token.
    pub(crate) fn refresh_mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        mac(&self.refresh, parts)
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Secrets(hidden)")
    }
}

/// HMAC-SHA256 over length-prefixed parts, so that parts cannot flow into each other.
fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    // Cannot fail: HMAC takes a key of any length.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in parts {
        // Cannot fail: no part comes near 2^64 bytes.
        let length = u64::try_from(part.len()).expect("a length fits in 64 bits");
        mac.update(&length.to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_secret_is_refused() {
        // checklist 105
        assert_eq!(Secrets::derive(&[7; 31]).unwrap_err(), WeakSecret { length: 31 });
    }

    #[test]
    fn debug_output_hides_the_keys() {
        // checklist 101
        let secrets = Secrets::derive(&[7; 32]).unwrap();
        assert_eq!(format!("{secrets:?}"), "Secrets(hidden)");
    }

    #[test]
    fn each_purpose_has_its_own_key() {
        let secrets = Secrets::derive(&[7; 32]).unwrap();
        assert_ne!(secrets.token, secrets.pepper);
        assert_ne!(secrets.pepper, secrets.refresh);
    }
}
