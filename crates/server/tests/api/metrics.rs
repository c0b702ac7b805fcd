//! `/projects/{projectId}/metrics`

use domain::access::{Role, Scope};
use domain::refusal::Code;
use serde_json::{Value, json};

use crate::world::{Project, Reply, World, on_both};

fn declare(world: &World, project: &Project, body: Value) -> Reply {
    world.post(project.path("/metrics")).bearer(&project.owner.token).json(body).send()
}

on_both! {
    fn a_metric_is_declared_once(world) {
        let project = world.project();
        let body = json!({ "key": "logins", "name": "Logins", "aggregation": "count", "unitLabel": "login" });
        let made = declare(world, &project, body.clone()).expect(201);
        assert_eq!(made, json!({
            "id": made["id"], "key": "logins", "name": "Logins", "aggregation": "count", "unitLabel": "login",
            "dimensions": [], "schemaMode": "off", "version": 1, "declared": true, "archivedAt": null,
            "createdAt": "2026-03-17T10:20:00.000Z",
        }));
        assert_eq!(declare(world, &project, body).expect(200), made);
        declare(world, &project, json!({ "key": "logins" })).refused(Code::MetricConflict);
        assert_eq!(world.get(project.path("/metrics/logins")).bearer(&project.owner.token).expect(200), made);
        world.get(project.path("/metrics/nothing")).bearer(&project.owner.token).refused(Code::NotFound);
    }

    fn a_metric_that_events_made_is_waiting_to_be_declared(world) {
        let meter = world.meter();
        meter.usage("k1", &json!({ "metricKey": "seen first", "units": "7" })).expect(201);
        let listed = meter.read("/metrics");
        assert_eq!((&listed["data"][0]["key"], &listed["data"][0]["declared"]), (&json!("seen first"), &json!(false)));
        let declared = declare(world, &meter.project, json!({ "key": "seen first", "aggregation": "max" })).expect(201);
        assert_eq!((&declared["id"], &declared["declared"]), (&listed["data"][0]["id"], &json!(true)));
        assert_eq!(meter.used("seen%20first"), ("7.000000".to_owned(), 1));
    }

    fn names_can_be_changed_and_nothing_else(world) {
        let project = world.project();
        declare(world, &project, json!({ "key": "m", "unitLabel": "token" })).expect(201);
        let change = |body: Value| world.patch(project.path("/metrics/m")).bearer(&project.owner.token).json(body).send();
        let changed = change(json!({ "name": "Tokens", "unitLabel": null })).expect(200);
        assert_eq!((&changed["name"], &changed["unitLabel"]), (&json!("Tokens"), &Value::Null));
        change(json!({ "aggregation": "max" })).refused(Code::UnknownField);
        change(json!({ "name": "" })).refused(Code::InvalidValue);
    }

    fn a_declaration_that_makes_no_sense_is_refused_by_its_field(world) {
        let project = world.project();
        for (body, field) in [
            (json!({ "key": "" }), "key"),
            (json!({ "key": "m", "aggregation": "average" }), "aggregation"),
            (json!({ "key": "m", "aggregation": "unique" }), "uniqueProperty"),
            (json!({ "key": "m", "uniqueProperty": "user" }), "uniqueProperty"),
            (json!({ "key": "m", "weightedUnit": "hour" }), "weightedUnit"),
            (json!({ "key": "m", "schemaMode": "warn" }), "schema"),
            (json!({ "key": "m", "schemaMode": "loose" }), "schemaMode"),
            (json!({ "key": "m", "schema": { "type": "text" } }), "schema"),
            (json!({ "key": "m", "dimensions": ["region", "region"] }), "dimensions[1]"),
            (json!({ "key": "m", "dimensions": ["r".repeat(65)] }), "dimensions[0]"),
            (json!({ "key": "m", "rounding": { "direction": "up", "places": 7 } }), "rounding.places"),
            (json!({ "key": "m", "name": " " }), "name"),
            (json!({ "key": "m", "unitLabel": "\n" }), "unitLabel"),
        ] {
            let problem = declare(world, &project, body).refused(Code::InvalidValue);
            assert_eq!(problem["errors"][0]["field"], field);
        }
    }

    fn metrics_come_in_pages_in_the_order_of_their_keys(world) {
        let project = world.project();
        for key in ["b", "A", "a", "ä", "B"] {
            declare(world, &project, json!({ "key": key })).expect(201);
        }
        let read = |query: &str| world.get(project.path(&format!("/metrics{query}"))).bearer(&project.owner.token).expect(200);
        let first = read("?limit=3");
        let second = read(&format!("?limit=3&cursor={}", first["nextCursor"].as_str().unwrap()));
        let keys: Vec<&Value> =
            [&first, &second].iter().flat_map(|page| page["data"].as_array().unwrap()).map(|metric| &metric["key"]).collect();
        assert_eq!(keys, [&json!("A"), &json!("B"), &json!("a"), &json!("b"), &json!("ä")]);
    }

    // checklist 36, checklist 38
    fn usage_is_told_by_window_and_customer(world) {
        let meter = world.meter();
        let owner = &meter.project.owner.token;
        world.post(meter.project.path("/customers")).bearer(owner).json(json!({ "externalKey": "acme" })).expect(201);
        let event = |key: &str, at: &str, units: &str, customer: Option<&str>| json!({
            "idempotencyKey": key, "metricKey": "m", "units": units, "timestamp": at, "customerKey": customer,
        });
        meter.batch(&[
            event("k1", "2026-03-09T23:59:59.999Z", "1", None),
            event("k2", "2026-03-10T00:00:00.000Z", "2", None),
            event("k3", "2026-03-10T12:00:00.000Z", "4", Some("acme")),
            event("k4", "2026-02-28T23:59:59.999Z", "8", None),
        ]).expect(200);
        let usage = meter.read("/metrics/m/usage?window=day");
        assert_eq!(usage, json!({
            "metricKey": "m", "aggregation": "sum", "from": "2026-03-01T00:00:00.000Z", "to": "2026-04-01T00:00:00.000Z",
            "timeZone": "UTC",
            "data": [
                { "start": "2026-03-09T00:00:00.000Z", "end": "2026-03-10T00:00:00.000Z", "units": "1.000000", "events": 1, "warnings": 0, "final": true },
                { "start": "2026-03-10T00:00:00.000Z", "end": "2026-03-11T00:00:00.000Z", "units": "6.000000", "events": 2, "warnings": 0, "final": true },
            ],
        }));
        let by_customer = meter.read("/metrics/m/usage?from=2026-03-10T00:00:00Z&to=2026-03-11T00:00:00Z&groupBy=customer");
        assert_eq!(by_customer["data"], json!([
            { "start": "2026-03-10T00:00:00.000Z", "end": "2026-03-11T00:00:00.000Z", "customerKey": "acme", "units": "4.000000", "events": 1, "warnings": 0, "final": true },
            { "start": "2026-03-10T00:00:00.000Z", "end": "2026-03-11T00:00:00.000Z", "customerKey": "self", "units": "2.000000", "events": 1, "warnings": 0, "final": true },
        ]));
        let ever = meter.read("/metrics/m/usage?from=2020-01-01T00:00:00Z&to=2030-01-01T00:00:00Z");
        assert_eq!(ever["data"][0]["units"], "15.000000");
        // Folding changes nothing of what is told.
        world.engine.fold_rollups().unwrap();
        assert_eq!(meter.read("/metrics/m/usage?window=day"), usage);
    }

    // checklist 36
    fn usage_is_told_by_dimension_subscription_and_zone(world) {
        let meter = world.meter();
        let body = json!({ "key": "calls", "aggregation": "unique", "uniqueProperty": "user", "dimensions": ["region", "tier"] });
        let declared = declare(world, &meter.project, body).expect(201);
        assert_eq!((&declared["uniqueProperty"], &declared["dimensions"]), (&json!("user"), &json!(["region", "tier"])));
        let event = |key: &str, region: &str, user: &str, subscription: &str| json!({
            "idempotencyKey": key, "metricKey": "calls", "units": "1", "timestamp": "2026-03-10T18:20:00Z",
            "subscriptionKey": subscription, "properties": { "region": region, "user": user, "tier": 2 },
        });
        meter.batch(&[event("k1", "eu", "a", "s1"), event("k2", "eu", "a", "s2"), event("k3", "us", "b", "s1"), event("k4", "us", "c", "s1")])
            .expect(200);
        let path = "/metrics/calls/usage?window=day&timeZone=Asia/Kathmandu&groupBy=customer,region";
        let row = |region: &str, units: &str, events: u64| json!({
            "start": "2026-03-10T18:15:00.000Z", "end": "2026-03-11T18:15:00.000Z", "customerKey": "self",
            "dimensions": { "region": region }, "units": units, "events": events, "warnings": 0, "final": true,
        });
        let usage = meter.read(path);
        assert_eq!((&usage["timeZone"], &usage["data"]), (&json!("Asia/Kathmandu"), &json!([row("eu", "1.000000", 2), row("us", "2.000000", 2)])));
        let one = meter.read(&format!("{path}&subscriptionKey=s2"));
        assert_eq!(one["data"], json!([row("eu", "1.000000", 1)]));
        let problem = world.get(meter.project.path("/metrics/calls/usage?groupBy=user")).bearer(&meter.project.owner.token);
        assert_eq!(problem.refused(Code::InvalidQuery)["errors"][0]["detail"], "\"user\" is not one of customer, region, tier.");
    }

    fn a_metric_says_what_it_expects_of_properties_and_can_be_archived(world) {
        let meter = world.meter();
        let schema = json!({ "properties": { "region": { "enum": ["eu"] } } });
        let body = json!({ "key": "m", "schemaMode": "strict", "schema": schema, "rounding": { "direction": "up", "places": 0 } });
        let declared = declare(world, &meter.project, body.clone()).expect(201);
        assert_eq!((&declared["schema"], &declared["rounding"]["direction"]), (&schema, &json!("up")));
        assert_eq!(declare(world, &meter.project, body).expect(200), declared);
        let usage = json!({ "metricKey": "m", "units": "1", "properties": { "region": "us" } });
        assert_eq!(meter.usage("k1", &usage).refused(Code::SchemaMismatch)["errors"][0]["field"], "properties.region");
        let owner = &meter.project.owner.token;
        world.patch(meter.project.path("/metrics/m")).bearer(owner).json(json!({ "archived": true })).expect(200);
        meter.usage("k2", &json!({ "metricKey": "m", "units": "1" })).refused(Code::MetricArchived);
        let rejected = meter.read("/ingest/rejections");
        assert_eq!(rejected["data"][0]["code"], "metric_archived");
    }

    fn a_malformed_question_is_refused_by_its_parameter(world) {
        let project = world.project();
        declare(world, &project, json!({ "key": "m" })).expect(201);
        for (query, field) in [("window=year", "window"), ("groupBy=region", "groupBy"), ("from=x", "from"), ("timeZone=Mars", "timeZone"), ("until=x", "until")] {
            let path = project.path(&format!("/metrics/m/usage?{query}"));
            let problem = world.get(path).bearer(&project.owner.token).refused(Code::InvalidQuery);
            assert_eq!(problem["errors"][0]["field"], field);
        }
        let path = project.path("/metrics/m/usage?from=2000-01-01T00:00:00Z&to=2026-01-01T00:00:00Z&window=hour");
        world.get(path).bearer(&project.owner.token).refused(Code::InvalidQuery);
    }

    // checklist 12
    fn a_viewer_and_a_reading_key_see_metrics_and_declare_none(world) {
        let project = world.project();
        declare(world, &project, json!({ "key": "m" })).expect(201);
        let viewer = world.member(&project, Role::Viewer);
        world.get(project.path("/metrics/m/usage")).bearer(&viewer.token).expect(200);
        world.post(project.path("/metrics")).bearer(&viewer.token).json(json!({ "key": "n" })).refused(Code::Forbidden);
        let key = world.access_key(&project, &[Scope::BillingRead]);
        world.get(project.path("/metrics/m/usage")).key(&key).expect(200);
        world.post(project.path("/metrics")).key(&key).json(json!({ "key": "n" })).refused(Code::MissingScope);
    }
}
