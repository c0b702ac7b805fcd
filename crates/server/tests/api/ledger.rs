//! `/projects/{projectId}/ledger`: entries with their postings, accounts, balances as of any instant.

use std::time::Duration;

use domain::access::{Role, Scope};
use domain::refusal::Code;
use serde_json::{Value, json};

use crate::world::{Project, World, on_both, text};

/// A credit of 10, then three days later a charge of 4 that happened a day after the credit.
fn history(world: &World) -> Project {
    let project = world.project();
    let credit = json!({ "amount": "10", "description": "x", "paid": true });
    world
        .post(project.path("/transactions/credit"))
        .bearer(&project.owner.token)
        .idempotency("c")
        .json(credit)
        .expect(201);
    let key = world.access_key(&project, &[Scope::IngestCharge]);
    world.clock.advance(Duration::from_secs(3 * 24 * 60 * 60));
    let charge = json!({ "amount": "4", "timestamp": "2026-03-18T10:20:00Z", "metadata": { "order": "o-1" } });
    world.post("/ingest/charge").key(key).idempotency("k").json(charge).expect(201);
    let owner = world.log_in(&project.owner.email);
    Project { owner, ..project }
}

fn read(world: &World, project: &Project, path: &str) -> Value {
    world.get(project.path(path)).bearer(&project.owner.token).expect(200)
}

/// Account and balance, customers and lots left out.
fn balances(page: &Value, name: &str) -> Vec<(String, String)> {
    let short = |account: String| account.split(":cus").next().unwrap().to_owned();
    let rows = page["data"].as_array().unwrap().iter();
    rows.map(|row| (short(text(&row[name])), text(&row["balance"]))).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(account, balance)| ((*account).to_owned(), (*balance).to_owned())).collect()
}

on_both! {
    // checklist 63
    // checklist 67
    fn an_entry_shows_its_postings_and_its_cause(world) {
        let project = history(world);
        let page = read(world, &project, "/ledger/entries");
        let charge = &page["data"][0];
        assert_eq!((&charge["kind"], &charge["type"]), (&json!("charge"), &json!("charge")));
        assert_eq!(charge["cause"]["type"], "accessKey");
        assert_eq!(charge["actor"]["kind"], "accessKey");
        assert_eq!(charge["actor"]["name"], "Test key");
        assert_eq!((&charge["effectiveAt"], &charge["recordedAt"]), (&json!("2026-03-18T10:20:00.000Z"), &json!("2026-03-20T10:20:00.000Z")));
        assert_eq!(charge["metadata"], json!({ "order": "o-1" }));
        let posting = |line: i64, account: &str, direction: &str| {
            json!({ "line": line, "account": account, "direction": direction, "amount": "4.000000", "currency": "USD" })
        };
        let lot = text(&charge["postings"][0]["account"]);
        assert!(lot.starts_with("wallet_paid:cus_"), "{lot}");
        assert_eq!(charge["postings"], json!([posting(1, &lot, "debit"), posting(2, "revenue:usage", "credit")]));
        let one = read(world, &project, &format!("/ledger/entries/{}", text(&charge["id"])));
        assert_eq!(one, *charge);
        assert_eq!(page["data"][1]["kind"], "paid_grant");
        assert_eq!(read(world, &project, "/ledger/entries?type=credit")["data"].as_array().unwrap().len(), 1);
    }

    // checklist 62
    fn accounts_show_what_they_hold(world) {
        let project = history(world);
        let page = read(world, &project, "/ledger/accounts");
        let mut found = balances(&page, "name");
        found.sort();
        assert_eq!(found, pairs(&[("bank", "10.000000"), ("revenue:usage", "4.000000"), ("wallet_paid", "6.000000")]));
        let own = read(world, &project, "/ledger/accounts?customerKey=self");
        assert_eq!(balances(&own, "name"), pairs(&[("wallet_paid", "6.000000")]));
        assert_eq!((&own["data"][0]["class"], &own["data"][0]["mode"]), (&json!("liability"), &json!("authorizing")));
        let first = read(world, &project, "/ledger/accounts?limit=2");
        let second = read(world, &project, &format!("/ledger/accounts?limit=2&cursor={}", text(&first["nextCursor"])));
        assert_eq!([balances(&first, "name"), balances(&second, "name")].concat(), balances(&page, "name"));
    }

    // promise P15
    fn balances_are_told_as_of_an_instant_on_either_axis(world) {
        let project = history(world);
        let revenue = |query: &str| -> String {
            let page = read(world, &project, &format!("/ledger/balances{query}"));
            let found = balances(&page, "account").into_iter().find(|(account, _)| account == "revenue:usage");
            found.unwrap().1
        };
        assert_eq!(revenue(""), "4.000000");
        assert_eq!(revenue("?asOf=2026-03-18T10:19:59.999Z"), "0.000000");
        assert_eq!(revenue("?asOf=2026-03-18T10:20:00Z&axis=effective"), "4.000000");
        assert_eq!(revenue("?asOf=2026-03-20T10:19:59.999Z&axis=recorded"), "0.000000");
        assert_eq!(revenue("?asOf=2026-03-20T10:20:00Z&axis=recorded"), "4.000000");
        let page = read(world, &project, "/ledger/balances?asOf=2026-03-18T11:20:00%2B01:00&customerKey=self");
        assert_eq!((&page["asOf"], &page["axis"], &page["nextCursor"]), (&json!("2026-03-18T10:20:00.000Z"), &json!("effective"), &Value::Null));
        assert_eq!(balances(&page, "account"), pairs(&[("wallet_paid", "6.000000")]));
    }

    fn a_malformed_filter_is_refused(world) {
        let project = world.project();
        for (query, field) in [("asOf=now", "asOf"), ("axis=x", "axis"), ("asof=2026-03-18T10:20:00Z", "asof")] {
            let path = project.path(&format!("/ledger/balances?{query}"));
            let problem = world.get(path).bearer(&project.owner.token).refused(Code::InvalidQuery);
            assert_eq!(problem["errors"][0]["field"], field);
        }
    }

    fn finance_closes_the_books_with_a_reason_once(world) {
        let project = world.project();
        let close = |token: &str, body: Value| world.post(project.path("/ledger/closings")).bearer(token).json(body).send();
        let body = json!({ "until": "2026-03-01", "reasonCode": "other", "reason": "February is filed" });
        let support = world.member(&project, Role::Support);
        close(&support.token, body.clone()).refused(Code::Forbidden);
        let finance = world.member(&project, Role::Finance);
        let closing = close(&finance.token, body.clone()).expect(201);
        assert_eq!((&closing["openFrom"], &closing["reason"]), (&json!("2026-03-01T00:00:00.000Z"), &json!("February is filed")));
        assert_eq!(close(&finance.token, body).expect(200), closing);
        for (body, code, field) in [
            (json!({ "until": "2026-03-02" }), Code::ReasonRequired, "reasonCode"),
            (json!({ "until": "2026-03-18", "reasonCode": "other" }), Code::OutOfRange, "until"),
            (json!({ "until": "2026-02-30", "reasonCode": "other" }), Code::InvalidValue, "until"),
        ] {
            assert_eq!(close(&finance.token, body).refused(code)["errors"][0]["field"], field);
        }
        let listed = world.get(project.path("/ledger/closings")).bearer(&support.token).expect(200);
        assert_eq!(listed["data"], json!([closing]));
    }
}
