//! The body of every refused request (RFC 9457), built in one place because final refusals are stored as they were answered.

use domain::refusal::{FieldError, Refusal};

/// `application/problem+json`.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// A relative reference to the documentation of the code.
    #[serde(rename = "type")]
    #[schema(example = "/docs/errors#too_precise")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    /// Stable; programs decide by it.
    #[schema(example = "too_precise")]
    pub code: String,
    /// What happened and what to do.
    pub detail: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    pub request_id: String,
}

impl Problem {
    pub fn new(refusal: &Refusal, request_id: &str) -> Problem {
        Problem {
            kind: format!("/docs/errors#{}", refusal.code),
            title: refusal.code.title().to_owned(),
            status: refusal.code.status(),
            code: refusal.code.as_str().to_owned(),
            detail: refusal.detail.clone(),
            errors: refusal.errors.clone(),
            request_id: request_id.to_owned(),
        }
    }
}
