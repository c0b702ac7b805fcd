//! The one error of every handler. It becomes a problem (RFC 9457) at the edge, where the request's id is known.

use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use domain::refusal::{Code, Refusal};
use engine::Error;
use engine::problem::Problem;
use http::{HeaderValue, StatusCode, header};

/// Seconds to wait where nothing more exact is known.
const RETRY_AFTER_SECONDS: u32 = 1;

/// Why a request is not answered as asked.
#[derive(Debug, Clone)]
pub struct Failure {
    error: Arc<Error>,
    retry_after_seconds: Option<u32>,
}

impl Failure {
    /// A refusal that ends by waiting.
    pub fn retry_after(refusal: Refusal, seconds: u32) -> Failure {
        Failure { error: Arc::new(Error::Refused(refusal)), retry_after_seconds: Some(seconds) }
    }

    /// What the caller is told.
    pub fn refusal(&self) -> Refusal {
        self.error.to_refusal()
    }

    pub fn error(&self) -> &Error {
        &self.error
    }

    /// The reply itself. What is our fault is logged here, once, with its causes; the caller is told none of them.
    pub(crate) fn render(&self, request_id: &str) -> Response {
        let refusal = self.refusal();
        if refusal.code.status() >= 500 {
            tracing::error!(code = refusal.code.as_str(), causes = causes(&self.error), "the request failed");
        }
        let problem = Problem::new(&refusal, request_id);
        let mut response = problem_response(problem.status, serde_json::to_string(&problem).unwrap_or_default());
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_seconds(refusal.code) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if refusal.code.status() == 401 {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if refusal.code == Code::PayloadTooLarge || refusal.code == Code::RequestTimeout {
            // The rest of the body is on its way: the connection cannot carry another request.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    fn retry_seconds(&self, code: Code) -> Option<u32> {
        match (self.retry_after_seconds, &*self.error) {
            (Some(seconds), _) => Some(seconds),
            (None, Error::Overloaded { retry_after_seconds }) => Some(*retry_after_seconds),
            (None, Error::Refused(Refusal { retry_after_seconds: Some(seconds), .. })) => Some(*seconds),
            (None, _) => matches!(code.status(), 429 | 503).then_some(RETRY_AFTER_SECONDS),
        }
    }
}

/// A body that is a problem already: a stored refusal is answered as it was the first time.
pub(crate) fn problem_response(status: u16, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// The error and everything that caused it, outermost first.
fn causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure { error: Arc::new(error), retry_after_seconds: None }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Failure {
        Error::Refused(refusal).into()
    }
}

impl IntoResponse for Failure {
    /// Only carries the failure to the edge, which renders it.
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.refusal().code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
