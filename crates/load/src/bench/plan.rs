//! The plan that the benchmark rates and bills by, as a draft and as the published version it is compared with.

use serde_json::{Value, json};

/// What the plan is called.
pub(super) const PLAN: &str = "rated";
/// Base fee, three usage prices (one with other rates by dimension values), and a small flat fee.
pub(super) const PRICES: u64 = 5;

/// The metrics that are priced, as they are declared: one of them with a dimension.
pub(super) fn metrics() -> [Value; 3] {
    [
        json!({ "key": "rated_calls", "name": "Calls", "aggregation": "sum" }),
        json!({ "key": "rated_tokens", "name": "Tokens", "aggregation": "sum", "dimensions": ["model"] }),
        json!({ "key": "rated_gigabytes", "name": "Gigabytes", "aggregation": "max" }),
    ]
}

/// A version of the plan whose calls cost `call_price` above the first tier.
pub(super) fn version(call_price: &str) -> Value {
    let monthly = json!({ "unit": "month" });
    let usage = |key: &str, metric: &str, terms: Value| json!({ "key": key, "name": key, "metric": metric, "interval": monthly, "timing": "arrears", "terms": terms });
    let flat = |key: &str, amount: &str| {
        json!({ "key": key, "name": key, "interval": monthly, "timing": "advance",
            "terms": { "model": { "type": "recurring", "amount": amount } } })
    };
    let per_token = |price: &str| json!({ "type": "perUnit", "unitPrice": price });
    json!({
        "key": PLAN, "name": "Rated", "currency": "USD",
        "prices": [
            flat("base", "49"),
            flat("support", "9.90"),
            usage("calls", "rated_calls", json!({ "included": "100000", "model": { "type": "graduated", "tiers": [
                { "upTo": "1000000", "unitPrice": "0.0004" }, { "unitPrice": call_price } ] } })),
            usage("tokens", "rated_tokens", json!({ "model": per_token("0.000000150000"), "rates": [
                { "when": { "model": "large" }, "model": per_token("0.0000025") } ] })),
            usage("gigabytes", "rated_gigabytes", json!({ "model": { "type": "volume", "tiers": [
                { "upTo": "250000", "unitPrice": "0.002" }, { "unitPrice": "0.0015" } ] } })),
        ]
    })
}
