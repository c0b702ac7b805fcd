//! Rows of series: rebuilt identically, built exactly once for another meaning, never stored from sums that another set of series made.

use domain::catalog::metric::MetricDefinition;
use domain::time::Instant;
use domain::window::Span;
use engine::jobs::{Chunk, HeldJob, worker};
use engine::metering::usage::UsageQuery;
use engine::metrics::versions::{MetricWish, NewMetricVersion};
use serde_json::json;

use super::naive;
use super::totals::{check_all, prepare};
use crate::world::{World, on_both};

/// A new version of a metric, to be built.
pub fn change(world: &World, meaning: MetricDefinition) {
    let key = meaning.key.clone();
    let wish = NewMetricVersion { wish: MetricWish { meaning, name: None, unit_label: None }, reason: None };
    world.engine.change_metric(&world.owner(), &key, &wish).unwrap();
}

pub fn claim(world: &World) -> HeldJob {
    world.engine.claim_job(world.project.id).unwrap().unwrap()
}

/// Every row of the rollups.
fn stored(world: &World) -> Vec<String> {
    world
        .db
        .read("test", world.project.id, |tx| -> Result<_, storage::StorageError> {
            let mut rows = Vec::new();
            storage::rollups::all(tx, |key, cell| rows.push(format!("{key:?} {cell:?}")))?;
            storage::rollup_values::all(tx, |key, events| rows.push(format!("{key:?} {events}")))?;
            storage::rollup_levels::all(tx, |group, change| rows.push(format!("{group:?} {change:?}")))?;
            let ever = Span {
                start: Instant::parse("2020-01-01T00:00:00Z").unwrap(),
                end: Instant::parse("2030-01-01T00:00:00Z").unwrap(),
            };
            rows.extend(storage::outcome_rollups::folded(tx, ever)?.iter().map(|slice| format!("{slice:?}")));
            rows.sort();
            Ok(rows)
        })
        .unwrap()
}

on_both! {
    fn rebuilt_rows_are_identical_in_all_three_tables(world) {
        prepare(world);
        for (turn, chunk) in naive::events(world, 250, "k").chunks(40).enumerate() {
            world.send_batch(chunk);
            if turn % 2 == 0 {
                world.fold();
            }
        }
        let before = stored(world);
        assert!(before.iter().any(|row| row.contains("Ever")) && before.iter().any(|row| row.starts_with("ValueKey")));
        world.engine.rebuild_rollups(world.project.id).unwrap();
        assert_eq!(stored(world), before);
    }

    // checklist 36
    fn metrics_that_events_made_are_built_from_them_when_they_are_declared(world) {
        for turn in 0..3 {
            world.send_batch(&customerless(naive::events(world, 120, &format!("a{turn}-"))));
            world.fold();
        }
        for definition in naive::metrics() {
            world.engine.declare_metric(&world.owner(), &definition).unwrap();
        }
        // The declaration can be repeated while its version is built.
        let users = naive::metrics().into_iter().find(|metric| metric.key == "users").unwrap();
        assert!(world.engine.get_metric(&world.owner(), "users").unwrap().building.is_some());
        assert!(world.engine.declare_metric(&world.owner(), &users).is_ok());
        // Events go on coming while it is built, folded and not folded.
        world.send_batch(&customerless(naive::events(world, 60, "b")));
        world.fold();
        world.verify();
        world.send_batch(&customerless(naive::events(world, 60, "c")));
        world.engine.run_jobs_of(world.project.id).unwrap();
        assert_eq!(world.engine.get_metric(&world.owner(), "users").unwrap().building, None);
        check_all(world, "after the build");
        world.fold();
        check_all(world, "after the build and a fold");
        world.engine.rebuild_rollups(world.project.id).unwrap();
        check_all(world, "after a rebuild");
    }

    fn a_rebuild_leaves_a_build_where_it_was(world) {
        for event in customerless(naive::events(world, 130, "a")) {
            world.send_batch(&[event]);
        }
        world.fold();
        let next = MetricDefinition { dimensions: vec!["region".into()], ..MetricDefinition::plain("tokens") };
        change(world, next);
        let mut held = claim(world);
        assert_eq!(worker::chunk(&world.engine, &mut held).unwrap(), Chunk::More);
        let building = world.engine.get_metric(&world.owner(), "tokens").unwrap().building.unwrap();
        assert!(0 < building.done && building.done < building.total);
        world.send_batch(&customerless(naive::events(world, 60, "b")));
        world.fold();
        let before = stored(world);
        world.engine.rebuild_rollups(world.project.id).unwrap();
        assert_eq!(stored(world), before);
        world.verify();
        while worker::chunk(&world.engine, &mut held).unwrap() == Chunk::More {}
        world.verify();
    }

    fn sums_that_were_made_before_a_version_began_are_not_stored(world) {
        world.send("k1", &json!({ "metricKey": "m", "units": "1", "properties": { "region": "eu" } }));
        world.fold();
        // This node remembers what this batch adds up to, without the dimensions of the version that begins now.
        world.send("k2", &json!({ "metricKey": "m", "units": "2", "properties": { "region": "us" } }));
        change(world, MetricDefinition { dimensions: vec!["region".into()], ..MetricDefinition::plain("m") });
        world.fold();
        world.verify();
        world.engine.run_jobs_of(world.project.id).unwrap();
        let by_region = UsageQuery { by_dimensions: vec!["region".to_owned()], ..UsageQuery::default() };
        let usage = world.engine.metric_usage(&world.owner(), "m", &by_region).unwrap();
        let told: Vec<String> = usage.data.iter().map(|row| format!("{:?} {}", row.dimensions, row.units)).collect();
        assert_eq!(told, [r#"Some({"region": "eu"}) 1.000000"#, r#"Some({"region": "us"}) 2.000000"#]);
    }

    fn events_before_a_metric_takes_effect_do_not_count(world) {
        let effective_from = Some(Instant::parse("2026-03-10T00:00:00Z").unwrap());
        let definition = MetricDefinition { effective_from, ..MetricDefinition::plain("m") };
        world.engine.declare_metric(&world.owner(), &definition).unwrap();
        let send = |key: &str, at: &str| world.send(key, &json!({ "metricKey": "m", "units": "1", "timestamp": at }));
        send("k1", "2026-03-09T23:59:59.999999Z");
        send("k2", "2026-03-10T00:00:00Z");
        assert_eq!(world.used("m"), ("1.000000".to_owned(), 1));
        world.fold();
        assert_eq!(world.used("m"), ("1.000000".to_owned(), 1));
    }

    fn two_nodes_that_fold_and_build_at_once_count_everything_once(world) {
        let other = World::new(world.db.clone(), world.seed.wrapping_add(1));
        for turn in 0..8 {
            world.send_batch(&customerless(naive::events(world, 30, &format!("a{turn}-"))));
        }
        world.fold();
        for definition in naive::metrics() {
            world.engine.declare_metric(&world.owner(), &definition).unwrap();
        }
        for turn in 0..8 {
            world.send_batch(&customerless(naive::events(world, 30, &format!("b{turn}-"))));
        }
        std::thread::scope(|scope| {
            for node in [&world.engine, &other.engine] {
                scope.spawn(move || node.fold_rollups().unwrap());
            }
            for node in [&world.engine, &other.engine] {
                scope.spawn(move || node.run_jobs_of(world.project.id).unwrap());
            }
        });
        world.fold();
        world.engine.run_jobs_of(world.project.id).unwrap();
        world.verify();
        check_all(world, "after two nodes");
    }
}

/// The same events without customers: nobody made any yet.
fn customerless(mut events: Vec<serde_json::Value>) -> Vec<serde_json::Value> {
    for event in &mut events {
        event["customerKey"] = json!(null);
        if event["units"] == "0" {
            event["units"] = json!("0.5");
        }
    }
    events
}
