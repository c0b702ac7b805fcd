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

    fn events_of_a_metric_are_narrowed_down_page_by_page(world) {
        let meter = world.meter();
        let acme = json!({ "externalKey": "acme" });
        world.post(meter.project.path("/customers")).bearer(&meter.project.owner.token).json(acme).expect(201);
        let at = ["08:00", "09:00", "09:00", "10:00", "11:00"];
        for (number, time) in at.iter().enumerate() {
            let region = if number % 2 == 0 { "eu" } else { "us" };
            let body = json!({ "metricKey": "calls", "units": 1, "timestamp": format!("2026-03-16T{time}:00Z"), "customerKey": "acme",
                "subscriptionKey": format!("s{}", number % 2), "properties": { "region": region, "size": number } });
            meter.usage(&format!("k{number}"), &body).expect(201);
        }
        meter.usage("own", &json!({ "metricKey": "calls", "units": 1, "timestamp": "2026-03-16T09:30:00Z" })).expect(201);
        meter.usage("other", &tokens("1")).expect(201);
        let keys = |query: &str| -> Vec<String> {
            let page = meter.read(&format!("/ingest/events?{query}"));
            page["data"].as_array().unwrap().iter().map(|one| text(&one["idempotencyKey"])).collect()
        };
        assert_eq!(keys("metricKey=calls"), ["k4", "k3", "own", "k2", "k1", "k0"]);
        assert_eq!(keys("metricKey=calls&customerKey=acme"), ["k4", "k3", "k2", "k1", "k0"]);
        assert_eq!(keys("metricKey=calls&from=2026-03-16T09:00:00Z&to=2026-03-16T11:00:00Z"), ["k3", "own", "k2", "k1"]);
        assert_eq!(keys("metricKey=calls&subscriptionKey=s1"), ["k3", "k1"]);
        assert_eq!(keys("metricKey=calls&dimensions=region:eu"), ["k4", "k2", "k0"]);
        assert_eq!(keys("metricKey=calls&dimensions=region:eu,size:2"), ["k2"]);
        assert_eq!(keys("metricKey=calls&dimensions=region:us&customerKey=self"), Vec::<String>::new());
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = meter.read(&format!("/ingest/events?metricKey=calls&limit=2{cursor}"));
            all.extend(page["data"].as_array().unwrap().iter().map(|one| text(&one["idempotencyKey"])));
            let Some(next) = page["nextCursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(all, ["k4", "k3", "own", "k2", "k1", "k0"]);
    }

    // checklist 75
    fn events_are_listed_as_of_a_cut(world) {
        let meter = world.meter();
        let project = meter.project.id.parse().unwrap();
        for number in 1..=3 {
            meter.usage(&format!("k{number}"), &json!({ "metricKey": "calls", "units": 1 })).expect(201);
            world.engine.fold_all(project).unwrap();
        }
        let keys = |query: &str| -> Vec<String> {
            let page = meter.read(&format!("/ingest/events?metricKey=calls{query}"));
            page["data"].as_array().unwrap().iter().map(|one| text(&one["idempotencyKey"])).collect()
        };
        assert_eq!(keys(""), ["k3", "k2", "k1"]);
        assert_eq!(keys("&cut=2"), ["k2", "k1"]);
        assert_eq!(keys("&cut=1"), ["k1"]);
        assert_eq!(keys("&cut=0"), Vec::<String>::new());
    }

    fn a_filter_of_events_that_makes_no_sense_is_refused_by_name(world) {
        let meter = world.meter();
        meter.usage("k", &tokens("1")).expect(201);
        for (query, code, field) in [
            ("customerKey=self", Code::InvalidQuery, "customerKey"),
            ("from=2026-03-16T09:00:00Z", Code::InvalidQuery, "from"),
            ("metricKey=api_tokens&from=yesterday", Code::InvalidQuery, "from"),
            ("cut=3", Code::InvalidQuery, "cut"),
            ("metricKey=api_tokens&cut=all", Code::InvalidQuery, "cut"),
            ("metricKey=api_tokens&dimensions=region", Code::InvalidQuery, "dimensions"),
            ("metricKey=nothing", Code::UnknownMetric, "metricKey"),
            ("metricKey=api_tokens&customerKey=nobody", Code::UnknownCustomer, "customerKey"),
            ("metricKey=api_tokens&cursor=MTpldnQ", Code::InvalidCursor, "cursor"),
        ] {
            let path = meter.project.path(&format!("/ingest/events?{query}"));
            let problem = world.get(&path).bearer(&meter.project.owner.token).refused(code);
            assert_eq!(problem["errors"][0]["field"], field, "{query}");
        }
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
