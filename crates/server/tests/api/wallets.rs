//! `/projects/{projectId}/wallets`: what customers have prepaid, and how far they may be overdrawn.

use domain::access::Role;
use domain::refusal::Code;
use serde_json::{Value, json};

use crate::world::{Project, Reply, World, on_both, text};

fn credit(world: &World, project: &Project, key: &str, body: Value) -> Value {
    let path = project.path("/transactions/credit");
    world.post(path).bearer(&project.owner.token).idempotency(key).json(body).expect(201)
}

fn wallets(world: &World, project: &Project, query: &str) -> Value {
    world.get(project.path(&format!("/wallets{query}"))).bearer(&project.owner.token).expect(200)
}

fn set_limit(world: &World, project: &Project, body: Value) -> Reply {
    world.patch(project.path("/wallets")).bearer(&project.owner.token).json(body).send()
}

on_both! {
    // checklist 118
    fn a_wallet_shows_its_lots_in_the_order_in_which_they_are_drawn(world) {
        let project = world.project();
        credit(world, &project, "paid", json!({ "amount": "5", "description": "x", "paid": true }));
        credit(world, &project, "promo", json!({ "amount": "3", "description": "x" }));
        credit(world, &project, "first", json!({ "amount": "1", "description": "x", "paid": true, "priority": 10,
            "expiresAt": "2026-06-30T12:00:00Z" }));
        let page = wallets(world, &project, "");
        let wallet = &page["data"][0];
        assert_eq!(page["data"].as_array().unwrap().len(), 1);
        let lot = |index: usize, kind: &str, priority: i64, amount: &str, expires: Value| {
            let id = &wallet["lots"][index]["id"];
            assert!(text(id).starts_with("lot_"));
            json!({ "id": id, "kind": kind, "priority": priority, "granted": amount, "balance": amount,
                "validFrom": "2026-03-17T10:20:00.000Z", "expiresAt": expires, "createdAt": "2026-03-17T10:20:00.000Z" })
        };
        let expected = json!({
            "customerId": wallet["customerId"], "customerKey": "self", "currency": "USD", "balance": "9.000000",
            "held": "0.000000", "available": "9.000000", "projected": "9.000000", "overdraftLimit": "0.000000",
            "overdrawn": "0.000000",
            "lots": [
                lot(0, "paid", 10, "1.000000", json!("2026-07-01T00:00:00.000Z")),
                lot(1, "promotional", 50, "3.000000", Value::Null),
                lot(2, "paid", 50, "5.000000", Value::Null),
            ],
        });
        assert_eq!(*wallet, expected);
    }

    fn there_is_one_wallet_per_customer_and_currency(world) {
        let project = world.project();
        let customer = json!({ "externalKey": "acme" });
        world.post(project.path("/customers")).bearer(&project.owner.token).json(customer).expect(201);
        for (number, (customer, currency)) in [("self", "USD"), ("self", "EUR"), ("acme", "USD")].into_iter().enumerate() {
            let body = json!({ "amount": "1", "description": "x", "customerKey": customer, "currency": currency });
            credit(world, &project, &format!("k{number}"), body);
        }
        let seen = |page: &Value| -> Vec<String> {
            let wallets = page["data"].as_array().unwrap().iter();
            wallets.map(|wallet| format!("{}:{}", text(&wallet["customerKey"]), text(&wallet["currency"]))).collect()
        };
        let first = wallets(world, &project, "?limit=2");
        assert_eq!(seen(&first), ["self:EUR", "self:USD"]);
        let second = wallets(world, &project, &format!("?limit=2&cursor={}", text(&first["nextCursor"])));
        assert_eq!(seen(&second), ["acme:USD"]);
        assert_eq!(seen(&wallets(world, &project, "?customerKey=acme")), ["acme:USD"]);
        assert_eq!(seen(&wallets(world, &project, "?customerKey=self&limit=1")), ["self:EUR"]);
        assert_eq!(wallets(world, &project, "?customerKey=nobody")["data"], json!([]));
    }

    // checklist 93
    fn an_overdraft_limit_is_set_with_a_reason(world) {
        let project = world.project();
        let body = json!({ "overdraftLimit": "50", "reasonCode": "contract", "reason": "Net 30" });
        let wallet = set_limit(world, &project, body).expect(200);
        assert_eq!((&wallet["overdraftLimit"], &wallet["available"]), (&json!("50.000000"), &json!("0.000000")));
        let path = project.path("/audit?action=wallet.overdraftLimitSet");
        let entry = world.get(path).bearer(&project.owner.token).expect(200)["data"][0].clone();
        assert_eq!((&entry["reasonCode"], &entry["reason"]), (&json!("contract"), &json!("Net 30")));
        assert_eq!(entry["details"]["before"]["overdraftLimit"], "0.000000");
        assert_eq!(entry["details"]["after"]["overdraftLimit"], "50.000000");
    }

    fn a_limit_that_makes_no_sense_is_refused(world) {
        let project = world.project();
        let refused = |body: Value, code: Code, field: &str| {
            assert_eq!(set_limit(world, &project, body).refused(code)["errors"][0]["field"], field);
        };
        refused(json!({ "overdraftLimit": "-1", "reasonCode": "contract" }), Code::OutOfRange, "overdraftLimit");
        refused(json!({ "overdraftLimit": "0.0000001", "reasonCode": "contract" }), Code::TooPrecise, "overdraftLimit");
        refused(json!({ "overdraftLimit": "1" }), Code::ReasonRequired, "reasonCode");
        refused(json!({ "overdraftLimit": "1", "reasonCode": "contract", "customerKey": "x" }), Code::UnknownCustomer, "customerKey");
    }

    // checklist 12
    fn support_sets_limits_up_to_its_own(world) {
        let project = world.project();
        let support = world.member(&project, Role::Support);
        let send = |limit: &str| {
            let body = json!({ "overdraftLimit": limit, "reasonCode": "goodwill" });
            world.patch(project.path("/wallets")).bearer(&support.token).json(body).send()
        };
        send("100").expect(200);
        send("100.000001").refused(Code::AboveLimit);
        let viewer = world.member(&project, Role::Viewer);
        let body = json!({ "overdraftLimit": "1", "reasonCode": "goodwill" });
        world.patch(project.path("/wallets")).bearer(&viewer.token).json(body).refused(Code::Forbidden);
    }
}
