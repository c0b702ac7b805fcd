//! Sums: exact at once, whatever is folded; the same after every order, fold and rebuild.

use std::collections::BTreeMap;

use domain::catalog::metric::MetricDefinition;
use domain::customers::NewCustomer;
use domain::ingest::OutcomeCounts;
use domain::metrics::Aggregation;
use domain::time::Instant;
use domain::window::{self, Span, Window};
use engine::ingest::outcomes::OutcomeQuery;
use engine::metering::usage::{UsageQuery, UsageRow};
use serde_json::{Value, json};

use super::send::{event, tokens};
use crate::world::{World, on_both};

fn at(text: &str) -> Instant {
    Instant::parse(text).unwrap()
}

fn query(from: &str, to: &str, window: Option<Window>) -> UsageQuery {
    UsageQuery { from: Some(at(from)), to: Some(at(to)), window, ..UsageQuery::default() }
}

fn ask(world: &World, metric: &str, query: &UsageQuery) -> Vec<(String, Option<String>, String, u64)> {
    let usage = world.engine.metric_usage(&world.owner(), metric, query).unwrap();
    let tell = |row: UsageRow| (row.start.to_string(), row.customer_key, row.units.to_string(), row.events);
    usage.data.into_iter().map(tell).collect()
}

/// Events of three weeks at times that fall on slices, on edges and in between, each with its key.
fn events(world: &World, count: u64) -> Vec<Value> {
    let start = at("2026-02-20T00:00:00Z").micros();
    (0..count)
        .map(|number| {
            let quarters = i64::try_from(world.random.below(4 * 24 * 21)).unwrap();
            let offset = [0, 0, 1, 450_000_000, 899_999_999][usize::try_from(world.random.below(5)).unwrap()];
            let time = Instant::from_micros(start + quarters * 900_000_000 + offset).unwrap();
            let units = format!("{}.{:06}", world.random.below(1_000), 1 + world.random.below(999_998));
            let micros = time.micros() % 1_000_000;
            let text = time.to_string().replace(".000Z", &format!(".{micros:06}Z"));
            let body = json!({ "metricKey": "m", "units": units, "timestamp": text });
            event(&format!("k{number:05}"), &body)
        })
        .collect()
}

/// The sums of the events by themselves, without a database.
fn recompute(world: &World, spans: &[Span]) -> BTreeMap<usize, (i128, u64)> {
    let mut sums = BTreeMap::new();
    for event in world.engine.list_usage_events(&world.owner(), None, 10_000).unwrap() {
        let stored =
            world.db.read("test", world.project.id, |tx| storage::usage_events::get(tx, event.id)).unwrap().unwrap();
        if let Some(place) = spans.iter().position(|span| span.contains(stored.at)) {
            let sum = sums.entry(place).or_insert((0, 0));
            *sum = (sum.0 + i128::from(stored.units.micros()), sum.1 + 1);
        }
    }
    sums
}

on_both! {
    // checklist 36
    fn totals_equal_a_recompute_whatever_is_folded(world) {
        let all = events(world, 300);
        for (turn, chunk) in all.chunks(60).enumerate() {
            world.send_batch(chunk);
            // Everything unfolded, then everything folded, then a mix of both.
            if turn == 1 || turn == 3 {
                world.fold();
            }
            for window in Window::ALL {
                let span = Span { start: at("2026-02-24T07:07:07.5Z"), end: at("2026-03-11T00:00:00Z") };
                let spans = span.cut(*window, &window::zone("UTC")).unwrap();
                let query = UsageQuery { from: Some(span.start), to: Some(span.end), window: Some(*window), ..UsageQuery::default() };
                let usage = world.engine.metric_usage(&world.owner(), "m", &query).unwrap();
                let told: BTreeMap<usize, (i128, u64)> = usage
                    .data
                    .iter()
                    .map(|row| {
                        let place = spans.iter().position(|span| span.start == row.start).unwrap();
                        (place, (row.units.micros(), row.events))
                    })
                    .collect();
                assert_eq!(told, recompute(world, &spans), "{window} after {turn}");
            }
        }
    }

    // checklist 37
    fn the_order_of_events_does_not_change_totals(world) {
        let mut all = events(world, 120);
        let month = query("2026-02-01T00:00:00Z", "2026-04-01T00:00:00Z", Some(Window::Day));
        world.send_batch(&all);
        let expected = ask(world, "m", &month);
        for place in (1..all.len()).rev() {
            all.swap(place, usize::try_from(world.random.below(u64::try_from(place).unwrap() + 1)).unwrap());
        }
        let other = World::new(world.db.clone(), world.seed.wrapping_add(1));
        for chunk in all.chunks(7) {
            other.send_batch(chunk);
            other.engine.fold_rollups().unwrap();
        }
        assert_eq!(ask(&other, "m", &month), expected);
    }

    // checklist 38
    fn an_event_on_a_boundary_falls_in_exactly_one_window(world) {
        let on_the_edge = [
            "2026-03-09T23:59:59.999999Z", "2026-03-10T00:00:00Z", "2026-03-10T00:00:00.000001Z", "2026-03-11T00:00:00Z",
        ];
        for (number, time) in on_the_edge.iter().enumerate() {
            world.send(&format!("k{number}"), &json!({ "metricKey": "m", "units": "1", "timestamp": time }));
        }
        let days = query("2026-03-09T00:00:00Z", "2026-03-12T00:00:00Z", Some(Window::Day));
        let expected = [
            ("2026-03-09T00:00:00.000Z".to_owned(), None, "1.000000".to_owned(), 1),
            ("2026-03-10T00:00:00.000Z".to_owned(), None, "2.000000".to_owned(), 2),
            ("2026-03-11T00:00:00.000Z".to_owned(), None, "1.000000".to_owned(), 1),
        ];
        assert_eq!(ask(world, "m", &days), expected);
        world.fold();
        assert_eq!(ask(world, "m", &days), expected);
        // The edge cuts a slice between two events of it.
        let cut = query("2026-03-10T00:00:00.000001Z", "2026-03-11T00:00:00Z", None);
        assert_eq!(ask(world, "m", &cut)[0].3, 1);
    }

    fn windows_begin_where_the_day_of_the_project_does(world) {
        world
            .db
            .write("test", world.project.id, |tx| -> Result<(), storage::StorageError> {
                let mut project = storage::projects::get(tx)?.unwrap();
                project.time_zone = "Europe/Berlin".to_owned();
                storage::projects::update(tx, &project)
            })
            .unwrap();
        world.send("k1", &json!({ "metricKey": "m", "units": "1", "timestamp": "2026-03-09T22:59:59Z" }));
        world.send("k2", &json!({ "metricKey": "m", "units": "2", "timestamp": "2026-03-09T23:00:00Z" }));
        let days = query("2026-03-09T00:00:00+01:00", "2026-03-11T00:00:00+01:00", Some(Window::Day));
        let told = ask(world, "m", &days);
        let starts: Vec<&str> = told.iter().map(|row| row.0.as_str()).collect();
        assert_eq!(starts, ["2026-03-08T23:00:00.000Z", "2026-03-09T23:00:00.000Z"]);
        // Without edges of its own a question is about the current month.
        let usage = world.engine.metric_usage(&world.owner(), "m", &UsageQuery::default()).unwrap();
        assert_eq!((usage.from, usage.to), (at("2026-02-28T23:00:00Z"), at("2026-03-31T22:00:00Z")));
    }

    fn usage_is_told_by_customer(world) {
        for key in ["acme", "zeta"] {
            let new = NewCustomer::with_key(key);
            world.engine.create_customer(&world.owner(), None, &new).unwrap();
        }
        let usage = |customer: &str, units: &str| json!({ "metricKey": "m", "units": units, "customerKey": customer });
        world.send("k1", &usage("zeta", "1"));
        world.send("k2", &usage("acme", "2"));
        world.fold();
        world.send("k3", &usage("acme", "4"));
        world.send("k4", &json!({ "metricKey": "m", "units": "8" }));
        let by_customer = UsageQuery { by_customer: true, ..UsageQuery::default() };
        let told: Vec<(Option<String>, String, u64)> =
            ask(world, "m", &by_customer).into_iter().map(|row| (row.1, row.2, row.3)).collect();
        let expected = [("acme", "6.000000", 2), ("self", "8.000000", 1), ("zeta", "1.000000", 1)];
        let expected = expected.map(|(key, units, events)| (Some(key.to_owned()), units.to_owned(), events));
        assert_eq!(told, expected);
        let one = UsageQuery { customer_key: Some("acme".to_owned()), ..UsageQuery::default() };
        assert_eq!(ask(world, "m", &one)[0].2, "6.000000");
        let unknown = UsageQuery { customer_key: Some("nobody".to_owned()), ..UsageQuery::default() };
        assert!(world.engine.metric_usage(&world.owner(), "m", &unknown).is_err());
    }

    fn each_aggregation_tells_its_own_quantity(world) {
        for (key, aggregation) in [("max", Aggregation::Max), ("latest", Aggregation::Latest), ("count", Aggregation::Count)] {
            let declare = MetricDefinition { aggregation, ..MetricDefinition::plain(key) };
            world.engine.declare_metric(&world.owner(), &declare).unwrap();
            for (number, (time, units)) in [("10:00", "5"), ("10:10", "9"), ("10:05", "7")].iter().enumerate() {
                let body = json!({ "metricKey": key, "units": units, "timestamp": format!("2026-03-17T{time}:00Z") });
                world.send(&format!("{key}-{number}"), &body);
                if number == 1 {
                    world.fold();
                }
            }
        }
        let told = |key| ask(world, key, &UsageQuery::default())[0].2.clone();
        assert_eq!((told("max"), told("latest"), told("count")), ("9.000000".to_owned(), "9.000000".to_owned(), "3.000000".to_owned()));
    }

    fn folding_twice_and_on_two_nodes_adds_nothing(world) {
        let other = World::new(world.db.clone(), world.seed.wrapping_add(1));
        for chunk in events(world, 200).chunks(5) {
            world.send_batch(chunk);
        }
        std::thread::scope(|scope| {
            for turn in 0..4 {
                let engine = if turn % 2 == 0 { &world.engine } else { &other.engine };
                scope.spawn(move || engine.fold_rollups().unwrap());
            }
        });
        world.fold();
        world.fold();
        let seqs: Vec<Option<i64>> = world
            .db
            .read("test", world.project.id, |tx| storage::ingest_batches::folded(tx, 0, 1_000))
            .unwrap()
            .iter()
            .map(|batch| batch.rollup_seq)
            .collect();
        assert_eq!(seqs, (1..=40).map(Some).collect::<Vec<_>>());
        world.verify();
    }

    fn a_node_that_saw_none_of_the_commits_folds_the_same(world) {
        for chunk in events(world, 60).chunks(20) {
            world.send_batch(chunk);
        }
        let month = query("2026-02-01T00:00:00Z", "2026-04-01T00:00:00Z", Some(Window::Week));
        let before = ask(world, "m", &month);
        World::new(world.db.clone(), world.seed.wrapping_add(1)).engine.fold_rollups().unwrap();
        assert_eq!(ask(world, "m", &month), before);
        world.verify();
    }

    fn rebuilt_rollups_are_identical(world) {
        for chunk in events(world, 100).chunks(30) {
            world.send_batch(chunk);
            world.fold();
        }
        world.send_refused("bad", &json!({ "metricKey": "m", "units": "x" }));
        world.fold();
        let rows = || {
            world.db.read("test", world.project.id, |tx| -> Result<_, storage::StorageError> {
                let mut rows = Vec::new();
                storage::rollups::all(tx, |key, cell| rows.push((key, cell)))?;
                rows.sort_by(|one, other| one.0.cmp(&other.0));
                let ever = Span { start: at("2020-01-01T00:00:00Z"), end: at("2030-01-01T00:00:00Z") };
                Ok(format!("{rows:?} {:?}", storage::outcome_rollups::folded(tx, ever)?))
            }).unwrap()
        };
        let before = rows();
        world.engine.rebuild_rollups(world.project.id).unwrap();
        assert_eq!(rows(), before);
    }

    fn rebuilding_adds_nothing_that_is_not_folded(world) {
        world.send("k-folded", &json!({ "metricKey": "m", "units": "1" }));
        world.fold();
        let folded = |tx: &mut storage::ProjectTx<'_>| -> Result<_, storage::StorageError> {
            let mut events = 0;
            storage::rollups::all(tx, |_, cell| events += cell.events)?;
            Ok((events, storage::ingest_batches::folded(tx, 0, 1_000)?.len()))
        };
        let folded = || world.db.read("test", world.project.id, folded).unwrap();
        let (per_batch, batches) = folded();
        assert_eq!(batches, 1);
        world.send("k-unfolded", &json!({ "metricKey": "m", "units": "1" }));
        world.engine.rebuild_rollups(world.project.id).unwrap();
        // On the shared database another story may fold it at any time: both are read in one snapshot.
        let (events, batches) = folded();
        assert_eq!(events, per_batch * i64::try_from(batches).unwrap());
        world.fold();
        assert_eq!(folded(), (per_batch * 2, 2));
    }

    // checklist 28
    fn outcomes_are_counted_over_time(world) {
        let with_id = json!({ "metricKey": "m", "units": "1", "eventId": "e1" });
        world.send("k1", &with_id);
        world.send("k1", &with_id);
        world.send("k2", &with_id);
        world.send_refused("k1", &tokens("2"));
        world.fold();
        world.clock.set("2026-03-18T09:00:00Z");
        world.send_refused("k3", &json!({ "metricKey": "m", "units": "x" }));
        world.send("k4", &tokens("1"));
        let query = OutcomeQuery { window: Some(Window::Day), ..OutcomeQuery::default() };
        let told = world.engine.ingest_outcomes(&world.owner(), query).unwrap();
        let first = OutcomeCounts { accepted: 1, replayed: 1, duplicates: 1, conflicts: 1, failed: 0 };
        let second = OutcomeCounts { accepted: 1, failed: 1, ..OutcomeCounts::default() };
        let rows: Vec<(String, OutcomeCounts)> =
            told.data.iter().map(|row| (row.start.to_string(), row.counts)).collect();
        assert_eq!(rows, [("2026-03-17T00:00:00.000Z".to_owned(), first), ("2026-03-18T00:00:00.000Z".to_owned(), second)]);
        assert_eq!((told.total.accepted, told.total.failed), (2, 1));
        let charges = OutcomeQuery { operation: Some(domain::ingest::Operation::Charge), ..OutcomeQuery::default() };
        assert_eq!(world.engine.ingest_outcomes(&world.owner(), charges).unwrap().total, OutcomeCounts::default());
    }
}
