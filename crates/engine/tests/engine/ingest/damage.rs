//! Damage that `verify` must find and name: each is done to healthy ingest by hand, as the owner of the schema.

use serde_json::json;
use storage::{Dialect, raw};

use super::send::tokens;
use crate::world::World;

/// Three events (one with an event id, one with a duplicate), two of them folded, then the damage.
fn damaged(statement: &str, triggers: &[&str]) -> Vec<(&'static str, Vec<String>)> {
    let mut found = Vec::new();
    for (name, _, db) in testkit::fresh_databases() {
        let world = World::new(db.clone(), 12);
        let with_id = json!({ "metricKey": "api_tokens", "units": "2", "eventId": "e1" });
        world.send("k1", &tokens("1"));
        world.send("k2", &with_id);
        world.send("k3", &with_id);
        world.fold();
        world.send("k4", &tokens("4"));
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
fn a_missing_event_is_found() {
    // checklist 125
    check(
        "delete from usage_events where idempotency_key = 'k4'",
        &["usage_events_no_delete"],
        &[("I4", "3 events were accepted, the batches say 3, 2 are stored"), ("I4", "the key \"k4\" stands for evt_")],
    );
}

#[test]
fn a_missing_identity_is_found() {
    // checklist 125
    check(
        "delete from usage_keys where key = 'k1'",
        &["usage_keys_no_delete"],
        &[("I4", "its key \"k1\" does not stand for it"), ("I4", "2 keys stand for one")],
    );
}

#[test]
fn an_event_id_without_its_event_is_found() {
    // checklist 125
    check("delete from usage_event_ids", &["usage_event_ids_no_delete"], &[("I4", "the eventId \"e1\"")]);
}

#[test]
fn a_batch_that_says_another_number_is_found() {
    // checklist 125
    check(
        "update ingest_batches set events = 7 where rollup_seq is null",
        &[],
        &[("I4", "says 7 events, 1 are stored"), ("I4", "the batches say 9")],
    );
}

#[test]
fn a_changed_rollup_is_found() {
    // checklist 125
    check("update rollups set events = events + 1", &[], &[("I5", "at 2026-03-17T10:15:00.000Z holds")]);
}

#[test]
fn a_missing_rollup_is_found() {
    // checklist 125
    check("delete from rollups", &[], &[("I5", "holds nothing, its events are 3.000000 in 2 events")]);
}

#[test]
fn a_changed_event_is_found_in_its_rollup() {
    // checklist 125
    check(
        "update usage_events set units_micros = 9000000 where idempotency_key = 'k1'",
        &["usage_events_no_update"],
        &[("I5", "holds 3.000000 in 2 events, its events are 11.000000 in 2 events")],
    );
}
