//! Access tokens of users: JWTs signed with HS256 (RFC 7519, RFC 7515), good for minutes, bound to a session.
//!
//! Time is that of the operation, never the system's: the library is told not to look at the clock.

use domain::ids::{SessionId, UserId};
use domain::refusal::{Code, Refusal};
use domain::time::Instant;
use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::signature::{Error as SignatureError, Signer, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use sha2::Sha256;

use crate::error::Error;

/// Who signs, and for whom. A token of another program with the same secret is not ours.
const ISSUER: &str = "neruba";
const AUDIENCE: &str = "neruba-api";

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Claims {
    iss: String,
    aud: String,
    #[serde(rename = "sub")]
    pub user: UserId,
    #[serde(rename = "sid")]
    pub session: SessionId,
    /// Seconds since 1970, as the standard has it.
    iat: i64,
    exp: i64,
}

impl Claims {
    /// For a session, until `expires_at`, which counts in whole seconds.
    pub fn new(user: UserId, session: SessionId, now: Instant, expires_at: Instant) -> Claims {
        let (iat, exp) = (seconds(now), seconds(expires_at));
        Claims { iss: ISSUER.to_owned(), aud: AUDIENCE.to_owned(), user, session, iat, exp }
    }
}

/// # Errors
/// [`Error::Bug`]: signing does not fail.
pub(crate) fn sign(claims: &Claims, key: &[u8; 32]) -> Result<String, Error> {
    install_provider();
    encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(key))
        .map_err(|error| Error::Bug(format!("a token cannot be signed: {error}")))
}

/// # Errors
/// [`Code::Unauthenticated`] for a token that is malformed, signed otherwise, for somebody else, or expired.
pub(crate) fn verify(token: &str, key: &[u8; 32], now: Instant) -> Result<Claims, Refusal> {
    install_provider();
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    let decoded = decode::<Claims>(token, &DecodingKey::from_secret(key), &validation);
    let claims = decoded.map_err(|_| unauthenticated("The access token is not valid. Log in again."))?.claims;
    if seconds(now) >= claims.exp {
        let detail = "The access token has expired. Get a new one from POST /auth/refresh, or log in again.";
        return Err(unauthenticated(detail));
    }
    Ok(claims)
}

fn unauthenticated(detail: &str) -> Refusal {
    Refusal::new(Code::Unauthenticated, detail)
}

fn seconds(instant: Instant) -> i64 {
    instant.micros().div_euclid(1_000_000)
}

/// The library asks for its cryptography at run time; HS256 on the HMAC that is here anyway is all it gets.
fn install_provider() {
    static PROVIDER: CryptoProvider = CryptoProvider {
        signer_factory: |algorithm, key| {
            only_hs256(*algorithm, key.family())?;
            Ok(Box::new(HmacSha256::new(key.as_bytes())?))
        },
        verifier_factory: |algorithm, key| {
            only_hs256(*algorithm, key.family())?;
            Ok(Box::new(HmacSha256::new(key.try_get_as_bytes()?)?))
        },
        key_utils: KeyUtils::new_unimplemented(),
    };
    // It fails when it is installed already, which is just as well.
    let _ = PROVIDER.install_default();
}

fn only_hs256(algorithm: Algorithm, family: AlgorithmFamily) -> Result<(), jsonwebtoken::errors::Error> {
    if algorithm == Algorithm::HS256 && family == AlgorithmFamily::Hmac {
        Ok(())
    } else {
        Err(ErrorKind::InvalidAlgorithm.into())
    }
}

struct HmacSha256(Hmac<Sha256>);

impl HmacSha256 {
    fn new(key: &[u8]) -> Result<HmacSha256, jsonwebtoken::errors::Error> {
        Hmac::new_from_slice(key).map(HmacSha256).map_err(|_| ErrorKind::InvalidKeyFormat.into())
    }
}

impl Signer<Vec<u8>> for HmacSha256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        Ok(self.0.clone().chain_update(message).finalize().into_bytes().to_vec())
    }
}

impl Verifier<Vec<u8>> for HmacSha256 {
    /// In constant time.
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        self.0.clone().chain_update(message).verify_slice(signature).map_err(|_| SignatureError::new())
    }
}

impl JwtSigner for HmacSha256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtVerifier for HmacSha256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use uuid::Uuid;

    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn at(text: &str) -> Instant {
        Instant::parse(text).unwrap()
    }

    fn claims() -> Claims {
        let user = UserId::from_uuid(Uuid::from_u128(1));
        let session = SessionId::from_uuid(Uuid::from_u128(2));
        Claims::new(user, session, at("2026-03-17T10:00:00Z"), at("2026-03-17T10:15:00Z"))
    }

    fn code(token: &str, now: &str) -> Option<Code> {
        verify(token, &KEY, at(now)).err().map(|refusal| refusal.code)
    }

    /// A token with these parts, signed with the right key.
    fn signed(header: &str, body: &str) -> String {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(body));
        let signature = HmacSha256::new(&KEY).unwrap().try_sign(message.as_bytes()).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    #[test]
    fn a_token_is_good_until_the_second_it_expires() {
        // checklist 108
        let token = sign(&claims(), &KEY).unwrap();
        assert_eq!(verify(&token, &KEY, at("2026-03-17T10:14:59.999Z")), Ok(claims()));
        assert_eq!(code(&token, "2026-03-17T10:15:00Z"), Some(Code::Unauthenticated));
    }

    #[test]
    fn the_signature_is_the_standards() {
        // RFC 7515, appendix A.1: the example key and token.
        let key = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
        let message = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let signer = HmacSha256::new(&URL_SAFE_NO_PAD.decode(key).unwrap()).unwrap();
        let signature = signer.try_sign(message.as_bytes()).unwrap();
        assert_eq!(URL_SAFE_NO_PAD.encode(signature), "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    }

    #[test]
    fn a_token_with_any_other_letter_is_refused() {
        // checklist 108
        let token = sign(&claims(), &KEY).unwrap();
        let now = "2026-03-17T10:01:00Z";
        for position in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[position] = if bytes[position] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(code(&changed, now), Some(Code::Unauthenticated), "{position}");
        }
        let other = sign(&claims(), &[8; 32]).unwrap();
        assert_eq!(code(&other, now), Some(Code::Unauthenticated));
    }

    #[test]
    fn another_algorithm_issuer_or_audience_is_refused_even_with_the_right_key() {
        // checklist 108
        let now = "2026-03-17T10:01:00Z";
        let hs256 = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
        let body = serde_json::to_string(&claims()).unwrap();
        assert_eq!(code(&signed(hs256, &body), now), None);
        for (header, body) in [
            ("{\"alg\":\"none\"}", body.clone()),
            ("{\"alg\":\"HS384\"}", body.clone()),
            ("{\"alg\":\"RS256\"}", body.clone()),
            (hs256, body.replace("\"neruba\"", "\"somebody\"")),
            (hs256, body.replace("neruba-api", "somebody")),
            (hs256, body.replace("\"exp\"", "\"nothing\"")),
        ] {
            assert_eq!(code(&signed(header, &body), now), Some(Code::Unauthenticated), "{header} {body}");
        }
    }
}
