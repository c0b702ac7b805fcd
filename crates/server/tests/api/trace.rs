//! `GET /projects/{projectId}/trace`

use domain::access::Scope;
use domain::refusal::Code;
use serde_json::{Value, json};

use crate::world::{on_both, text};

fn outcomes(trace: &Value) -> Vec<String> {
    trace["attempts"].as_array().unwrap().iter().map(|attempt| text(&attempt["outcome"])).collect()
}

on_both! {
    // checklist 29, checklist 95
    fn a_key_leads_to_every_attempt_to_its_event_its_batch_and_its_rollup(world) {
        let meter = world.meter();
        let body = json!({ "metricKey": "api_tokens", "units": "3", "eventId": "e1", "timestamp": "2026-03-17T10:05:00Z" });
        let advance = || world.clock.advance(std::time::Duration::from_secs(1));
        meter.usage("k1", &json!({ "metricKey": "api_tokens", "units": "0" })).refused(Code::NotPositive);
        advance();
        let event = meter.usage("k1", &body).expect(201);
        advance();
        meter.usage("k1", &body).expect(201);
        advance();
        meter.usage("k2", &body).expect(200);
        advance();
        meter.usage("k1", &json!({ "metricKey": "api_tokens", "units": "4" })).refused(Code::IdempotencyConflict);
        world.engine.fold_all(meter.project.id.parse().unwrap()).unwrap();

        let trace = meter.read("/trace?key=k1");
        assert_eq!(outcomes(&trace), ["failed", "accepted", "replay", "duplicate", "conflict"]);
        assert_eq!(trace["idempotencyKeys"], json!(["k1", "k2"]));
        let stored = &trace["events"][0];
        assert_eq!((&stored["event"]["idempotencyKey"], &stored["event"]["eventId"]), (&json!("k1"), &json!("e1")));
        assert_eq!((&stored["batch"]["id"], &stored["batch"]["events"]), (&stored["event"]["batchId"], &json!(1)));
        assert!(stored["batch"]["rollupSeq"].as_i64().unwrap() >= 1);
        assert_eq!(stored["rollup"], json!({ "start": "2026-03-17T10:00:00.000Z", "sum": "3.000000", "events": 1 }));
        assert_eq!((&trace["attempts"][0]["code"], &trace["attempts"][4]["code"]), (&json!("not_positive"), &json!("idempotency_conflict")));
        assert!(text(&trace["attempts"][1]["requestId"]).starts_with("req_"));

        // The same from the other side: by either id of the event.
        for id in ["e1", &text(&stored["event"]["id"]), "k2"] {
            let other = meter.read(&format!("/trace?key={id}"));
            assert_eq!((&other["attempts"], &other["events"]), (&trace["attempts"], &trace["events"]), "{id}");
        }
        assert_eq!(event["eventId"], "e1");
    }

    fn an_event_that_is_not_folded_yet_has_no_rollup(world) {
        let meter = world.meter();
        // The worker of this world may fold at any time: an event of a batch without a place has no rollup, one with a place has.
        meter.usage("k1", &json!({ "metricKey": "m", "units": "1" })).expect(201);
        let stored = &meter.read("/trace?key=k1")["events"][0];
        assert_eq!(stored["rollup"].is_null(), stored["batch"]["rollupSeq"].is_null());
    }

    // checklist 29, checklist 95, checklist 67
    fn a_key_that_moved_money_leads_to_its_entry_and_postings(world) {
        let meter = world.meter();
        let owner = &meter.project.owner.token;
        let credit = json!({ "amount": "100", "description": "Launch credit" });
        let path = meter.project.path("/transactions/credit");
        world.post(path).bearer(owner).idempotency("credit_1").json(credit).expect(201);
        let key = world.access_key(&meter.project, &[Scope::IngestCharge]);
        let charge = || world.post("/ingest/charge").key(&key).idempotency("charge_1").json(json!({ "amount": "5" })).send();
        let charged = charge().expect(201);
        world.clock.advance(std::time::Duration::from_secs(1));
        charge().expect(201);

        let trace = meter.read("/trace?key=charge_1");
        assert_eq!(outcomes(&trace), ["accepted", "replay"]);
        assert_eq!((&trace["requests"][0]["operation"], &trace["requests"][0]["status"]), (&json!("charge"), &json!(201)));
        assert_eq!((&trace["entries"][0]["id"], &trace["attempts"][0]["transactionId"]), (&charged["id"], &charged["id"]));
        assert!(trace["entries"][0]["postings"].as_array().unwrap().len() >= 2);
        let by_id = meter.read(&format!("/trace?key={}", text(&charged["id"])));
        assert_eq!((&by_id["attempts"], &by_id["entries"]), (&trace["attempts"], &trace["entries"]));
        assert_eq!(meter.read("/trace?key=credit_1")["attempts"][0]["operation"], "credit");
    }

    fn what_nobody_ever_sent_is_not_found(world) {
        let meter = world.meter();
        let ask = |query: &str| world.get(meter.project.path(&format!("/trace{query}"))).bearer(&meter.project.owner.token);
        ask("?key=nothing").refused(Code::NotFound);
        ask("?key=evt_00000000000000000000000007").refused(Code::NotFound);
        ask("").refused(Code::InvalidQuery);
    }
}
