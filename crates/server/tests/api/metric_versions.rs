//! `/projects/{projectId}/metrics/{key}/versions`.

use domain::access::Role;
use domain::ids::ProjectId;
use domain::refusal::Code;
use serde_json::{Value, json};

use crate::ingest::send::Meter;
use crate::world::{Reply, World, on_both, text};

/// A project with a declared metric and some calls by users in regions.
fn calls(world: &World) -> Meter<'_> {
    let meter = world.meter();
    let declared = json!({ "key": "calls", "name": "Calls", "unitLabel": "call" });
    meter.write("/metrics", declared).expect(201);
    for (key, user, region) in [("k1", "ann", "eu"), ("k2", "bob", "eu"), ("k3", "ann", "us")] {
        let event = json!({
            "metricKey": "calls", "units": "2", "timestamp": "2026-03-10T10:00:00Z",
            "properties": { "user": user, "region": region },
        });
        meter.usage(key, &event).expect(201);
    }
    fold(world, &meter);
    meter
}

/// Folds what waits, or waits until somebody else has.
fn fold(world: &World, meter: &Meter<'_>) {
    let project: ProjectId = meter.project.id.parse().unwrap();
    let waits =
        || !world.db.read("unfolded", project, |tx| storage::ingest_batches::unfolded(tx, 1)).unwrap().is_empty();
    while waits() {
        world.engine.fold_rollups().unwrap();
    }
}

impl Meter<'_> {
    /// Writes something of the project as its owner.
    fn write(&self, path: &str, body: Value) -> Reply {
        self.world.post(self.project.path(path)).bearer(&self.project.owner.token).json(body).send()
    }
}

fn run_jobs(world: &World, meter: &Meter<'_>) {
    let project: ProjectId = meter.project.id.parse().unwrap();
    world.engine.run_jobs_of(project).unwrap();
}

on_both! {
    fn another_meaning_is_built_by_a_job_and_then_answers(world) {
        let meter = calls(world);
        let wish = json!({ "definition": { "aggregation": "unique", "uniqueProperty": "user" } });
        let begun = meter.write("/metrics/calls/versions", wish.clone()).expect(202);
        assert_eq!((&begun["version"], &begun["state"], &begun["done"]), (&json!(2), &json!("building"), &json!(0)));
        assert_eq!((&begun["definition"]["name"], &begun["definition"]["unitLabel"]), (&json!("Calls"), &json!("call")));
        assert_eq!(meter.read("/metrics/calls")["building"]["version"], json!(2));
        assert_eq!(meter.used("calls"), ("6.000000".to_owned(), 3));
        let job = format!("/jobs/{}", text(&begun["jobId"]));
        let waiting = meter.read(&job);
        assert_eq!((&waiting["kind"], &waiting["state"]), (&json!("metricBackfill"), &json!("queued")));
        assert_eq!((&waiting["subject"]["metricKey"], &waiting["subject"]["version"]), (&json!("calls"), &json!(2)));
        // The same wish again is the same job.
        assert_eq!(meter.write("/metrics/calls/versions", wish.clone()).expect(202)["jobId"], begun["jobId"]);
        run_jobs(world, &meter);
        assert_eq!(meter.read(&job)["state"], json!("done"));
        assert_eq!(meter.used("calls"), ("2.000000".to_owned(), 3));
        let metric = meter.read("/metrics/calls");
        assert_eq!((&metric["version"], metric.get("building")), (&json!(2), None));
        assert_eq!(meter.write("/metrics/calls/versions", wish).expect(200)["version"], json!(2));
    }

    fn the_versions_of_a_metric_are_listed_the_newest_first(world) {
        let meter = calls(world);
        let largest = json!({ "definition": { "aggregation": "max", "name": "Largest call" } });
        let current = meter.write("/metrics/calls/versions", largest).expect(201);
        assert_eq!((&current["state"], current.get("jobId")), (&json!("current"), None));
        let first = meter.read("/metrics/calls/versions?limit=1");
        assert_eq!(first["data"], json!([current]));
        let second = meter.read(&format!("/metrics/calls/versions?limit=1&cursor={}", text(&first["nextCursor"])));
        assert_eq!((&second["data"][0]["version"], &second["data"][0]["state"]), (&json!(1), &json!("retired")));
        assert_eq!((&second["data"][0]["definition"]["aggregation"], &second["nextCursor"]), (&json!("sum"), &Value::Null));
    }

    fn a_preview_shows_the_effect_and_writes_nothing(world) {
        let meter = calls(world);
        let wish = json!({
            "definition": { "aggregation": "unique", "uniqueProperty": "user" },
            "from": "2026-03-01T00:00:00Z", "to": "2026-04-01T00:00:00Z",
        });
        let effect = meter.write("/metrics/calls/versions/preview", wish).expect(200);
        assert_eq!(effect, json!({
            "metricKey": "calls", "effect": "newRows", "from": "2026-03-01T00:00:00.000Z", "to": "2026-04-01T00:00:00.000Z",
            "before": { "units": "6.000000", "events": 3 }, "after": { "units": "2.000000", "events": 3 },
            "excludedEvents": 0, "batches": 3, "beyondLimit": null,
            "customers": [{
                "customerKey": "self", "before": "6.000000", "after": "2.000000", "difference": "-4.000000",
            }],
        }));
        assert_eq!(meter.read("/metrics/calls/versions")["data"].as_array().unwrap().len(), 1);
        assert_eq!(meter.read("/jobs")["data"], json!([]));
    }

    // checklist 40
    fn counting_old_usage_anew_needs_a_reason(world) {
        let meter = calls(world);
        let old = json!({ "metricKey": "calls", "units": "1", "timestamp": "2025-06-01T00:00:00Z" });
        meter.usage("old", &old).expect(201);
        fold(world, &meter);
        let definition = json!({ "dimensions": ["region"] });
        meter.write("/metrics/calls/versions", json!({ "definition": definition })).refused(Code::RecomputeLimit);
        let told = json!({ "definition": definition, "reasonCode": "billing_error", "reason": "regions were forgotten" });
        let developer = world.member(&meter.project, Role::Developer);
        let request = world.post(meter.project.path("/metrics/calls/versions")).bearer(&developer.token);
        request.json(told.clone()).send().refused(Code::Forbidden);
        meter.write("/metrics/calls/versions", told).expect(202);
        let trail = meter.read("/audit?action=metric.changed");
        assert_eq!(trail["data"][0]["reasonCode"], json!("billing_error"));
    }

    fn a_meaning_that_makes_no_sense_is_refused_by_its_field(world) {
        let meter = calls(world);
        for (definition, field, code) in [
            (json!({ "aggregation": "unique" }), "uniqueProperty", Code::InvalidValue),
            (json!({ "aggregation": "mean" }), "aggregation", Code::InvalidValue),
            (json!({ "effectiveFrom": "yesterday" }), "effectiveFrom", Code::InvalidTimestamp),
            (json!({ "key": "other" }), "definition.key", Code::UnknownField),
        ] {
            let refused = meter.write("/metrics/calls/versions", json!({ "definition": definition })).refused(code);
            assert_eq!(refused["errors"][0]["field"], json!(field), "{definition}");
        }
    }
}
