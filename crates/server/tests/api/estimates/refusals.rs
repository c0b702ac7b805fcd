//! What cannot be estimated, and who may ask.

use domain::access::{Role, Scope};
use domain::refusal::Code;
use serde_json::{Value, json};

use super::quantities::{measuring, price};
use crate::world::on_both;

/// A body that is accepted, with one field replaced.
fn with(field: &str, value: Value) -> Value {
    let terms = json!({ "model": { "type": "perUnit", "unitPrice": "1" } });
    let mut body =
        json!({ "prices": [price(terms)], "currency": "USD", "quantities": [{ "price": "p", "units": "1" }] });
    match value {
        Value::Null => drop(body.as_object_mut().unwrap().remove(field)),
        value => body[field] = value,
    }
    body
}

on_both! {
    fn what_is_not_there_is_named(world) {
        let project = measuring(world);
        for (field, value, code, at) in [
            ("customerKey", json!("nobody"), Code::UnknownCustomer, "customerKey"),
            ("coupons", json!(["spring"]), Code::UnknownCoupon, "coupons[0]"),
            ("addOns", json!(["sso"]), Code::UnknownAddOn, "addOns[0]"),
            ("quantities", json!([{ "price": "q", "units": "1" }]), Code::UnknownPrice, "quantities[0].price"),
            ("quantities", json!([{ "metric": "m", "units": "1" }]), Code::UnknownMetric, "quantities[0].metric"),
            ("seats", json!([{ "price": "p", "seats": "1" }]), Code::UnknownPrice, "seats[0].price"),
        ] {
            let request = world.post(project.path("/estimate")).bearer(&project.owner.token).json(with(field, value));
            assert_eq!(request.refused(code)["errors"][0]["field"], at);
        }
        let plan = json!({ "plan": { "key": "team", "version": 2 } });
        let request = world.post(project.path("/estimate")).bearer(&project.owner.token).json(plan);
        assert_eq!(request.refused(Code::UnknownPlan)["errors"][0]["field"], "plan");
    }

    fn what_makes_no_sense_is_named(world) {
        let project = measuring(world);
        for (field, value, code, at) in [
            ("currency", Value::Null, Code::MissingField, "currency"),
            ("prices", Value::Null, Code::InvalidValue, "plan"),
            ("plan", json!({ "key": "team" }), Code::InvalidValue, "plan"),
            ("quantities", json!([{ "units": "1" }]), Code::InvalidValue, "quantities[0].price"),
            ("quantities", json!([{ "price": "p" }]), Code::MissingField, "quantities[0].units"),
            ("quantities", json!([{ "price": "p", "units": "-1" }]), Code::OutOfRange, "quantities[0].units"),
            ("quantities", json!([{ "price": "p", "units": 1 }]), Code::InvalidType, "quantities[0].units"),
            ("quantities", json!([{ "price": "p", "units": "1", "amount": "-1" }]), Code::OutOfRange, "quantities[0].amount"),
            ("from", json!("2026-03-01T00:00:00Z"), Code::MissingField, "to"),
            ("to", json!("2026-03-01T00:00:00Z"), Code::MissingField, "from"),
            ("subscriptionKey", json!("sub"), Code::InvalidValue, "subscriptionKey"),
            ("plans", json!([]), Code::UnknownField, "plans"),
        ] {
            let request = world.post(project.path("/estimate")).bearer(&project.owner.token).json(with(field, value));
            assert_eq!(request.refused(code)["errors"][0]["field"], at, "{field}");
        }
    }

    fn measured_usage_has_no_quantities_and_a_range_that_goes_forwards(world) {
        let project = measuring(world);
        let refused = |more: Value| {
            let mut body = with("quantities", json!([]));
            body["from"] = json!("2026-03-01T00:00:00Z");
            body["to"] = json!("2026-04-01T00:00:00Z");
            for (field, value) in more.as_object().unwrap() {
                body[field] = value.clone();
            }
            let request = world.post(project.path("/estimate")).bearer(&project.owner.token).json(body);
            request.refused(Code::InvalidValue)["errors"][0]["field"].as_str().unwrap().to_owned()
        };
        assert_eq!(refused(json!({ "quantities": [{ "price": "p", "units": "1" }] })), "quantities");
        assert_eq!(refused(json!({ "at": "2026-03-01T00:00:00Z" })), "at");
        assert_eq!(refused(json!({ "to": "2026-03-01T00:00:00Z" })), "to");
    }

    fn seats_must_be_told_once(world) {
        let project = measuring(world);
        let seat = price(json!({ "model": { "type": "seat", "unitPrice": "12" } }));
        let refused = |seats: Value, code: Code| {
            let body = json!({ "prices": [seat], "currency": "USD", "seats": seats });
            world.post(project.path("/estimate")).bearer(&project.owner.token).json(body).refused(code)
        };
        refused(json!([]), Code::MissingField);
        refused(json!([{ "price": "p", "seats": "1" }, { "price": "p", "seats": "2" }]), Code::InvalidValue);
        refused(json!([{ "price": "p", "seats": "1", "from": "2026-03-01T00:00:00Z" }]), Code::InvalidValue);
        refused(json!([{ "price": "p", "seats": "-1" }]), Code::OutOfRange);
    }

    fn every_mistake_of_a_definition_is_named(world) {
        let project = measuring(world);
        let mut wrong = price(json!({ "model": { "type": "graduated", "tiers": [{ "upTo": "5", "unitPrice": "1" }] } }));
        wrong["metric"] = json!("calls_per_day");
        let request = |body: Value| world.post(project.path("/estimate")).bearer(&project.owner.token).json(body);
        let problem = request(json!({ "prices": [wrong], "currency": "USD" })).refused(Code::InvalidCatalog);
        let fields = |problem: &Value| -> Vec<String> {
            let errors = problem["errors"].as_array().unwrap().iter();
            errors.map(|error| error["field"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(fields(&problem), ["prices[0].terms.model.tiers[0].upTo", "prices[0].metric"]);
        let definition = json!({ "key": "a plan", "name": "", "currency": "USD", "prices": [wrong] });
        let problem = request(json!({ "definition": definition })).refused(Code::InvalidCatalog);
        assert!(fields(&problem).contains(&"definition.prices[0].metric".to_owned()), "{problem}");
    }

    fn an_event_is_an_entry_where_the_price_looks_at_events(world) {
        let project = measuring(world);
        let limits = price(json!({ "model": { "type": "percentage", "percent": "1", "minimumPerEvent": "1" } }));
        let body = json!({ "prices": [limits], "currency": "USD", "quantities": [{ "price": "p", "units": "9", "events": 2 }] });
        let problem = world.post(project.path("/estimate")).bearer(&project.owner.token).json(body).refused(Code::InvalidValue);
        assert_eq!(problem["errors"][0]["field"], "quantities[0].events");
    }

    fn what_does_not_fit_is_quantity_out_of_range(world) {
        let project = measuring(world);
        let dear = price(json!({ "model": { "type": "perUnit", "unitPrice": "9223372036854" } }));
        let body = json!({ "prices": [dear], "currency": "USD", "quantities": [{ "price": "p", "units": "2" }] });
        let problem = world.post(project.path("/estimate")).bearer(&project.owner.token).json(body).refused(Code::QuantityOutOfRange);
        assert!(problem["detail"].as_str().unwrap().starts_with("Price `p`: The exact result is larger"), "{problem}");
    }

    fn whoever_may_read_billing_may_estimate(world) {
        let project = measuring(world);
        for role in Role::ALL {
            let member = if *role == Role::Owner { project.owner.clone() } else { world.member(&project, *role) };
            world.post(project.path("/estimate")).bearer(&member.token).json(with("addOns", json!([]))).expect(200);
        }
        let reader = world.access_key(&project, &[Scope::BillingRead]);
        world.post(project.path("/estimate")).key(&reader).json(with("addOns", json!([]))).expect(200);
        let sender = world.access_key(&project, &[Scope::IngestUsage]);
        world.post(project.path("/estimate")).key(&sender).json(with("addOns", json!([]))).refused(Code::MissingScope);
    }

    // checklist 11
    fn a_stranger_estimates_nothing_with_the_metrics_of_others(world) {
        let project = measuring(world);
        let stranger = world.person("stranger");
        world.post(project.path("/estimate")).bearer(&stranger.token).json(with("addOns", json!([]))).refused(Code::NotFound);
        let elsewhere = world.project_of(&stranger, "elsewhere");
        let problem = world.post(elsewhere.path("/estimate")).bearer(&stranger.token).json(with("addOns", json!([])))
            .refused(Code::InvalidCatalog);
        assert_eq!(problem["errors"][0]["field"], "prices[0].metric");
    }
}
