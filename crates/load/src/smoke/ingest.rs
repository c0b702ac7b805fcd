//! Steps around usage: accepted once, replayed, refused, counted, traced.

use serde_json::{Value, json};

use super::run::{Run, ensure, text};
use crate::requests;

/// The timestamp is left out: the server takes the time of receipt, which is in the current period by definition.
fn body(units: &str) -> Value {
    json!({ "metricKey": "api_tokens", "units": units })
}

pub(super) fn usage(run: &mut Run) -> Result<String, String> {
    let request = requests::usage(&run.access_key, &run.key("usage"), &body("1250.000000"));
    let reply = run.expect(&request, 201)?;
    let outcome = text(&reply, "/outcome")?;
    ensure(outcome == "accepted", || format!("the outcome is `{outcome}`"))?;
    run.event_id = text(&reply, "/eventId")?;
    run.usage_body = reply.body;
    Ok(run.event_id.clone())
}

pub(super) fn repeat_usage(run: &mut Run) -> Result<String, String> {
    let request = requests::usage(&run.access_key, &run.key("usage"), &body("1250.000000"));
    let reply = run.expect(&request, 201)?;
    ensure(reply.is_replay(), || "the header Idempotent-Replayed: true is missing".to_owned())?;
    ensure(reply.body == run.usage_body, || format!("the body differs from the first: {}", reply.quoted()))?;
    Ok("byte for byte".to_owned())
}

pub(super) fn conflicting_usage(run: &mut Run) -> Result<String, String> {
    let request = requests::usage(&run.access_key, &run.key("usage"), &body("1251.000000"));
    let code = run.expect(&request, 409)?.code();
    ensure(code == "idempotency_conflict", || format!("the code is `{code}`"))?;
    Ok("409 idempotency_conflict".to_owned())
}

pub(super) fn too_precise(run: &mut Run) -> Result<String, String> {
    let request = requests::usage(&run.access_key, &run.key("too-precise"), &body("1.0000001"));
    let code = run.expect(&request, 422)?.code();
    ensure(code == "too_precise", || format!("the code is `{code}`"))?;
    Ok("422 too_precise".to_owned())
}

pub(super) fn outcomes(run: &mut Run) -> Result<String, String> {
    run.expect(&requests::outcomes(&run.token, &run.project), 200)?;
    let reply = run.expect(&requests::overview(&run.token, &run.project), 200)?;
    let counts = reply.json()["ingest"].clone();
    let count = |name: &str| counts[name].as_u64();
    // Accepted: the usage event; whether the charge counts too is the server's own rule.
    let seen = [count("accepted") >= Some(1), count("replayed") >= Some(1)];
    let refused = [count("conflicts") == Some(1), count("failed") == Some(1)];
    ensure(!seen.contains(&false) && !refused.contains(&false), || format!("unexpected counts: {counts}"))?;
    Ok(counts.to_string())
}

pub(super) fn trace(run: &mut Run) -> Result<String, String> {
    let key = run.key("usage");
    let reply = run.expect(&requests::trace(&run.token, &run.project, &key), 200)?;
    let shown = String::from_utf8_lossy(&reply.body).into_owned();
    ensure(shown.contains(&run.event_id), || format!("the trace lacks {}: {}", run.event_id, reply.quoted()))?;
    Ok(format!("leads to {}", run.event_id))
}

pub(super) fn revoked_key_is_refused(run: &mut Run) -> Result<String, String> {
    let request = requests::usage(&run.access_key, &run.key("after-revocation"), &body("1.000000"));
    let reply = run.expect(&request, 401)?;
    Ok(format!("401 {}", reply.code()))
}
