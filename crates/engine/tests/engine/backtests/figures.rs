//! The figures: those of an estimate for each customer.

use domain::amount::Amount;
use domain::backtests::ResultOrder;
use domain::catalog::asset::CustomAsset;
use domain::quantity::Quantity;
use domain::subscriptions::price_ref::PriceRef;
use domain::window::Span;
use engine::backtests::StartBacktest;
use engine::estimates::{EstimateQuery, EstimatedPrices, EstimatedUsage, SeatEntry};
use serde_json::{Value, json};

use super::shop::{FROM, TO, at, base, customer_key, everything, per_unit, plan, price, wish};
use crate::world::{World, on_both};

/// What an estimate of the same range says, before coupons and tax.
fn estimated(world: &World, version: u32, customer: &str, seats: Vec<SeatEntry>) -> Amount {
    let query = EstimateQuery {
        prices: EstimatedPrices::Plan { key: "team".to_owned(), version: Some(version) },
        add_ons: Vec::new(),
        coupons: Vec::new(),
        customer_key: Some(customer.to_owned()),
        at: None,
        seats,
        usage: EstimatedUsage::Measured { range: Span { start: at(FROM), end: at(TO) }, subscription_key: None },
    };
    world.engine.estimate(&world.owner(), &query).unwrap().estimate.subtotal
}

fn amount(text: &str) -> Amount {
    Amount::parse(text).unwrap()
}

/// Publishes the first, drafts the second, and compares a backtest of the second with estimates of both.
fn agrees_with_estimates(world: &World, published: Value, draft: Value, customers: u32) {
    world.open_shop(customers);
    world.use_shop(customers);
    world.fold();
    world.draft(published);
    world.publish(1);
    world.draft(draft);
    let id = world.backtest(2);
    world.run_jobs();
    let results = world.results(id, ResultOrder::Customer);
    assert_eq!(results.len(), usize::try_from(customers).unwrap(), "{:?}", world.told(id).error);
    for result in &results {
        assert_eq!(result.before, estimated(world, 1, &result.customer_key, Vec::new()), "{}", result.customer_key);
        assert_eq!(result.after, estimated(world, 2, &result.customer_key, Vec::new()), "{}", result.customer_key);
        assert_eq!(Some(result.difference), result.after.checked_sub(result.before));
    }
    assert!(results.iter().any(|result| result.difference.is_positive()));
    let told = world.told(id);
    assert_eq!(told.totals.before, Amount::checked_sum(results.iter().map(|result| result.before)).unwrap());
    assert_eq!(told.totals.after, Amount::checked_sum(results.iter().map(|result| result.after)).unwrap());
}

on_both! {
    fn each_customer_is_charged_what_an_estimate_of_the_same_range_says(world) {
        let simple = plan(json!([base("5"), price("calls", "calls", per_unit("0.11"))]));
        agrees_with_estimates(world, simple, everything(), 12);
    }

    fn commitments_and_custom_assets_are_those_of_the_estimate(world) {
        let credits: CustomAsset = serde_json::from_value(json!({ "code": "CREDITS", "name": "Credits", "places": 2,
            "conversions": [
                { "currency": "USD", "unitPrice": "0.013" },
                { "currency": "USD", "unitPrice": "0.017", "effectiveFrom": "2026-02-01T00:00:00Z" },
            ] })).unwrap();
        world.engine.put_item(&world.owner(), "CREDITS", &credits).unwrap();
        let mut in_credits = price("calls", "calls", per_unit("7"));
        in_credits["asset"] = json!("CREDITS");
        let mut committed = plan(json!([in_credits, price("storage", "storage", per_unit("0.05")), base("1")]));
        committed["minimumCommitment"] = json!({ "amount": "12.5", "interval": { "unit": "month" } });
        agrees_with_estimates(world, plan(json!([price("calls", "calls", per_unit("0.05"))])), committed, 9);
    }

    fn seats_are_nobodys_without_a_subscription(world) {
        world.open_shop(3);
        world.use_shop(3);
        let seats = json!({ "key": "seats", "name": "seats", "interval": { "unit": "month" }, "timing": "advance",
            "terms": { "model": { "type": "seat", "unitPrice": "12" } } });
        world.draft(plan(json!([seats, price("calls", "calls", per_unit("0.5"))])));
        let id = world.backtest(1);
        world.run_jobs();
        for result in world.results(id, ResultOrder::Customer) {
            let none = SeatEntry { price: PriceRef::of_plan("seats"), seats: Quantity::ZERO, from: None };
            assert_eq!(result.after, estimated(world, 1, &result.customer_key, vec![none]));
        }
    }

    fn only_those_count_who_used_what_is_priced_unless_they_are_named(world) {
        world.open_shop(10);
        let event = |key: &str, customer: u32, metric: &str, when: &str| {
            world.send(key, &json!({ "metricKey": metric, "units": "3", "timestamp": when, "customerKey": customer_key(customer) }));
        };
        event("a", 0, "calls", "2026-01-05T00:00:00Z");
        // Of no price, outside the range, and a level that stood in it.
        event("b", 3, "users", "2026-01-05T00:00:00Z");
        event("c", 6, "calls", "2025-12-31T23:59:59Z");
        event("d", 9, "storage", "2025-06-01T00:00:00Z");
        world.draft(plan(json!([base("10"), price("calls", "calls", per_unit("1")), price("storage", "storage", per_unit("0.1"))])));
        let id = world.backtest(1);
        world.run_jobs();
        let told: Vec<_> = world.results(id, ResultOrder::Customer).into_iter().map(|result| (result.customer_key, result.after)).collect();
        assert_eq!(told, [(customer_key(0), amount("23")), (customer_key(9), amount("37.7"))]);
        let named = StartBacktest { customer_keys: Some([6, 0, 6].map(customer_key).to_vec()), ..wish(1) };
        let id = world.start(&named).unwrap();
        world.run_jobs();
        let told: Vec<_> = world.results(id, ResultOrder::Customer).into_iter().map(|result| (result.customer_key, result.after)).collect();
        assert_eq!(told, [(customer_key(0), amount("23")), (customer_key(6), amount("20"))]);
        assert_eq!(world.told(id).customers.counted, 2);
    }

    fn without_a_published_version_before_is_nothing(world) {
        world.open_shop(2);
        world.use_shop(2);
        world.draft(plan(json!([price("calls", "calls", per_unit("1"))])));
        let id = world.backtest(1);
        world.run_jobs();
        let told = world.told(id);
        assert_eq!((told.baseline.clone(), told.totals.before, told.customers.up), (None, Amount::ZERO, told.customers.counted));
        assert_eq!(told.totals.difference, told.totals.after);
    }

    fn results_are_listed_from_either_end_and_by_key(world) {
        world.open_shop(24);
        world.use_shop(24);
        world.draft(plan(json!([price("calls", "calls", per_unit("1"))])));
        world.publish(1);
        // Some pay more, some less, some the same.
        world.draft(plan(json!([price("calls", "calls", json!({ "model": { "type": "graduated", "tiers": [
            { "upTo": "60", "unitPrice": "1" }, { "upTo": "63", "unitPrice": "2" }, { "unitPrice": "0.01" }] } }))])));
        let id = world.backtest(2);
        world.run_jobs();
        let by_increase = world.results(id, ResultOrder::Increase);
        let place = |result: &engine::backtests::BacktestResultView| (std::cmp::Reverse(result.difference), result.customer_key.clone());
        let mut sorted = by_increase.clone();
        sorted.sort_by_key(place);
        assert_eq!(by_increase, sorted);
        let told = world.told(id);
        let customers = told.customers;
        assert!(customers.up > 1 && customers.down > 1 && customers.same > 1, "{customers:?}");
        assert_eq!(usize::try_from(customers.counted).unwrap(), by_increase.len());
        let mut by_decrease = world.results(id, ResultOrder::Decrease);
        by_decrease.reverse();
        assert_eq!(by_decrease, by_increase);
        let mut by_key = world.results(id, ResultOrder::Customer);
        assert!(by_key.is_sorted_by_key(|result| result.customer_key.clone()));
        by_key.sort_by_key(place);
        assert_eq!(by_key, by_increase);
    }
}
