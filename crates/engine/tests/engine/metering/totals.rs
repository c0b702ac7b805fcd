//! Totals of every aggregation equal a recompute from raw events, in any window, zone and grouping, whatever is folded.

use std::collections::BTreeMap;

use domain::catalog::metric::MetricDefinition;
use domain::customers::NewCustomer;
use domain::time::Instant;
use domain::window::{self, Span, Window};
use engine::metering::usage::{UsageQuery, UsageRow};

use super::naive::{self, Row, RowKey};
use crate::world::{World, on_both};

fn at(text: &str) -> Instant {
    Instant::parse(text).unwrap()
}

/// The project knows the metrics and the customers of [`naive`].
pub fn prepare(world: &World) {
    for definition in naive::metrics() {
        world.engine.declare_metric(&world.owner(), &definition).unwrap();
    }
    for key in ["acme", "zeta"] {
        let new = NewCustomer::with_key(key);
        world.engine.create_customer(&world.owner(), None, &new).unwrap();
    }
}

/// What the engine tells.
pub fn told(world: &World, key: &str, query: &UsageQuery) -> BTreeMap<RowKey, Row> {
    let usage = world.engine.metric_usage(&world.owner(), key, query).unwrap();
    let tell = |row: UsageRow| ((row.start, row.customer_key, row.dimensions), (row.units.micros(), row.events));
    usage.data.into_iter().map(tell).collect()
}

/// Questions with edges on slices, within slices and within days, in zones that are not whole hours away from UTC.
fn questions(metric: &MetricDefinition) -> Vec<UsageQuery> {
    let cases = [
        (Some(Window::Day), "UTC", "2026-03-09T00:00:00Z", "2026-03-18T00:00:00Z", true),
        (Some(Window::Day), "Asia/Kathmandu", "2026-03-10T00:00:00+05:45", "2026-03-17T00:00:00+05:45", false),
        (Some(Window::Hour), "Australia/Lord_Howe", "2026-03-11T11:07:30Z", "2026-03-12T13:22:30.000001Z", true),
        (Some(Window::Week), "America/New_York", "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z", false),
        (Some(Window::Month), "UTC", "2026-01-01T00:00:00Z", "2026-05-01T00:00:00Z", true),
        (None, "UTC", "2026-03-10T18:07:07.5Z", "2026-03-15T06:00:00Z", true),
        (None, "UTC", "2026-03-12T06:00:00.000001Z", "2026-03-12T06:07:30Z", false),
    ];
    let query = |(window, zone, from, to, grouped): (Option<Window>, &str, &str, &str, bool)| UsageQuery {
        from: Some(at(from)),
        to: Some(at(to)),
        window,
        time_zone: Some(zone.to_owned()),
        by_customer: grouped,
        by_dimensions: if grouped { metric.dimensions.clone() } else { Vec::new() },
        ..UsageQuery::default()
    };
    cases.into_iter().map(query).collect()
}

fn spans(query: &UsageQuery) -> Vec<Span> {
    let span = Span { start: query.from.unwrap(), end: query.to.unwrap() };
    match query.window {
        Some(window) => span.cut(window, &window::zone(query.time_zone.as_deref().unwrap())).unwrap(),
        None => vec![span],
    }
}

#[track_caller]
pub fn check_all(world: &World, what: &str) {
    let all = naive::stored(world);
    for metric in naive::metrics() {
        for query in questions(&metric) {
            let expected = naive::rows(&all, &metric, &query, &spans(&query), world.owner().now());
            assert_eq!(told(world, &metric.key, &query), expected, "{} {what}: {query:?}", metric.key);
        }
    }
}

on_both! {
    // checklist 36
    fn totals_of_every_aggregation_equal_a_recompute_from_raw_events(world) {
        prepare(world);
        for turn in 0..4 {
            // Later turns bring events into days and slices that are folded already.
            for chunk in naive::events(world, 90, &format!("k{turn}-")).chunks(30) {
                world.send_batch(chunk);
            }
            check_all(world, &format!("with turn {turn} not folded"));
            if turn % 2 == 0 {
                world.fold();
                check_all(world, &format!("with turn {turn} folded"));
            }
        }
    }

    // checklist 37
    fn neither_the_order_of_events_nor_their_grouping_changes_a_total(world) {
        prepare(world);
        // Events at one instant are told apart by their ids, which follow the order of sending: each instant is used once here.
        let mut seen = std::collections::HashSet::new();
        let mut events = naive::events(world, 200, "k");
        events.retain(|event| seen.insert(event["timestamp"].clone()));
        world.send_batch(&events);
        for place in (1..events.len()).rev() {
            events.swap(place, usize::try_from(world.random.below(u64::try_from(place).unwrap() + 1)).unwrap());
        }
        let other = World::new(world.db.clone(), world.seed.wrapping_add(1));
        prepare(&other);
        for (turn, chunk) in events.chunks(7).enumerate() {
            other.send_batch(chunk);
            if turn % 3 == 0 {
                other.engine.fold_rollups().unwrap();
            }
        }
        for metric in naive::metrics() {
            for query in questions(&metric) {
                assert_eq!(told(&other, &metric.key, &query), told(world, &metric.key, &query), "{}: {query:?}", metric.key);
            }
        }
    }

    // checklist 38
    fn windows_share_no_event_and_lose_none(world) {
        prepare(world);
        world.send_batch(&naive::events(world, 200, "k"));
        world.fold();
        for metric in naive::metrics() {
            let all = UsageQuery { from: Some(at("2026-03-01T00:00:00Z")), to: Some(at("2026-04-01T00:00:00Z")), ..UsageQuery::default() };
            let whole: u64 = told(world, &metric.key, &all).values().map(|row| row.1).sum();
            for zone in ["UTC", "Asia/Kathmandu", "Australia/Lord_Howe"] {
                let cut = UsageQuery { window: Some(Window::Hour), time_zone: Some(zone.to_owned()), ..all.clone() };
                let parts: u64 = told(world, &metric.key, &cut).values().map(|row| row.1).sum();
                assert_eq!(parts, whole, "{} {zone}", metric.key);
            }
        }
    }

    // checklist 39
    fn a_window_is_final_once_its_late_buffer_has_passed(world) {
        prepare(world);
        world.clock.set("2026-03-17T10:20:00Z");
        world.send("k1", &serde_json::json!({ "metricKey": "tokens", "units": "1", "timestamp": "2026-03-17T08:30:00Z" }));
        world.send("k2", &serde_json::json!({ "metricKey": "tokens", "units": "1", "timestamp": "2026-03-17T09:30:00Z" }));
        let query = UsageQuery { window: Some(Window::Hour), ..UsageQuery::default() };
        let finals = |time: &str| {
            world.clock.set(time);
            let usage = world.engine.metric_usage(&world.owner(), "tokens", &query).unwrap();
            usage.data.iter().map(|row| row.is_final).collect::<Vec<_>>()
        };
        // The window from nine to ten ended at ten; the standard buffer is an hour.
        assert_eq!(finals("2026-03-17T10:20:00Z"), [true, false]);
        assert_eq!(finals("2026-03-17T10:59:59.999Z"), [true, false]);
        assert_eq!(finals("2026-03-17T11:00:00Z"), [true, true]);
    }
}
