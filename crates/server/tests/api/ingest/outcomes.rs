//! `GET /projects/{projectId}/ingest/outcomes`

use domain::access::Scope;
use domain::refusal::Code;
use serde_json::json;

use super::send::tokens;
use crate::world::on_both;

on_both! {
    // checklist 28
    fn the_five_outcomes_are_counted_by_window(world) {
        let meter = world.meter();
        let with_id = json!({ "metricKey": "m", "units": "1", "eventId": "e1" });
        meter.usage("k1", &with_id).expect(201);
        meter.usage("k1", &with_id).expect(201);
        meter.usage("k2", &with_id).expect(200);
        meter.usage("k1", &tokens("1")).refused(Code::IdempotencyConflict);
        world.clock.set("2026-03-17T11:20:00Z");
        meter.usage("k3", &json!({ "metricKey": "m", "units": "x" })).refused(Code::InvalidValue);
        let owner = world.log_in(&meter.project.owner.email);
        let told = world.get(meter.project.path("/ingest/outcomes?window=hour")).bearer(&owner.token).expect(200);
        assert_eq!(told["total"], json!({ "accepted": 1, "replayed": 1, "duplicates": 1, "conflicts": 1, "failed": 1 }));
        assert_eq!(told["data"], json!([
            {
                "start": "2026-03-17T10:00:00.000Z", "end": "2026-03-17T11:00:00.000Z",
                "accepted": 1, "replayed": 1, "duplicates": 1, "conflicts": 1, "failed": 0,
            },
            {
                "start": "2026-03-17T11:00:00.000Z", "end": "2026-03-17T12:00:00.000Z",
                "accepted": 0, "replayed": 0, "duplicates": 0, "conflicts": 0, "failed": 1,
            },
        ]));
    }

    // checklist 28
    fn charges_are_counted_beside_usage(world) {
        let meter = world.meter();
        let key = world.access_key(&meter.project, &[Scope::IngestCharge]);
        let charge = world.post("/ingest/charge").key(&key).idempotency("c1").json(json!({ "amount": "x" }));
        charge.refused(Code::InvalidValue);
        meter.usage("k1", &tokens("1")).expect(201);
        assert_eq!(meter.read("/ingest/outcomes")["total"]["failed"], 1);
        assert_eq!(meter.read("/ingest/outcomes?operation=usage")["total"]["failed"], 0);
        assert_eq!(meter.read("/ingest/outcomes?operation=charge")["total"]["accepted"], 0);
    }

    fn a_malformed_question_is_refused_by_its_parameter(world) {
        let meter = world.meter();
        for (query, field) in [
            ("window=year", "window"),
            ("from=yesterday", "from"),
            ("from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z", "to"),
            ("operation=refund", "operation"),
            ("windows=day", "windows"),
        ] {
            let path = meter.project.path(&format!("/ingest/outcomes?{query}"));
            let problem = world.get(path).bearer(&meter.project.owner.token).refused(Code::InvalidQuery);
            assert_eq!(problem["errors"][0]["field"], field, "{query}");
        }
    }
}
