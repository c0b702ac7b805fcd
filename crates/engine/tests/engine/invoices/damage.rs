//! Damage to invoices: each is done by hand, as the owner of the schema, and must be found by `verify` and named.

use storage::{Dialect, raw};

use super::{draft, issue, item};
use crate::world::World;

/// Two issued invoices, then the damage; what `verify` finds.
fn damaged(statement: &str, triggers: &[&str]) -> Vec<(&'static str, Vec<String>)> {
    let dropped: String = triggers.iter().map(|trigger| format!("drop trigger {trigger};")).collect();
    damaged_by(&format!("{dropped} {statement}"), statement)
}

fn damaged_by(sqlite: &str, postgres: &str) -> Vec<(&'static str, Vec<String>)> {
    let mut found = Vec::new();
    for (name, _, db) in testkit::fresh_databases() {
        let world = World::new(db.clone(), 11);
        let drafts = [
            draft(&world, "2026-03-01", &[item("calls/1", "10")]),
            draft(&world, "2026-03-02", &[item("calls/2", "20")]),
        ];
        issue(&world, &drafts);
        world.verify();
        let statement = match db.dialect() {
            Dialect::Sqlite => sqlite,
            Dialect::Postgres => postgres,
        };
        raw::run_as_owner(&db, statement).unwrap();
        let report = world.engine.verify().unwrap();
        let broken = report.checks.iter().filter(|check| !check.findings.is_empty());
        let lines = broken.map(|check| format!("{}: {}", check.id, check.findings.join("; "))).collect();
        found.push((name, lines));
    }
    found
}

#[track_caller]
fn check(statement: &str, triggers: &[&str], id: &str, words: &str) {
    for (name, found) in damaged(statement, triggers) {
        let names_it = |line: &String| line.starts_with(&format!("{id}:")) && line.contains(words);
        assert!(found.iter().any(names_it), "{name}: {id} should say {words:?}: {found:#?}");
    }
}

#[test]
fn another_total_is_found() {
    // checklist 125
    let statement = "update issued_invoices set total_micros = total_micros + 10000 where number = 1";
    check(statement, &["issued_invoices_no_update"], "I6", "INV-000001");
}

#[test]
fn another_document_is_found() {
    // checklist 125
    let statement = "update issued_invoices set document = replace(document, 'calls/2', 'calls/3') where number = 2";
    check(statement, &["issued_invoices_no_update"], "I6", "its digest differs");
}

#[test]
fn another_standing_is_found() {
    // checklist 125
    check("update invoices set total_micros = 1 where bills_on = '2026-03-01'", &[], "I6", "stands with 0.000001");
}

#[test]
fn a_missing_number_is_found() {
    // checklist 125
    let statement = "update issued_invoices set number = 3 where number = 1; update invoice_series set next = 4";
    check(statement, &["issued_invoices_no_update"], "I7", "series invoice: number 1 is missing");
}

#[test]
fn a_number_that_was_given_twice_is_found() {
    // checklist 125
    let again = "update issued_invoices set number = 1 where number = 2;";
    let postgres = format!("alter table issued_invoices drop constraint issued_invoices_number; {again}");
    // A constraint cannot be dropped: the table is made anew without it.
    let sqlite = format!(
        "create table issued_copy as select * from issued_invoices; drop table issued_invoices;
        alter table issued_copy rename to issued_invoices; {again}"
    );
    for (name, found) in damaged_by(&sqlite, &postgres) {
        let names_it =
            |line: &String| line.starts_with("I7:") && line.contains("series invoice: number 1 was given twice");
        assert!(found.iter().any(names_it), "{name}: {found:#?}");
    }
}

#[test]
fn a_charge_that_left_its_invoice_is_found() {
    // checklist 125
    let statement = "update invoice_lines set released = true";
    check(statement, &[], "I7", "shows other charges than are on it");
}
