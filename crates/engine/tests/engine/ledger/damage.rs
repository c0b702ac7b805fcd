//! Damage that `verify` must find and name: each is done to a healthy ledger by hand, as the owner of the schema.

use domain::refusal::Code;
use storage::{Dialect, raw};

use super::money::{grant, paid};
use crate::world::World;

/// A ledger with a paid and a promotional lot, a charge, an overdraft and a refund, then the damage.
fn damaged(statement: &str, triggers: &[&str]) -> Vec<(&'static str, Vec<String>)> {
    let mut found = Vec::new();
    for (name, _, db) in testkit::fresh_databases() {
        let world = World::new(db.clone(), 11);
        world.credit("promo", &grant("10"));
        world.credit("paid", &paid("10"));
        world.allow_overdraft("5").unwrap();
        let charge = world.charge("charge", "25").id();
        world.refund("refund", charge, Some("2")).accepted();
        world.charge("too-much", "100").refused(Code::InsufficientCredit);
        world.verify();
        let dropped = match db.dialect() {
            Dialect::Sqlite => triggers.iter().map(|trigger| format!("drop trigger {trigger};")).collect(),
            Dialect::Postgres => String::new(),
        };
        raw::run_as_owner(&db, &format!("{dropped} {statement}")).unwrap();
        let report = world.engine.verify().unwrap();
        let broken = report.checks.iter().filter(|check| !check.findings.is_empty());
        let lines = broken.map(|check| format!("{}: {}", check.id, check.findings.join("; "))).collect();
        found.push((name, lines));
    }
    found
}

#[track_caller]
fn check(statement: &str, triggers: &[&str], expected: &[(&str, &str)]) {
    for (name, found) in damaged(statement, triggers) {
        for (id, words) in expected {
            let names_it = |line: &String| line.starts_with(&format!("{id}:")) && line.contains(words);
            assert!(found.iter().any(names_it), "{name}: {id} should say {words:?}: {found:#?}");
        }
    }
}

#[test]
fn a_changed_posting_is_found() {
    // checklist 125
    check(
        "update postings set amount_micros = amount_micros + 1 where line = 1 and direction = 'debit'",
        &["postings_no_update"],
        &[("I1", "debits exceed credits in USD by 0.000004"), ("I2", "its postings sum to"), ("I8", "debits exceed")],
    );
}

#[test]
fn a_missing_posting_is_found() {
    // checklist 125
    check("delete from postings where line = 2", &["postings_no_delete"], &[("I1", "debits exceed"), ("I8", "txn_")]);
}

#[test]
fn a_changed_balance_is_found() {
    // checklist 125
    check("update balances set balance_micros = balance_micros + 1", &[], &[("I2", "wallet_overdraft:cus_")]);
}

#[test]
fn a_lot_that_holds_more_than_was_granted_is_found() {
    // checklist 125
    check("update balances set balance_micros = 20000000", &[], &[("I3", "more than was granted")]);
}

#[test]
fn a_wallet_beyond_its_limit_is_found() {
    // checklist 125
    check("update wallets set overdraft_limit_micros = 0", &[], &[("I3", "its overdraft limit is 0.000000")]);
}

#[test]
fn a_missing_audit_entry_is_found() {
    // checklist 125
    check(
        "delete from audit_entries where action = 'transaction.charged'",
        &["audit_entries_no_delete"],
        &[("I8", "is not in the audit trail")],
    );
}

#[test]
fn a_missing_announcement_is_found() {
    // checklist 125
    check(
        "delete from outbox_events where kind = 'transaction.created'",
        &["outbox_events_no_delete"],
        &[("I8", "was not announced")],
    );
}
