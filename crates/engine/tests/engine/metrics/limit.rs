//! How far back usage may be counted anew without a reason.

use domain::access::Role;
use domain::catalog::metric::MetricDefinition;
use domain::ledger::reason::Reason;
use domain::metrics::{Aggregation, VersionState};
use domain::refusal::Code;
use engine::Error;
use engine::metrics::versions::{MetricChanged, NewMetricVersion};
use serde_json::json;

use super::meaning::{KEY, by_region, meaning, since, wish};
use crate::world::{World, on_both};

fn change(
    world: &World,
    role: Role,
    meaning: MetricDefinition,
    reason: Option<(&str, Option<&str>)>,
) -> Result<MetricChanged, Error> {
    let reason = reason.map(|(code, words)| Reason::required(Some(code), words).unwrap());
    world.engine.change_metric(&world.member(role), KEY, &NewMetricVersion { wish: wish(meaning), reason })
}

fn code(result: Result<MetricChanged, Error>) -> Code {
    result.unwrap_err().to_refusal().code
}

/// An event older than the 90 days that a new project allows.
fn use_long_ago(world: &World) {
    let old = json!({ "metricKey": KEY, "units": "1", "timestamp": "2025-12-16T10:19:59.000Z" });
    world.send("old", &old);
    world.fold();
}

on_both! {
    // checklist 40
    fn counting_old_usage_anew_needs_an_operator_and_a_reason(world) {
        world.declare();
        use_long_ago(world);
        let told = Some(("billing_error", Some("regions were forgotten")));
        assert_eq!(code(change(world, Role::Finance, by_region(), None)), Code::RecomputeLimit);
        assert_eq!(code(change(world, Role::Finance, by_region(), Some(("billing_error", None)))), Code::RecomputeLimit);
        assert_eq!(code(change(world, Role::Developer, by_region(), told)), Code::Forbidden);
        let changed = change(world, Role::Finance, by_region(), told).unwrap();
        assert_eq!(changed.version().state, VersionState::Building);
        let entry = world.engine.list_audit_entries(&world.owner(), &Default::default(), 1).unwrap().remove(0);
        assert_eq!(entry.action, "metric.changed");
        assert_eq!((entry.reason_code.as_deref(), entry.reason.as_deref()), (Some("billing_error"), Some("regions were forgotten")));
    }

    // checklist 40
    fn another_figure_of_the_same_rows_is_limited_too(world) {
        world.declare();
        use_long_ago(world);
        let largest = || meaning(|metric| metric.aggregation = Aggregation::Max);
        assert_eq!(code(change(world, Role::Developer, largest(), None)), Code::Forbidden);
        assert_eq!(code(change(world, Role::Owner, largest(), None)), Code::RecomputeLimit);
    }

    fn what_changes_no_old_figure_needs_no_reason(world) {
        world.declare();
        use_long_ago(world);
        world.clock.advance(std::time::Duration::from_secs(1));
        // A schema judges events that come; a name is a name.
        let strict = meaning(|metric| {
            metric.schema_mode = domain::catalog::metric::SchemaMode::Warn;
            metric.schema = Some(json!({ "required": ["region"] }));
        });
        change(world, Role::Developer, strict, None).unwrap();
    }

    fn usage_within_the_limit_is_counted_anew_by_whoever_manages_metrics(world) {
        world.declare();
        let recent = json!({ "metricKey": KEY, "units": "1", "timestamp": "2025-12-17T10:20:00.000Z" });
        world.send("recent", &recent);
        world.fold();
        change(world, Role::Developer, by_region(), None).unwrap();
    }

    fn events_that_never_counted_are_no_obstacle(world) {
        let late = since("2026-01-01T00:00:00Z");
        world.engine.declare_metric(&world.owner(), &late).unwrap();
        use_long_ago(world);
        let by_region = MetricDefinition { dimensions: vec!["region".to_owned()], ..late };
        change(world, Role::Developer, by_region, None).unwrap();
    }

    fn what_nobody_declared_may_be_declared_however_old_it_is(world) {
        use_long_ago(world);
        world.engine.declare_metric(&world.member(Role::Developer), &by_region()).unwrap();
    }
}
