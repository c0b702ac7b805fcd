//! Versions: a meaning with the same rows is current at once, one with new rows is built from the stored events, exactly once.

use domain::catalog::metric::MetricDefinition;
use domain::metrics::{Aggregation, MetricVersion, VersionState};
use domain::time::Instant;
use domain::window::Span;
use engine::Error;
use engine::metering::usage::UsageQuery;
use engine::metrics::change::{self, Progress};
use serde_json::json;
use storage::{metric_versions, metrics};

use super::naive;
use super::totals::{check_all, prepare};
use crate::world::{World, on_both};

fn begin(world: &World, next: &MetricDefinition) -> MetricVersion {
    world
        .db
        .write("test", world.project.id, |tx| {
            let metric = metrics::find_by_key_for_update(tx, &next.key)?.unwrap();
            change::begin(tx, &metric, next, world.owner().now())
        })
        .unwrap()
}

fn step(world: &World, key: &str, batches: i64) -> Option<Progress> {
    world
        .db
        .write("test", world.project.id, |tx| {
            let metric = metrics::find_by_key(tx, key)?.unwrap();
            change::add_batches(tx, metric.id, batches, world.owner().now())
        })
        .unwrap()
}

fn states(world: &World, key: &str) -> Vec<(i64, i64, VersionState)> {
    let versions = world.db.read("test", world.project.id, |tx| {
        let metric = metrics::find_by_key(tx, key)?.unwrap();
        metric_versions::of_metric(tx, metric.id)
    });
    versions.unwrap().iter().map(|version| (version.number, version.series, version.state)).collect()
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
                world.engine.fold_rollups().unwrap();
            }
        }
        let before = stored(world);
        assert!(before.iter().any(|row| row.contains("Ever")) && before.iter().any(|row| row.starts_with("ValueKey")));
        world.engine.rebuild_rollups(world.project.id).unwrap();
        assert_eq!(stored(world), before);
    }

    // checklist 36
    fn a_metric_that_events_made_is_built_from_them_when_it_is_declared(world) {
        for turn in 0..3 {
            world.send_batch(&customerless(naive::events(world, 120, &format!("a{turn}-"))));
            world.engine.fold_rollups().unwrap();
        }
        for definition in naive::metrics() {
            world.engine.declare_metric(&world.owner(), &definition).unwrap();
        }
        // The declaration can be repeated while its version is built.
        let users = naive::metrics().into_iter().find(|metric| metric.key == "users").unwrap();
        assert!(world.engine.get_metric(&world.owner(), "users").unwrap().building.is_some());
        assert!(world.engine.declare_metric(&world.owner(), &users).is_ok());
        world.verify();
        // Events go on coming while it is built, folded and not folded.
        world.send_batch(&customerless(naive::events(world, 60, "b")));
        world.engine.fold_rollups().unwrap();
        world.send_batch(&customerless(naive::events(world, 60, "c")));
        for definition in naive::metrics() {
            while let Some(progress) = step(world, &definition.key, 1) {
                assert!(progress.done_seq <= progress.cut_seq);
                world.verify();
            }
        }
        assert_eq!(states(world, "users"), [(1, 1, VersionState::Retired), (2, 2, VersionState::Current)]);
        assert_eq!(states(world, "logins"), [(1, 1, VersionState::Current)]);
        check_all(world, "after the build");
        world.engine.fold_rollups().unwrap();
        check_all(world, "after the build and a fold");
        // Nobody reads the rows of the first versions any more.
        let before = stored(world);
        let deleted = world.db.write("test", world.project.id, |tx| {
            let metric = metrics::find_by_key(tx, "users")?.unwrap();
            change::delete_rows(tx, metric.id, 1, 10_000)
        });
        assert!(deleted.unwrap() > 0);
        assert!(stored(world).len() < before.len());
        world.engine.rebuild_rollups(world.project.id).unwrap();
        check_all(world, "after a rebuild");
    }

    fn rows_that_are_read_are_never_deleted(world) {
        world.send("k1", &json!({ "metricKey": "m", "units": "1" }));
        let deleted: Result<u64, Error> = world.db.write("test", world.project.id, |tx| {
            let metric = metrics::find_by_key(tx, "m")?.unwrap();
            change::delete_rows(tx, metric.id, 1, 10)
        });
        assert!(matches!(deleted, Err(Error::Bug(_))), "{deleted:?}");
    }

    fn a_rebuild_leaves_a_build_where_it_was(world) {
        for turn in 0..4 {
            world.send_batch(&customerless(naive::events(world, 60, &format!("a{turn}-"))));
        }
        world.engine.fold_rollups().unwrap();
        let next = MetricDefinition { dimensions: vec!["region".into()], ..MetricDefinition::plain("tokens") };
        begin(world, &next);
        assert_eq!(step(world, "tokens", 2).unwrap().done_seq, 2);
        world.send_batch(&customerless(naive::events(world, 60, "b")));
        world.engine.fold_rollups().unwrap();
        let before = stored(world);
        world.engine.rebuild_rollups(world.project.id).unwrap();
        assert_eq!(stored(world), before);
        world.verify();
        while step(world, "tokens", 2).is_some() {}
        world.verify();
    }

    fn sums_that_were_made_before_a_version_began_are_not_stored(world) {
        world.send("k1", &json!({ "metricKey": "m", "units": "1", "properties": { "region": "eu" } }));
        world.engine.fold_rollups().unwrap();
        // This node remembers what this batch adds up to, without the dimensions of the version that begins now.
        world.send("k2", &json!({ "metricKey": "m", "units": "2", "properties": { "region": "us" } }));
        let next = MetricDefinition { dimensions: vec!["region".into()], ..MetricDefinition::plain("m") };
        let version = begin(world, &next);
        assert_eq!(version.gap.unwrap().cut_seq, 1);
        world.engine.fold_rollups().unwrap();
        world.verify();
        assert_eq!(step(world, "m", 10).unwrap().retired_series, Some(1));
        let by_region = UsageQuery { by_dimensions: vec!["region".to_owned()], ..UsageQuery::default() };
        let usage = world.engine.metric_usage(&world.owner(), "m", &by_region).unwrap();
        let told: Vec<String> = usage.data.iter().map(|row| format!("{:?} {}", row.dimensions, row.units)).collect();
        assert_eq!(told, [r#"Some({"region": "eu"}) 1.000000"#, r#"Some({"region": "us"}) 2.000000"#]);
    }

    fn another_meaning_of_the_same_rows_is_current_at_once(world) {
        world.send("k1", &json!({ "metricKey": "m", "units": "5" }));
        world.send("k2", &json!({ "metricKey": "m", "units": "9" }));
        world.engine.fold_rollups().unwrap();
        let next = MetricDefinition { aggregation: Aggregation::Max, ..MetricDefinition::plain("m") };
        let version = begin(world, &next);
        assert_eq!((version.number, version.series, version.state), (2, 1, VersionState::Current));
        assert_eq!(world.used("m"), ("9.000000".to_owned(), 2));
        assert_eq!(world.engine.get_metric(&world.owner(), "m").unwrap().version, 2);
    }

    fn events_before_a_metric_takes_effect_do_not_count(world) {
        let effective_from = Some(Instant::parse("2026-03-10T00:00:00Z").unwrap());
        let definition = MetricDefinition { effective_from, ..MetricDefinition::plain("m") };
        world.engine.declare_metric(&world.owner(), &definition).unwrap();
        let send = |key: &str, at: &str| world.send(key, &json!({ "metricKey": "m", "units": "1", "timestamp": at }));
        send("k1", "2026-03-09T23:59:59.999999Z");
        send("k2", "2026-03-10T00:00:00Z");
        assert_eq!(world.used("m"), ("1.000000".to_owned(), 1));
        world.engine.fold_rollups().unwrap();
        assert_eq!(world.used("m"), ("1.000000".to_owned(), 1));
    }

    fn two_nodes_that_fold_and_build_at_once_count_everything_once(world) {
        let other = World::new(world.db.clone(), world.seed.wrapping_add(1));
        for turn in 0..8 {
            world.send_batch(&customerless(naive::events(world, 30, &format!("a{turn}-"))));
        }
        world.engine.fold_rollups().unwrap();
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
            scope.spawn(|| {
                for definition in naive::metrics() {
                    while step(world, &definition.key, 3).is_some() {}
                }
            });
        });
        world.engine.fold_rollups().unwrap();
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
