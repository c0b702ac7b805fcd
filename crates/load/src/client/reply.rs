//! One whole reply: status, headers, body bytes, and the few ways this crate looks at them.

use serde_json::Value;

use crate::LoadError;

/// A reply read to its end.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// A body is quoted up to this length in messages.
const QUOTED_CHARACTERS_MAX: usize = 600;

impl Reply {
    /// The first header of that name, whatever its case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Whether the server marked this as the repeated answer of an earlier request.
    #[must_use]
    pub fn is_replay(&self) -> bool {
        self.header("Idempotent-Replayed") == Some("true")
    }

    /// The body as JSON; `Null` when it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The problem's stable code, empty when the reply is no problem.
    #[must_use]
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// Seconds the server asks to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<u64> {
        self.header("Retry-After")?.trim().parse().ok()
    }

    /// The body as text, shortened for messages.
    #[must_use]
    pub fn quoted(&self) -> String {
        String::from_utf8_lossy(&self.body).chars().take(QUOTED_CHARACTERS_MAX).collect()
    }

    /// The reply itself when its status is one of `wanted`.
    ///
    /// # Errors
    /// With the whole answer when it is another.
    pub fn require(self, request: &str, wanted: &[u16]) -> Result<Reply, LoadError> {
        if wanted.contains(&self.status) {
            return Ok(self);
        }
        Err(LoadError::Unexpected { request: request.to_owned(), status: self.status, body: self.quoted() })
    }

    /// A text of the JSON body, by pointer (`/user/id`).
    ///
    /// # Errors
    /// When it is missing or not a text.
    pub fn text_at(&self, request: &str, pointer: &str) -> Result<String, LoadError> {
        match self.json().pointer(pointer) {
            Some(Value::String(text)) => Ok(text.clone()),
            _ => Err(LoadError::MissingField {
                request: request.to_owned(),
                field: pointer.trim_start_matches('/').to_owned(),
                body: self.quoted(),
            }),
        }
    }
}
