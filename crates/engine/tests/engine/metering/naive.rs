//! The slow way to the same figures: every stored event is looked at for every window. Shares nothing with the engine but the windows.

use std::collections::{BTreeMap, BTreeSet};

use domain::catalog::metric::MetricDefinition;
use domain::ingest::UsageEvent;
use domain::metrics::Aggregation;
use domain::ratio::div_half_even;
use domain::time::Instant;
use domain::window::Span;
use engine::metering::usage::UsageQuery;
use serde_json::{Value, json};

use crate::ingest::send::event;
use crate::world::World;

/// The window, the customer, and the dimension values that tell a row from others.
pub type RowKey = (Instant, Option<String>, Option<BTreeMap<String, String>>);
type GroupKey = (Option<String>, Option<BTreeMap<String, String>>);
/// Customer, subscription key, and every dimension value.
type Holder<'a> = (&'a str, &'a str, &'a BTreeMap<String, String>);
/// Units in micros, and events.
pub type Row = (i128, u64);

/// One metric of each aggregation, some with dimensions.
pub fn metrics() -> Vec<MetricDefinition> {
    let metric = |key: &str, aggregation, dimensions: &[&str]| MetricDefinition {
        aggregation,
        dimensions: dimensions.iter().map(|name| (*name).to_owned()).collect(),
        ..MetricDefinition::plain(key)
    };
    vec![
        metric("tokens", Aggregation::Sum, &["region", "tier"]),
        metric("logins", Aggregation::Count, &[]),
        metric("peak", Aggregation::Max, &["tier"]),
        metric("version", Aggregation::Latest, &["region"]),
        MetricDefinition { unique_property: Some("user".into()), ..metric("users", Aggregation::Unique, &["region"]) },
        metric("storage", Aggregation::WeightedSum, &["region"]),
        MetricDefinition {
            weighted_unit: Some(domain::catalog::metric::WeightedUnit::Hour),
            ..metric("gpus", Aggregation::WeightedSum, &[])
        },
    ]
}

/// Events of a week before the story, on slices, on edges and in between; several at one instant, some without properties.
pub fn events(world: &World, count: u64, prefix: &str) -> Vec<Value> {
    let start = Instant::parse("2026-03-09T18:00:00Z").unwrap().micros();
    let pick =
        |of: &[&str]| of[usize::try_from(world.random.below(u64::try_from(of.len()).unwrap())).unwrap()].to_owned();
    let keys: Vec<String> = metrics().into_iter().map(|metric| metric.key).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    (0..count)
        .map(|number| {
            let quarters = i64::try_from(world.random.below(4 * 24 * 7)).unwrap();
            let offset = [0, 0, 1, 450_000_000, 899_999_999][usize::try_from(world.random.below(5)).unwrap()];
            let micros = start + quarters * 900_000_000 + offset;
            let text = Instant::from_micros(micros).unwrap().to_string();
            let text = text.replace(&text[19..], &format!(".{:06}Z", micros.rem_euclid(1_000_000)));
            let metric = pick(&keys);
            let zero = matches!(metric.as_str(), "storage" | "gpus") && world.random.below(4) == 0;
            let units = if zero { "0".to_owned() } else { format!("{}.{:06}", world.random.below(900), 1 + number) };
            let mut body = json!({ "metricKey": metric, "units": units, "timestamp": text });
            body["customerKey"] = json!(pick(&["self", "acme", "zeta"]));
            if world.random.below(3) == 0 {
                body["subscriptionKey"] = json!(pick(&["s1", "s2"]));
            }
            if world.random.below(6) > 0 {
                let mut properties = json!({ "user": pick(&["u1", "u2", "u3", "ü\"4"]), "other": 7 });
                if world.random.below(4) > 0 {
                    properties["region"] = json!(pick(&["eu", "us"]));
                }
                if world.random.below(3) > 0 {
                    properties["tier"] = if world.random.below(2) == 0 { json!(1) } else { json!(true) };
                }
                body["properties"] = properties;
            }
            event(&format!("{prefix}{number:05}"), &body)
        })
        .collect()
}

/// Every event that is stored and counts.
pub fn stored(world: &World) -> Vec<UsageEvent> {
    let read = |tx: &mut storage::ProjectTx<'_>| -> Result<_, storage::StorageError> {
        Ok((storage::usage_events::page(tx, None, 100_000)?, storage::usage_voids::all(tx)?))
    };
    let (mut events, void) = world.db.read("test", world.project.id, read).unwrap();
    events.retain(|event| !void.contains(&event.id));
    events
}

/// The rows of an answer.
pub fn rows(
    all: &[UsageEvent],
    metric: &MetricDefinition,
    query: &UsageQuery,
    spans: &[Span],
    now: Instant,
) -> BTreeMap<RowKey, Row> {
    let counted: Vec<Seen> = all.iter().filter_map(|event| Seen::of(event, metric)).collect();
    let mut rows = BTreeMap::new();
    for span in spans {
        let mut groups: BTreeMap<GroupKey, Vec<&Seen>> = BTreeMap::new();
        for event in counted.iter().filter(|event| event.at < span.end) {
            groups.entry(event.group(query)).or_default().push(event);
        }
        for ((customer, dimensions), events) in groups {
            let inside: Vec<&Seen> = events.iter().copied().filter(|event| event.at >= span.start).collect();
            let count = u64::try_from(inside.len()).unwrap();
            let units = match metric.aggregation {
                Aggregation::Sum => inside.iter().map(|event| event.units).sum(),
                Aggregation::Count => i128::from(count) * 1_000_000,
                Aggregation::Max => inside.iter().map(|event| event.units).max().unwrap_or(0),
                Aggregation::Latest => {
                    inside.iter().max_by_key(|event| (event.at, event.id)).map_or(0, |event| event.units)
                }
                Aggregation::Unique => {
                    let values: BTreeSet<&str> = inside.iter().map(|event| event.value.as_str()).collect();
                    i128::try_from(values.len()).unwrap() * 1_000_000
                }
                Aggregation::WeightedSum => {
                    let area = area(&events, *span, now);
                    if area == 0 && count == 0 {
                        continue;
                    }
                    let length = i128::from(span.end.micros() - span.start.micros());
                    let seconds = metric.weighted_unit.and_then(domain::catalog::metric::WeightedUnit::seconds);
                    div_half_even(area, seconds.map_or(length, |seconds| i128::from(seconds) * 1_000_000))
                }
            };
            if count > 0 || metric.aggregation == Aggregation::WeightedSum {
                rows.insert((span.start, customer, dimensions), (units, count));
            }
        }
    }
    rows
}

/// The area under the levels of every holder: micros of units × microseconds.
fn area(events: &[&Seen], span: Span, now: Instant) -> i128 {
    let mut holders: BTreeMap<Holder<'_>, Vec<&Seen>> = BTreeMap::new();
    for event in events {
        holders.entry((&event.customer, &event.subscription, &event.dimensions)).or_default().push(event);
    }
    let mut area = 0;
    for mut changes in holders.into_values() {
        changes.sort_by_key(|event| (event.at, event.id));
        for (index, change) in changes.iter().enumerate() {
            let until = changes.get(index + 1).map_or(span.end, |next| next.at).min(span.end).min(now);
            let from = change.at.max(span.start);
            if from < until {
                area += change.units * i128::from(until.micros() - from.micros());
            }
        }
    }
    area
}

/// An event that counts.
struct Seen {
    at: Instant,
    id: domain::ids::EventId,
    units: i128,
    customer: String,
    subscription: String,
    dimensions: BTreeMap<String, String>,
    value: String,
}

impl Seen {
    fn of(event: &UsageEvent, metric: &MetricDefinition) -> Option<Seen> {
        if event.metric_key != metric.key || metric.effective_from.is_some_and(|from| event.at < from) {
            return None;
        }
        let properties: Value = serde_json::from_str(event.properties.as_deref().unwrap_or("{}")).unwrap();
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let carried =
            |name: &String| Some((name.clone(), text(properties.get(name).filter(|value| !value.is_null())?)));
        let value = match &metric.unique_property {
            Some(name) => properties.get(name).filter(|value| !value.is_null())?.to_string(),
            None => String::new(),
        };
        Some(Seen {
            at: event.at,
            id: event.id,
            units: i128::from(event.units.micros()),
            customer: event.customer_key.clone(),
            subscription: event.subscription_key.clone().unwrap_or_default(),
            dimensions: metric.dimensions.iter().filter_map(carried).collect(),
            value,
        })
    }

    fn group(&self, query: &UsageQuery) -> GroupKey {
        let mut dimensions = self.dimensions.clone();
        dimensions.retain(|name, _| query.by_dimensions.contains(name));
        let by_dimensions = !query.by_dimensions.is_empty();
        (query.by_customer.then(|| self.customer.clone()), by_dimensions.then_some(dimensions))
    }
}
