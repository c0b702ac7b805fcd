//! The mishaps every integration has: retries, a doubled meter, a reused key, payloads that cannot be taken. They give the
//! pages of outcomes and rejections something to show.

use serde_json::{Value, json};

use super::usage::DemoEvent;
use crate::account::Account;
use crate::client::{Client, Request};
use crate::{LoadError, clock, decimal, requests};

const HOUR_MILLIS: u64 = 60 * 60 * 1_000;

pub(super) fn make(
    client: &mut Client,
    account: &Account,
    events: &[DemoEvent],
    now_millis: u64,
) -> Result<(), LoadError> {
    let every = (events.len() / 8).max(1);
    for event in events.iter().step_by(every) {
        send(client, &requests::usage(&account.access_key, &event.key, &event.body()), &[201])?;
    }
    for event in events.iter().skip(every / 2).step_by(every * 3) {
        send(client, &requests::usage(&account.access_key, &event.key, &changed(event)), &[409])?;
    }
    doubled_meter(client, account, now_millis)?;
    for (key, body) in refused(now_millis) {
        send(client, &requests::usage(&account.access_key, key, &body), &[400, 404, 409, 422])?;
    }
    let more_than_there_is = json!({ "amount": "100000.000000", "description": "GPU cluster, reserved month" });
    send(client, &requests::charge(&account.access_key, "demo-charge-too-much", &more_than_there_is), &[402])
}

/// The body of an event with other units, whatever they were.
fn changed(event: &DemoEvent) -> Value {
    let mut body = event.body();
    body["units"] = Value::from(decimal::text(event.units_micros.saturating_add(1_000_000)));
    body
}

/// Two gateways report the same measurement, each with a key of its own.
fn doubled_meter(client: &mut Client, account: &Account, now_millis: u64) -> Result<(), LoadError> {
    for number in 0..3 {
        let body = json!({
            "eventId": format!("meter-7-{:06}", 4_210 + number),
            "metricKey": "api_calls",
            "units": "12.000000",
            "timestamp": clock::rfc3339(now_millis.saturating_sub(HOUR_MILLIS)),
            "customerKey": "harbor-logistics",
        });
        for (gateway, status) in [("a", 201), ("b", 200)] {
            let key = format!("demo-gateway-{gateway}-{number}");
            send(client, &requests::usage(&account.access_key, &key, &body), &[status])?;
        }
    }
    Ok(())
}

/// One payload for each common mistake.
fn refused(now_millis: u64) -> [(&'static str, Value); 6] {
    let at = clock::rfc3339(now_millis.saturating_sub(HOUR_MILLIS));
    let tomorrow = clock::rfc3339(now_millis.saturating_add(24 * HOUR_MILLIS));
    [
        ("demo-too-precise", json!({ "metricKey": "api_tokens", "units": "1.0000001", "timestamp": at })),
        ("demo-negative", json!({ "metricKey": "api_tokens", "units": "-5", "timestamp": at })),
        ("demo-exponent", json!({ "metricKey": "api_tokens", "units": "1e3", "timestamp": at })),
        ("demo-tomorrow", json!({ "metricKey": "api_tokens", "units": "40", "timestamp": tomorrow })),
        (
            "demo-stranger",
            json!({ "metricKey": "api_tokens", "units": "900", "timestamp": at, "customerKey": "globex-trial" }),
        ),
        ("demo-no-metric", json!({ "units": "12", "timestamp": at })),
    ]
}

fn send(client: &mut Client, request: &Request, wanted: &[u16]) -> Result<(), LoadError> {
    client.send_patiently(request)?.require(&request.name(), wanted).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reused_key_always_comes_with_another_body() {
        for units_micros in [1_000_000, 7_000_000, 12_500_000] {
            let event = DemoEvent {
                key: "k".to_owned(),
                metric: "api_calls",
                units_micros,
                at_millis: 0,
                customer: None,
                properties: Vec::new(),
            };
            assert_ne!(changed(&event)["units"], event.body()["units"]);
        }
    }
}
