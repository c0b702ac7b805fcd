//! Estimates of quantities that are given.

use serde_json::{Value, json};

use crate::world::{Project, World, on_both};

pub fn estimate(world: &World, project: &Project, body: Value) -> Value {
    world.post(project.path("/estimate")).bearer(&project.owner.token).json(body).expect(200)
}

/// A project that measures `calls` by region.
pub fn measuring(world: &World) -> Project {
    let project = world.project();
    let metric = json!({ "key": "calls", "name": "Calls", "aggregation": "sum", "unitLabel": "calls" });
    world.post(project.path("/metrics")).bearer(&project.owner.token).json(metric).expect(201);
    project
}

/// A monthly price in arrears.
pub fn price(terms: Value) -> Value {
    let is_usage = !matches!(terms["model"]["type"].as_str(), Some("recurring" | "seat"));
    let mut price =
        json!({ "key": "p", "name": "Price", "interval": { "unit": "month" }, "timing": "arrears", "terms": terms });
    if is_usage {
        price["metric"] = json!("calls");
    }
    price
}

/// What one inline price comes to.
fn total(world: &World, project: &Project, model: Value, quantities: Value, seats: Value) -> String {
    let prices = [price(json!({ "model": model }))];
    let body = json!({ "prices": prices, "currency": "USD", "quantities": quantities, "seats": seats });
    let reply = estimate(world, project, body);
    reply["lines"][0]["amount"].as_str().unwrap().to_owned()
}

on_both! {
    fn the_worked_example_of_every_model(world) {
        let project = measuring(world);
        let tiers = json!([{ "upTo": "1000", "unitPrice": "0.10" }, { "unitPrice": "0.08" }]);
        let units = |units: &str| json!([{ "price": "p", "units": units }]);
        let payments = json!([
            { "price": "p", "units": "100" }, { "price": "p", "units": "10" }, { "price": "p", "units": "5000" },
        ]);
        let carried = json!([{ "metric": "calls", "amount": "0.0123" }, { "metric": "calls", "amount": "0.000000500001" }]);
        let limits = json!({ "type": "percentage", "percent": "2.9", "fixedFee": "0.30", "minimumPerEvent": "1", "maximumPerEvent": "50" });
        let none = || json!([]);
        for (model, quantities, seats, expected) in [
            (json!({ "type": "perUnit", "unitPrice": "0.00000015" }), units("2000000"), none(), "0.300000"),
            (json!({ "type": "graduated", "tiers": tiers }), units("1500"), none(), "140.000000"),
            (json!({ "type": "volume", "tiers": tiers }), units("1500"), none(), "120.000000"),
            (json!({ "type": "package", "size": "1000", "price": "5" }), units("2001"), none(), "15.000000"),
            (limits, payments.clone(), none(), "54.200000"),
            (json!({ "type": "percentage", "percent": "2.9", "fixedFee": "0.30" }), payments, none(), "149.090000"),
            (json!({ "type": "dynamic", "amountProperty": "cost" }), carried, none(), "0.012301"),
            (json!({ "type": "recurring", "amount": "49" }), none(), none(), "49.000000"),
            (json!({ "type": "seat", "unitPrice": "12" }), none(), json!([{ "price": "p", "seats": "11" }]), "132.000000"),
        ] {
            assert_eq!(total(world, &project, model.clone(), quantities, seats), expected, "{model}");
        }
    }

    fn a_line_tells_why(world) {
        // checklist 123
        let project = measuring(world);
        let terms = json!({ "model": { "type": "perUnit", "unitPrice": "0.0005" }, "included": "250", "minimum": "0.1" });
        let body = json!({
            "prices": [price(terms)], "currency": "USD", "at": "2026-03-01T00:00:00Z",
            "quantities": [{ "price": "p", "units": "1250", "events": 40 }],
        });
        let reply = estimate(world, &project, body);
        let line = &reply["lines"][0];
        assert_eq!(line["explanation"], json!({
            "formula": "units × unit price",
            "steps": [
                { "step": "allowance", "included": "250", "used": "250", "left": "0" },
                { "step": "units", "units": "1000", "unitPrice": "0.0005", "amount": "0.5" },
            ],
            "total": "0.500000",
        }));
        assert_eq!(line["text"], "Formula: units × unit price.\nIncluded: 250 calls; 250 used here, 0 left.\n\
            1,000 calls at 0.0005 USD each: 0.5 USD.\nTotal: 0.5 USD.");
        let stretch = &line["stretches"][0];
        assert_eq!(stretch["atEnd"]["parts"][0]["usage"]["total"], json!({ "units": "1250", "events": 40 }));
        assert_eq!(stretch["snapshot"]["terms"]["included"], "250.000000");
        assert_eq!(stretch["digest"].as_str().unwrap().len(), 64);
        assert_eq!(reply["rounding"], json!({ "policy": "perInvoice", "minorUnit": "0.01", "amount": "0.000000" }));
        assert_eq!((&reply["basis"], &reply["total"]), (&json!("quantities"), &json!("0.500000")));
        assert_eq!(reply["plan"], json!({ "key": "inline", "name": "Inline prices", "version": 0, "state": null }));
    }

    fn petabytes_and_tokens_come_out_exact(world) {
        let project = measuring(world);
        let of = |unit_price: &str, units: &str| {
            total(world, &project, json!({ "type": "perUnit", "unitPrice": unit_price }), json!([{ "price": "p", "units": units }]), json!([]))
        };
        assert_eq!(of("0.00000000002", "512000000000000000.000001"), "10240000.000000");
        assert_eq!(of("0.000000150000", "7"), "0.000001");
        assert_eq!(of("0.000000150000", "1000000000007"), "150000.000001");
    }

    fn a_price_changes_at_its_effective_date(world) {
        // checklist 41
        let project = measuring(world);
        let mut changing = price(json!({ "model": { "type": "perUnit", "unitPrice": "1" } }));
        changing["changes"] = json!([{ "effectiveFrom": "2026-07-01T00:00:00Z",
            "terms": { "model": { "type": "perUnit", "unitPrice": "2" } } }]);
        for (at, expected) in [("2026-06-30T23:59:59.999Z", "10.000000"), ("2026-07-01T00:00:00Z", "20.000000")] {
            let body = json!({ "prices": [changing], "currency": "USD", "at": at, "quantities": [{ "price": "p", "units": "10" }] });
            assert_eq!(estimate(world, &project, body)["total"], expected);
        }
    }

    fn the_policy_decides_where_the_bill_is_rounded(world) {
        let project = measuring(world);
        let cents = |key: &str| json!({ "key": key, "name": key, "interval": { "unit": "month" }, "timing": "advance",
            "terms": { "model": { "type": "recurring", "amount": "0.004" } } });
        let body = json!({ "prices": [cents("a"), cents("b")], "currency": "USD" });
        assert_eq!(estimate(world, &project, body.clone())["total"], "0.010000");
        let per_line = json!({ "policies": { "invoiceRounding": "perLine" } });
        world.patch(project.path("")).bearer(&project.owner.token).json(per_line).expect(200);
        let reply = estimate(world, &project, body);
        assert_eq!((&reply["total"], &reply["rounding"]["amount"]), (&json!("0.000000"), &json!("-0.008000")));
    }

    fn a_commitment_is_trued_up_when_its_interval_is_that_of_the_prices(world) {
        // checklist 43
        let project = measuring(world);
        let definition = |unit: &str| json!({
            "key": "team", "name": "Team", "currency": "USD", "trialDays": 14,
            "minimumCommitment": { "amount": "100", "interval": { "unit": unit } },
            "prices": [price(json!({ "model": { "type": "perUnit", "unitPrice": "1" } }))],
        });
        let of = |unit: &str| {
            estimate(world, &project, json!({ "definition": definition(unit), "quantities": [{ "metric": "calls", "units": "30" }] }))
        };
        let monthly = of("month");
        assert_eq!((&monthly["total"], &monthly["lines"][1]["amount"]), (&json!("100.000000"), &json!("70.000000")));
        assert_eq!(monthly["lines"][1]["price"], "minimumCommitment");
        assert_eq!(monthly["notes"], json!(["The trial of 14 days is not taken into account."]));
        let yearly = of("year");
        assert_eq!(yearly["total"], "30.000000");
        assert!(yearly["notes"][0].as_str().unwrap().starts_with("The minimum commitment of 100.000000 USD is not taken"));
    }

    fn what_no_rate_makes_money_of_stays_out_of_the_total(world) {
        let project = measuring(world);
        let euros = json!({ "key": "p", "name": "P", "metric": "calls", "interval": { "unit": "month" }, "timing": "arrears",
            "asset": "EUR", "terms": { "model": { "type": "perUnit", "unitPrice": "1" } } });
        let body = json!({ "prices": [euros], "currency": "USD", "quantities": [{ "price": "p", "units": "15" }] });
        let reply = estimate(world, &project, body);
        assert_eq!((&reply["total"], &reply["lines"][0]["money"]), (&json!("0.000000"), &Value::Null));
        assert_eq!(reply["assets"], json!([{ "asset": "EUR", "amount": "15.000000" }]));
        assert_eq!(reply["notes"], json!(["15.000000 EUR are not part of the total: no rate makes USD of them."]));
    }

    fn a_named_customer_is_not_taxed_by_rates_that_are_not_there(world) {
        let project = measuring(world);
        let tax = json!({ "country": "FR", "taxIds": ["FR1"], "treatment": "reverseCharge" });
        let customer = json!({ "externalKey": "acme", "timeZone": "Europe/Paris", "tax": tax });
        world.post(project.path("/customers")).bearer(&project.owner.token).json(customer).expect(201);
        let flat = price(json!({ "model": { "type": "recurring", "amount": "49" } }));
        let reply = estimate(world, &project, json!({ "prices": [flat], "currency": "EUR", "customerKey": "acme" }));
        assert_eq!(reply["treatment"], json!({ "type": "reverseCharge", "taxId": "FR1" }));
        assert_eq!((&reply["customerKey"], &reply["timeZone"]), (&json!("acme"), &json!("Europe/Paris")));
        assert_eq!((&reply["lines"][0]["taxRate"], &reply["total"]), (&Value::Null, &json!("49.000000")));
    }
}
