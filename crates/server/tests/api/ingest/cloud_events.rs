//! CloudEvents through both doors.

use domain::refusal::Code;
use serde_json::{Value, json};

use super::send::tokens;
use crate::world::on_both;

const SINGLE: &str = "application/cloudevents+json";
const BATCH: &str = "application/cloudevents-batch+json";

fn cloud_event(id: &str, units: &str) -> Value {
    json!({
        "specversion": "1.0", "id": id, "source": "/meter/7", "type": "api_tokens", "time": "2026-03-17T10:15:00Z",
        "datacontenttype": "application/json", "traceparent": "00-4bf9-00f0-01", "data": { "units": units },
    })
}

on_both! {
    // checklist 116
    fn a_cloud_event_is_the_same_event_as_the_json_form(world) {
        let meter = world.meter();
        let event = cloud_event("1", "2.5").to_string();
        let first = meter.post("/ingest/usage").typed(SINGLE, event.clone()).send();
        let body = first.expect(201);
        assert_eq!((&body["idempotencyKey"], &body["metricKey"], &body["units"]), (&json!("8:/meter/7:1"), &json!("api_tokens"), &json!("2.500000")));
        // The same event through every other door is a replay.
        let again = meter.post("/ingest/usage").typed(SINGLE, event.clone()).send();
        assert_eq!((again.is_replay(), again.text), (true, first.text.clone()));
        assert_eq!(meter.usage("8:/meter/7:1", &tokens("2.5")).text, first.text);
        for (kind, sent) in [(SINGLE, event.clone()), (BATCH, format!("[{event}]"))] {
            let reply = meter.post("/ingest/usage/batch").typed(kind, sent).expect(200);
            assert_eq!((&reply["replayed"], &reply["accepted"]), (&json!(1), &json!(0)));
        }
        assert_eq!(meter.used("api_tokens"), ("2.500000".to_owned(), 1));
    }

    // checklist 116
    fn a_batch_of_cloud_events_is_judged_one_by_one(world) {
        let meter = world.meter();
        let mut nameless = cloud_event("3", "1");
        nameless.as_object_mut().unwrap().remove("id");
        let sent = json!([cloud_event("1", "1"), cloud_event("2", "x"), nameless, cloud_event("1", "1"), cloud_event("1", "3")]);
        let reply = meter.post("/ingest/usage/batch").typed(BATCH, sent.to_string()).expect(200);
        let told: Vec<(&Value, &Value)> =
            reply["results"].as_array().unwrap().iter().map(|one| (&one["outcome"], &one["error"]["field"])).collect();
        assert_eq!(told, [
            (&json!("accepted"), &Value::Null),
            (&json!("failed"), &json!("data.units")),
            (&json!("failed"), &json!("id")),
            (&json!("replay"), &Value::Null),
            (&json!("conflict"), &Value::Null),
        ]);
    }

    fn what_is_no_cloud_event_is_refused_and_kept(world) {
        let meter = world.meter();
        let mut old = cloud_event("1", "1");
        old["specversion"] = json!("0.3");
        let problem = meter.post("/ingest/usage").typed(SINGLE, old.to_string()).refused(Code::InvalidValue);
        assert_eq!(problem["errors"][0]["field"], "specversion");
        let kept = &meter.read("/ingest/rejections")["data"][0];
        assert_eq!((&kept["source"], &kept["idempotencyKey"]), (&json!("cloudEvent"), &json!("8:/meter/7:1")));
    }

    fn the_subject_is_the_customer(world) {
        let meter = world.meter();
        let body = json!({ "externalKey": "acme" });
        world.post(meter.project.path("/customers")).bearer(&meter.project.owner.token).json(body).expect(201);
        let mut event = cloud_event("1", "1");
        event["subject"] = json!("acme");
        let reply = meter.post("/ingest/usage").typed(SINGLE, event.to_string()).expect(201);
        assert_eq!(reply["customerKey"], "acme");
    }
}
