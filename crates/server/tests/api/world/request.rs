//! Requests and replies of the stories. Each reply is held to what every reply promises.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use domain::refusal::Code;
use http::{HeaderMap, Method, header};
use serde_json::Value;
use tower::ServiceExt;

use super::World;

pub struct Request<'w> {
    world: &'w World,
    builder: http::request::Builder,
    body: Body,
    path: String,
    client: IpAddr,
    may_fail: bool,
}

#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    /// The body as text; empty for what is none.
    pub text: String,
    pub bytes: Vec<u8>,
}

impl<'w> Request<'w> {
    pub fn new(world: &'w World, method: Method, path: &str) -> Request<'w> {
        let builder = http::Request::builder().method(method).uri(path);
        let client = IpAddr::from([127, 0, 0, 1]);
        Request { world, builder, body: Body::empty(), path: path.to_owned(), client, may_fail: false }
    }

    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.builder = self.builder.header(name, value.as_ref());
        self
    }

    /// As a user, with an access token.
    pub fn bearer(self, token: impl AsRef<str>) -> Self {
        self.header("authorization", format!("Bearer {}", token.as_ref()))
    }

    /// As a machine, with an access key.
    pub fn key(self, access_key: impl AsRef<str>) -> Self {
        self.header("x-api-key", access_key.as_ref())
    }

    pub fn idempotency(self, key: impl AsRef<str>) -> Self {
        self.header("idempotency-key", key.as_ref())
    }

    pub fn from(self, client: &str) -> Self {
        Request { client: client.parse().unwrap(), ..self }
    }

    /// Accepts a reply of 500 or more, which otherwise fails the test.
    pub fn may_fail(self) -> Self {
        Request { may_fail: true, ..self }
    }

    /// Sends the body as it is, as JSON.
    pub fn raw(self, body: impl Into<Body>) -> Self {
        let request = self.header(header::CONTENT_TYPE.as_str(), "application/json");
        Request { body: body.into(), ..request }
    }

    /// Sends the body as it is, as something else than JSON.
    pub fn typed(self, content_type: &str, body: impl Into<Body>) -> Self {
        let request = self.header(header::CONTENT_TYPE.as_str(), content_type);
        Request { body: body.into(), ..request }
    }

    pub fn json(self, body: Value) -> Self {
        self.raw(body.to_string())
    }

    pub fn send(self) -> Reply {
        let world = self.world;
        world.runtime.block_on(self.into_future())
    }

    /// Sends, demands a status and returns the body.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        self.send().expect(status)
    }

    /// Sends and demands to be refused with this code; returns the problem.
    #[track_caller]
    pub fn refused(self, code: Code) -> Value {
        self.send().refused(code)
    }

    pub fn into_future(self) -> impl Future<Output = Reply> + Send + 'static {
        let router = self.world.router.clone();
        let mut request = self.builder.body(self.body).unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(self.client, 40_000)));
        let projects = Arc::clone(&self.world.projects);
        let makes_project = self.path == "/projects" && request.method() == Method::POST;
        let transcript = Arc::clone(&self.world.transcript);
        let (method, path) = (request.method().clone(), self.path.clone());
        let answer = answered(router, request, self.path, self.may_fail);
        async move {
            let reply = answer.await;
            transcript.lock().unwrap().add(method.as_str(), &path, &reply);
            if makes_project && reply.status == 201 {
                projects.lock().unwrap().insert(reply.body()["id"].as_str().unwrap().parse().unwrap());
            }
            reply
        }
    }
}

async fn answered(router: Router, request: http::Request<Body>, path: String, may_fail: bool) -> Reply {
    let response = router.oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let is_binary = parts.headers.get("content-type").is_some_and(|kind| kind == "application/pdf");
    let text = if is_binary { String::new() } else { String::from_utf8(bytes.to_vec()).unwrap() };
    let reply = Reply { status: parts.status.as_u16(), headers: parts.headers, text, bytes: bytes.to_vec() };
    assert!(reply.status < 500 || may_fail, "{path} failed: {reply:?}");
    if !path.starts_with("/health/") {
        reply.check();
    }
    reply
}

impl Reply {
    /// What every reply promises.
    fn check(&self) {
        let request_id = self.header("x-request-id").expect("every reply carries a request id");
        if self.status < 400 {
            return;
        }
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem = self.body();
        let code: Code = problem["code"].as_str().unwrap().parse().expect("a problem has a documented code");
        assert_eq!(self.status, code.status(), "{self:?}");
        assert_eq!(problem["status"], self.status, "{self:?}");
        assert_eq!(problem["type"], format!("/docs/errors#{code}"), "{self:?}");
        assert_eq!(problem["title"], code.title(), "{self:?}");
        assert!(!problem["detail"].as_str().unwrap().is_empty(), "{self:?}");
        // A stored refusal keeps the id of the request that was refused first.
        if self.header("idempotent-replayed").is_none() {
            assert_eq!(problem["requestId"], request_id, "{self:?}");
        }
        if matches!(self.status, 429 | 503) {
            assert!(self.header("retry-after").is_some(), "{self:?}");
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The body as JSON; `null` when there is none.
    pub fn body(&self) -> Value {
        if self.text.is_empty() { Value::Null } else { serde_json::from_str(&self.text).unwrap() }
    }

    /// The code of a problem.
    pub fn code(&self) -> Option<Code> {
        if self.status < 400 { None } else { self.body()["code"].as_str().and_then(|code| code.parse().ok()) }
    }

    pub fn is_replay(&self) -> bool {
        self.header("idempotent-replayed") == Some("true")
    }

    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.body()
    }

    #[track_caller]
    pub fn refused(&self, code: Code) -> Value {
        assert_eq!((self.status, self.body()["code"].as_str()), (code.status(), Some(code.as_str())), "{}", self.text);
        self.body()
    }
}
