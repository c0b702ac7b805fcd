//! Replies of handlers: a value as JSON, or an answer that the engine keeps for repeated requests.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use engine::{Answer, Error};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::failure::{Failure, problem_response};

const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// What handlers return.
pub type Reply = Result<Response, Failure>;

/// The engine's answer, byte for byte, marked when it was given before.
pub fn answer(answer: Answer) -> Response {
    let Answer { status, body, replayed } = answer;
    let mut response = if status >= 400 {
        problem_response(status, body)
    } else {
        json_text(StatusCode::from_u16(status).unwrap_or(StatusCode::OK), body)
    };
    if replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

/// Status 201 and the thing that was made.
pub fn created<T: Serialize>(value: &T) -> Response {
    json(StatusCode::CREATED, value)
}

/// A value as JSON.
pub fn json<T: Serialize>(status: StatusCode, value: &T) -> Response {
    match serde_json::to_string(value) {
        Ok(body) => json_text(status, body),
        Err(error) => Failure::from(Error::Bug(format!("a reply cannot be written as JSON: {error}"))).into_response(),
    }
}

/// Status 204, for what leaves nothing to say.
pub fn no_content() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

fn json_text(status: StatusCode, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
