//! Schemas of properties, and metrics that take no events any more.

use domain::catalog::metric::{MetricDefinition, SchemaMode};
use domain::ingest::Outcome;
use domain::refusal::Code;
use engine::metering::usage::UsageQuery;
use engine::metrics::UpdateMetric;
use serde_json::json;

use crate::world::{World, on_both};

fn declare(world: &World, mode: SchemaMode) {
    let definition = MetricDefinition {
        schema_mode: mode,
        schema: Some(json!({ "properties": { "region": { "enum": ["eu", "us"] } }, "required": ["region"] })),
        ..MetricDefinition::plain("m")
    };
    world.engine.declare_metric(&world.owner(), &definition).unwrap();
}

fn warnings(world: &World) -> (u64, i64) {
    let usage = world.engine.metric_usage(&world.owner(), "m", &UsageQuery::default()).unwrap();
    (usage.data[0].events, usage.data[0].warnings)
}

on_both! {
    fn a_strict_schema_refuses_what_misses_it(world) {
        declare(world, SchemaMode::Strict);
        let refused = world.send_refused("k1", &json!({ "metricKey": "m", "units": "1", "properties": { "region": "asia" } }));
        assert_eq!(refused, (Outcome::Failed, Code::SchemaMismatch, Some("properties.region".to_owned())));
        let refused = world.send_refused("k1", &json!({ "metricKey": "m", "units": "1" }));
        assert_eq!(refused.2, Some("properties".to_owned()));
        // The key was not burned.
        assert_eq!(world.send("k1", &json!({ "metricKey": "m", "units": "1", "properties": { "region": "eu" } })).status, 201);
    }

    fn a_warning_is_counted_with_the_events(world) {
        declare(world, SchemaMode::Warn);
        world.send("k1", &json!({ "metricKey": "m", "units": "1", "properties": { "region": "asia" } }));
        world.send("k2", &json!({ "metricKey": "m", "units": "1", "properties": { "region": "eu" } }));
        assert_eq!(warnings(world), (2, 1));
        world.fold();
        world.send("k3", &json!({ "metricKey": "m", "units": "1" }));
        assert_eq!(warnings(world), (3, 2));
        world.fold();
        assert_eq!(warnings(world), (3, 2));
        world.engine.rebuild_rollups(world.project.id).unwrap();
        assert_eq!(warnings(world), (3, 2));
    }

    fn a_schema_that_is_off_is_not_asked(world) {
        declare(world, SchemaMode::Off);
        world.send("k1", &json!({ "metricKey": "m", "units": "1", "properties": { "region": "asia" } }));
        assert_eq!(warnings(world), (1, 0));
    }

    fn an_archived_metric_takes_no_events_and_tells_its_usage(world) {
        let body = json!({ "metricKey": "m", "units": "1" });
        world.send("k1", &body);
        let archive = |archived| UpdateMetric { archived: Some(archived), ..UpdateMetric::default() };
        let metric = world.engine.update_metric(&world.owner(), "m", &archive(true)).unwrap();
        assert_eq!(metric.archived_at, Some(world.owner().now()));
        assert_eq!(world.send_refused("k2", &body), (Outcome::Failed, Code::MetricArchived, Some("metricKey".to_owned())));
        // What was accepted stays accepted.
        assert!(world.send("k1", &body).replayed);
        assert_eq!(world.used("m"), ("1.000000".to_owned(), 1));
        world.engine.update_metric(&world.owner(), "m", &archive(false)).unwrap();
        assert_eq!(world.send("k2", &body).status, 201);
    }
}
