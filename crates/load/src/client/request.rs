//! One request, built step by step; nothing is sent here.

use serde::Serialize;

/// A request to one path of a server.
#[derive(Debug, Clone)]
pub struct Request {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Option<Vec<u8>>,
}

impl Request {
    #[must_use]
    pub fn get(path: impl Into<String>) -> Request {
        Request::new("GET", path)
    }

    #[must_use]
    pub fn post(path: impl Into<String>) -> Request {
        Request::new("POST", path)
    }

    #[must_use]
    pub fn patch(path: impl Into<String>) -> Request {
        Request::new("PATCH", path)
    }

    #[must_use]
    pub fn delete(path: impl Into<String>) -> Request {
        Request::new("DELETE", path)
    }

    fn new(method: &'static str, path: impl Into<String>) -> Request {
        Request { method, path: path.into(), headers: Vec::new(), body: None }
    }

    /// With a user's access token.
    #[must_use]
    pub fn bearer(self, token: &str) -> Request {
        self.header("Authorization", format!("Bearer {token}"))
    }

    /// With a project's access key.
    #[must_use]
    pub fn access_key(self, key: &str) -> Request {
        self.header("x-api-key", key)
    }

    #[must_use]
    pub fn idempotency_key(self, key: &str) -> Request {
        self.header("Idempotency-Key", key)
    }

    /// With a body of the given value as JSON.
    #[must_use]
    pub fn json(self, value: &impl Serialize) -> Request {
        // Cannot fail: the values sent by this crate have text keys and write into memory.
        let bytes = serde_json::to_vec(value).expect("plain values serialize");
        self.body("application/json", bytes)
    }

    /// With a body that is sent as it stands.
    #[must_use]
    pub fn body(mut self, content_type: &'static str, bytes: Vec<u8>) -> Request {
        self.body = Some(bytes);
        self.header("Content-Type", content_type)
    }

    /// With one more header.
    ///
    /// # Panics
    /// When the value could end the header: it comes from this program, so that is a bug.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Request {
        let value = value.into();
        assert!(!value.contains(['\r', '\n']), "a header value stands on one line");
        self.headers.push((name, value));
        self
    }

    /// How the request is named in messages: `POST /projects`.
    #[must_use]
    pub fn name(&self) -> String {
        let path = self.path.split('?').next().unwrap_or(&self.path);
        format!("{} {path}", self.method)
    }
}
