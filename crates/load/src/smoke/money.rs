//! Steps around money: a credit once, a charge, and the overview that shows both.

use serde_json::{Value, json};

use super::run::{Run, ensure, text};
use crate::client::{Reply, Request};
use crate::{decimal, requests};

fn credit_request(run: &Run) -> Request {
    let body = json!({ "amount": "100.000000", "description": "Launch credit" });
    requests::credit(&run.token, &run.project, &run.key("credit"), &body)
}

pub(super) fn credit(run: &mut Run) -> Result<String, String> {
    let request = credit_request(run);
    let reply = run.expect(&request, 201)?;
    ensure_amount(&reply, "/balanceAfter", "100.000000")?;
    let id = text(&reply, "/id")?;
    run.credit_body = reply.body;
    Ok(id)
}

pub(super) fn repeat_credit(run: &mut Run) -> Result<String, String> {
    let request = credit_request(run);
    let reply = run.expect(&request, 201)?;
    ensure(reply.is_replay(), || "the header Idempotent-Replayed: true is missing".to_owned())?;
    ensure(reply.body == run.credit_body, || format!("the body differs from the first: {}", reply.quoted()))?;
    Ok("byte for byte".to_owned())
}

pub(super) fn charge(run: &mut Run) -> Result<String, String> {
    let body = json!({ "amount": "30.250000", "description": "Smoke check charge" });
    let reply = run.expect(&requests::charge(&run.access_key, &run.key("charge"), &body), 201)?;
    ensure_amount(&reply, "/balanceAfter", "69.750000")?;
    Ok("balance 69.750000".to_owned())
}

pub(super) fn overview(run: &mut Run) -> Result<String, String> {
    let reply = run.expect(&requests::overview(&run.token, &run.project), 200)?;
    ensure_amount(&reply, "/wallet/balance", "69.750000")?;
    let shown = reply.json();
    let usage = shown["currentPeriod"]["usage"].as_array().cloned().unwrap_or_default();
    let tokens = usage.iter().find(|row| row["metricKey"] == "api_tokens");
    let units = tokens.and_then(|row| row["units"].as_str()).and_then(decimal::parse);
    ensure(units == Some(1_250_000_000), || format!("api_tokens is not 1250: {}", Value::Array(usage.clone())))?;
    let transactions = shown["recentTransactions"].as_array().map_or(0, Vec::len);
    ensure(transactions == 2, || format!("{transactions} recent transactions instead of 2"))?;
    Ok("balance 69.750000, 1250 api_tokens, 2 transactions".to_owned())
}

fn ensure_amount(reply: &Reply, pointer: &str, wanted: &str) -> Result<(), String> {
    let shown = text(reply, pointer)?;
    ensure(shown == wanted, || format!("`{}` is {shown} instead of {wanted}", pointer.trim_start_matches('/')))
}
