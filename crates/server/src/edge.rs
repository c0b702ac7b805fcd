//! The outermost layer: gives each request its id and time, ends what takes too long, renders failures, counts and logs.

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use domain::ids::RequestId;
use domain::refusal::{Code, Refusal};
use engine::{Caller, Engine, Error};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use metrics::SharedString;
use tokio::time::Instant;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tracing::Instrument;

use crate::app::App;
use crate::failure::Failure;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest id that is taken over from a caller.
const REQUEST_ID_LENGTH_MAX: usize = 64;

/// What surrounds every route: answers for paths without one, for panics, for what takes too long.
pub(crate) fn surround(routes: Router<App>, app: App) -> Router {
    let router = routes
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(app.clone(), edge));
    let compress = app.settings().compress_replies;
    let router = if compress { router.layer(CompressionLayer::new()) } else { router };
    router.with_state(app)
}

async fn edge(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let caller = new_caller(app.engine(), request.headers());
    let request_id = Arc::clone(&caller.request_id);
    let method = request.method().clone();
    let route: Arc<str> = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).into();
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
        count(&method, &route, status, seconds);
        log(&route, status, seconds);
        response
    }
    .instrument(span)
    .await
}

/// A panic in a handler, as an answer. The panic hook has logged it.
fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    Failure::from(Error::Bug(format!("a handler panicked: {}", text.unwrap_or("without words")))).into_response()
}

async fn not_found() -> Failure {
    Refusal::not_found().into()
}

async fn method_not_allowed() -> Failure {
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

/// By route, never by project: a figure per tenant would grow without end and tell one tenant about another.
fn count(method: &Method, route: &Arc<str>, status: u16, seconds: f64) {
    let (method, route) = (SharedString::from(method.to_string()), SharedString::from(Arc::clone(route)));
    metrics::histogram!("neruba_http_request_seconds", "method" => method.clone(), "route" => route.clone())
        .record(seconds);
    metrics::counter!("neruba_http_requests_total", "method" => method, "route" => route, "status" => status.to_string())
        .increment(1);
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
    use std::sync::Arc;
    use std::time::Duration;

    use axum::body::{Body, to_bytes};
    use domain::refusal::Code;
    use engine::access::AccessSettings;
    use engine::{Engine, EngineParts, Secrets};
    use http::Request;
    use tokio::sync::oneshot;
    use tower::ServiceExt;

    use super::*;
    use crate::settings::Settings;
    use axum::routing::get;

    /// Blocking calls to a database are forbidden inside a runtime: what needs one is made before.
    fn with_app<F: Future<Output = ()>>(settings: Settings, story: impl FnOnce(App) -> F) {
        let (_, db) = testkit::databases().remove(0);
        let engine = Engine::new(EngineParts {
            db,
            clock: Arc::new(testkit::clock::TestClock::at("2026-03-17T10:20:00Z")),
            random: Arc::new(testkit::random::SeededRandom::new(1)),
            secrets: Secrets::derive(&[7; 32]).unwrap(),
            access: AccessSettings::for_tests(),
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(story(App::new(engine, settings, None)));
    }

    /// What a caller of `/` gets when this is the only route.
    async fn problem_of(app: App, route: axum::routing::MethodRouter<App>) -> (Code, String) {
        let router = surround(Router::new().route("/", route), app);
        let response = router.oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let problem: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        (problem["code"].as_str().unwrap().parse().unwrap(), problem.to_string())
    }

    #[test]
    fn a_panic_becomes_a_problem_without_internals() {
        async fn panics() {
            panic!("the inner secret");
        }
        with_app(Settings::development(), |app| async {
            let (code, text) = problem_of(app, get(panics)).await;
            assert_eq!(code, Code::Internal);
            assert!(!text.contains("inner secret"), "{text}");
        });
    }

    #[test]
    fn a_panic_in_the_engine_becomes_a_problem_without_internals() {
        async fn panics(app: axum::extract::State<App>) -> Result<(), crate::failure::Failure> {
            app.run(|_| -> Result<(), engine::Error> { panic!("the inner secret") }).await
        }
        with_app(Settings::development(), |app| async {
            let (code, text) = problem_of(app, get(panics)).await;
            assert_eq!(code, Code::Internal);
            assert!(!text.contains("inner secret"), "{text}");
        });
    }

    #[test]
    fn what_takes_too_long_is_answered_meanwhile() {
        let settings = Settings { request_time_max: Duration::from_millis(20), ..Settings::development() };
        with_app(settings, |app| async {
            let (code, _) = problem_of(app, get(std::future::pending::<()>)).await;
            assert_eq!(code, Code::Unavailable);
        });
    }

    #[test]
    fn calls_beyond_the_limit_wait_and_calls_beyond_the_queue_are_refused() {
        with_app(Settings { calls_max: 1, calls_waiting_max: 1, ..Settings::development() }, |app| async move {
            let (first_runs, first_is_running) = oneshot::channel();
            let (let_first_end, first_may_end) = std::sync::mpsc::channel::<()>();
            let mut first = Box::pin(app.run(move |_| {
                first_runs.send(()).unwrap();
                first_may_end.recv().unwrap();
                Ok(1)
            }));
            assert!(poll_once(&mut first).is_pending());
            first_is_running.await.unwrap();
            let mut second = Box::pin(app.run(|_| Ok(2)));
            assert!(poll_once(&mut second).is_pending());
            let third = app.run(|_| Ok(3)).await.unwrap_err();
            assert_eq!(third.refusal().code, Code::Overloaded);
            let_first_end.send(()).unwrap();
            assert_eq!(first.await.unwrap(), 1);
            assert_eq!(second.await.unwrap(), 2);
        });
    }

    #[test]
    fn heavy_calls_leave_room_for_all_others() {
        let settings = Settings { heavy_calls_max: 1, heavy_calls_waiting_max: 1, ..Settings::development() };
        with_app(settings, |app| async move {
            let (first_runs, first_is_running) = oneshot::channel();
            let (let_first_end, first_may_end) = std::sync::mpsc::channel::<()>();
            let mut first = Box::pin(app.run_heavy(move |_| {
                first_runs.send(()).unwrap();
                first_may_end.recv().unwrap();
                Ok(1)
            }));
            assert!(poll_once(&mut first).is_pending());
            first_is_running.await.unwrap();
            let mut second = Box::pin(app.run_heavy(|_| Ok(2)));
            assert!(poll_once(&mut second).is_pending());
            let third = app.run_heavy(|_| Ok(3)).await.unwrap_err();
            assert_eq!(third.refusal().code, Code::Overloaded);
            assert_eq!(app.run(|_| Ok("another")).await.unwrap(), "another");
            let_first_end.send(()).unwrap();
            assert_eq!((first.await.unwrap(), second.await.unwrap()), (1, 2));
        });
    }

    fn poll_once<F: Future + Unpin>(future: &mut F) -> std::task::Poll<F::Output> {
        std::pin::Pin::new(future).poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
    }

    #[test]
    fn a_request_id_is_taken_over_only_if_it_is_harmless() {
        // checklist 100
        assert!(is_well_formed("req-1_a.B"));
        for id in ["", "a b", "a\"b", "ä", &"x".repeat(65)] {
            assert!(!is_well_formed(id), "{id}");
        }
    }
}
