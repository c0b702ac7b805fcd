//! State of one smoke run, and its steps around access: login, project, access key, revocation.

use serde_json::Value;

use super::SmokeOptions;
use crate::account::Owner;
use crate::client::{Client, Reply, Request};
use crate::requests;

/// What earlier steps made and later steps use.
pub(super) struct Run {
    client: Client,
    owner: Owner,
    pub(super) run_id: String,
    pub(super) token: String,
    pub(super) project: String,
    pub(super) access_key: String,
    key_id: String,
    pub(super) usage_body: Vec<u8>,
    pub(super) event_id: String,
    pub(super) credit_body: Vec<u8>,
}

impl Run {
    pub(super) fn new(client: Client, options: &SmokeOptions) -> Run {
        Run {
            client,
            owner: options.owner.clone(),
            run_id: options.run_id.clone(),
            token: String::new(),
            project: String::new(),
            access_key: String::new(),
            key_id: String::new(),
            usage_body: Vec::new(),
            event_id: String::new(),
            credit_body: Vec::new(),
        }
    }

    /// A key of this run: `smoke-<run>-<name>`.
    pub(super) fn key(&self, name: &str) -> String {
        format!("smoke-{}-{name}", self.run_id)
    }

    pub(super) fn send(&mut self, request: &Request) -> Result<Reply, String> {
        self.client.send(request).map_err(|error| error.to_string())
    }

    /// Sends and insists on a status.
    pub(super) fn expect(&mut self, request: &Request, status: u16) -> Result<Reply, String> {
        let reply = self.send(request)?;
        if reply.status == status {
            return Ok(reply);
        }
        Err(format!("{} answered {} instead of {status}: {}", request.name(), reply.status, reply.quoted()))
    }
}

/// A check with the reason that stands in the report when it fails.
pub(super) fn ensure(holds: bool, reason: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(reason()) }
}

/// A text of a reply, by pointer.
pub(super) fn text(reply: &Reply, pointer: &str) -> Result<String, String> {
    match reply.json().pointer(pointer) {
        Some(Value::String(text)) => Ok(text.clone()),
        _ => Err(format!("the reply has no `{}`: {}", pointer.trim_start_matches('/'), reply.quoted())),
    }
}

pub(super) fn log_in(run: &mut Run) -> Result<String, String> {
    let reply = run.expect(&requests::login(&run.owner.email, &run.owner.password), 200)?;
    run.token = text(&reply, "/accessToken")?;
    let user = text(&reply, "/user/email")?;
    ensure(reply.header("X-Request-Id").is_some(), || "the reply has no X-Request-Id".to_owned())?;
    Ok(format!("as {user}"))
}

pub(super) fn wrong_password(run: &mut Run) -> Result<String, String> {
    let reply = run.expect(&requests::login(&run.owner.email, "not the password of anyone"), 401)?;
    Ok(format!("401 {}", reply.code()))
}

pub(super) fn create_project(run: &mut Run) -> Result<String, String> {
    let external_key = run.key("project");
    let reply = run.expect(&requests::create_project(&run.token, "Smoke check", &external_key), 201)?;
    run.project = text(&reply, "/id")?;
    Ok(run.project.clone())
}

pub(super) fn create_project_again(run: &mut Run) -> Result<String, String> {
    let external_key = run.key("project");
    let reply = run.expect(&requests::create_project(&run.token, "Smoke check", &external_key), 200)?;
    let id = text(&reply, "/id")?;
    ensure(id == run.project, || format!("another project came back: {id}"))?;
    Ok("200, same id".to_owned())
}

pub(super) fn create_access_key(run: &mut Run) -> Result<String, String> {
    let reply = run.expect(&requests::create_access_key(&run.token, &run.project, "Smoke check"), 201)?;
    run.key_id = text(&reply, "/id")?;
    run.access_key = text(&reply, "/accessKey")?;
    ensure(run.access_key.starts_with("nrb_"), || "the key does not begin with nrb_".to_owned())?;
    Ok(run.key_id.clone())
}

pub(super) fn key_is_shown_once(run: &mut Run) -> Result<String, String> {
    let reply = run.expect(&requests::read(&run.token, &run.project, "/access-keys"), 200)?;
    let listed = String::from_utf8_lossy(&reply.body).into_owned();
    ensure(listed.contains(&run.key_id), || "the list lacks the new key".to_owned())?;
    ensure(!listed.contains(&run.access_key), || "the list shows the key's plaintext".to_owned())?;
    Ok("listed without its plaintext".to_owned())
}

pub(super) fn revoke_access_key(run: &mut Run) -> Result<String, String> {
    let reply = run.send(&requests::revoke_access_key(&run.token, &run.project, &run.key_id))?;
    ensure(matches!(reply.status, 200 | 204), || format!("answered {}: {}", reply.status, reply.quoted()))?;
    Ok(reply.status.to_string())
}
