//! The outermost layer: gives each request its id and time, ends what takes too long, renders failures, counts and logs.

use std::any::Any;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::ids::RequestId;
use domain::refusal::{Code, Refusal};
use engine::{Caller, Engine, Error};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use tokio::time::Instant;
use tracing::Instrument;

use crate::app::App;
use crate::failure::Failure;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest id that is taken over from a caller.
const REQUEST_ID_LENGTH_MAX: usize = 64;

pub(crate) async fn edge(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let caller = new_caller(app.engine(), request.headers());
    let request_id = Arc::clone(&caller.request_id);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!("request", request_id = &*request_id, %method, path = request.uri().path());
    request.extensions_mut().insert(caller);
    let started = Instant::now();
    let limit = app.settings().request_time_max;
    async move {
        let response = match tokio::time::timeout(limit, next.run(request)).await {
            Ok(response) => response,
            Err(_elapsed) => took_too_long().into_response(),
        };
        let response = finish(response, &request_id);
        let status = response.status().as_u16();
        let seconds = started.elapsed().as_secs_f64();
        let labels = [("method", method.to_string()), ("route", route.clone())];
        metrics::histogram!("neruba_http_request_seconds", &labels).record(seconds);
        metrics::counter!("neruba_http_requests_total", "method" => method.to_string(), "route" => route.clone(), "status" => status.to_string())
            .increment(1);
        log(&route, status, seconds);
        response
    }
    .instrument(span)
    .await
}

/// A panic in a handler, as an answer. The panic hook has logged it.
pub(crate) fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    Failure::from(Error::Bug(format!("a handler panicked: {}", text.unwrap_or("without words")))).into_response()
}

pub(crate) async fn not_found() -> Failure {
    Refusal::not_found().into()
}

pub(crate) async fn method_not_allowed() -> Failure {
    Refusal::new(Code::MethodNotAllowed, "The header Allow lists the methods of this path.").into()
}

fn took_too_long() -> Failure {
    let detail =
        "The server did not finish in time, but it may still do so. Send the same request with the same key again.";
    Refusal::new(Code::Unavailable, detail).into()
}

/// The caller's id if it is well-formed, else a new one.
fn new_caller(engine: &Engine, headers: &HeaderMap) -> Caller {
    let sent = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok()).filter(|text| is_well_formed(text));
    let mut caller = engine.caller(sent.unwrap_or_default());
    if sent.is_none() {
        caller.request_id = caller.new_id::<RequestId>().to_string().into();
    }
    caller
}

fn is_well_formed(id: &str) -> bool {
    (1..=REQUEST_ID_LENGTH_MAX).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}

fn finish(mut response: Response, request_id: &str) -> Response {
    if let Some(failure) = response.extensions_mut().remove::<Failure>() {
        let mut rendered = failure.render(request_id);
        // What the router said besides, such as `Allow`, stays.
        for (name, value) in response.headers() {
            if !rendered.headers().contains_key(name) && name != header::CONTENT_LENGTH {
                rendered.headers_mut().append(name, value.clone());
            }
        }
        response = rendered;
    }
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// One line per request; those that come by the thousand are for debugging only.
fn log(route: &str, status: u16, seconds: f64) {
    if status < 400 && (route.starts_with("/ingest/") || route.starts_with("/health/") || route == "/metrics") {
        tracing::debug!(status, seconds, "answered");
    } else {
        tracing::info!(status, seconds, "answered");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_is_taken_over_only_if_it_is_harmless() {
        // checklist 100
        assert!(is_well_formed("req-1_a.B"));
        for id in ["", "a b", "a\"b", "ä", &"x".repeat(65)] {
            assert!(!is_well_formed(id), "{id}");
        }
    }
}
