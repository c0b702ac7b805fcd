//! `/projects/{projectId}/transactions`: credits, debits, refunds, reversals, and the list of all that moved.

mod explain;

use domain::access::{Role, Scope};
use domain::refusal::Code;
use serde_json::{Value, json};

use crate::world::{Project, Reply, World, on_both, text};

/// Sends one of the four operations as the owner.
fn move_money(world: &World, project: &Project, operation: &str, key: &str, body: Value) -> Reply {
    let path = project.path(&format!("/transactions/{operation}"));
    world.post(path).bearer(&project.owner.token).idempotency(key).json(body).send()
}

fn credit(world: &World, project: &Project, key: &str, amount: &str) -> Value {
    let body = json!({ "amount": amount, "description": "Launch credit" });
    move_money(world, project, "credit", key, body).expect(201)
}

fn charge(world: &World, project: &Project, key: &str, amount: &str) -> Value {
    let access_key = world.access_key(project, &[Scope::IngestCharge]);
    let body = json!({ "amount": amount });
    world.post("/ingest/charge").key(access_key).idempotency(key).json(body).expect(201)
}

fn list(world: &World, project: &Project, query: &str) -> Value {
    world.get(project.path(&format!("/transactions{query}"))).bearer(&project.owner.token).expect(200)
}

fn keys(page: &Value) -> Vec<String> {
    page["data"].as_array().unwrap().iter().map(|found| text(&found["idempotencyKey"])).collect()
}

on_both! {
    // checklist 60
    fn the_published_request_grants_credit(world) {
        let project = world.project();
        let body = json!({ "amount": "100.000000", "description": "Launch credit" });
        let answer = move_money(world, &project, "credit", "credit_2026_03_17_001", body);
        let made = answer.expect(201);
        assert!(text(&made["id"]).starts_with("txn_"), "{made}");
        let expected = json!({
            "id": made["id"], "type": "credit", "outcome": "accepted", "amount": "100.000000", "currency": "USD",
            "description": "Launch credit", "customerKey": "self", "balanceAfter": "100.000000",
            "idempotencyKey": "credit_2026_03_17_001", "effectiveAt": "2026-03-17T10:20:00.000Z",
            "createdAt": "2026-03-17T10:20:00.000Z", "cause": { "type": "operator", "id": project.owner.id },
        });
        assert_eq!(made, expected);
        let path = project.path(&format!("/transactions/{}", text(&made["id"])));
        assert_eq!(world.get(path).bearer(&project.owner.token).expect(200), expected);
    }

    // checklist 61
    // checklist 90
    // promise P6
    fn a_repeated_credit_is_answered_byte_for_byte(world) {
        let project = world.project();
        let send = || move_money(world, &project, "credit", "k", json!({ "amount": "5", "description": "x" }));
        let first = send();
        world.clock.advance(std::time::Duration::from_secs(60));
        let again = send();
        assert_eq!((again.status, &again.text, again.is_replay()), (201, &first.text, true));
        assert!(!first.is_replay());
        assert_eq!(list(world, &project, "")["data"].as_array().unwrap().len(), 1);
    }

    // checklist 23
    fn a_credit_without_a_key_is_refused(world) {
        let project = world.project();
        let body = json!({ "amount": "5", "description": "x" });
        for operation in ["credit", "debit", "refund", "reverse"] {
            let path = project.path(&format!("/transactions/{operation}"));
            world.post(path).bearer(&project.owner.token).json(body.clone()).refused(Code::IdempotencyKeyRequired);
        }
        assert_eq!(list(world, &project, "")["data"], json!([]));
    }

    // checklist 64
    fn an_amount_that_cannot_move_is_refused_with_its_field(world) {
        let project = world.project();
        let cases = [
            (json!("0"), Code::NotPositive), (json!("-5"), Code::NotPositive), (json!("1.0000001"), Code::TooPrecise),
            (json!("1e3"), Code::InvalidValue), (json!("NaN"), Code::InvalidValue), (json!(5), Code::InvalidType),
            (json!("9223372036854.775808"), Code::OutOfRange), (json!(null), Code::InvalidType),
        ];
        for (amount, code) in cases {
            let credit = json!({ "amount": amount, "description": "x" });
            let problem = move_money(world, &project, "credit", "k", credit).refused(code);
            assert_eq!(problem["errors"][0]["field"], "amount", "{amount}");
        }
        // None of them used up the key.
        credit(world, &project, "k", "5");
    }

    fn a_body_that_is_not_understood_is_refused_by_name(world) {
        let project = world.project();
        let refused = |body: Value, code: Code, field: &str| {
            let problem = move_money(world, &project, "credit", "k", body).refused(code);
            assert_eq!(problem["errors"][0]["field"], field);
        };
        let with = |name: &str, value: Value| {
            let mut body = json!({ "amount": "5", "description": "x" });
            body[name] = value;
            body
        };
        refused(json!({ "amount": "5" }), Code::MissingField, "description");
        refused(with("units", json!(1)), Code::UnknownField, "units");
        refused(with("currency", json!("usd")), Code::InvalidValue, "currency");
        refused(with("expiresAt", json!("soon")), Code::InvalidTimestamp, "expiresAt");
        refused(with("expiresAt", json!("2026-03-17T10:20:00Z")), Code::InvalidValue, "expiresAt");
        refused(with("priority", json!(101)), Code::OutOfRange, "priority");
        refused(with("customerKey", json!("nobody")), Code::UnknownCustomer, "customerKey");
        refused(with("customerKey", json!("")), Code::InvalidValue, "customerKey");
        refused(with("reasonCode", json!("because")), Code::ReasonRequired, "reasonCode");
        refused(with("reason", json!("words alone")), Code::ReasonRequired, "reasonCode");
    }

    // checklist 92
    fn corrections_need_a_reason_code(world) {
        let project = world.project();
        credit(world, &project, "c", "10");
        let charge = text(&charge(world, &project, "k", "5")["id"]);
        for (operation, body) in [
            ("debit", json!({ "amount": "1" })),
            ("refund", json!({ "transactionId": charge, "amount": "1" })),
            ("reverse", json!({ "transactionId": charge })),
        ] {
            let refused = move_money(world, &project, operation, "x", body.clone()).refused(Code::ReasonRequired);
            assert_eq!(refused["errors"][0]["field"], "reasonCode");
            let mut body = body;
            body["reasonCode"] = json!("no_such_reason");
            move_money(world, &project, operation, "x", body).refused(Code::ReasonRequired);
        }
    }

    // checklist 92
    // checklist 93
    fn a_correction_is_in_the_trail_with_its_reason(world) {
        let project = world.project();
        credit(world, &project, "c", "10");
        let body = json!({ "amount": "4", "reasonCode": "billing_error", "reason": "Booked too much in February" });
        let debit = move_money(world, &project, "debit", "d", body).expect(201);
        assert_eq!((&debit["type"], &debit["balanceAfter"]), (&json!("debit"), &json!("6.000000")));
        let path = project.path(&format!("/audit?target={}", text(&debit["id"])));
        let entry = world.get(path).bearer(&project.owner.token).expect(200)["data"][0].clone();
        assert_eq!(entry["action"], "transaction.debited");
        assert_eq!(entry["reasonCode"], "billing_error");
        assert_eq!(entry["reason"], "Booked too much in February");
        assert_eq!(entry["details"]["before"]["balance"], "10.000000");
        assert_eq!(entry["details"]["after"]["balance"], "6.000000");
    }

    fn a_charge_is_refunded_and_reversed(world) {
        let project = world.project();
        credit(world, &project, "c", "10");
        let first = text(&charge(world, &project, "k1", "5")["id"]);
        let second = text(&charge(world, &project, "k2", "3")["id"]);
        let body = json!({ "transactionId": first, "amount": "2", "reasonCode": "service_issue" });
        let refund = move_money(world, &project, "refund", "r1", body).expect(201);
        assert_eq!((&refund["type"], &refund["refunds"], &refund["balanceAfter"]), (&json!("refund"), &json!(first), &json!("4.000000")));
        let body = json!({ "transactionId": second, "reasonCode": "duplicate" });
        let reversal = move_money(world, &project, "reverse", "r2", body.clone()).expect(201);
        assert_eq!((&reversal["type"], &reversal["reverses"], &reversal["balanceAfter"]), (&json!("reversal"), &json!(second), &json!("7.000000")));
        move_money(world, &project, "reverse", "r3", body).refused(Code::AlreadyReversed);
        let body = json!({ "transactionId": first, "amount": "4", "reasonCode": "service_issue" });
        move_money(world, &project, "refund", "r4", body.clone()).refused(Code::RefundTooLarge);
        // promise P5
        assert!(move_money(world, &project, "refund", "r4", body).is_replay());
    }

    fn what_is_no_transaction_is_not_corrected(world) {
        let project = world.project();
        let nothing = json!({ "transactionId": "txn_00000000000000000000000001", "reasonCode": "other" });
        move_money(world, &project, "refund", "r1", nothing.clone()).refused(Code::NotFound);
        move_money(world, &project, "reverse", "r2", nothing).refused(Code::NotFound);
        let malformed = json!({ "transactionId": "cus_00000000000000000000000001", "reasonCode": "other" });
        let problem = move_money(world, &project, "reverse", "r3", malformed).refused(Code::InvalidValue);
        assert_eq!(problem["errors"][0]["field"], "transactionId");
        let credit = text(&credit(world, &project, "c", "10")["id"]);
        let body = json!({ "transactionId": credit, "reasonCode": "other" });
        move_money(world, &project, "refund", "r4", body).refused(Code::NotReversible);
    }

    // checklist 66
    fn the_list_is_paged_without_gap_or_repetition(world) {
        let project = world.project();
        for number in 0..5 {
            credit(world, &project, &format!("k{number}"), "1");
        }
        let first = list(world, &project, "?limit=2");
        credit(world, &project, "meanwhile", "1");
        let second = list(world, &project, &format!("?limit=2&cursor={}", text(&first["nextCursor"])));
        let third = list(world, &project, &format!("?limit=2&cursor={}", text(&second["nextCursor"])));
        assert_eq!([keys(&first), keys(&second), keys(&third)].concat(), ["k4", "k3", "k2", "k1", "k0"]);
        assert_eq!(third["nextCursor"], Value::Null);
    }

    // checklist 66
    fn the_list_is_filtered(world) {
        let project = world.project();
        credit(world, &project, "c", "10");
        let access_key = world.access_key(&project, &[Scope::IngestCharge]);
        for (key, at) in [("march", "2026-03-01T00:00:00Z"), ("february", "2026-02-28T23:59:59.999Z")] {
            let body = json!({ "amount": "1", "timestamp": at });
            world.post("/ingest/charge").key(&access_key).idempotency(key).json(body).expect(201);
        }
        let march = "?from=2026-03-01T00:00:00Z&to=2026-04-01T00:00:00Z";
        assert_eq!(keys(&list(world, &project, march)), ["march", "c"]);
        assert_eq!(keys(&list(world, &project, "?type=charge")), ["february", "march"]);
        assert_eq!(keys(&list(world, &project, "?customerKey=self&currency=USD&type=credit")), ["c"]);
        assert_eq!(keys(&list(world, &project, "?customerKey=nobody")), Vec::<String>::new());
        for (query, field) in [("?type=gift", "type"), ("?from=March", "from"), ("?currency=usd", "currency")] {
            let path = project.path(&format!("/transactions{query}"));
            let problem = world.get(path).bearer(&project.owner.token).refused(Code::InvalidQuery);
            assert_eq!(problem["errors"][0]["field"], field);
        }
    }

    // checklist 10
    // checklist 12
    fn who_may_not_move_money_does_not(world) {
        let project = world.project();
        let body = json!({ "amount": "5", "description": "x" });
        let path = project.path("/transactions/credit");
        let viewer = world.member(&project, Role::Viewer);
        world.post(&path).bearer(&viewer.token).idempotency("k").json(body.clone()).refused(Code::Forbidden);
        let key = world.access_key(&project, Scope::ALL);
        world.post(&path).key(key).idempotency("k").json(body.clone()).refused(Code::MissingScope);
        world.post(&path).idempotency("k").json(body).refused(Code::Unauthenticated);
        assert_eq!(list(world, &project, "")["data"], json!([]));
    }

    // checklist 12
    fn support_grants_credit_up_to_a_limit(world) {
        let project = world.project();
        let support = world.member(&project, Role::Support);
        let path = project.path("/transactions/credit");
        let send = |key: &str, amount: &str| {
            let body = json!({ "amount": amount, "description": "Sorry" });
            world.post(&path).bearer(&support.token).idempotency(key).json(body).send()
        };
        send("k1", "100").expect(201);
        let problem = send("k2", "100.000001").refused(Code::AboveLimit);
        assert_eq!(problem["errors"][0]["field"], "amount");
    }

    // promise P35
    fn a_transaction_of_another_project_is_not_found(world) {
        let project = world.project();
        let id = text(&credit(world, &project, "c", "10")["id"]);
        let other = world.project_of(&project.owner, "other");
        world.get(other.path(&format!("/transactions/{id}"))).bearer(&project.owner.token).refused(Code::NotFound);
        world.get(other.path(&format!("/ledger/entries/{id}"))).bearer(&project.owner.token).refused(Code::NotFound);
        let body = json!({ "transactionId": id, "reasonCode": "other" });
        move_money(world, &other, "reverse", "r", body).refused(Code::NotFound);
        // checklist 21
        credit(world, &other, "c", "7");
        assert_eq!(keys(&list(world, &other, "")), ["c"]);
    }
}
