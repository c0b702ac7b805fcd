//! `/projects/{projectId}/billing/overview`: how a customer stands, right after every write that was answered.

use domain::access::Scope;
use domain::refusal::Code;
use serde_json::{Value, json};

use crate::world::{Project, World, on_both};

fn overview(world: &World, project: &Project, query: &str) -> Value {
    world.get(project.path(&format!("/billing/overview{query}"))).bearer(&project.owner.token).expect(200)
}

fn credit(world: &World, project: &Project, key: &str, body: Value) {
    let path = project.path("/transactions/credit");
    world.post(path).bearer(&project.owner.token).idempotency(key).json(body).expect(201);
}

on_both! {
    // checklist 68
    fn an_empty_project_has_the_whole_shape(world) {
        let project = world.project();
        let found = overview(world, &project, "");
        let wallet = &found["wallet"];
        let expected = json!({
            "project": { "id": project.id, "name": "Project acme", "externalKey": "acme", "mode": "live", "currency": "USD",
                "timeZone": "UTC" },
            "customerKey": "self", "asOf": "2026-03-17T10:20:00.000Z", "currency": "USD",
            "wallet": { "customerId": wallet["customerId"], "customerKey": "self", "currency": "USD", "balance": "0.000000",
                "held": "0.000000", "available": "0.000000", "projected": "0.000000", "overdraftLimit": "0.000000",
                "overdrawn": "0.000000", "lots": [] },
            "wallets": [],
            "currentPeriod": { "start": "2026-03-01T00:00:00.000Z", "end": "2026-04-01T00:00:00.000Z", "usage": [],
                "unbilledCharges": "0.000000", "estimatedCharges": "0.000000" },
            "invoices": { "draft": 0, "open": 0, "overdue": 0 },
            "recentTransactions": [],
            "ingest": { "accepted": 0, "replayed": 0, "duplicates": 0, "conflicts": 0, "failed": 0 },
        });
        assert_eq!(found, expected);
    }

    // checklist 68
    fn it_reflects_every_write_that_was_answered(world) {
        let project = world.project();
        credit(world, &project, "c1", json!({ "amount": "100", "description": "Launch credit" }));
        assert_eq!(overview(world, &project, "")["wallet"]["balance"], "100.000000");
        let key = world.access_key(&project, &[Scope::IngestCharge]);
        let charge = |idempotency: &str, amount: &str| {
            world.post("/ingest/charge").key(&key).idempotency(idempotency).json(json!({ "amount": amount })).send()
        };
        charge("k1", "30").expect(201);
        charge("k1", "30").expect(201);
        charge("k1", "31").refused(Code::IdempotencyConflict);
        charge("k2", "71").refused(Code::InsufficientCredit);
        credit(world, &project, "c2", json!({ "amount": "5", "description": "Euros", "currency": "EUR" }));
        let found = overview(world, &project, "");
        assert_eq!((&found["wallet"]["balance"], &found["wallet"]["available"]), (&json!("70.000000"), &json!("70.000000")));
        let currencies: Vec<&Value> = found["wallets"].as_array().unwrap().iter().map(|wallet| &wallet["currency"]).collect();
        assert_eq!(currencies, ["EUR", "USD"]);
        let recent: Vec<&Value> = found["recentTransactions"].as_array().unwrap().iter().map(|t| &t["idempotencyKey"]).collect();
        assert_eq!(recent, ["c2", "k1", "c1"]);
        assert_eq!(found["ingest"], json!({ "accepted": 1, "replayed": 1, "duplicates": 0, "conflicts": 1, "failed": 1 }));
    }

    fn a_customer_has_an_overview_of_its_own(world) {
        let project = world.project();
        let customer = json!({ "externalKey": "acme", "timeZone": "Pacific/Auckland" });
        world.post(project.path("/customers")).bearer(&project.owner.token).json(customer).expect(201);
        credit(world, &project, "c1", json!({ "amount": "1", "description": "x" }));
        credit(world, &project, "c2", json!({ "amount": "2", "description": "x", "customerKey": "acme" }));
        let found = overview(world, &project, "?customerKey=acme");
        assert_eq!((&found["customerKey"], &found["wallet"]["balance"]), (&json!("acme"), &json!("2.000000")));
        assert_eq!(found["recentTransactions"].as_array().unwrap().len(), 1);
        // The month begins where the customer is.
        assert_eq!(found["currentPeriod"]["start"], "2026-02-28T11:00:00.000Z");
        let path = project.path("/billing/overview?customerKey=nobody");
        world.get(path).bearer(&project.owner.token).refused(Code::UnknownCustomer);
    }

    // checklist 11
    fn a_stranger_gets_to_see_nothing(world) {
        let project = world.project();
        let stranger = world.person("stranger");
        world.get(project.path("/billing/overview")).bearer(&stranger.token).refused(Code::NotFound);
    }
}
