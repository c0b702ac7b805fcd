//! Estimates write nothing, and see every event that was accepted before.

use std::collections::BTreeMap;

use domain::catalog::price::Price;
use domain::currency::Currency;
use domain::refusal::Code;
use domain::tax::TaxBehaviour;
use domain::time::Instant;
use domain::window::Span;
use engine::Error;
use engine::estimates::{EstimateQuery, EstimateView, EstimatedPrices, EstimatedUsage};
use serde_json::json;
use storage::{Database, Dialect, raw};

use crate::world::{World, on_both};

/// What the project itself used in March, at a dollar a token.
fn march() -> EstimateQuery {
    let price = json!({ "key": "tokens", "name": "Tokens", "metric": "api_tokens", "interval": { "unit": "month" },
        "timing": "arrears", "terms": { "model": { "type": "perUnit", "unitPrice": "1" }, "minimum": "5" } });
    let price: Price = serde_json::from_value(price).unwrap();
    let at = |text: &str| Instant::parse(text).unwrap();
    let range = Span { start: at("2026-03-01T00:00:00Z"), end: at("2026-04-01T00:00:00Z") };
    EstimateQuery {
        prices: EstimatedPrices::Prices {
            currency: Currency::USD,
            tax_behaviour: TaxBehaviour::Exclusive,
            prices: vec![price],
        },
        add_ons: Vec::new(),
        coupons: Vec::new(),
        customer_key: None,
        at: None,
        seats: Vec::new(),
        usage: EstimatedUsage::Measured { range, subscription_key: None },
    }
}

fn estimate(world: &World) -> EstimateView {
    world.engine.estimate(&world.owner(), &march()).unwrap()
}

/// The number of rows of every table.
fn rows(db: &Database) -> BTreeMap<String, i64> {
    let tables = match db.dialect() {
        Dialect::Sqlite => "-- t\n select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'",
        Dialect::Postgres => {
            "-- t\n select cast(relname as text) from pg_class where relkind = 'r' and relnamespace = current_schema()::regnamespace"
        }
    };
    let tables: Vec<String> = raw::query_as_owner(db, tables, |row| row.get(0)).unwrap();
    let count =
        |table: &String| raw::query_as_owner(db, &format!("-- t\n select count(1) from {table}"), |row| row.get(0));
    tables.iter().map(|table| (table.clone(), count(table).unwrap()[0])).collect()
}

#[test]
fn an_estimate_writes_no_row_anywhere() {
    for (name, _, db) in testkit::fresh_databases() {
        let world = World::new(db.clone(), 17);
        world.send("a", &json!({ "metricKey": "api_tokens", "units": "7" }));
        let before = rows(&db);
        assert_eq!(estimate(&world).estimate.total.to_string(), "7.000000", "{name}");
        let unknown = EstimateQuery { customer_key: Some("nobody".to_owned()), ..march() };
        world.engine.estimate(&world.owner(), &unknown).unwrap_err();
        assert!(before.len() > 20 && before["usage_events"] == 1, "{name}: {before:?}");
        assert_eq!(rows(&db), before, "{name}");
    }
}

on_both! {
    fn an_estimate_holds_every_event_that_was_accepted_before(world) {
        world.send("first", &json!({ "metricKey": "api_tokens", "units": "7" }));
        assert_eq!(estimate(world).estimate.total.to_string(), "7.000000");
        world.fold();
        world.send("second", &json!({ "metricKey": "api_tokens", "units": "0.5" }));
        assert_eq!(estimate(world).estimate.total.to_string(), "7.500000");
        world.fold();
        assert_eq!(estimate(world).estimate.total.to_string(), "7.500000");
    }

    fn a_metric_nobody_sent_is_named(world) {
        match world.engine.estimate(&world.owner(), &march()) {
            Err(Error::Refused(refusal)) => {
                assert_eq!((refusal.code, refusal.first_field()), (Code::InvalidCatalog, Some("prices[0].metric")));
            }
            other => panic!("{other:?}"),
        }
    }
}
