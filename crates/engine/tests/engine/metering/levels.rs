//! Levels of a `weightedSum`: carried forward, exact to the microsecond, and quantities at the edges of what fits.

use domain::aggregation::rounding::{QuantityRounding, RoundingDirection};
use domain::catalog::metric::{MetricDefinition, WeightedUnit};
use domain::ingest::Outcome;
use domain::metrics::Aggregation;
use domain::refusal::Code;
use domain::time::Instant;
use domain::window::Window;
use engine::metering::usage::UsageQuery;
use serde_json::{Value, json};

use crate::ingest::send::event;
use crate::world::{World, on_both};

fn level(world: &World, unit: WeightedUnit) {
    let definition = MetricDefinition {
        aggregation: Aggregation::WeightedSum,
        weighted_unit: Some(unit),
        dimensions: vec!["disk".to_owned()],
        rounding: Some(QuantityRounding { direction: RoundingDirection::Up, places: 0 }),
        ..MetricDefinition::plain("storage")
    };
    world.engine.declare_metric(&world.owner(), &definition).unwrap();
}

fn set(key: &str, at: &str, units: &str) -> Value {
    event(key, &json!({ "metricKey": "storage", "units": units, "timestamp": at }))
}

fn days(world: &World, from: &str, to: &str) -> Vec<(String, String, u64)> {
    let query = UsageQuery {
        from: Some(Instant::parse(from).unwrap()),
        to: Some(Instant::parse(to).unwrap()),
        window: Some(Window::Day),
        ..UsageQuery::default()
    };
    let usage = world.engine.metric_usage(&world.owner(), "storage", &query).unwrap();
    usage.data.iter().map(|row| (row.start.to_string()[..10].to_owned(), row.units.to_string(), row.events)).collect()
}

fn rows(expected: &[(&str, &str, u64)]) -> Vec<(String, String, u64)> {
    expected.iter().map(|(day, units, events)| ((*day).to_owned(), (*units).to_owned(), *events)).collect()
}

on_both! {
    fn a_level_stands_until_it_changes_and_no_longer_than_now(world) {
        level(world, WeightedUnit::Period);
        world.send_batch(&[set("k1", "2026-03-10T12:00:00Z", "10"), set("k2", "2026-03-13T06:00:00Z", "0")]);
        let expected = rows(&[
            ("2026-03-10", "5.000000", 1), ("2026-03-11", "10.000000", 0), ("2026-03-12", "10.000000", 0),
            ("2026-03-13", "2.500000", 1),
        ]);
        assert_eq!(days(world, "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z"), expected);
        world.fold();
        assert_eq!(days(world, "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z"), expected);
        // The level is carried into a question that begins later.
        assert_eq!(days(world, "2026-03-12T00:00:00Z", "2026-03-13T00:00:00Z"), rows(&[("2026-03-12", "10.000000", 0)]));
        assert_eq!(days(world, "2026-03-14T00:00:00Z", "2026-03-16T00:00:00Z"), []);
        // A late event changes the days from its own time on, folded or not; 10:20 is now.
        world.send_batch(&[set("k3", "2026-03-16T00:00:00Z", "24")]);
        let late = rows(&[("2026-03-16", "24.000000", 1), ("2026-03-17", "10.333333", 0)]);
        assert_eq!(days(world, "2026-03-14T00:00:00Z", "2026-03-20T00:00:00Z"), late);
        world.fold();
        assert_eq!(days(world, "2026-03-14T00:00:00Z", "2026-03-20T00:00:00Z"), late);
    }

    fn of_two_levels_at_one_instant_the_later_event_stands(world) {
        level(world, WeightedUnit::Day);
        world.send_batch(&[set("k1", "2026-03-10T00:00:00Z", "7"), set("k2", "2026-03-10T00:00:00Z", "3")]);
        let expected = rows(&[("2026-03-10", "3.000000", 2)]);
        assert_eq!(days(world, "2026-03-10T00:00:00Z", "2026-03-11T00:00:00Z"), expected);
        world.fold();
        world.send_batch(&[set("k3", "2026-03-10T00:00:00Z", "4")]);
        let expected = rows(&[("2026-03-10", "4.000000", 3)]);
        assert_eq!(days(world, "2026-03-10T00:00:00Z", "2026-03-11T00:00:00Z"), expected);
        world.fold();
        assert_eq!(days(world, "2026-03-10T00:00:00Z", "2026-03-11T00:00:00Z"), expected);
    }

    fn zero_is_a_level_and_no_quantity(world) {
        level(world, WeightedUnit::Period);
        assert_eq!(world.send_batch(&[set("k1", "2026-03-10T00:00:00Z", "0")]), [Outcome::Accepted]);
        let sum = json!({ "metricKey": "tokens", "units": "0" });
        assert_eq!(world.send_refused("k2", &sum).1, Code::NotPositive);
        let negative = json!({ "metricKey": "storage", "units": "-1" });
        assert_eq!(world.send_refused("k3", &negative).1, Code::NotPositive);
    }

    fn petabytes_in_bytes_are_exact(world) {
        level(world, WeightedUnit::Second);
        // The largest quantity of one event, for a whole day of seconds, ten times over.
        let largest = "9223372036854.775807";
        let disks: Vec<Value> = (0..10)
            .map(|disk| {
                let mut change = set(&format!("k{disk}"), "2026-03-10T00:00:00Z", largest);
                change["properties"] = json!({ "disk": disk });
                change
            })
            .collect();
        world.send_batch(&disks);
        for number in 0..30 {
            let body = json!({ "metricKey": "bytes", "units": largest, "timestamp": "2026-03-10T00:00:00Z" });
            world.send(&format!("b{number}"), &body);
        }
        world.fold();
        // 9223372036854.775807 × 86,400 × 10
        let expected = rows(&[("2026-03-10", "7968993439842526297.248000", 10)]);
        assert_eq!(days(world, "2026-03-10T00:00:00Z", "2026-03-11T00:00:00Z"), expected);
        assert_eq!(world.used("bytes"), ("276701161105643.274210".to_owned(), 30));
    }

    fn what_does_not_fit_is_refused_and_never_wrong(world) {
        level(world, WeightedUnit::Second);
        // Three hundred of the largest levels for two thousand years.
        let changes: Vec<Value> = (0..300)
            .map(|disk| {
                let mut change = set(&format!("k{disk}"), "0001-01-01T00:00:00Z", "9223372036854.775807");
                change["properties"] = json!({ "disk": disk });
                change
            })
            .collect();
        world.send_batch(&changes);
        for folded in [false, true] {
            if folded {
                world.fold();
            }
            let query = UsageQuery { from: Some(Instant::parse("0001-01-01T00:00:00Z").unwrap()), ..UsageQuery::default() };
            let refused = world.engine.metric_usage(&world.owner(), "storage", &query).unwrap_err();
            assert_eq!(refused.to_refusal().code, Code::QuantityOutOfRange);
            // What fits is told.
            let one = UsageQuery { by_dimensions: vec!["disk".to_owned()], ..query };
            assert_eq!(world.engine.metric_usage(&world.owner(), "storage", &one).unwrap().data.len(), 300);
        }
    }
}
