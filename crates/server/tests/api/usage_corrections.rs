//! `/projects/{projectId}/usage-corrections`

use domain::refusal::Code;
use serde_json::{Value, json};

use crate::world::{on_both, text};

on_both! {
    // checklist 92
    fn a_correction_is_proposed_looked_at_applied_and_taken_back(world) {
        let meter = world.meter();
        let owner = &meter.project.owner.token;
        for (key, units) in [("k1", "5"), ("k2", "2")] {
            let body = json!({ "metricKey": "calls", "units": units, "timestamp": "2026-03-16T08:00:00Z", "eventId": key });
            meter.usage(key, &body).expect(201);
        }
        let corrections = meter.project.path("/usage-corrections");
        let body = json!({ "reasonCode": "billing_error", "reason": "the meter was broken", "items": [
            { "eventId": "k1", "action": "amend", "units": "9", "properties": { "region": "eu" } },
            { "eventId": "k2", "action": "void" },
        ] });
        let propose = |key: &str, body: &Value| world.post(&corrections).bearer(owner).idempotency(key).json(body.clone());
        let proposed = propose("c1", &body).expect(201);
        assert_eq!(propose("c1", &body).expect(201), proposed);
        assert_eq!((&proposed["state"], &proposed["items"]), (&json!("proposed"), &json!(2)));
        let id = text(&proposed["id"]);
        let preview = meter.read(&format!("/usage-corrections/{id}/preview"));
        assert_eq!(preview, json!({ "usage": [{ "metricKey": "calls", "customerKey": "self", "from": "2026-03-01T00:00:00.000Z",
            "to": "2026-04-01T00:00:00.000Z", "before": "7.000000", "after": "9.000000", "difference": "2.000000" }],
            // Nobody is billed for it.
            "issued": [], "drafts": [] }));
        let step = |name: &str, body: Value| world.post(format!("{corrections}/{id}/{name}")).bearer(owner).json(body);
        let applied = step("apply", json!({})).expect(200);
        assert_eq!(applied["state"], "applied");
        assert!(applied["applied"]["rollupSeq"].as_i64().unwrap() > 0);
        let events = meter.read("/ingest/events?metricKey=calls");
        let of = |key: &str| events["data"].as_array().unwrap().iter().find(|event| event["idempotencyKey"] == key).unwrap().clone();
        let (first, second) = (of("k1"), of("k2"));
        let instead = of(&text(&first["amendedBy"]));
        assert_eq!((&first["voidedBy"], &second["voidedBy"], &second["amendedBy"]), (&json!(id), &json!(id), &Value::Null));
        assert_eq!((&instead["amends"], &instead["units"], &instead["source"]), (&first["id"], &json!("9.000000"), &json!("correction")));
        step("revert", json!({})).refused(Code::ReasonRequired);
        let reverted = step("revert", json!({ "reasonCode": "other" })).expect(200);
        assert_eq!((&reverted["state"], &reverted["reverted"]["reasonCode"]), (&json!("reverted"), &json!("other")));
        step("revert", json!({ "reasonCode": "other" })).refused(Code::CorrectionState);
        let detail = meter.read(&format!("/usage-corrections/{id}"));
        assert_eq!((&detail["events"][0]["units"], &detail["events"][1]["action"]), (&json!("9.000000"), &json!("void")));
        assert_eq!(meter.read("/usage-corrections")["data"][0]["id"], json!(id));
    }

    fn a_proposal_that_makes_no_sense_is_refused_by_name(world) {
        let meter = world.meter();
        meter.usage("k1", &json!({ "metricKey": "calls", "units": "5", "eventId": "k1" })).expect(201);
        for (item, code, field) in [
            (json!({ "eventId": "k1", "action": "delete" }), Code::InvalidValue, "items[0].action"),
            (json!({ "eventId": "k1", "action": "void", "units": "3" }), Code::InvalidValue, "items[0].action"),
            (json!({ "eventId": "k1", "action": "amend", "units": "-3" }), Code::NotPositive, "items[0].units"),
            (json!({ "eventId": "k1", "action": "amend", "units": "0.0000001" }), Code::TooPrecise, "items[0].units"),
            (json!({ "eventId": "k1", "action": "amend", "timestamp": "soon" }), Code::InvalidTimestamp, "items[0].timestamp"),
            (json!({ "eventId": "k9", "action": "void" }), Code::UnknownEvent, "items[0].eventId"),
        ] {
            let body = json!({ "reasonCode": "test", "items": [item] });
            let request = world.post(meter.project.path("/usage-corrections")).bearer(&meter.project.owner.token);
            let problem = request.idempotency("c").json(body).refused(code);
            assert_eq!(problem["errors"][0]["field"], field);
        }
        let request = world.post(meter.project.path("/usage-corrections")).bearer(&meter.project.owner.token);
        request.idempotency("c").json(json!({ "items": [{ "eventId": "k1", "action": "void" }] })).refused(Code::ReasonRequired);
    }
}
