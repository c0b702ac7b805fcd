//! Bookkeeping of the crash driver (promise P1): each planted loss, doubling, tear and change is reported, and a clean run is not.

use load::client::Reply;
use load::crash::{
    Book, Event, Findings, Money, MoneyKind, Observed, ObservedEvent, ObservedTransaction, Operation, Verdict, compare,
};
use serde_json::{Value, json};

fn reply(status: u16, replayed: bool, body: &Value) -> Reply {
    let headers = if replayed { vec![("idempotent-replayed".to_owned(), "true".to_owned())] } else { Vec::new() };
    Reply { status, headers, body: serde_json::to_vec(body).unwrap() }
}

fn event(key: &str) -> Event {
    Event { key: key.to_owned(), metric: "m".to_owned(), units_micros: 2_000_000 }
}

fn usage(key: &str) -> Operation {
    Operation::Usage(event(key))
}

fn money(key: &str, kind: MoneyKind, amount_micros: i64) -> Operation {
    Operation::Money(Money { key: key.to_owned(), kind, amount_micros })
}

/// Three events (one single, two in a batch), a credit of 10 and a charge of 4, all acknowledged.
fn book() -> Book {
    let mut book = Book::default();
    book.judge(&usage("e1"), &reply(201, false, &json!({ "eventId": "evt_1" })));
    let results = json!({ "results": [
        { "outcome": "accepted", "eventId": "evt_2" },
        { "outcome": "accepted", "eventId": "evt_3" },
    ] });
    book.judge(&Operation::Batch(vec![event("e2"), event("e3")]), &reply(200, false, &results));
    book.judge(&money("c1", MoneyKind::Credit, 10_000_000), &reply(201, false, &json!({ "id": "txn_1" })));
    book.judge(&money("d1", MoneyKind::Charge, 4_000_000), &reply(201, false, &json!({ "id": "txn_2" })));
    assert_eq!(book.findings, Findings::default());
    book
}

/// Exactly what the book has.
fn observed() -> Observed {
    let event = |number: u8| ObservedEvent { key: format!("e{number}"), id: format!("evt_{number}") };
    let transaction = |key: &str, id: &str, amount_micros| ObservedTransaction {
        key: key.to_owned(),
        id: id.to_owned(),
        amount_micros,
    };
    Observed {
        events: vec![event(1), event(2), event(3)],
        transactions: vec![transaction("c1", "txn_1", 10_000_000), transaction("d1", "txn_2", -4_000_000)],
        totals: [("m".to_owned(), (6_000_000, 3))].into(),
        balance_micros: 6_000_000,
    }
}

#[test]
fn what_was_acknowledged_and_is_there_gives_no_finding() {
    let book = book();
    assert_eq!((book.events(), book.transactions(), book.acknowledged()), (3, 2, 5));
    assert!(compare(&book, &observed()).is_empty());
}

#[test]
fn an_acknowledged_event_that_is_not_there_is_lost() {
    let mut observed = observed();
    observed.events.remove(1);
    observed.totals.insert("m".to_owned(), (4_000_000, 2));
    let findings = compare(&book(), &observed);
    assert_eq!((findings.lost.len(), findings.doubled.len(), findings.figures.len()), (1, 0, 1), "{findings:?}");
    assert!(findings.lost[0].contains("e2"), "{findings:?}");
}

#[test]
fn an_event_stored_under_another_id_is_lost() {
    let mut observed = observed();
    observed.events[0].id = "evt_9".to_owned();
    assert_eq!(compare(&book(), &observed).lost.len(), 1);
}

#[test]
fn an_event_that_is_there_twice_is_doubled() {
    let mut observed = observed();
    observed.events.push(ObservedEvent { key: "e3".to_owned(), id: "evt_33".to_owned() });
    observed.totals.insert("m".to_owned(), (8_000_000, 4));
    let findings = compare(&book(), &observed);
    assert_eq!((findings.lost.len(), findings.doubled.len(), findings.figures.len()), (0, 1, 1), "{findings:?}");
}

#[test]
fn an_event_nobody_was_told_of_is_doubled() {
    let mut observed = observed();
    observed.events.push(ObservedEvent { key: "stranger".to_owned(), id: "evt_7".to_owned() });
    assert_eq!(compare(&book(), &observed).doubled.len(), 1);
}

#[test]
fn a_total_that_forgets_a_listed_event_is_reported() {
    let mut observed = observed();
    observed.totals.insert("m".to_owned(), (4_000_000, 2));
    assert_eq!(compare(&book(), &observed).figures.len(), 1);
}

#[test]
fn a_lost_transaction_and_the_balance_it_leaves_are_reported() {
    let mut observed = observed();
    observed.transactions.remove(1);
    observed.balance_micros = 10_000_000;
    let findings = compare(&book(), &observed);
    assert_eq!((findings.lost.len(), findings.figures.len()), (1, 1), "{findings:?}");
    assert_eq!(findings.figures[0], "the balance is 10.000000 instead of 6.000000");
}

#[test]
fn a_charge_applied_twice_under_one_row_shows_in_the_balance() {
    let mut observed = observed();
    observed.balance_micros = 2_000_000;
    assert!(!compare(&book(), &observed).is_empty());
}

#[test]
fn a_repeated_request_must_be_the_replay_of_its_first_answer() {
    let mut book = book();
    let first = json!({ "eventId": "evt_1" });
    book.judge(&usage("e1"), &reply(201, true, &first));
    assert!(book.findings.is_empty());
    book.judge(&usage("e1"), &reply(201, true, &json!({ "eventId": "evt_1", "late": true })));
    assert_eq!(book.findings.changed.len(), 1);
    book.judge(&usage("e1"), &reply(201, false, &json!({ "eventId": "evt_8" })));
    assert_eq!(book.findings.lost.len(), 1);
    book.judge(&money("c1", MoneyKind::Credit, 10_000_000), &reply(201, false, &json!({ "id": "txn_9" })));
    assert_eq!(book.findings.lost.len(), 2);
    assert_eq!(book.acknowledged(), 5);
}

#[test]
fn a_batch_of_which_a_part_was_known_is_torn() {
    let mut book = Book::default();
    let results = json!({ "results": [
        { "outcome": "replay", "eventId": "evt_2" },
        { "outcome": "accepted", "eventId": "evt_3" },
    ] });
    book.judge(&Operation::Batch(vec![event("e2"), event("e3")]), &reply(200, false, &results));
    assert_eq!(book.findings.torn.len(), 1);
}

#[test]
fn a_batch_accepted_again_was_lost() {
    let mut book = book();
    let results = json!({ "results": [
        { "outcome": "accepted", "eventId": "evt_12" },
        { "outcome": "accepted", "eventId": "evt_13" },
    ] });
    book.judge(&Operation::Batch(vec![event("e2"), event("e3")]), &reply(200, false, &results));
    assert_eq!(book.findings.lost.len(), 2);
}

#[test]
fn an_overloaded_server_has_acknowledged_nothing() {
    let mut book = Book::default();
    for status in [429, 500, 503, 507] {
        assert_eq!(book.judge(&usage("e1"), &reply(status, false, &Value::Null)), Verdict::SendAgain);
    }
    assert_eq!(book.judge(&money("c", MoneyKind::Credit, 1), &reply(401, false, &Value::Null)), Verdict::LogInAgain);
    assert_eq!((book.acknowledged(), book.findings.is_empty()), (0, true));
}

#[test]
fn any_other_answer_is_a_finding() {
    let mut book = Book::default();
    book.judge(&usage("e1"), &reply(409, false, &json!({ "code": "idempotency_conflict" })));
    book.judge(&usage("e2"), &reply(201, false, &json!({})));
    book.judge(&Operation::Batch(vec![event("e3")]), &reply(200, false, &json!({ "results": [] })));
    assert_eq!(book.findings.unexpected.len(), 3);
}
