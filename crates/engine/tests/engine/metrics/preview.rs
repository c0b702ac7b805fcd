//! The effect of a change before it is made: what a preview tells is what comes.

use domain::access::Role;
use domain::catalog::metric::{MetricChange, MetricDefinition};
use domain::metrics::Aggregation;
use domain::refusal::Code;
use domain::time::Instant;
use engine::metering::usage::UsageQuery;
use engine::metrics::preview::{MetricPreview, PreviewMetricVersion};
use serde_json::{Value, json};

use super::meaning::{KEY, by_region, level, meaning, since, unique_users, wish};
use crate::world::{World, on_both};

const FROM: &str = "2026-03-03T07:07:00Z";
const TO: &str = "2026-03-14T00:00:00Z";

fn preview(world: &World, meaning: MetricDefinition) -> MetricPreview {
    let at = |text| Instant::parse(text).unwrap();
    let wish = PreviewMetricVersion { wish: wish(meaning), from: at(FROM), to: at(TO) };
    world.engine.preview_metric(&world.owner(), KEY, &wish).unwrap()
}

/// The usage of the range as the metric answers it: of everybody, and of each customer.
fn usage(world: &World, by_customer: bool) -> Vec<(Option<String>, String, u64)> {
    let at = |text| Some(Instant::parse(text).unwrap());
    let query = UsageQuery { from: at(FROM), to: at(TO), by_customer, ..Default::default() };
    let rows = world.engine.metric_usage(&world.owner(), KEY, &query).unwrap().data;
    rows.into_iter().map(|row| (row.customer_key, row.units.to_string(), row.events)).collect()
}

on_both! {
    fn a_preview_tells_what_the_change_then_does(world) {
        world.declare();
        world.call_at_once(0..100);
        world.fold();
        world.call_at_once(100..130);
        let largest = meaning(|metric| metric.aggregation = Aggregation::Max);
        for meaning in [unique_users(), level(), since("2026-03-08T12:00:00Z"), by_region(), largest] {
            let told = preview(world, meaning.clone());
            let before = usage(world, false);
            assert_eq!((told.before.units.to_string(), told.before.events), (before[0].1.clone(), before[0].2), "{meaning:?}");
            let customers_before = usage(world, true);
            world.change(meaning.clone());
            world.run_jobs();
            let after = usage(world, false);
            assert_eq!((told.after.units.to_string(), told.after.events), (after[0].1.clone(), after[0].2), "{meaning:?}");
            for customer in &told.customers {
                let find = |rows: &[(Option<String>, String, u64)]| {
                    let row = rows.iter().find(|(key, ..)| key.as_ref() == Some(&customer.customer_key));
                    row.map_or("0.000000".to_owned(), |(_, units, _)| units.clone())
                };
                assert_eq!(customer.before.to_string(), find(&customers_before), "{meaning:?}");
                assert_eq!(customer.after.to_string(), find(&usage(world, true)), "{meaning:?}");
            }
        }
    }

    fn a_preview_counts_what_would_not_count_and_lists_the_largest_changes_first(world) {
        world.declare();
        let event = |key: &str, customer: &str, units: &str, properties: Value| {
            let body = json!({
                "metricKey": KEY, "units": units, "customerKey": customer, "timestamp": "2026-03-05T00:00:00Z",
                "properties": properties,
            });
            world.send(key, &body);
        };
        event("1", "small", "2", json!({ "user": "a" }));
        event("2", "large", "500", json!({ "user": "a" }));
        event("3", "large", "500", json!({ "user": "b" }));
        event("4", "large", "500", json!({}));
        event("5", "equal", "1", json!({ "user": "c" }));
        let told = preview(world, unique_users());
        assert_eq!((told.effect, told.excluded_events), (MetricChange::NewRows, 1));
        let customers = serde_json::to_value(&told.customers).unwrap();
        assert_eq!(customers, json!([
            { "customerKey": "large", "before": "1500.000000", "after": "2.000000", "difference": "-1498.000000" },
            { "customerKey": "small", "before": "2.000000", "after": "1.000000", "difference": "-1.000000" },
        ]));
        // The same value of two customers is one value of everybody.
        assert_eq!((told.after.units.to_string(), told.after.events), ("3.000000".to_owned(), 4));
    }

    fn a_preview_writes_nothing_and_says_whether_a_reason_is_needed(world) {
        world.declare();
        world.send("old", &json!({ "metricKey": KEY, "units": "1", "timestamp": "2025-12-01T00:00:00Z" }));
        world.fold();
        let metric = world.engine.get_metric(&world.owner(), KEY).unwrap();
        let told = preview(world, by_region());
        assert_eq!((told.beyond_limit.unwrap().to_string(), told.batches), ("2025-12-01T00:00:00.000Z".to_owned(), 1));
        assert_eq!(preview(world, meaning(|_| ())).beyond_limit, None);
        assert_eq!(world.engine.get_metric(&world.owner(), KEY).unwrap(), metric);
        assert_eq!(world.engine.list_jobs(&world.owner(), Default::default(), 10).unwrap(), []);
    }

    fn a_preview_is_for_those_who_manage_metrics(world) {
        world.declare();
        let at = |text| Instant::parse(text).unwrap();
        let wish = |to| PreviewMetricVersion { wish: wish(by_region()), from: at(FROM), to: at(to) };
        let refused = world.engine.preview_metric(&world.member(Role::Support), KEY, &wish(TO)).unwrap_err();
        assert_eq!(refused.to_refusal().code, Code::Forbidden);
        let refused = world.engine.preview_metric(&world.owner(), KEY, &wish(FROM)).unwrap_err();
        assert_eq!(refused.to_refusal().code, Code::InvalidQuery);
    }
}
