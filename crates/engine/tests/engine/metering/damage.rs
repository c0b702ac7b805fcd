//! Damage to the rows of metrics that keep more than sums: each is found by `verify` and named.

use domain::catalog::metric::MetricDefinition;
use domain::metrics::Aggregation;
use serde_json::json;
use storage::raw;

use crate::world::World;

/// A metric with dimensions, one that counts values, one with a level; everything folded; then the damage.
#[track_caller]
fn check(statement: &str, words: &[&str]) {
    for (name, _, db) in testkit::fresh_databases() {
        let world = World::new(db.clone(), 12);
        for (aggregation, key) in
            [(Aggregation::Unique, "users"), (Aggregation::WeightedSum, "storage"), (Aggregation::Sum, "tokens")]
        {
            let unique_property = (aggregation == Aggregation::Unique).then(|| "user".to_owned());
            let dimensions = vec!["region".to_owned()];
            let definition =
                MetricDefinition { aggregation, unique_property, dimensions, ..MetricDefinition::plain(key) };
            world.engine.declare_metric(&world.owner(), &definition).unwrap();
            let properties = json!({ "user": "u1", "region": "eu" });
            world.send(key, &json!({ "metricKey": key, "units": "3", "timestamp": "2026-03-17T10:15:00Z", "properties": properties }));
        }
        world.fold();
        world.verify();
        raw::run_as_owner(&db, statement).unwrap();
        let report = world.engine.verify().unwrap();
        let found: Vec<&String> =
            report.checks.iter().filter(|check| check.id == "I5").flat_map(|check| &check.findings).collect();
        assert_eq!(found.len(), words.len(), "{name}: {found:#?}");
        for words in words {
            assert!(found.iter().any(|line| line.contains(words)), "{name}: {words:?} in {found:#?}");
        }
        // A rebuild repairs it.
        world.engine.rebuild_rollups(world.project.id).unwrap();
        world.verify();
    }
}

#[test]
fn a_wrong_cell_of_a_day_is_found() {
    // checklist 125
    check(
        "update rollups set max_micros = 9 where width = 'day' and dimensions <> '' and metric_id in (select id from metrics where key = 'tokens')",
        &["dimensions {\"region\":\"eu\"} on the day 2026-03-17T00:00:00.000Z holds 3.000000 in 1 events"],
    );
}

#[test]
fn a_missing_value_is_found() {
    // checklist 125
    check(
        "delete from rollup_values where width = 'slice'",
        &["at 2026-03-17T10:15:00.000Z for the value \"u1\" holds nothing, its events are 1 events"],
    );
}

#[test]
fn a_value_that_no_event_has_is_found() {
    // checklist 125
    check(
        "update rollup_values set value = '\"u2\"' where width = 'day'",
        &[
            "for the value \"u1\" holds nothing, its events are 1 events",
            "for the value \"u2\" holds 1 events, its events are nothing",
        ],
    );
}

#[test]
fn a_wrong_level_is_found() {
    // checklist 125
    check("update rollup_levels set units_micros = 4000000", &["at 2026-03-17T10:15:00.000Z holds 4.000000 by evt_"]);
}

#[test]
fn a_missing_level_is_found() {
    // checklist 125
    check("delete from rollup_levels", &["holds nothing, its events are 3.000000 by evt_"]);
}

#[test]
fn a_level_that_is_not_told_of_is_found() {
    // checklist 125
    check(
        "delete from rollups where width = 'ever'",
        &["of all time holds nothing, its events are 3.000000 in 1 events"],
    );
}
