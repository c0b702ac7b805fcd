//! Estimates of what a customer used in a range of time.

use domain::access::Scope;
use domain::refusal::Code;
use serde_json::{Value, json};

use super::plans::{hybrid, told};
use crate::plans::Shop;
use crate::world::on_both;

/// One event for `acme`: key, metric, units, when.
fn event(key: &str, metric: &str, units: &str, at: &str) -> Value {
    json!({ "idempotencyKey": key, "metricKey": metric, "units": units, "timestamp": at, "customerKey": "acme" })
}

impl Shop<'_> {
    fn customer(&self, zone: Option<&str>) {
        self.post("/customers", json!({ "externalKey": "acme", "timeZone": zone })).expect(201);
    }

    fn ingest(&self, events: &[Value]) {
        let key = self.world.access_key(&self.project, &[Scope::IngestUsage]);
        let reply = self.world.post("/ingest/usage/batch").key(key).json(json!({ "events": events })).expect(200);
        assert_eq!(reply["accepted"], events.len(), "{reply}");
    }

    /// What `acme` used, under one inline price of `api_calls`.
    fn used(&self, terms: Value, changes: Value, from: &str, to: &str) -> Value {
        let price = json!({ "key": "p", "name": "P", "metric": "api_calls", "interval": { "unit": "month" }, "timing": "arrears",
            "terms": terms, "changes": changes });
        self.estimate(json!({ "prices": [price], "currency": "EUR", "customerKey": "acme", "from": from, "to": to }))
    }
}

fn midnight(day: &str) -> String {
    format!("{day}T00:00:00Z")
}

on_both! {
    fn a_hybrid_plan_is_rated_from_what_was_used_month_by_month(world) {
        // checklist 42
        let shop = hybrid(world);
        shop.publish(1).expect(200);
        shop.customer(None);
        shop.ingest(&[
            event("a", "api_calls", "1500", "2026-01-31T23:59:59.999Z"),
            event("b", "api_calls", "500", "2026-02-01T00:00:00Z"),
            event("c", "api_calls", "700", "2026-02-28T23:59:59.999Z"),
            event("d", "api_calls", "9", "2026-03-01T00:00:00Z"),
            event("e", "tokens", "2000000", "2026-02-14T12:00:00Z"),
        ]);
        let body = json!({
            "plan": { "key": "team" }, "customerKey": "acme", "from": midnight("2026-01-01"), "to": midnight("2026-03-01"),
            "seats": [{ "price": "seats", "seats": "2" }, { "price": "seats", "seats": "4", "from": midnight("2026-02-15") }],
        });
        let reply = shop.estimate(body);
        assert_eq!(told(&reply), [
            "base 49.000000", "base 49.000000", "seats 24.000000", "seats 36.000000", "calls 12.500000", "calls 11.000000",
            "tokens 0.000000", "tokens 0.300000",
        ]);
        assert_eq!((&reply["basis"], &reply["total"]), (&json!("usage"), &json!("181.800000")));
        let february = &reply["lines"][5];
        assert_eq!(february["id"], "team/calls/2026-02-01T00:00:00.000Z");
        assert_eq!(february["stretches"][0]["atEnd"]["parts"][0]["usage"]["total"], json!({ "units": "1200", "events": 2 }));
        assert_eq!(february["events"], json!({ "metricKey": "api_calls", "customerKey": "acme",
            "from": "2026-02-01T00:00:00.000Z", "to": "2026-03-01T00:00:00.000Z" }));
    }

    fn the_query_of_a_line_lists_exactly_its_events(world) {
        // checklist 123
        let shop = Shop::open(world);
        shop.customer(None);
        let mut sent: Vec<Value> = (0..30)
            .map(|number| event(&format!("k{number:02}"), "api_calls", "1.5", &format!("2026-02-{:02}T23:59:59.999Z", number % 28 + 1)))
            .collect();
        sent.push(event("before", "api_calls", "100", "2026-01-31T23:59:59.999Z"));
        sent.push(event("after", "api_calls", "100", "2026-03-01T00:00:00Z"));
        let mut elsewhere = event("elsewhere", "api_calls", "100", "2026-02-14T00:00:00Z");
        elsewhere["customerKey"] = json!("self");
        sent.push(elsewhere);
        shop.ingest(&sent);
        let reply = shop.used(json!({ "model": { "type": "perUnit", "unitPrice": "1" } }), json!([]), &midnight("2026-02-01"), &midnight("2026-03-01"));
        let line = &reply["lines"][0];
        let query: Vec<String> = line["events"].as_object().unwrap().iter()
            .map(|(name, value)| format!("{name}={}", value.as_str().unwrap()))
            .collect();
        let listed = shop.get(&format!("/ingest/events?limit=200&{}", query.join("&")));
        let listed = listed["data"].as_array().unwrap();
        let micros: i64 = listed.iter().map(|one| domain::quantity::Quantity::parse(one["units"].as_str().unwrap()).unwrap().micros()).sum();
        assert_eq!((listed.len(), micros), (30, 45_000_000));
        let total = &line["stretches"][0]["atEnd"]["parts"][0]["usage"]["total"];
        assert_eq!(*total, json!({ "units": "45", "events": 30 }));
    }

    fn a_coupon_takes_off_in_as_many_periods_as_it_says(world) {
        let shop = hybrid(world);
        shop.publish(1).expect(200);
        shop.customer(None);
        let reply = shop.estimate(json!({ "plan": { "key": "team" }, "customerKey": "acme", "coupons": ["spring"],
            "from": midnight("2025-12-01"), "to": midnight("2026-03-01"), "seats": [{ "price": "seats", "seats": "0" }] }));
        // 10 % of 49 in two of the three months.
        assert_eq!((&reply["subtotal"], &reply["discount"]), (&json!("147.000000"), &json!("9.800000")));
    }

    fn a_price_that_changes_in_mid_period_leaves_earlier_usage_alone(world) {
        // checklist 41
        let shop = Shop::open(world);
        shop.customer(None);
        shop.ingest(&[
            event("a", "api_calls", "60", "2026-02-14T23:59:59.999Z"),
            event("b", "api_calls", "90", "2026-02-15T00:00:00Z"),
        ]);
        let tiers = |low: &str, high: &str| json!({ "model": { "type": "graduated",
            "tiers": [{ "upTo": "100", "unitPrice": low }, { "unitPrice": high }] } });
        let changes = json!([{ "effectiveFrom": midnight("2026-02-15"), "terms": tiers("2", "1") }]);
        let reply = shop.used(tiers("1", "0.5"), changes, &midnight("2026-02-01"), &midnight("2026-03-01"));
        assert_eq!(reply["total"], "190.000000");
        let stretches = &reply["lines"][0]["stretches"];
        assert_eq!(stretches[1]["atStart"]["parts"][0]["usage"]["total"]["units"], "60");
        assert_eq!(stretches[1]["snapshot"]["effectiveFrom"], "2026-02-15T00:00:00.000Z");
        assert!(reply["lines"][0]["text"].as_str().unwrap().contains("Rated before these terms came into force, and taken off: -120 EUR."));
    }

    fn single_events_are_read_where_a_price_looks_at_them(world) {
        let shop = Shop::open(world);
        shop.customer(None);
        let with = |mut event: Value, cost: &str| {
            event["properties"] = json!({ "cost": cost });
            event
        };
        let at = "2026-02-14T12:00:00Z";
        shop.ingest(&[
            with(event("a", "api_calls", "100", at), "0.0123"),
            with(event("b", "api_calls", "10", at), "0.000000500001"),
            event("c", "api_calls", "5000", at),
        ]);
        let of = |model: Value| shop.used(json!({ "model": model }), json!([]), &midnight("2026-02-01"), &midnight("2026-03-01"));
        let dynamic = of(json!({ "type": "dynamic", "amountProperty": "cost" }));
        assert_eq!(dynamic["lines"][0]["amount"], "0.012301");
        assert_eq!(dynamic["lines"][0]["explanation"]["steps"][0], json!({ "step": "carried", "events": 2, "without": 1, "amount": "0.012300500001" }));
        let limits = of(json!({ "type": "percentage", "percent": "2.9", "fixedFee": "0.30", "minimumPerEvent": "1", "maximumPerEvent": "50" }));
        assert_eq!(limits["lines"][0]["amount"], "54.200000");
        assert_eq!(limits["lines"][0]["stretches"][0]["atEnd"]["parts"][0]["usage"], json!({ "total": { "units": "5110", "events": 3 } }));
    }

    fn periods_begin_at_midnight_of_the_customer(world) {
        // checklist 38
        let shop = Shop::open(world);
        shop.customer(Some("America/New_York"));
        shop.ingest(&[
            event("a", "api_calls", "1", "2026-02-01T04:59:59.999Z"),
            event("b", "api_calls", "10", "2026-02-01T05:00:00Z"),
            event("c", "api_calls", "100", "2026-03-01T04:59:59.999Z"),
        ]);
        let one = json!({ "model": { "type": "perUnit", "unitPrice": "1" } });
        let reply = shop.used(one, json!([]), "2026-02-01T05:00:00Z", "2026-03-01T05:00:00Z");
        assert_eq!((told(&reply), &reply["lines"][0]["share"]), (vec!["p 110.000000".to_owned()], &json!("1")));
    }

    fn a_range_within_a_period_is_its_share(world) {
        // checklist 43
        let shop = Shop::open(world);
        shop.customer(None);
        let minimum = json!({ "model": { "type": "perUnit", "unitPrice": "1" }, "minimum": "28" });
        let reply = shop.used(minimum, json!([]), &midnight("2026-02-15"), &midnight("2026-03-01"));
        assert_eq!((&reply["lines"][0]["share"], &reply["total"]), (&json!("0.5"), &json!("14.000000")));
        let second = json!({ "policies": { "prorationBasis": "second" } });
        world.patch(shop.project.path("")).bearer(&shop.project.owner.token).json(second).expect(200);
        let minimum = json!({ "model": { "type": "perUnit", "unitPrice": "1" }, "minimum": "28" });
        let reply = shop.used(minimum, json!([]), "2026-02-15T12:00:00Z", &midnight("2026-03-01"));
        assert_eq!(reply["total"], "13.500000");
    }

    fn events_of_one_subscription_are_asked_for(world) {
        let shop = Shop::open(world);
        shop.customer(None);
        let at = "2026-02-14T12:00:00Z";
        let mut of_subscription = event("a", "api_calls", "5", at);
        of_subscription["subscriptionKey"] = json!("sub-1");
        shop.ingest(&[of_subscription, event("b", "api_calls", "7", at)]);
        let price = json!({ "key": "p", "name": "P", "metric": "api_calls", "interval": { "unit": "month" }, "timing": "arrears",
            "terms": { "model": { "type": "perUnit", "unitPrice": "1" } } });
        let body = json!({ "prices": [price], "currency": "EUR", "customerKey": "acme", "subscriptionKey": "sub-1",
            "from": midnight("2026-02-01"), "to": midnight("2026-03-01") });
        let reply = shop.estimate(body);
        assert_eq!((&reply["total"], &reply["lines"][0]["events"]["subscriptionKey"]), (&json!("5.000000"), &json!("sub-1")));
    }

    fn sums_beyond_an_amount_are_quantity_out_of_range(world) {
        let shop = Shop::open(world);
        shop.customer(None);
        shop.ingest(&[event("a", "api_calls", "9223372036854", "2026-02-14T12:00:00Z"), event("b", "api_calls", "9223372036854", "2026-02-15T12:00:00Z")]);
        let of = |unit_price: &str| {
            let price = json!({ "key": "p", "name": "P", "metric": "api_calls", "interval": { "unit": "month" }, "timing": "arrears",
                "terms": { "model": { "type": "perUnit", "unitPrice": unit_price } } });
            let body = json!({ "prices": [price], "currency": "EUR", "customerKey": "acme",
                "from": midnight("2026-02-01"), "to": midnight("2026-03-01") });
            shop.post("/estimate", body)
        };
        of("1").refused(Code::QuantityOutOfRange);
        assert_eq!(of("0.000000000001").expect(200)["lines"][0]["amount"], "18.446744");
    }
}
