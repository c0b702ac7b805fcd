//! `/projects/{projectId}/ingest/rejections`

use domain::access::Role;
use domain::refusal::Code;
use serde_json::{Value, json};

use super::send::{Meter, tokens};
use crate::world::{Reply, on_both, text};

/// The newest rejection.
fn newest(meter: &Meter<'_>) -> Value {
    meter.read("/ingest/rejections")["data"][0].clone()
}

fn replay(meter: &Meter<'_>, rejection: &Value, body: Value) -> Reply {
    let path = meter.project.path(&format!("/ingest/rejections/{}/replay", text(&rejection["id"])));
    meter.world.post(path).bearer(&meter.project.owner.token).json(body).send()
}

on_both! {
    // checklist 27
    fn a_refused_payload_is_found_by_its_code_and_key(world) {
        let meter = world.meter();
        meter.usage("k1", &json!({ "metricKey": "m", "units": "1.0000001" })).refused(Code::TooPrecise);
        meter.usage("k2", &json!({ "metricKey": "m", "units": "0" })).refused(Code::NotPositive);
        let found = meter.read("/ingest/rejections?code=too_precise");
        let rejection = &found["data"][0];
        assert_eq!(found["data"].as_array().unwrap().len(), 1);
        assert_eq!(rejection["payload"], json!({ "metricKey": "m", "units": "1.0000001" }).to_string());
        assert_eq!((&rejection["idempotencyKey"], &rejection["field"], &rejection["outcome"]), (&json!("k1"), &json!("units"), &json!("failed")));
        assert_eq!(rejection["receivedAt"], "2026-03-17T10:20:00.000Z");
        assert_eq!(meter.read(&format!("/ingest/rejections/{}", text(&rejection["id"]))), *rejection);
        assert_eq!(meter.read("/ingest/rejections?idempotencyKey=k2")["data"][0]["code"], "not_positive");
        assert_eq!(meter.read("/ingest/rejections?resolved=true")["data"], json!([]));
        let path = meter.project.path("/ingest/rejections?outcome=accepted");
        world.get(path).bearer(&meter.project.owner.token).refused(Code::InvalidQuery);
    }

    fn rejections_come_in_pages_the_newest_first(world) {
        let meter = world.meter();
        for number in 0..5 {
            meter.usage(&format!("k{number}"), &json!({ "metricKey": "m", "units": "0" })).refused(Code::NotPositive);
        }
        let first = meter.read("/ingest/rejections?limit=3");
        let cursor = text(&first["nextCursor"]);
        let second = meter.read(&format!("/ingest/rejections?limit=3&cursor={cursor}"));
        let keys = |page: &Value| -> Vec<String> {
            page["data"].as_array().unwrap().iter().map(|one| text(&one["idempotencyKey"])).collect()
        };
        assert_eq!((keys(&first), keys(&second)), (vec!["k4".into(), "k3".into(), "k2".into()], vec!["k1".into(), "k0".into()]));
        assert_eq!(second["nextCursor"], Value::Null);
    }

    // checklist 92
    fn a_replay_needs_a_reason_and_answers_the_client_from_then_on(world) {
        let meter = world.meter();
        let sent = json!({ "metricKey": "api_tokens", "units": "1.0000001" });
        meter.usage("k1", &sent).refused(Code::TooPrecise);
        let rejection = newest(&meter);
        let payload = json!({ "metricKey": "api_tokens", "units": "1.000001" });
        replay(&meter, &rejection, json!({ "payload": payload })).refused(Code::ReasonRequired);
        let body = json!({ "payload": payload, "reasonCode": "billing_error", "reason": "the meter rounds badly" });
        let resolved = replay(&meter, &rejection, body.clone()).expect(200);
        assert_eq!((&resolved["resolvedBy"], &resolved["resolution"]), (&json!("owner"), &json!("billing_error")));
        let retry = meter.usage("k1", &sent);
        assert_eq!((retry.status, retry.is_replay()), (201, true));
        assert_eq!(retry.body()["eventId"], resolved["eventId"]);
        replay(&meter, &rejection, body).refused(Code::AlreadyResolved);
        assert_eq!(meter.used("api_tokens"), ("1.000001".to_owned(), 1));
        let trail = meter.read("/audit?action=rejection.replayed");
        assert_eq!((&trail["data"][0]["reasonCode"], &trail["data"][0]["reason"]), (&json!("billing_error"), &json!("the meter rounds badly")));
    }

    fn a_replay_that_is_refused_again_changes_nothing(world) {
        let meter = world.meter();
        meter.usage("k1", &json!({ "metricKey": "m", "units": "0" })).refused(Code::NotPositive);
        let rejection = newest(&meter);
        let problem = replay(&meter, &rejection, json!({ "reasonCode": "other" })).refused(Code::NotPositive);
        assert_eq!(problem["errors"][0]["field"], "units");
        assert_eq!(newest(&meter), rejection);
    }

    // checklist 12
    fn a_viewer_sees_rejections_and_replays_none(world) {
        let meter = world.meter();
        meter.usage("k1", &json!({ "metricKey": "m", "units": "0" })).refused(Code::NotPositive);
        let viewer = world.member(&meter.project, Role::Viewer);
        let list = world.get(meter.project.path("/ingest/rejections")).bearer(&viewer.token).expect(200);
        let path = meter.project.path(&format!("/ingest/rejections/{}/replay", text(&list["data"][0]["id"])));
        world.post(path).bearer(&viewer.token).json(json!({ "reasonCode": "other" })).refused(Code::Forbidden);
    }

    fn a_rejected_charge_is_not_replayed_as_usage(world) {
        let meter = world.meter();
        let key = world.access_key(&meter.project, &[domain::access::Scope::IngestCharge]);
        world.post("/ingest/charge").key(&key).idempotency("c1").json(json!({ "amount": "0" })).refused(Code::NotPositive);
        let rejection = newest(&meter);
        assert_eq!(rejection["operation"], "charge");
        let body = json!({ "payload": tokens("1"), "reasonCode": "other" });
        replay(&meter, &rejection, body).refused(Code::InvalidValue);
    }
}
