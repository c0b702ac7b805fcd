//! The header `Idempotency-Key`: required where money or usage is recorded, optional on configuration.

use axum::extract::FromRequestParts;
use domain::idempotency::IdempotencyKey;
use domain::refusal::{Code, Refusal};
use http::HeaderName;
use http::request::Parts;

use crate::failure::Failure;
use crate::guard::one_header;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A request that may be sent again without being done again.
pub struct Idempotent(pub IdempotencyKey);

/// A request that may carry a key.
pub struct MaybeIdempotent(pub Option<IdempotencyKey>);

/// Declares the header of [`Idempotent`] in the OpenAPI document: `params(IdempotencyHeader)`.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only described, never made")]
pub struct IdempotencyHeader {
    /// Your own name for this request, 1 to 255 bytes, the same whenever you repeat it: a repeated request gets the first answer.
    #[param(rename = "Idempotency-Key", example = "credit_2026_03_17_001")]
    key: String,
}

/// Declares the header of [`MaybeIdempotent`] in the OpenAPI document: `params(OptionalIdempotencyHeader)`.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only described, never made")]
pub struct OptionalIdempotencyHeader {
    /// Your own name for this request: with it, a repeated request gets the first answer, except for secrets.
    #[param(rename = "Idempotency-Key")]
    key: Option<String>,
}

impl<S: Sync> FromRequestParts<S> for Idempotent {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Idempotent, Failure> {
        key(parts)?.map(Idempotent).ok_or_else(|| {
            let detail = "Send the header Idempotency-Key: a text of your own that is the same whenever you repeat this request.";
            Refusal::new(Code::IdempotencyKeyRequired, detail).into()
        })
    }
}

impl<S: Sync> FromRequestParts<S> for MaybeIdempotent {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<MaybeIdempotent, Failure> {
        Ok(MaybeIdempotent(key(parts)?))
    }
}

fn key(parts: &Parts) -> Result<Option<IdempotencyKey>, Refusal> {
    one_header(&parts.headers, &IDEMPOTENCY_KEY)?.map(IdempotencyKey::parse).transpose()
}
