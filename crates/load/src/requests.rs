//! The requests this crate sends, one function each: paths and bodies as published, nothing about their replies.

use serde_json::{Value, json};

use crate::client::Request;

pub(crate) fn login(email: &str, password: &str) -> Request {
    Request::post("/auth/login").json(&json!({ "email": email, "password": password }))
}

pub(crate) fn create_project(token: &str, name: &str, external_key: &str) -> Request {
    Request::post("/projects").bearer(token).json(&json!({ "name": name, "externalKey": external_key }))
}

/// A project whose clock can be moved.
pub(crate) fn create_sandbox(token: &str, name: &str, external_key: &str) -> Request {
    let body = json!({ "name": name, "externalKey": external_key, "mode": "sandbox" });
    Request::post("/projects").bearer(token).json(&body)
}

pub(crate) fn create_access_key(token: &str, project: &str, name: &str) -> Request {
    let body = json!({ "name": name, "scopes": ["ingest:usage", "ingest:charge"] });
    Request::post(format!("/projects/{project}/access-keys")).bearer(token).json(&body)
}

pub(crate) fn revoke_access_key(token: &str, project: &str, key_id: &str) -> Request {
    Request::delete(format!("/projects/{project}/access-keys/{key_id}")).bearer(token)
}

pub(crate) fn create_customer(token: &str, project: &str, body: &Value) -> Request {
    write(token, project, "/customers", body)
}

pub(crate) fn usage(access_key: &str, key: &str, body: &Value) -> Request {
    Request::post("/ingest/usage").access_key(access_key).idempotency_key(key).json(body)
}

pub(crate) fn usage_batch(access_key: &str, body: &Value) -> Request {
    Request::post("/ingest/usage/batch").access_key(access_key).json(body)
}

pub(crate) fn charge(access_key: &str, key: &str, body: &Value) -> Request {
    Request::post("/ingest/charge").access_key(access_key).idempotency_key(key).json(body)
}

pub(crate) fn credit(token: &str, project: &str, key: &str, body: &Value) -> Request {
    Request::post(format!("/projects/{project}/transactions/credit")).bearer(token).idempotency_key(key).json(body)
}

pub(crate) fn overview(token: &str, project: &str) -> Request {
    read(token, project, "/billing/overview")
}

pub(crate) fn outcomes(token: &str, project: &str) -> Request {
    read(token, project, "/ingest/outcomes")
}

pub(crate) fn trace(token: &str, project: &str, key: &str) -> Request {
    read(token, project, &format!("/trace?key={}", escaped(key)))
}

/// Any read below a project: `rest` begins with `/`.
pub(crate) fn read(token: &str, project: &str, rest: &str) -> Request {
    Request::get(format!("/projects/{project}{rest}")).bearer(token)
}

/// Any POST below a project.
pub(crate) fn write(token: &str, project: &str, rest: &str, body: &Value) -> Request {
    Request::post(format!("/projects/{project}{rest}")).bearer(token).json(body)
}

/// Any PATCH of a project or below it.
pub(crate) fn change(token: &str, project: &str, rest: &str, body: &Value) -> Request {
    Request::patch(format!("/projects/{project}{rest}")).bearer(token).json(body)
}

/// A value for a query string: everything but unreserved characters percent-encoded (RFC 3986, section 2.3).
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn a_query_value_keeps_only_unreserved_characters() {
        assert_eq!(escaped("evt_1-a.b~c"), "evt_1-a.b~c");
        assert_eq!(escaped("a b&c=ü"), "a%20b%26c%3D%C3%BC");
    }
}
