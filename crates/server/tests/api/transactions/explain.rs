//! `/projects/{projectId}/transactions/{transactionId}/explain`

use domain::access::Scope;
use domain::refusal::Code;
use serde_json::{Value, json};

use super::{charge, move_money};
use crate::world::{Project, World, on_both, text};

fn explain(world: &World, project: &Project, transaction: &Value) -> Value {
    let path = project.path(&format!("/transactions/{}/explain", text(&transaction["id"])));
    world.get(path).bearer(&project.owner.token).expect(200)
}

/// The steps in a few words: `drawn promotional 5.000000`.
fn told(explanation: &Value) -> Vec<String> {
    let steps = explanation["steps"].as_array().unwrap().iter();
    let told = steps.map(|step| {
        let kind = step["lot"]["kind"].as_str().map_or(String::new(), |kind| format!("{kind} "));
        format!("{} {kind}{}", step["step"].as_str().unwrap(), step["amount"].as_str().unwrap())
    });
    told.collect()
}

on_both! {
    fn a_charge_tells_what_it_took_from_which_lot(world) {
        // checklist 123
        let project = world.project();
        let paid = json!({ "amount": "10", "description": "Bought", "paid": true });
        move_money(world, &project, "credit", "paid", paid).expect(201);
        let promo = json!({ "amount": "5", "description": "Gift", "expiresAt": "2026-04-01T00:00:00Z" });
        move_money(world, &project, "credit", "promo", promo).expect(201);
        let made = charge(world, &project, "charge-1", "12.345678");
        let why = explain(world, &project, &made);
        assert_eq!(told(&why), ["asSent 12.345678", "drawn promotional 5.000000", "drawn paid 7.345678", "rounding 0.000000"]);
        assert_eq!(why["formula"], "amount as sent, taken from lots in draw order, the rest from the overdraft");
        assert_eq!(why["drawOrder"], "priority, then soonest expiry, then promotional before paid, then oldest");
        assert_eq!(why["steps"][1]["lot"]["expiresAt"], "2026-04-01T00:00:00.000Z");
        assert_eq!(why["inputs"], json!({ "amount": "12.345678", "currency": "USD", "customerKey": "self", "usageAt": null, "metadata": null }));
        let entry = &why["entry"];
        assert_eq!((&entry["idempotencyKey"], &entry["actor"]["kind"], &entry["cause"]["type"]), (&json!("charge-1"), &json!("accessKey"), &json!("accessKey")));
        let postings = entry["postings"].as_array().unwrap();
        assert!(postings.iter().any(|line| line["account"] == "revenue:usage" && line["amount"] == "12.345678"), "{entry}");
        let sentences = why["text"].as_str().unwrap();
        assert!(sentences.contains("\nSent: 12.345678 USD.\n1. Taken from the promotional lot lot_"), "{sentences}");
        assert!(sentences.ends_with("\nNothing was rounded when it was booked."), "{sentences}");
    }

    fn what_is_taken_beyond_the_lots_and_repaid_is_told(world) {
        // checklist 123
        let project = world.project();
        let limit = json!({ "overdraftLimit": "5", "reasonCode": "contract" });
        world.patch(project.path("/wallets")).bearer(&project.owner.token).json(limit).expect(200);
        let made = charge(world, &project, "charge-1", "3");
        assert_eq!(told(&explain(world, &project, &made)), ["asSent 3.000000", "overdrawn 3.000000", "rounding 0.000000"]);
        let granted = move_money(world, &project, "credit", "first", json!({ "amount": "4", "description": "First" })).expect(201);
        assert_eq!(told(&explain(world, &project, &granted)), [
            "asSent 4.000000", "credited promotional 4.000000", "drawn promotional 3.000000", "overdraftRepaid 3.000000", "rounding 0.000000",
        ]);
    }

    fn a_refund_tells_where_the_money_returned_to(world) {
        let project = world.project();
        move_money(world, &project, "credit", "gift", json!({ "amount": "5", "description": "Gift" })).expect(201);
        let made = charge(world, &project, "charge-1", "3");
        let refund = json!({ "transactionId": made["id"], "amount": "1", "reasonCode": "service_issue", "reason": "Slow answer" });
        let refunded = move_money(world, &project, "refund", "refund", refund).expect(201);
        let why = explain(world, &project, &refunded);
        assert_eq!(told(&why), ["asSent 1.000000", "credited promotional 1.000000", "rounding 0.000000"]);
        assert_eq!((&why["entry"]["refunds"], &why["entry"]["reasonCode"]), (&made["id"], &json!("service_issue")));
    }

    // checklist 11
    fn nobody_else_is_told(world) {
        let project = world.project();
        let made = move_money(world, &project, "credit", "gift", json!({ "amount": "5", "description": "Gift" })).expect(201);
        let path = project.path(&format!("/transactions/{}/explain", text(&made["id"])));
        let sender = world.access_key(&project, &[Scope::IngestCharge]);
        world.get(&path).key(&sender).refused(Code::MissingScope);
        world.get(&path).key(world.access_key(&project, &[Scope::BillingRead])).expect(200);
        let stranger = world.person("stranger");
        world.get(&path).bearer(&stranger.token).refused(Code::NotFound);
        let elsewhere = world.project_of(&stranger, "elsewhere");
        let there = elsewhere.path(&format!("/transactions/{}/explain", text(&made["id"])));
        world.get(there).bearer(&stranger.token).refused(Code::NotFound);
    }
}
