//! The reader as other use cases ask it: spans of each customer's own, ranges of customers, gaps, single events.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::catalog::metric::MetricDefinition;
use domain::ids::CustomerId;
use domain::time::Instant;
use domain::window::Span;
use engine::metering::{Customers, EventsOf, Measured, Question, Spans, Through, measure, measure_all, priced_events};
use engine::{Ctx, Error};
use serde_json::json;

use super::naive;
use super::totals::prepare;
use crate::world::{World, on_both};

fn span(from: &str, to: &str) -> Span {
    Span { start: Instant::parse(from).unwrap(), end: Instant::parse(to).unwrap() }
}

fn customer(world: &World, key: &str) -> CustomerId {
    let found = world.db.read("test", world.project.id, |tx| storage::customers::find_by_key(tx, key));
    found.unwrap().unwrap().id
}

fn metric(world: &World, key: &str) -> domain::metrics::Metric {
    world.db.read("test", world.project.id, |tx| storage::metrics::find_by_key(tx, key)).unwrap().unwrap()
}

fn ask(world: &World, key: &str, customers: Customers, spans: Spans<'_>) -> Vec<Measured> {
    let metric = metric(world, key);
    let through = Through::Everything;
    let question = Question { metric: &metric, customers, spans, now: Ctx::now(&world.owner()), through };
    world.db.read("test", world.project.id, |tx| measure(tx, &question)).unwrap()
}

on_both! {
    fn customers_may_have_spans_of_their_own(world) {
        prepare(world);
        world.send_batch(&naive::events(world, 150, "a"));
        world.fold();
        world.send_batch(&naive::events(world, 150, "b"));
        let own = BTreeMap::from([
            (customer(world, "acme"), vec![span("2026-03-10T18:15:00Z", "2026-03-11T18:15:00Z"), span("2026-03-11T18:15:00Z", "2026-03-12T18:15:00Z")]),
            (customer(world, "zeta"), vec![span("2026-03-10T00:00:00Z", "2026-03-12T00:00:00Z"), span("2026-03-13T00:07:30Z", "2026-03-14T00:00:00Z")]),
            (customer(world, "self"), vec![]),
        ]);
        let of = |id: CustomerId| -> Arc<[Span]> { own[&id].as_slice().into() };
        let hull = span("2026-03-09T00:00:00Z", "2026-03-15T00:00:00Z");
        for definition in naive::metrics() {
            let together = ask(world, &definition.key, Customers::All, Spans::Own { hull, of: &of });
            let mut alone: Vec<Measured> = Vec::new();
            for (id, spans) in &own {
                alone.extend(ask(world, &definition.key, Customers::One(*id), Spans::Same(spans)));
            }
            alone.sort_by(|one, other| (one.customer, &one.subscription_key).cmp(&(other.customer, &other.subscription_key)));
            assert!(!together.is_empty());
            let sorted = |rows: Vec<Measured>| {
                let mut rows: Vec<String> = rows.iter().map(|row| format!("{row:?}")).collect();
                rows.sort();
                rows
            };
            assert_eq!(sorted(together), sorted(alone), "{}", definition.key);
        }
    }

    fn a_range_of_customers_is_the_customers_in_it(world) {
        prepare(world);
        world.send_batch(&naive::events(world, 200, "a"));
        world.fold();
        world.send_batch(&naive::events(world, 50, "b"));
        let spans = [span("2026-03-10T07:00:01Z", "2026-03-14T00:00:00Z")];
        let mut ids = [customer(world, "acme"), customer(world, "zeta"), customer(world, "self")];
        ids.sort();
        for definition in naive::metrics() {
            let all = ask(world, &definition.key, Customers::All, Spans::Same(&spans));
            let range = ask(world, &definition.key, Customers::Between { first: ids[0], last: ids[1] }, Spans::Same(&spans));
            let kept: Vec<Measured> = all.into_iter().filter(|row| row.customer <= ids[1]).collect();
            assert_eq!(range, kept, "{}", definition.key);
        }
    }

    fn several_questions_are_answered_in_one_reading(world) {
        prepare(world);
        world.send_batch(&naive::events(world, 100, "a"));
        let spans = [span("2026-03-10T00:00:00Z", "2026-03-14T00:00:00Z")];
        let metrics: Vec<_> = naive::metrics().iter().map(|definition| metric(world, &definition.key)).collect();
        let (now, through) = (world.owner().now(), Through::Everything);
        let mut questions: Vec<Question<'_>> = metrics
            .iter()
            .map(|metric| Question { metric, customers: Customers::All, spans: Spans::Same(&spans), now, through })
            .collect();
        questions.push(Question { spans: Spans::Same(&[]), ..questions[0] });
        let answers: Result<_, Error> = world.db.read("test", world.project.id, |tx| measure_all(tx, &questions));
        let answers: Vec<Vec<Measured>> = answers.unwrap();
        for (metric, answer) in metrics.iter().zip(&answers) {
            assert_eq!(*answer, ask(world, &metric.definition.key, Customers::All, Spans::Same(&spans)));
        }
        assert_eq!(answers.last().unwrap(), &[]);
    }

    fn prices_that_look_at_events_get_each_of_them(world) {
        let definition = MetricDefinition { dimensions: vec!["region".into()], ..MetricDefinition::plain("payments") };
        world.engine.declare_metric(&world.owner(), &definition).unwrap();
        let send = |key: &str, at: &str, properties: serde_json::Value| {
            world.send(key, &json!({ "metricKey": "payments", "units": "1", "timestamp": at, "properties": properties, "subscriptionKey": "s1" }));
        };
        send("k1", "2026-03-10T00:00:00Z", json!({ "region": "eu", "price": "0.000000150000" }));
        world.fold();
        send("k2", "2026-03-10T00:00:00Z", json!({ "price": 12 }));
        send("k3", "2026-03-09T23:59:59.999999Z", json!({ "price": "1" }));
        send("k4", "2026-03-11T00:00:00Z", json!({ "price": "1" }));
        send("k5", "2026-03-10T05:00:00Z", json!({ "price": "much" }));
        let metric = metric(world, "payments");
        let day = span("2026-03-10T00:00:00Z", "2026-03-11T00:00:00Z");
        let events = world
            .db
            .read("test", world.project.id, |tx| {
                let wanted = EventsOf { metric: &metric, customers: Customers::All, span: day, through: Through::Everything };
                priced_events(tx, &wanted, Some("price"))
            })
            .unwrap();
        let told: Vec<(Option<&str>, Option<String>)> = events
            .iter()
            .map(|event| (event.values.get("region").map(String::as_str), event.units.amount.map(|amount| amount.to_string())))
            .collect();
        assert_eq!(told, [(Some("eu"), Some("0.00000015".to_owned())), (None, Some("12".to_owned())), (None, None)]);
        assert!(events.iter().all(|event| event.subscription_key.as_deref() == Some("s1")));
    }
}
