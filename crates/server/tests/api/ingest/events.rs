//! `/projects/{projectId}/ingest/events`

use domain::refusal::Code;
use http::Method;
use serde_json::{Value, json};

use super::send::tokens;
use crate::world::{on_both, text};

on_both! {
    // checklist 30
    fn an_event_is_found_by_either_of_its_ids_with_all_that_was_sent(world) {
        let meter = world.meter();
        let body = json!({
            "metricKey": "api_tokens", "units": 3.25, "timestamp": "2026-03-16T08:00:00Z", "eventId": "meter/7",
            "subscriptionKey": "s1", "properties": { "region": "eu", "size": 1.50, "big": 9007199254740993_u64 },
        });
        meter.usage("k1", &body).expect(201);
        let event = meter.read("/ingest/events/meter%2F7");
        assert_eq!(event["payload"], body.to_string());
        assert_eq!((&event["eventId"], &event["idempotencyKey"], &event["units"]), (&json!("meter/7"), &json!("k1"), &json!("3.250000")));
        assert_eq!((&event["timestamp"], &event["receivedAt"], &event["late"]), (&json!("2026-03-16T08:00:00.000Z"), &json!("2026-03-17T10:20:00.000Z"), &json!(true)));
        assert_eq!(event["properties"], json!({ "big": 9007199254740993_u64, "region": "eu", "size": 1.5 }));
        assert_eq!((&event["subscriptionKey"], &event["customerKey"], &event["source"]), (&json!("s1"), &json!("self"), &json!("single")));
        assert!(text(&event["accessKeyId"]).starts_with("key_") && text(&event["batchId"]).starts_with("bat_"));
        assert_eq!(meter.read(&format!("/ingest/events/{}", text(&event["id"]))), event);
        let nobody = world.get(meter.project.path("/ingest/events/nothing")).bearer(&meter.project.owner.token);
        nobody.refused(Code::NotFound);
    }

    fn events_come_in_pages_the_newest_first(world) {
        let meter = world.meter();
        for number in 0..5 {
            meter.usage(&format!("k{number}"), &tokens("1")).expect(201);
        }
        let first = meter.read("/ingest/events?limit=3");
        let second = meter.read(&format!("/ingest/events?limit=3&cursor={}", text(&first["nextCursor"])));
        let keys = |page: &Value| -> Vec<String> {
            page["data"].as_array().unwrap().iter().map(|one| text(&one["idempotencyKey"])).collect()
        };
        assert_eq!([keys(&first), keys(&second)].concat(), ["k4", "k3", "k2", "k1", "k0"]);
    }

    // checklist 31
    fn no_request_changes_or_deletes_an_event(world) {
        let meter = world.meter();
        let event = meter.usage("k1", &tokens("1")).expect(201);
        let path = meter.project.path(&format!("/ingest/events/{}", text(&event["eventId"])));
        for method in [Method::PUT, Method::PATCH, Method::DELETE, Method::POST] {
            world.request(method, &path).bearer(&meter.project.owner.token).refused(Code::MethodNotAllowed);
        }
    }
}
