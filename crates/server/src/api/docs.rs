//! `/docs`, `/openapi.json`, `/metrics`: about the server itself. Each exists only where the settings expose it.

use std::sync::{Arc, LazyLock};

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use domain::refusal::Refusal;
use http::{HeaderValue, header};
use utoipa_swagger_ui::Config;

use crate::answer::Reply;
use crate::app::App;
use crate::extract::PathPart;
use crate::reference;

/// Nothing from elsewhere: the page works without an internet connection and cannot be made to talk to others.
const CONTENT_SECURITY_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'",
);

/// Relative links of the page begin at `/docs/`.
pub async fn docs(State(app): State<App>) -> Reply {
    exposed(app.settings().expose_docs)?;
    Ok(Redirect::permanent("/docs/").into_response())
}

pub async fn docs_index(State(app): State<App>) -> Reply {
    exposed(app.settings().expose_docs)?;
    swagger_file("index.html")
}

pub async fn docs_file(State(app): State<App>, PathPart(file): PathPart<String>) -> Reply {
    exposed(app.settings().expose_docs)?;
    swagger_file(&file)
}

pub async fn docs_errors(State(app): State<App>) -> Reply {
    exposed(app.settings().expose_docs)?;
    Ok(page("text/html; charset=utf-8", reference::errors_html()))
}

/// This document
#[utoipa::path(get, path = "/openapi.json", tag = "server", responses(
    (status = 200, description = "The OpenAPI document", body = Object),
))]
pub async fn openapi_json(State(app): State<App>) -> Reply {
    static DOCUMENT: LazyLock<String> = LazyLock::new(reference::openapi_json);
    exposed(app.settings().expose_openapi)?;
    Ok(page("application/json", DOCUMENT.as_str()))
}

/// Figures for Prometheus
#[utoipa::path(get, path = "/metrics", tag = "server", responses(
    (status = 200, description = "Prometheus text format", body = String, content_type = "text/plain"),
))]
pub async fn metrics(State(app): State<App>) -> Reply {
    exposed(app.settings().expose_metrics)?;
    let metrics = app.metrics().ok_or_else(Refusal::not_found)?;
    metrics.run_upkeep();
    Ok(page("text/plain; version=0.0.4; charset=utf-8", metrics.render()))
}

fn exposed(is_exposed: bool) -> Result<(), Refusal> {
    if is_exposed { Ok(()) } else { Err(Refusal::not_found()) }
}

fn swagger_file(name: &str) -> Reply {
    static CONFIG: LazyLock<Arc<Config<'static>>> =
        LazyLock::new(|| Arc::new(Config::from("/openapi.json").validator_url("none")));
    match utoipa_swagger_ui::serve(name, Arc::clone(&CONFIG)) {
        Ok(Some(file)) => Ok(page(&file.content_type, file.bytes.into_owned())),
        Ok(None) | Err(_) => Err(Refusal::not_found().into()),
    }
}

fn page(content_type: &str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    let headers = response.headers_mut();
    if let Ok(content_type) = HeaderValue::from_str(content_type) {
        headers.insert(header::CONTENT_TYPE, content_type);
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    response
}
