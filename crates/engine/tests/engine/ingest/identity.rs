//! Which request is the same as which: replays, conflicts, duplicates.

use domain::ingest::{Door, Item, Outcome, batch, cloud_event};
use domain::refusal::Code;
use engine::ingest::Verdict;
use engine::ingest::rejections::RejectionQuery;
use serde_json::{Value, json};

use super::send::{event, item, items, submit, tokens};
use crate::world::{World, on_both};

on_both! {
    // checklist 17
    fn an_accepted_event_is_answered_with_everything_that_was_resolved(world) {
        let answer = world.send("evt_2026_03_17_001", &tokens("1250.000000"));
        let mut body: Value = serde_json::from_str(&answer.body).unwrap();
        assert!(body["eventId"].as_str().unwrap().starts_with("evt_"));
        body["eventId"] = json!("evt");
        assert_eq!((answer.status, answer.replayed), (201, false));
        assert_eq!(body, json!({
            "eventId": "evt",
            "outcome": "accepted",
            "idempotencyKey": "evt_2026_03_17_001",
            "metricKey": "api_tokens",
            "units": "1250.000000",
            "timestamp": "2026-03-17T10:15:00.000Z",
            "receivedAt": "2026-03-17T10:20:00.000Z",
            "customerKey": "self",
            "late": false,
        }));
        assert_eq!(world.used("api_tokens"), ("1250.000000".to_owned(), 1));
    }

    // checklist 18, checklist 90, promise P6
    fn a_replay_is_byte_for_byte_also_on_another_node_and_later(world) {
        let first = world.send("k1", &tokens("1.5"));
        let other_spelling = r#"{ "timestamp": "2026-03-17T11:15:00+01:00", "units": 1.50, "metricKey": "api_tokens" }"#;
        let again = world.send("k1", &serde_json::from_str(other_spelling).unwrap());
        assert_eq!((again.status, again.replayed), (201, true));
        assert_eq!(again.body, first.body);
        // A program that was started anew, two days later.
        let other = World::new(world.db.clone(), world.seed.wrapping_add(1));
        other.clock.set("2026-03-19T10:20:00Z");
        let later = submit(&other.engine, world.project.id, Door::Single, vec![item("k1", &tokens("1.5"))]);
        assert_eq!(later.single().unwrap().body, first.body);
        assert_eq!(world.used("api_tokens"), ("1.500000".to_owned(), 1));
    }

    // promise P6
    fn a_replay_keeps_what_was_resolved_the_first_time(world) {
        let body = json!({ "metricKey": "api_tokens", "units": "1" });
        let first = world.send("k1", &body);
        world.clock.set("2026-03-18T00:00:00Z");
        assert_eq!(world.send("k1", &body).body, first.body);
        assert!(first.body.contains(r#""timestamp":"2026-03-17T10:20:00.000Z""#), "{}", first.body);
    }

    // checklist 19, promise P4
    fn another_body_under_a_used_key_is_a_conflict_and_changes_nothing(world) {
        let first = world.send("k1", &tokens("1"));
        let before = world.engine.list_usage_events(&world.owner(), None, 10).unwrap();
        assert_eq!(world.send_refused("k1", &tokens("2")), (Outcome::Conflict, Code::IdempotencyConflict, None));
        let after = world.engine.list_usage_events(&world.owner(), None, 10).unwrap();
        assert_eq!(format!("{before:?}"), format!("{after:?}"));
        assert_eq!(world.send("k1", &tokens("1")).body, first.body);
        let kept = world.engine.list_rejections(&world.owner(), &RejectionQuery::default(), 10).unwrap();
        assert_eq!((kept[0].outcome, kept[0].code.as_str()), (Outcome::Conflict, "idempotency_conflict"));
        assert_eq!(kept[0].payload, tokens("2").to_string());
    }

    // checklist 20
    fn a_stored_event_id_under_another_key_is_a_duplicate_that_names_the_original(world) {
        let body = json!({ "metricKey": "api_tokens", "units": "3", "eventId": "meter-7/1" });
        let first = world.send("k1", &body);
        assert!(first.body.starts_with(r#"{"eventId":"meter-7/1","outcome":"accepted""#), "{}", first.body);
        let second = world.send("k2", &body);
        assert_eq!((second.status, second.replayed), (200, false));
        let told: Value = serde_json::from_str(&second.body).unwrap();
        assert_eq!(told["outcome"], "duplicate");
        assert_eq!(told["idempotencyKey"], "k2");
        assert_eq!(told["originalIdempotencyKey"], "k1");
        // The new key is remembered and replays this answer.
        let again = world.send("k2", &body);
        assert_eq!((again.status, again.replayed, again.body), (200, true, second.body));
        assert_eq!(world.send_refused("k2", &tokens("9")).1, Code::IdempotencyConflict);
        assert_eq!(world.used("api_tokens"), ("3.000000".to_owned(), 1));
    }

    fn a_stored_event_id_with_other_content_is_a_conflict(world) {
        world.send("k1", &json!({ "metricKey": "api_tokens", "units": "3", "eventId": "e1" }));
        let other = json!({ "metricKey": "api_tokens", "units": "4", "eventId": "e1" });
        let refused = world.send_refused("k2", &other);
        assert_eq!(refused, (Outcome::Conflict, Code::EventIdConflict, Some("eventId".to_owned())));
        // The key was not used up by it.
        world.send("k2", &tokens("1"));
    }

    // checklist 32
    fn without_an_event_id_the_key_is_the_identity(world) {
        world.send("k1", &tokens("1"));
        world.send("k2", &tokens("1"));
        world.send("k1", &tokens("1"));
        assert_eq!(world.used("api_tokens"), ("2.000000".to_owned(), 2));
    }

    // checklist 21
    fn a_key_belongs_to_its_project(world) {
        let other = world.another_project("other");
        world.send("k1", &tokens("1"));
        let answered = submit(&world.engine, other.id, Door::Single, vec![item("k1", &tokens("2"))]);
        assert_eq!(answered.single().unwrap().status, 201);
        assert_eq!(world.used("api_tokens"), ("1.000000".to_owned(), 1));
    }

    // checklist 91
    fn a_request_that_failed_does_not_use_up_its_key(world) {
        let bad = json!({ "metricKey": "api_tokens", "units": "1.0000001" });
        assert_eq!(world.send_refused("k1", &bad), (Outcome::Failed, Code::TooPrecise, Some("units".to_owned())));
        assert_eq!(world.send_refused("k1", &bad).0, Outcome::Failed);
        assert_eq!(world.send("k1", &tokens("1")).status, 201);
        // Now it is used, and what cannot be read still fails for its own reason.
        assert_eq!(world.send_refused("k1", &bad).1, Code::TooPrecise);
    }

    // checklist 116
    fn every_door_leads_to_the_same_event(world) {
        let one = event("4:/src:1", &tokens("2"));
        let line = format!("{one}\n");
        let cloud = json!({
            "specversion": "1.0", "id": "1", "source": "/src", "type": "api_tokens", "time": "2026-03-17T10:15:00Z",
            "data": { "units": "2" },
        }).to_string();
        let doors: Vec<(Door, Vec<Item>)> = vec![
            (Door::Batch, items(std::slice::from_ref(&one))),
            (Door::Single, vec![item("4:/src:1", &tokens("2"))]),
            (Door::Ndjson, batch::parse_ndjson(line.as_bytes()).unwrap()),
            (Door::CloudEvent, vec![cloud_event::single(cloud.as_bytes())]),
            (Door::CloudEventBatch, cloud_event::batch(format!("[{cloud}]").as_bytes()).unwrap()),
        ];
        let outcomes: Vec<Outcome> = doors
            .into_iter()
            .map(|(door, items)| submit(&world.engine, world.project.id, door, items).verdicts[0].outcome())
            .collect();
        use Outcome::{Accepted, Replay};
        assert_eq!(outcomes, [Accepted, Replay, Replay, Replay, Replay]);
    }

    // checklist 24, promise P4
    fn events_of_one_batch_see_each_other(world) {
        let with_id = |units: &str| json!({ "metricKey": "api_tokens", "units": units, "eventId": "e1" });
        let outcomes = world.send_batch(&[
            event("k1", &tokens("1")),
            event("k1", &tokens("1")),
            event("k1", &tokens("2")),
            event("k2", &with_id("5")),
            event("k3", &with_id("5")),
            event("k3", &with_id("5")),
            event("k4", &with_id("6")),
            event("k5", &json!({ "metricKey": "api_tokens", "units": "-1" })),
            event("k5", &tokens("1")),
        ]);
        use Outcome::{Accepted, Conflict, Duplicate, Failed, Replay};
        assert_eq!(outcomes, [Accepted, Replay, Conflict, Accepted, Duplicate, Replay, Conflict, Failed, Accepted]);
        assert_eq!(world.used("api_tokens"), ("7.000000".to_owned(), 3));
    }

    // checklist 25, promise P7
    fn a_batch_sent_again_applies_only_what_is_missing(world) {
        let one = event("k1", &tokens("1"));
        let two = event("k2", &tokens("2"));
        let three = event("k3", &tokens("4"));
        let bad = event("k4", &json!({ "metricKey": "api_tokens", "units": "0" }));
        let mended = event("k4", &tokens("8"));
        use Outcome::{Accepted, Failed, Replay};
        assert_eq!(world.send_batch(&[one.clone(), two.clone(), bad.clone()]), [Accepted, Accepted, Failed]);
        assert_eq!(world.send_batch(&[one.clone(), two.clone(), bad]), [Replay, Replay, Failed]);
        assert_eq!(world.send_batch(std::slice::from_ref(&two)), [Replay]);
        assert_eq!(world.send_batch(&[three, two, mended, one]), [Accepted, Replay, Accepted, Replay]);
        assert_eq!(world.used("api_tokens"), ("15.000000".to_owned(), 4));
    }

    fn a_batch_is_answered_item_by_item(world) {
        let with_id = json!({ "metricKey": "api_tokens", "units": "5", "eventId": "e1" });
        let bad = json!({ "metricKey": "api_tokens", "units": "x" });
        let keyless = tokens("1");
        let events =
            [event("k1", &with_id), event("k1", &with_id), event("k2", &with_id), event("k3", &bad), keyless];
        let answered = submit(&world.engine, world.project.id, Door::Batch, items(&events));
        let reply = serde_json::to_value(answered.batch()).unwrap();
        assert_eq!(reply, json!({
            "accepted": 1, "replayed": 1, "duplicates": 1, "conflicts": 0, "failed": 2,
            "results": [
                { "index": 0, "idempotencyKey": "k1", "outcome": "accepted", "eventId": "e1" },
                { "index": 1, "idempotencyKey": "k1", "outcome": "replay", "eventId": "e1" },
                { "index": 2, "idempotencyKey": "k2", "outcome": "duplicate", "eventId": "e1", "originalIdempotencyKey": "k1" },
                { "index": 3, "idempotencyKey": "k3", "outcome": "failed", "error": {
                    "code": "invalid_value", "field": "units",
                    "detail": "units is not a decimal number such as \"12.500000\".",
                } },
                { "index": 4, "idempotencyKey": null, "outcome": "failed", "error": {
                    "code": "idempotency_key_required", "field": "idempotencyKey", "detail": "idempotencyKey is required.",
                } },
            ],
        }));
    }

    // checklist 30
    fn a_stored_event_keeps_everything(world) {
        let body = json!({
            "metricKey": "api_tokens", "units": "3.25", "timestamp": "2026-03-16T08:00:00.123456Z", "eventId": "e1",
            "subscriptionKey": "s1", "properties": { "region": "eu", "size": 150 },
        });
        world.send("k1", &body);
        let stored = world.engine.get_usage_event(&world.owner(), "e1").unwrap();
        let told = serde_json::to_value(&stored).unwrap();
        assert_eq!(told["payload"], body.to_string());
        assert_eq!(told["properties"].to_string(), r#"{"region":"eu","size":150}"#);
        assert_eq!((told["timestamp"].as_str(), told["receivedAt"].as_str()), (Some("2026-03-16T08:00:00.123Z"), Some("2026-03-17T10:20:00.000Z")));
        assert_eq!((told["late"].as_bool(), told["source"].as_str()), (Some(true), Some("single")));
        assert_eq!((told["subscriptionKey"].as_str(), told["units"].as_str()), (Some("s1"), Some("3.250000")));
        let by_own_id = world.engine.get_usage_event(&world.owner(), &stored.id.to_string()).unwrap();
        assert_eq!(by_own_id.idempotency_key, "k1");
        assert!(world.engine.get_usage_event(&world.owner(), "e2").is_err());
    }

    // checklist 5, promise P4
    fn a_key_that_was_revoked_in_between_stores_nothing(world) {
        use domain::access::Scope;
        use engine::access_keys::CreateAccessKey;
        let command = CreateAccessKey { name: "meter".to_owned(), scopes: vec![Scope::IngestUsage], expires_at: None };
        let made = world.engine.create_access_key(&world.owner(), None, &command).unwrap();
        let made: Value = serde_json::from_str(&made.body).unwrap();
        let caller = world.engine.caller("req_1");
        let ctx = world.engine.authenticate_key_for_ingest(caller, made["accessKey"].as_str().unwrap()).unwrap();
        let submission = engine::ingest::Submission::new(&ctx, Door::Single, vec![item("k1", &tokens("1"))]).unwrap();
        let send = || engine::ingest::commit(&world.engine, vec![submission.clone()]).unwrap().remove(0);
        assert!(matches!(send().unwrap().verdicts[0], Verdict::Accepted(_)));
        world.engine.revoke_access_key(&world.owner(), made["id"].as_str().unwrap().parse().unwrap()).unwrap();
        let refused = send().unwrap_err().to_refusal();
        assert_eq!(refused.code, Code::Unauthenticated);
    }
}
