//! What the world sells: three plans in four currencies, one without decimals and one with three; coupons, taxes, add-ons.

use domain::catalog::Catalog;
use domain::catalog::whole::Rest;
use domain::invoices::settings::BillingSettings;
use engine::catalog::apply::{ApplyCatalog, Publication};
use serde_json::{Value, json};

use super::{BEGINNING, Writer, after};

/// The currencies with what a plan's fee is multiplied by.
pub(super) const CURRENCIES: [(&str, u32); 4] = [("USD", 1), ("EUR", 1), ("JPY", 150), ("BHD", 1)];

pub(super) fn write(writer: &Writer<'_>) {
    let (installation, project) = (writer.installation, writer.project);
    let command = ApplyCatalog {
        catalog: serde_json::from_value::<Catalog>(catalog()).unwrap(),
        rest: Rest::Stays,
        publication: Publication::Published,
        expected_digest: None,
        reason: None,
    };
    let ctx = installation.deed(project, "catalog", after(BEGINNING, 2));
    installation.engine.apply_catalog(&ctx, None, &command).unwrap();
    let ctx = installation.deed(project, "settings", after(BEGINNING, 3));
    let settings: BillingSettings = serde_json::from_value(json!({
        "seller": { "legalName": "Simulation Incorporated", "taxIds": ["DE123456789"], "locale": "en-GB" },
        "series": { "invoice": { "prefix": "S-", "digits": 5 } }
    }))
    .unwrap();
    installation.engine.put_billing_settings(&ctx, &settings).unwrap();
}

fn catalog() -> Value {
    json!({
        "metrics": [
            { "key": "calls", "name": "Calls", "aggregation": "sum", "unitLabel": "call", "dimensions": ["region"] },
            { "key": "tokens", "name": "Tokens", "aggregation": "sum", "unitLabel": "token" },
            { "key": "people", "name": "People", "aggregation": "unique", "uniqueProperty": "person" },
            { "key": "storage", "name": "Storage", "aggregation": "weightedSum", "weightedUnit": "day", "unitLabel": "GB day" },
        ],
        "taxCategories": [{ "key": "saas", "name": "Software as a service" }],
        "taxRates": [
            { "key": "de", "name": "Umsatzsteuer", "category": "saas", "country": "DE", "percent": "19" },
            { "key": "fr", "name": "TVA", "category": "saas", "country": "FR", "percent": "20" },
            { "key": "ny", "name": "Sales tax", "category": "saas", "country": "US", "region": "NY", "percent": "8.875" },
        ],
        "plans": CURRENCIES.iter().flat_map(|(currency, factor)| plans(currency, *factor)).collect::<Vec<_>>(),
        "addOns": CURRENCIES.iter().map(|(currency, factor)| add_on(currency, *factor)).collect::<Vec<_>>(),
        "coupons": [
            { "key": "launch", "name": "20 % off for three months", "discount": { "type": "percent", "percent": "20" },
              "duration": { "type": "periods", "periods": 3 } },
            { "key": "welcome", "name": "Five to begin with", "discount": { "type": "fixed", "amount": "5", "currency": "USD" },
              "duration": { "type": "once" } },
        ],
    })
}

/// A plan with fees and usage, a dearer one to change to, and one of usage alone.
fn plans(currency: &str, factor: u32) -> [Value; 3] {
    let of = |cents: u32| format!("{}.{:02}", cents * factor / 100, cents * factor % 100);
    let key = |name: &str| format!("{name}-{}", currency.to_lowercase());
    let fee =
        |cents: u32| price("base", None, "advance", json!({ "model": { "type": "recurring", "amount": of(cents) } }));
    let seats = |cents: u32| {
        let model = json!({ "type": "seat", "unitPrice": of(cents) });
        price("seats", None, "advance", json!({ "model": model, "included": "1" }))
    };
    let tiers = json!([{ "upTo": "40", "unitPrice": of(13) }, { "upTo": "90", "unitPrice": of(7), "flatFee": of(150) },
        { "unitPrice": of(3) }]);
    let graduated = json!({ "model": { "type": "graduated", "tiers": tiers }, "included": "5" });
    let regional = json!({
        "model": { "type": "perUnit", "unitPrice": of(11) },
        "rates": [{ "when": { "region": "eu" }, "model": { "type": "perUnit", "unitPrice": of(9) } }],
    });
    let volume = json!({ "model": { "type": "volume", "tiers": [{ "upTo": "2", "unitPrice": of(100) }, { "unitPrice": of(90) }] } });
    let package = json!({ "model": { "type": "package", "size": "10", "price": of(60) }, "minimum": of(500) });
    let token = json!({ "model": { "type": "perUnit", "unitPrice": "0.000123456789" } });
    let held = json!({ "model": { "type": "perUnit", "unitPrice": "0.013" } });
    [
        json!({ "key": key("team"), "name": "Team", "currency": currency, "addOns": [key("support")], "prices": [
            fee(4900), seats(1250), usage("calls", graduated), usage("tokens", token.clone()), usage("people", volume) ] }),
        json!({ "key": key("growth"), "name": "Growth", "currency": currency, "addOns": [key("support")], "prices": [
            fee(9900), seats(1100), usage("calls", regional), usage("storage", held) ] }),
        json!({ "key": key("meter"), "name": "Meter", "currency": currency, "prices": [
            usage("calls", package), usage("tokens", token) ] }),
    ]
}

fn add_on(currency: &str, factor: u32) -> Value {
    let terms = json!({ "model": { "type": "recurring", "amount": (25 * factor).to_string() } });
    json!({ "key": format!("support-{}", currency.to_lowercase()), "name": "Support", "currency": currency,
        "prices": [price("support", None, "arrears", terms)] })
}

fn usage(metric: &str, terms: Value) -> Value {
    price(metric, Some(metric), "arrears", terms)
}

fn price(key: &str, metric: Option<&str>, timing: &str, terms: Value) -> Value {
    let mut price = json!({ "key": key, "name": key, "interval": { "unit": "month" }, "timing": timing, "taxCategory": "saas",
        "terms": terms });
    if let Some(metric) = metric {
        price["metric"] = json!(metric);
    }
    price
}
