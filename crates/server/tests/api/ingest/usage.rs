//! `POST /ingest/usage`

use domain::access::Scope;
use domain::refusal::Code;
use serde_json::{Value, json};

use super::send::tokens;
use crate::world::{Reply, on_both, text};

on_both! {
    // checklist 17
    fn the_published_request_is_accepted(world) {
        let meter = world.meter();
        let reply = meter.usage("evt_2026_03_17_001", &tokens("1250.000000"));
        let body = reply.expect(201);
        assert_eq!(body, json!({
            "eventId": body["eventId"], "outcome": "accepted", "idempotencyKey": "evt_2026_03_17_001",
            "metricKey": "api_tokens", "units": "1250.000000", "timestamp": "2026-03-17T10:15:00.000Z",
            "receivedAt": "2026-03-17T10:20:00.000Z", "customerKey": "self", "late": false,
        }));
        assert!(text(&body["eventId"]).starts_with("evt_"));
        assert_eq!(reply.header("content-type"), Some("application/json"));
        assert_eq!(meter.used("api_tokens"), ("1250.000000".to_owned(), 1));
    }

    // checklist 18, promise P6
    fn the_same_request_again_gets_the_same_bytes_marked_as_a_replay(world) {
        let meter = world.meter();
        let first = meter.usage("k1", &tokens("1"));
        let again = meter.usage("k1", &tokens("1"));
        assert_eq!((first.status, first.is_replay()), (201, false));
        assert_eq!((again.status, again.is_replay()), (201, true));
        assert_eq!(first.text, again.text);
        assert_eq!(meter.used("api_tokens").1, 1);
    }

    // checklist 19, promise P4
    fn another_body_under_the_same_key_is_a_conflict(world) {
        let meter = world.meter();
        meter.usage("k1", &tokens("1")).expect(201);
        let problem = meter.usage("k1", &tokens("2")).refused(Code::IdempotencyConflict);
        assert!(text(&problem["detail"]).contains("k1"), "{problem}");
        assert_eq!(meter.used("api_tokens"), ("1.000000".to_owned(), 1));
    }

    // checklist 20
    fn the_same_event_id_under_another_key_is_a_duplicate(world) {
        let meter = world.meter();
        let body = json!({ "metricKey": "api_tokens", "units": "1", "eventId": "e1" });
        meter.usage("k1", &body).expect(201);
        let duplicate = meter.usage("k2", &body).expect(200);
        assert_eq!((text(&duplicate["outcome"]), text(&duplicate["originalIdempotencyKey"])), ("duplicate".to_owned(), "k1".to_owned()));
        let replay = meter.usage("k2", &body);
        assert_eq!((replay.status, replay.is_replay(), replay.body()), (200, true, duplicate));
        let other = json!({ "metricKey": "api_tokens", "units": "2", "eventId": "e1" });
        let problem = meter.usage("k3", &other).refused(Code::EventIdConflict);
        assert_eq!(problem["errors"][0]["field"], "eventId");
    }

    // checklist 22, checklist 89, promise P3
    fn of_64_parallel_requests_one_is_accepted(world) {
        let meter = world.meter();
        let requests = (0..64).map(|_| meter.post("/ingest/usage").idempotency("k1").json(tokens("1"))).collect();
        let replies: Vec<Reply> = world.at_once(requests);
        assert_eq!(replies.iter().filter(|reply| !reply.is_replay()).count(), 1);
        assert!(replies.iter().all(|reply| reply.status == 201 && reply.text == replies[0].text));
        assert_eq!(meter.used("api_tokens").1, 1);
    }

    // checklist 23
    fn a_key_is_required_and_has_a_form(world) {
        let meter = world.meter();
        meter.post("/ingest/usage").json(tokens("1")).refused(Code::IdempotencyKeyRequired);
        meter.post("/ingest/usage").idempotency("").json(tokens("1")).refused(Code::InvalidIdempotencyKey);
        meter.post("/ingest/usage").idempotency("k".repeat(256)).json(tokens("1")).refused(Code::InvalidIdempotencyKey);
        let twice = meter.post("/ingest/usage").idempotency("a").idempotency("b").json(tokens("1"));
        twice.refused(Code::InvalidHeader);
        meter.usage(&"k".repeat(255), &tokens("1")).expect(201);
    }

    // checklist 27, checklist 33
    fn bad_input_is_refused_with_its_field(world) {
        let meter = world.meter();
        let refused = |body: &str, code: Code| {
            let problem = meter.post("/ingest/usage").idempotency("bad").raw(body.to_owned()).refused(code);
            problem["errors"][0]["field"].as_str().map(str::to_owned)
        };
        let units = |units: &str| format!(r#"{{"metricKey":"m","units":{units}}}"#);
        for (body, code, field) in [
            (units(r#""1.0000001""#), Code::TooPrecise, Some("units")),
            (units("1e3"), Code::InvalidValue, Some("units")),
            (units(r#""NaN""#), Code::InvalidValue, Some("units")),
            (units("-5"), Code::NotPositive, Some("units")),
            (units("0"), Code::NotPositive, Some("units")),
            (units("99999999999999999999"), Code::OutOfRange, Some("units")),
            (r#"{"metricKey":"m","units":1,"unit":1}"#.to_owned(), Code::UnknownField, Some("unit")),
            (r#"{"units":1}"#.to_owned(), Code::MissingField, Some("metricKey")),
            (r#"{"metricKey":"m"}"#.to_owned(), Code::MissingField, Some("units")),
            (r#"{"metricKey":"m","units":1,"timestamp":"2026-03-17T11:20:00Z"}"#.to_owned(), Code::TimestampInFuture, Some("timestamp")),
            (r#"{"metricKey":"m","units":1,"customerKey":"nobody"}"#.to_owned(), Code::UnknownCustomer, Some("customerKey")),
            ("[]".to_owned(), Code::InvalidType, None),
        ] {
            assert_eq!(refused(&body, code).as_deref(), field, "{body}");
        }
        let rejections = meter.read("/ingest/rejections?limit=200");
        assert_eq!(rejections["data"].as_array().unwrap().len(), 12);
        assert_eq!(meter.read("/ingest/events")["data"], json!([]));
        // The key was not used up by any of them.
        meter.usage("bad", &tokens("1")).expect(201);
    }

    fn broken_json_is_told_by_line_and_column(world) {
        let meter = world.meter();
        let problem = meter.post("/ingest/usage").idempotency("k1").raw("{\n  \"metricKey\": }").refused(Code::MalformedJson);
        assert!(text(&problem["detail"]).contains("line 2, column 16"), "{problem}");
        assert_eq!(meter.read("/ingest/rejections")["data"][0]["payload"], "{\n  \"metricKey\": }");
    }

    fn a_body_that_is_too_large_is_refused_and_its_beginning_kept(world) {
        let meter = world.meter();
        let body = format!("{{\"metricKey\":\"{}\"}}", "x".repeat(20 << 20));
        meter.post("/ingest/usage").idempotency("k1").raw(body).refused(Code::PayloadTooLarge);
        let kept = &meter.read("/ingest/rejections")["data"][0];
        assert_eq!(kept["code"], "payload_too_large");
        assert!(text(&kept["payload"]).starts_with("{\"metricKey\":\"xxx"));
        assert!(text(&kept["payload"]).len() < 70_000);
    }

    fn another_content_type_is_refused_and_kept(world) {
        let meter = world.meter();
        meter.post("/ingest/usage").idempotency("k1").typed("text/xml", "<usage/>").refused(Code::UnsupportedMediaType);
        assert_eq!(meter.read("/ingest/rejections")["data"][0]["payload"], "<usage/>");
    }

    // checklist 6
    fn a_key_without_the_scope_cannot_send_usage(world) {
        let meter = world.meter();
        let other = world.access_key(&meter.project, &[Scope::IngestCharge]);
        world.post("/ingest/usage").key(&other).idempotency("k1").json(tokens("1")).refused(Code::MissingScope);
        let user = world.post("/ingest/usage").bearer(&meter.project.owner.token).idempotency("k1").json(tokens("1"));
        user.refused(Code::Forbidden);
    }

    // checklist 9
    fn a_revoked_key_sends_nothing_more(world) {
        let meter = world.meter();
        meter.usage("k1", &tokens("1")).expect(201);
        let keys = meter.read("/access-keys");
        let path = meter.project.path(&format!("/access-keys/{}", text(&keys["data"][0]["id"])));
        world.delete(path).bearer(&meter.project.owner.token).expect(204);
        meter.usage("k2", &tokens("1")).refused(Code::Unauthenticated);
        // Not even a replay: the answer says what is stored.
        meter.usage("k1", &tokens("1")).refused(Code::Unauthenticated);
        assert_eq!(meter.used("api_tokens").1, 1);
    }

    // checklist 34
    fn an_offset_form_is_the_same_event(world) {
        let meter = world.meter();
        let body = |at: &str| json!({ "metricKey": "api_tokens", "units": 1.5, "timestamp": at });
        let first = meter.usage("k1", &body("2026-03-17T11:15:00+01:00")).expect(201);
        assert_eq!(first["timestamp"], "2026-03-17T10:15:00.000Z");
        assert!(meter.usage("k1", &body("2026-03-17T10:15:00Z")).is_replay());
    }

    // checklist 30, checklist 35
    fn a_late_event_is_accepted_and_says_so(world) {
        let meter = world.meter();
        let body = json!({ "metricKey": "api_tokens", "units": "1", "timestamp": "2026-01-31T23:00:00Z" });
        let reply = meter.usage("k1", &body).expect(201);
        assert_eq!((reply["late"].as_bool(), reply["timestamp"].as_str()), (Some(true), Some("2026-01-31T23:00:00.000Z")));
        let usage = meter.read("/metrics/api_tokens/usage?from=2026-01-31T00:00:00Z&to=2026-02-01T00:00:00Z");
        assert_eq!(usage["data"][0]["units"], "1.000000");
    }

    // checklist 7, checklist 21
    fn the_same_key_in_two_projects_is_two_events(world) {
        let meter = world.meter();
        let other = world.project_of(&meter.project.owner, "other");
        let other_key = world.access_key(&other, &[Scope::IngestUsage]);
        let first = meter.usage("k1", &tokens("1")).expect(201);
        let second = world.post("/ingest/usage").key(&other_key).idempotency("k1").json(tokens("2")).expect(201);
        assert_ne!(first["eventId"], second["eventId"]);
        assert_eq!(meter.used("api_tokens").0, "1.000000");
    }

    fn policies_of_the_project_decide(world) {
        let meter = world.meter();
        let decide = |policies: Value| {
            let body = json!({ "policies": policies });
            world.patch(meter.project.path("")).bearer(&meter.project.owner.token).json(body).expect(200)
        };
        decide(json!({ "unknownMetric": "reject", "unknownCustomer": "autoCreate" }));
        meter.usage("k1", &tokens("1")).refused(Code::UnknownMetric);
        decide(json!({ "unknownMetric": "autoCreate", "eventHorizonDays": 30 }));
        let body = json!({ "metricKey": "api_tokens", "units": "1", "customerKey": "acme" });
        assert_eq!(meter.usage("k1", &body).expect(201)["customerKey"], "acme");
        let old = json!({ "metricKey": "api_tokens", "units": "1", "timestamp": "2026-01-01T00:00:00Z" });
        meter.usage("k2", &old).refused(Code::TooOld);
    }
}
