//! The whole API on one screen: each route with who may use it.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use utoipa_axum::routes;

use crate::api::{docs, health};
use crate::app::App;
use crate::edge::{edge, method_not_allowed, not_found, panicked};
use crate::guard::Guard;
use crate::openapi;
use crate::routes::Api;

/// Every route and its guard.
pub fn api() -> Api {
    Api::new(openapi::base())
        .route(routes!(health::live), Guard::Public)
        .route(routes!(health::ready), Guard::Public)
        .route(routes!(docs::metrics), Guard::Public)
        .route(routes!(docs::openapi_json), Guard::Public)
        .page("/docs", get(docs::docs), Guard::Public)
        .page("/docs/", get(docs::docs_index), Guard::Public)
        .page("/docs/{file}", get(docs::docs_file), Guard::Public)
        .page("/docs/errors", get(docs::docs_errors), Guard::Public)
}

/// The server, ready to be served or called.
pub fn router(app: App) -> Router {
    let router = api()
        .into_router(&app)
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(app.clone(), edge));
    let compress = app.settings().compress_replies;
    let router = if compress { router.layer(CompressionLayer::new()) } else { router };
    router.with_state(app)
}
