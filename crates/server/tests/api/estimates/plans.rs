//! Estimates of stored plans, with what of the catalog they refer to.

use domain::refusal::Code;
use http::Method;
use serde_json::{Value, json};

use crate::plans::Shop;
use crate::world::{World, on_both};

/// Base fee, seats, calls and tokens in credits; VAT in Germany; an add-on; a coupon for two periods.
pub fn hybrid(world: &World) -> Shop<'_> {
    let shop = Shop::open(world);
    shop.post("/metrics", json!({ "key": "tokens", "aggregation": "sum", "unitLabel": "tokens" })).expect(201);
    let price = |key: &str, timing: &str, model: Value, more: Value| {
        let mut price = json!({ "key": key, "name": key, "interval": { "unit": "month" }, "timing": timing, "taxCategory": "saas",
            "terms": { "model": model } });
        for (field, value) in more.as_object().unwrap() {
            price[field] = value.clone();
        }
        price
    };
    let credits = json!({ "code": "CREDITS", "name": "Credits", "places": 2, "conversions": [{ "currency": "EUR", "unitPrice": "0.01" }] });
    for (path, body) in [
        ("/tax-categories/saas", json!({ "key": "saas", "name": "Software" })),
        ("/tax-rates/de", json!({ "key": "de", "name": "VAT", "category": "saas", "country": "DE", "percent": "19" })),
        ("/custom-assets/CREDITS", credits),
        (
            "/add-ons/sso",
            json!({ "key": "sso", "name": "SSO", "currency": "EUR", "prices":
            [price("sso", "advance", json!({ "type": "recurring", "amount": "99" }), json!({}))] }),
        ),
        (
            "/add-ons/sms",
            json!({ "key": "sms", "name": "SMS", "currency": "EUR", "prices":
            [price("sms", "advance", json!({ "type": "recurring", "amount": "9" }), json!({}))] }),
        ),
        (
            "/coupons/spring",
            json!({ "key": "spring", "name": "Spring", "discount": { "type": "percent", "percent": "10" },
            "duration": { "type": "periods", "periods": 2 } }),
        ),
    ] {
        shop.put(path, body).expect(201);
    }
    let tiers = json!([{ "upTo": "1000", "unitPrice": "0.01" }, { "unitPrice": "0.005" }]);
    let plan = json!({ "key": "team", "name": "Team", "currency": "EUR", "addOns": ["sso"], "prices": [
        price("base", "advance", json!({ "type": "recurring", "amount": "49" }), json!({})),
        price("seats", "advance", json!({ "type": "seat", "unitPrice": "12" }), json!({})),
        price("calls", "arrears", json!({ "type": "graduated", "tiers": tiers }), json!({ "metric": "api_calls" })),
        price("tokens", "arrears", json!({ "type": "perUnit", "unitPrice": "0.000015" }), json!({ "metric": "tokens", "asset": "CREDITS" })),
    ] });
    shop.post("/plans", plan).expect(201);
    shop
}

impl Shop<'_> {
    pub fn estimate(&self, body: Value) -> Value {
        self.post("/estimate", body).expect(200)
    }
}

/// What each line comes to in money: `calls 20.000000`.
pub fn told(reply: &Value) -> Vec<String> {
    let lines = reply["lines"].as_array().unwrap().iter();
    lines.map(|line| format!("{} {}", line["price"].as_str().unwrap(), line["money"].as_str().unwrap())).collect()
}

on_both! {
    fn a_hybrid_plan_comes_to_lines_of_every_kind(world) {
        // checklist 42
        let shop = hybrid(world);
        shop.publish(1).expect(200);
        let reply = shop.estimate(json!({
            "plan": { "key": "team" }, "seats": [{ "price": "seats", "seats": "10" }],
            "quantities": [{ "price": "calls", "units": "3000" }, { "metric": "tokens", "units": "1000000" }],
        }));
        assert_eq!(told(&reply), ["base 49.000000", "seats 120.000000", "calls 20.000000", "tokens 0.150000"]);
        let tokens = &reply["lines"][3];
        assert_eq!((&tokens["asset"], &tokens["amount"]), (&json!("CREDITS"), &json!("15.000000")));
        assert_eq!(tokens["conversion"], json!({ "unitPrice": "0.01", "currency": "EUR", "exact": "0.15", "amount": "0.150000" }));
        assert_eq!(reply["plan"], json!({ "key": "team", "name": "Team", "version": 1, "state": "published" }));
        assert_eq!((&reply["tax"], &reply["total"]), (&json!("0.000000"), &json!("189.150000")));
    }

    fn a_german_customer_is_taxed_and_a_coupon_takes_off_before(world) {
        let shop = hybrid(world);
        shop.publish(1).expect(200);
        shop.post("/customers", json!({ "externalKey": "acme", "tax": { "country": "DE" } })).expect(201);
        let reply = shop.estimate(json!({
            "plan": { "key": "team", "version": 1 }, "addOns": ["sso"], "coupons": ["spring"], "customerKey": "acme",
            "seats": [{ "price": "seats", "seats": "0" }],
        }));
        assert_eq!(told(&reply), ["base 49.000000", "seats 0.000000", "calls 0.000000", "tokens 0.000000", "sso 99.000000"]);
        assert_eq!((&reply["discount"], &reply["tax"]), (&json!("14.800000"), &json!("25.310000")));
        // 148 − 14.80 + 19 % of 133.20.
        assert_eq!(reply["total"], "158.510000");
        let rate = json!({ "rate": "de", "percent": "19", "behaviour": "exclusive" });
        assert_eq!(reply["taxes"], json!([{ "appliedRate": rate, "net": "133.200000", "tax": "25.310000" }]));
        assert_eq!(reply["lines"][0]["taxRate"], rate);
        assert_eq!(reply["addOns"], json!([{ "key": "sso", "version": 1 }]));
    }

    fn a_draft_is_estimated_by_its_number_and_only_without_mistakes(world) {
        let shop = hybrid(world);
        let seats = json!([{ "price": "seats", "seats": "1" }]);
        let problem = shop.post("/estimate", json!({ "plan": { "key": "team" }, "seats": seats })).refused(Code::UnknownPlan);
        assert!(problem["errors"][0]["detail"].as_str().unwrap().ends_with("A draft needs its `version`."), "{problem}");
        let draft = json!({ "plan": { "key": "team", "version": 1 }, "seats": seats });
        assert_eq!(shop.estimate(draft.clone())["plan"]["state"], "draft");
        shop.send(Method::DELETE, "/add-ons/sms", None).expect(204);
        let mut plan = shop.get("/plans/team/versions/1")["definition"].clone();
        plan["addOns"] = json!(["sso", "sms"]);
        shop.put("/plans/team/versions/1", plan).expect(200);
        let problem = shop.post("/estimate", draft).refused(Code::InvalidCatalog);
        assert_eq!(problem["errors"][0]["field"], "plan.addOns[1]");
    }

    fn an_add_on_must_be_offered_by_the_plan(world) {
        let shop = hybrid(world);
        let body = json!({ "plan": { "key": "team", "version": 1 }, "addOns": ["sms"], "seats": [{ "price": "seats", "seats": "1" }] });
        let problem = shop.post("/estimate", body).refused(Code::AddOnNotOffered);
        assert_eq!(problem["errors"][0]["field"], "addOns[0]");
        let dollars = json!({ "prices": [{ "key": "p", "name": "P", "interval": { "unit": "month" }, "timing": "advance",
            "terms": { "model": { "type": "recurring", "amount": "1" } } }], "currency": "USD", "addOns": ["sso"] });
        assert_eq!(shop.post("/estimate", dollars).refused(Code::InvalidValue)["errors"][0]["field"], "addOns[0]");
    }

    fn an_archived_metric_still_has_its_price(world) {
        let shop = hybrid(world);
        shop.publish(1).expect(200);
        let reply = shop.estimate(json!({ "plan": { "key": "team" }, "seats": [{ "price": "seats", "seats": "1" }],
            "quantities": [{ "price": "calls", "units": "1" }] }));
        assert_eq!(reply["lines"][2]["money"], "0.010000");
        assert_eq!(shop.get("/plans/team/versions/1")["state"], "published");
    }
}
