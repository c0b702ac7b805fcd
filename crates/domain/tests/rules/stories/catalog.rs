//! What stories say of the catalog, as blocks:
//!
//! ```text
//! plan team EUR
//!   base recurring 31.00 monthly advance anniversary
//!   seats seat 6.20 monthly advance anniversary
//!   calls usage api_calls 0.01 monthly arrears calendar
//!   base from 2024-03-21 recurring 62.00
//!   offers support
//! add-on support EUR
//!   hours seat 62 monthly advance anniversary
//! coupon spring 10 percent for 3 periods
//! ```

use domain::catalog::add_on::AddOn;
use domain::catalog::coupon::Coupon;
use domain::catalog::plan::{PlanDefinition, PlanState, PlanVersion};
use domain::subscriptions::offers::Offers;
use domain::subscriptions::price_ref::VersionRef;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::notation::Words;

pub fn version_ref(key: &str) -> VersionRef {
    VersionRef { key: key.to_owned(), version: 1 }
}

/// Takes a line of the catalog; `false` for a line about something else.
pub fn hear(offers: &mut Offers, line: &str, block: &[&str], zone: &TimeZone) -> bool {
    let mut words = Words::of(line, zone);
    match words.word() {
        "plan" => {
            let (definition, key) = with_prices(&mut words, block, zone);
            let definition: PlanDefinition = serde_json::from_value(definition).unwrap();
            let version = PlanVersion { state: PlanState::Published, ..PlanVersion::draft(1, definition) };
            offers.plans.insert(version_ref(key), version);
        }
        "add-on" => {
            let (mut definition, key) = with_prices(&mut words, block, zone);
            definition.as_object_mut().unwrap().remove("addOns");
            let add_on: AddOn = serde_json::from_value(definition).unwrap();
            offers.add_ons.insert(version_ref(key), add_on);
        }
        "coupon" => {
            let (key, percent) = (words.word(), words.word());
            assert!(words.take("percent for"), "a coupon is `percent for N periods`");
            let periods: u32 = words.word().parse().unwrap();
            assert!(words.take("periods"));
            let duration = json!({ "type": "periods", "periods": periods });
            let discount = json!({ "type": "percent", "percent": percent });
            let coupon = json!({ "key": key, "name": key, "discount": discount, "duration": duration });
            offers.coupons.insert(key.to_owned(), serde_json::from_value::<Coupon>(coupon).unwrap());
        }
        _ => return false,
    }
    words.end();
    true
}

fn with_prices<'t>(words: &mut Words<'t>, block: &[&str], zone: &TimeZone) -> (Value, &'t str) {
    let (key, currency) = (words.word(), words.word());
    let mut prices: Vec<Value> = Vec::new();
    let mut add_ons: Vec<&str> = Vec::new();
    for line in block {
        let mut words = Words::of(line, zone);
        let name = words.word();
        if name == "offers" {
            add_ons.push(words.word());
        } else if words.take("from") {
            let from = words.instant();
            let terms = terms(&mut words).1;
            let price = prices.iter_mut().find(|price| price["key"] == name).expect("the price was told before");
            price["changes"].as_array_mut().unwrap().push(json!({ "effectiveFrom": from, "terms": terms }));
        } else {
            prices.push(price(name, &mut words));
        }
        words.end();
    }
    (json!({ "key": key, "name": key, "currency": currency, "prices": prices, "addOns": add_ons }), key)
}

fn price(key: &str, words: &mut Words<'_>) -> Value {
    let (metric, terms) = terms(words);
    let unit = match words.word() {
        "daily" => "day",
        "weekly" => "week",
        "monthly" => "month",
        "quarterly" => "quarter",
        "yearly" => "year",
        other => panic!("{other} is no interval"),
    };
    let (timing, anchor) = (words.word(), words.word());
    json!({ "key": key, "name": key, "metric": metric, "interval": { "unit": unit }, "timing": timing, "anchor": anchor,
            "terms": terms, "changes": [] })
}

/// `recurring 31.00`, `seat 6.20`, or `usage api_calls 0.01` with its metric.
fn terms<'t>(words: &mut Words<'t>) -> (Option<&'t str>, Value) {
    match words.word() {
        "recurring" => (None, json!({ "model": { "type": "recurring", "amount": words.word() } })),
        "seat" => (None, json!({ "model": { "type": "seat", "unitPrice": words.word() } })),
        "usage" => (Some(words.word()), json!({ "model": { "type": "perUnit", "unitPrice": words.word() } })),
        other => panic!("{other} is no model"),
    }
}
