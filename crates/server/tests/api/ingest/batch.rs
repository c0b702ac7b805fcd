//! `POST /ingest/usage/batch`

use domain::refusal::Code;
use serde_json::{Value, json};

use super::send::tokens;
use crate::world::{on_both, text};

fn event(key: &str, units: &str) -> Value {
    let mut event = tokens(units);
    event["idempotencyKey"] = json!(key);
    event
}

fn outcomes(reply: &Value) -> Vec<&str> {
    reply["results"].as_array().unwrap().iter().map(|result| result["outcome"].as_str().unwrap()).collect()
}

on_both! {
    // checklist 24
    fn one_bad_item_does_not_lose_the_good_ones(world) {
        let meter = world.meter();
        let reply = meter.batch(&[event("k1", "1"), event("k2", "x"), event("k3", "2")]).expect(200);
        assert_eq!(outcomes(&reply), ["accepted", "failed", "accepted"]);
        assert_eq!((&reply["accepted"], &reply["failed"]), (&json!(2), &json!(1)));
        let failed = &reply["results"][1];
        assert_eq!((&failed["error"]["code"], &failed["error"]["field"]), (&json!("invalid_value"), &json!("units")));
        assert_eq!((&failed["index"], &failed["idempotencyKey"]), (&json!(1), &json!("k2")));
        assert_eq!(meter.used("api_tokens"), ("3.000000".to_owned(), 2));
    }

    // checklist 25, promise P7
    fn a_batch_sent_again_in_part_and_reordered_applies_what_is_missing(world) {
        let meter = world.meter();
        meter.batch(&[event("k1", "1"), event("k2", "2")]).expect(200);
        let reply = meter.batch(&[event("k3", "4"), event("k2", "2"), event("k1", "9")]).expect(200);
        assert_eq!(outcomes(&reply), ["accepted", "replay", "conflict"]);
        assert_eq!(reply["results"][2]["error"]["code"], "idempotency_conflict");
        assert_eq!(meter.used("api_tokens"), ("7.000000".to_owned(), 3));
        // The single door knows the keys of a batch.
        assert!(meter.usage("k3", &tokens("4")).is_replay());
    }

    // checklist 116
    fn lines_and_the_array_alone_are_the_same_batch(world) {
        let meter = world.meter();
        let (one, two) = (event("k1", "1"), event("k2", "2"));
        let lines = format!("{one}\n\n{two}\r\n{{\n");
        let reply = meter.post("/ingest/usage/batch").typed("application/x-ndjson; charset=utf-8", lines).expect(200);
        assert_eq!(outcomes(&reply), ["accepted", "accepted", "failed"]);
        assert_eq!(reply["results"][2]["error"]["code"], "malformed_json");
        let reply = meter.post("/ingest/usage/batch").json(json!([one, two])).expect(200);
        assert_eq!(outcomes(&reply), ["replay", "replay"]);
    }

    fn a_batch_that_cannot_be_read_is_refused_as_a_whole_and_kept(world) {
        let meter = world.meter();
        let send = |body: String| meter.post("/ingest/usage/batch").raw(body);
        let problem = send(format!("{{\"events\": [{}, ", event("k1", "1"))).refused(Code::MalformedJson);
        assert!(text(&problem["detail"]).contains("line 1, column"), "{problem}");
        send("{\"event\": []}".to_owned()).refused(Code::UnknownField);
        send("{}".to_owned()).refused(Code::MissingField);
        send("7".to_owned()).refused(Code::InvalidType);
        meter.post("/ingest/usage/batch").typed("text/csv", "a,b").refused(Code::UnsupportedMediaType);
        let kept = meter.read("/ingest/rejections");
        let sources: Vec<&Value> = kept["data"].as_array().unwrap().iter().map(|one| &one["source"]).collect();
        assert_eq!(sources, vec![&json!("batch"); 5]);
        assert_eq!(meter.read("/ingest/events")["data"], json!([]));
    }

    fn five_thousand_events_are_one_request_and_one_more_is_too_many(world) {
        let meter = world.meter();
        // One event, again and again: every later test that adds up what is stored is spared the rest.
        let events = vec![event("k1", "1"); 5_001];
        let problem = meter.batch(&events).refused(Code::TooManyItems);
        assert_eq!(problem["errors"][0]["field"], "events");
        let reply = meter.batch(&events[..5_000]).expect(200);
        assert_eq!((&reply["accepted"], &reply["replayed"]), (&json!(1), &json!(4_999)));
        assert_eq!(meter.used("api_tokens"), ("1.000000".to_owned(), 1));
    }

    fn an_empty_batch_changes_nothing(world) {
        let meter = world.meter();
        let reply = meter.batch(&[]).expect(200);
        assert_eq!(reply, json!({ "accepted": 0, "replayed": 0, "duplicates": 0, "conflicts": 0, "failed": 0, "results": [] }));
    }

    fn a_batch_beyond_16_mib_is_refused(world) {
        let meter = world.meter();
        let body = format!("[\"{}\"]", "x".repeat(16 << 20));
        meter.post("/ingest/usage/batch").raw(body).refused(Code::PayloadTooLarge);
        assert_eq!(meter.read("/ingest/rejections")["data"][0]["code"], "payload_too_large");
    }

    fn one_event_of_a_batch_has_at_most_64_kib(world) {
        let meter = world.meter();
        let mut large = event("k1", "1");
        large["properties"] = json!({ "x": "y".repeat(70_000) });
        let reply = meter.batch(&[large, event("k2", "1")]).expect(200);
        assert_eq!(outcomes(&reply), ["failed", "accepted"]);
        let padded = format!("[{}{}]", event("k3", "1").to_string().trim_end_matches('}'), " ".repeat(70_000) + "}");
        let reply = meter.post("/ingest/usage/batch").raw(padded).expect(200);
        assert_eq!(reply["results"][0]["error"]["code"], "payload_too_large");
    }
}
