//! `POST /ingest/charge`: once per key, never beyond the wallet, every attempt counted and every refusal kept.

use domain::access::Scope;
use domain::refusal::Code;
use serde_json::{Value, json};
use storage::rejections::{self, RejectionFilter};

use crate::world::{Project, Reply, World, on_both, text};

fn funded(world: &World, amount: &str) -> (Project, String) {
    let project = world.project();
    let body = json!({ "amount": amount, "description": "x" });
    let path = project.path("/transactions/credit");
    world.post(path).bearer(&project.owner.token).idempotency("funds").json(body).expect(201);
    let key = world.access_key(&project, &[Scope::IngestCharge]);
    (project, key)
}

fn charge(world: &World, access_key: &str, key: &str, body: Value) -> Reply {
    world.post("/ingest/charge").key(access_key).idempotency(key).json(body).send()
}

fn balance(world: &World, project: &Project) -> String {
    let found = world.get(project.path("/billing/overview")).bearer(&project.owner.token).expect(200);
    text(&found["wallet"]["balance"])
}

fn outcomes(world: &World, project: &Project) -> Value {
    world.get(project.path("/billing/overview")).bearer(&project.owner.token).expect(200)["ingest"].clone()
}

/// Code, field, outcome and payload of every kept refusal, the oldest first.
fn kept(world: &World, project: &Project) -> Vec<(Code, Option<String>, String, String)> {
    let id = project.id.parse().unwrap();
    let found = world.db.read("test", id, |tx| rejections::page(tx, &RejectionFilter::default(), 100)).unwrap();
    let each = found.into_iter().rev();
    each.map(|kept| (kept.code.parse().unwrap(), kept.field, kept.outcome.to_string(), kept.payload)).collect()
}

on_both! {
    // checklist 26
    fn a_charge_debits_the_wallet_once_for_its_key(world) {
        let (project, key) = funded(world, "100");
        let body = json!({ "amount": "12.5", "description": "Report", "metadata": { "order": "o-1" } });
        let first = charge(world, &key, "k", body);
        let made = first.expect(201);
        assert_eq!((&made["type"], &made["outcome"]), (&json!("charge"), &json!("accepted")));
        assert_eq!((&made["amount"], &made["balanceAfter"]), (&json!("12.500000"), &json!("87.500000")));
        assert_eq!((&made["description"], &made["metadata"]), (&json!("Report"), &json!({ "order": "o-1" })));
        let again = charge(world, &key, "k", json!({ "metadata": { "order": "o-1" }, "amount": 12.50, "description": "Report" }));
        assert_eq!((again.status, &again.text, again.is_replay()), (201, &first.text, true));
        assert_eq!(balance(world, &project), "87.500000");
        assert_eq!(outcomes(world, &project)["accepted"], 1);
        assert_eq!(outcomes(world, &project)["replayed"], 1);
    }

    // checklist 65
    // promise P5
    fn a_wallet_that_cannot_pay_refuses_for_good(world) {
        let (project, key) = funded(world, "10");
        let first = charge(world, &key, "k", json!({ "amount": "11" }));
        first.refused(Code::InsufficientCredit);
        let body = json!({ "amount": "100", "description": "x" });
        let path = project.path("/transactions/credit");
        world.post(path).bearer(&project.owner.token).idempotency("more").json(body).expect(201);
        let again = charge(world, &key, "k", json!({ "amount": "11" }));
        assert_eq!((again.status, &again.text, again.is_replay()), (402, &first.text, true));
        assert_eq!(charge(world, &key, "k2", json!({ "amount": "11" })).expect(201)["balanceAfter"], "99.000000");
        let counts = json!({ "accepted": 1, "replayed": 1, "duplicates": 0, "conflicts": 0, "failed": 1 });
        assert_eq!(outcomes(world, &project), counts);
        let refused = (Code::InsufficientCredit, None, "failed".to_owned(), r#"{"amount":"11"}"#.to_owned());
        assert_eq!(kept(world, &project), [refused]);
    }

    // checklist 19
    fn a_used_key_with_another_body_is_a_conflict_that_is_kept(world) {
        let (project, key) = funded(world, "10");
        charge(world, &key, "k", json!({ "amount": "1" })).expect(201);
        charge(world, &key, "k", json!({ "amount": "2" })).refused(Code::IdempotencyConflict);
        // Charges and credits share one family of keys.
        charge(world, &key, "funds", json!({ "amount": "2" })).refused(Code::IdempotencyConflict);
        assert_eq!(balance(world, &project), "9.000000");
        let outcome = |kept: &(Code, Option<String>, String, String)| (kept.0, kept.2.clone(), kept.3.clone());
        let found: Vec<_> = kept(world, &project).iter().map(outcome).collect();
        let conflict = (Code::IdempotencyConflict, "conflict".to_owned(), r#"{"amount":"2"}"#.to_owned());
        assert_eq!(found, [conflict.clone(), conflict]);
    }

    // checklist 27
    // checklist 91
    fn what_is_refused_is_kept_and_its_key_stays_free(world) {
        let (project, key) = funded(world, "10");
        let cases = [
            (r#"{"amount":"1.0000001"}"#, Code::TooPrecise, Some("amount")),
            (r#"{"amount":"1e3"}"#, Code::InvalidValue, Some("amount")),
            (r#"{"amount":"-5"}"#, Code::NotPositive, Some("amount")),
            (r#"{"amount":"1","units":"1"}"#, Code::UnknownField, Some("units")),
            (r#"{"amount":"1","customerKey":"nobody"}"#, Code::UnknownCustomer, Some("customerKey")),
            (r#"{"amount":"1","timestamp":"2026-03-17T11:20:00Z"}"#, Code::TimestampInFuture, Some("timestamp")),
            (r#"{"amount":"#, Code::MalformedJson, None),
        ];
        for (body, code, field) in cases {
            let reply = world.post("/ingest/charge").key(&key).idempotency("k").raw(body).send();
            let problem = reply.refused(code);
            assert_eq!(problem["errors"][0]["field"].as_str(), field, "{body}");
        }
        let expected: Vec<_> = cases.iter()
            .map(|(body, code, field)| (*code, field.map(str::to_owned), "failed".to_owned(), (*body).to_owned())).collect();
        assert_eq!(kept(world, &project), expected);
        assert_eq!(balance(world, &project), "10.000000");
        charge(world, &key, "k", json!({ "amount": "1" })).expect(201);
    }

    // checklist 23
    fn a_charge_without_a_key_is_refused_and_kept(world) {
        let (project, key) = funded(world, "10");
        let body = json!({ "amount": "1" });
        world.post("/ingest/charge").key(&key).json(body).refused(Code::IdempotencyKeyRequired);
        assert_eq!(kept(world, &project)[0].0, Code::IdempotencyKeyRequired);
    }

    fn a_body_that_is_too_large_is_refused_and_its_beginning_kept(world) {
        let (project, key) = funded(world, "10");
        let body = format!("{{\"amount\":\"1\",\"description\":\"{}\"}}", "x".repeat(80 * 1024));
        world.post("/ingest/charge").key(&key).idempotency("k").raw(body).refused(Code::PayloadTooLarge);
        assert!(kept(world, &project)[0].3.starts_with(r#"{"amount":"1""#));
    }

    fn an_unknown_customer_is_made_where_the_policy_says_so(world) {
        let (project, key) = funded(world, "10");
        let policies = json!({ "policies": { "unknownCustomer": "autoCreate", "requireCustomerKey": true } });
        world.patch(project.path("")).bearer(&project.owner.token).json(policies).expect(200);
        // Made, but without credit: that refusal is final, and leaves no customer behind.
        charge(world, &key, "k1", json!({ "amount": "1", "customerKey": "acme" })).refused(Code::InsufficientCredit);
        let customers = |world: &World| {
            let page = world.get(project.path("/customers")).bearer(&project.owner.token).expect(200);
            page["data"].as_array().unwrap().len()
        };
        assert_eq!(customers(world), 1);
        let body = json!({ "amount": "5", "description": "x", "customerKey": "acme" });
        let path = project.path("/transactions/credit");
        world.post(path).bearer(&project.owner.token).idempotency("c").json(body).expect(201);
        assert_eq!(customers(world), 2);
        let made = charge(world, &key, "k2", json!({ "amount": "1", "customerKey": "acme" })).expect(201);
        assert_eq!((&made["customerKey"], &made["balanceAfter"]), (&json!("acme"), &json!("4.000000")));
        let problem = charge(world, &key, "k3", json!({ "amount": "1" })).refused(Code::CustomerKeyRequired);
        assert_eq!(problem["errors"][0]["field"], "customerKey");
    }

    // checklist 6
    fn a_key_without_the_scope_does_not_charge(world) {
        let (project, _) = funded(world, "10");
        let usage_only = world.access_key(&project, &[Scope::IngestUsage]);
        charge(world, &usage_only, "k", json!({ "amount": "1" })).refused(Code::MissingScope);
        let body = json!({ "amount": "1" });
        world.post("/ingest/charge").bearer(&project.owner.token).idempotency("k").json(body).refused(Code::Forbidden);
        assert_eq!(balance(world, &project), "10.000000");
    }

    // checklist 9
    fn a_key_that_was_revoked_on_another_node_does_not_charge(world) {
        let (project, key) = funded(world, "10");
        charge(world, &key, "k1", json!({ "amount": "1" })).expect(201);
        let page = world.get(project.path("/access-keys")).bearer(&project.owner.token).expect(200);
        let (id, now) = (text(&page["data"][0]["id"]).parse().unwrap(), world.engine.caller("test").now);
        world.db.write("test", project.id.parse().unwrap(), |tx| storage::access_keys::revoke(tx, id, now)).unwrap();
        charge(world, &key, "k2", json!({ "amount": "1" })).refused(Code::Unauthenticated);
        assert_eq!(balance(world, &project), "9.000000");
    }

    // promise P13
    // checklist 65
    fn parallel_charges_never_overspend(world) {
        let (project, key) = funded(world, "10");
        let request = |number: usize| {
            let body = json!({ "amount": "1" });
            world.post("/ingest/charge").key(&key).idempotency(format!("k{number}")).json(body)
        };
        let replies = world.at_once((0..40).map(request).collect());
        assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 10);
        assert_eq!(replies.iter().filter(|reply| reply.status == 402).count(), 30);
        assert_eq!(balance(world, &project), "0.000000");
    }

    // checklist 89
    fn parallel_repetitions_charge_once(world) {
        let (project, key) = funded(world, "10");
        let request = || {
            let body = json!({ "amount": "1" });
            world.post("/ingest/charge").key(&key).idempotency("k").json(body)
        };
        let replies = world.at_once((0..16).map(|_| request()).collect());
        assert!(replies.iter().all(|reply| reply.status == 201 && reply.text == replies[0].text));
        assert_eq!(replies.iter().filter(|reply| !reply.is_replay()).count(), 1);
        assert_eq!(balance(world, &project), "9.000000");
        let counts = json!({ "accepted": 1, "replayed": 15, "duplicates": 0, "conflicts": 0, "failed": 0 });
        assert_eq!(outcomes(world, &project), counts);
    }
}
