//! Refresh tokens: a session and a place in its chain, authenticated by a MAC. Nothing of them is stored; the session
//! stores which place is next.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::ids::SessionId;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::secrets::Secrets;

/// What every refresh token begins with.
const BRAND: &str = "nrr_";
const SESSION_LENGTH: usize = 16;
const GENERATION_LENGTH: usize = 8;
const MAC_LENGTH: usize = 32;
const PURPOSE: &[u8] = b"refresh";

/// What a refresh token stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RefreshToken {
    pub session: SessionId,
    pub generation: i64,
}

impl RefreshToken {
    pub fn text(&self, secrets: &Secrets) -> String {
        let mut bytes = Vec::with_capacity(SESSION_LENGTH + GENERATION_LENGTH + MAC_LENGTH);
        bytes.extend_from_slice(self.session.uuid().as_bytes());
        bytes.extend_from_slice(&self.generation.to_be_bytes());
        bytes.extend_from_slice(&self.mac(secrets));
        format!("{BRAND}{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    /// `None` for a text this installation never gave out.
    pub fn parse(text: &str, secrets: &Secrets) -> Option<RefreshToken> {
        let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(BRAND)?).ok()?;
        let (session, rest) = bytes.split_first_chunk::<SESSION_LENGTH>()?;
        let (generation, mac) = rest.split_first_chunk::<GENERATION_LENGTH>()?;
        let token = RefreshToken {
            session: SessionId::from_uuid(Uuid::from_bytes(*session)),
            generation: i64::from_be_bytes(*generation),
        };
        // In constant time; a MAC of another length is another MAC.
        bool::from(token.mac(secrets).as_slice().ct_eq(mac)).then_some(token)
    }

    fn mac(&self, secrets: &Secrets) -> [u8; MAC_LENGTH] {
        secrets.refresh_mac(&[PURPOSE, self.session.uuid().as_bytes(), &self.generation.to_be_bytes()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_this_installation_gave_out_is_read_back() {
        let secrets = Secrets::derive(&[7; 32]).unwrap();
        let token = RefreshToken { session: SessionId::from_uuid(Uuid::from_u128(9)), generation: 3 };
        let text = token.text(&secrets);
        assert_eq!(RefreshToken::parse(&text, &secrets), Some(token));
        assert_eq!(RefreshToken::parse(&text, &Secrets::derive(&[8; 32]).unwrap()), None);
        for position in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[position] = if bytes[position] == b'A' { b'E' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(RefreshToken::parse(&changed, &secrets), None, "{position}");
        }
        for text in ["", "nrr_", "nrr_AAAA", &text[..text.len() - 1]] {
            assert_eq!(RefreshToken::parse(text, &secrets), None);
        }
    }
}
