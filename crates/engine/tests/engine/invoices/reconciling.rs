//! Reconciliations: what a run issues agrees on every way, and what does not is named.

use std::collections::BTreeSet;

use domain::refusal::Code;
use domain::subscriptions::change::UsageScope;
use serde_json::Value;
use storage::{Dialect, raw};

use super::{draft, issue, item};
use crate::backtests::shop::{per_unit, plan, price};
use crate::billing::desk::hybrid;
use crate::world::{World, key, on_both};

fn reconciliation(world: &World, id: domain::ids::InvoiceId) -> Value {
    let view = world.engine.get_reconciliation(&world.owner(), id).unwrap();
    serde_json::from_str(view.reconciliation.get()).unwrap()
}

on_both! {
    // checklist 59
    fn what_a_run_issues_agrees_from_the_events_to_the_total(world) {
        world.open_billing(1, hybrid());
        world.subscribe(0);
        world.bill("2026-03-17T10:20:00Z");
        world.calls("a", 0, "10", "2026-03-20T00:00:00Z");
        world.calls("b", 0, "2.5", "2026-03-21T00:00:00Z");
        world.bill("2026-04-01T01:00:00Z");
        // What comes after the cut is of no matter.
        world.calls("late", 0, "7", "2026-03-22T00:00:00Z");
        let (last, _) = world.billed().pop().unwrap();
        let made = reconciliation(world, last.id);
        assert_eq!((&made["agrees"], &made["differences"]), (&Value::Bool(true), &serde_json::json!([])), "{made:#}");
        let calls = made["lines"].as_array().unwrap().iter().find(|line| line["counted"] != Value::Null).unwrap();
        assert_eq!(calls["counted"], serde_json::json!({ "events": 2, "units": "12.5" }));
        assert_eq!((&calls["charged"], &calls["posted"]), (&serde_json::json!("6.250000"), &serde_json::json!("6.250000")));
        assert_eq!((&made["due"], &made["booked"]), (&serde_json::json!("55.250000"), &serde_json::json!("55.250000")));
        // And the events behind the line are those two.
        let line = u32::try_from(calls["line"].as_u64().unwrap()).unwrap();
        let events = world.engine.list_invoice_events(&world.owner(), last.id, line, None, 10).unwrap();
        let keys: Vec<&str> = events.iter().map(|event| event.idempotency_key.as_str()).collect();
        assert_eq!(keys, ["b", "a"]);
        world.verify();
    }

    fn one_entry_for_the_charges_of_an_invoice_agrees_with_each_of_its_lines(world) {
        let prices = [price("calls", "calls", per_unit("0.5")), price("runs", "runs", per_unit("0.7"))];
        world.open_billing(1, plan(serde_json::json!(prices)));
        world.subscribe(0);
        world.calls("a", 0, "10", "2026-03-20T00:00:00Z");
        world.calls("b", 0, "8", "2026-04-20T00:00:00Z");
        for (name, when) in [("c", "2026-03-21T00:00:00Z"), ("d", "2026-04-21T00:00:00Z")] {
            world.clock.set("2026-04-22T00:00:00Z");
            world.send(name, &serde_json::json!({ "metricKey": "runs", "timestamp": when, "customerKey": "customer-000" }));
        }
        // Both months at once: an entry for each invoice, not one for both.
        world.bill("2026-05-01T01:00:00Z");
        let billed = world.billed();
        assert_eq!(billed.len(), 2);
        for (invoice, charges) in &billed {
            assert_eq!(charges.iter().filter_map(|charge| charge.entry).collect::<BTreeSet<_>>().len(), 1);
            let made = reconciliation(world, invoice.id);
            assert_eq!(made["differences"], serde_json::json!([]), "{made:#}");
            for line in made["lines"].as_array().unwrap() {
                assert_eq!(line["posted"], line["charged"]);
            }
        }
    }

    // checklist 75
    fn many_invoices_at_once_are_counted_each_by_its_own_events(world) {
        // A third customer between the others uses something and has no invoice; the first has a second subscription that counts only
        // events that name it, over the same time.
        world.open_billing(4, hybrid());
        for customer in [0, 1, 3] {
            world.subscribe(customer);
        }
        world.subscribe_with(0, |new| {
            new.external_key = "named".to_owned();
            new.usage = Some(UsageScope::Named);
        });
        for (name, customer, units) in [("a", 0, "10"), ("b", 1, "20"), ("c", 2, "40"), ("d", 3, "80")] {
            world.calls(name, customer, units, "2026-03-20T00:00:00Z");
        }
        let named = serde_json::json!({ "metricKey": "calls", "units": "160", "timestamp": "2026-03-20T00:00:00Z",
            "customerKey": "customer-000", "subscriptionKey": "named", "properties": { "region": "eu" } });
        world.send("named", &named);
        world.bill("2026-04-01T01:00:00Z");
        let mut counted = Vec::new();
        for (invoice, _) in world.billed() {
            let made = reconciliation(world, invoice.id);
            assert_eq!(made["differences"], serde_json::json!([]), "{made:#}");
            let lines = made["lines"].as_array().unwrap();
            for line in lines.iter().filter(|line| line["counted"] != Value::Null) {
                // An event that names a subscription is behind the line of that one alone.
                let number = u32::try_from(line["line"].as_u64().unwrap()).unwrap();
                let events = world.engine.list_invoice_events(&world.owner(), invoice.id, number, None, 10).unwrap();
                assert_eq!(events.len(), 1, "{line}");
                let trace = world.engine.trace(&world.owner(), &events[0].idempotency_key).unwrap();
                assert_eq!(trace.invoice_lines.len(), 1, "{:#?}", trace.invoice_lines);
                assert_eq!(trace.invoice_lines[0].line, Some(number));
            }
            counted.extend(lines.iter().filter_map(|line| Some(line["counted"]["units"].as_str()?.to_owned())));
        }
        counted.sort();
        assert_eq!(counted, ["10", "160", "20", "80"]);
    }

    // checklist 95
    fn the_trail_of_a_key_leads_from_the_event_to_the_invoice_line(world) {
        world.open_billing(1, hybrid());
        world.subscribe(0);
        world.bill("2026-03-17T10:20:00Z");
        world.calls("a", 0, "10", "2026-03-20T00:00:00Z");
        world.bill("2026-04-01T01:00:00Z");
        let (last, charges) = world.billed().pop().unwrap();
        let calls = charges.iter().find(|charge| charge.price == "calls").unwrap();
        let trace = world.engine.trace(&world.owner(), "a").unwrap();
        let [line] = trace.invoice_lines.as_slice() else { panic!("{:#?}", trace.invoice_lines) };
        assert_eq!((line.invoice_id, line.charge_id, line.entry), (last.id, calls.id, calls.entry));
        assert_eq!((line.amount.to_string().as_str(), line.number.as_deref(), line.line.is_some()), ("5.000000", Some("INV-000002"), true));
        // Counted after the cut: on no invoice yet.
        world.calls("late", 0, "1", "2026-03-21T00:00:00Z");
        assert!(world.engine.trace(&world.owner(), "late").unwrap().invoice_lines.is_empty());
        // From the other end: an invoice by its id or its number.
        for name in [last.id.to_string(), "INV-000002".to_owned()] {
            let trace = world.engine.trace(&world.owner(), &name).unwrap();
            assert_eq!((trace.invoice_lines.len(), trace.entries.len()), (2, 1));
            assert_eq!(trace.entries[0].cause.id, last.id.to_string());
        }
    }

    fn what_was_never_posted_is_named(world) {
        let id = draft(world, "2026-03-01", &[item("calls", "10")]);
        assert_eq!(world.engine.get_reconciliation(&world.owner(), id).unwrap_err().to_refusal().code, Code::NotFound);
        issue(world, &[id]);
        let other = draft(world, "2026-03-02", &[item("more", "5")]);
        world.engine.finalize_invoice(&world.owner(), key("f"), other).unwrap();
        let made = reconciliation(world, id);
        assert_eq!(made["differences"], serde_json::json!(["line 1: its charges sum to 10.000000, and their entries book 0.000000"]));
        let stored = world.engine.get_reconciliation(&world.owner(), id).unwrap();
        world.clock.set("2026-05-01T00:00:00Z");
        let third = draft(world, "2026-03-03", &[item("most", "5")]);
        world.engine.finalize_invoice(&world.owner(), key("g"), third).unwrap();
        assert_eq!(world.engine.get_reconciliation(&world.owner(), id).unwrap().digest, stored.digest);
    }
}

#[test]
fn a_missing_event_is_named() {
    // checklist 125
    for (name, _, db) in testkit::fresh_databases() {
        let world = World::new(db.clone(), 13);
        world.open_billing(1, hybrid());
        world.subscribe(0);
        world.keep_drafts();
        world.bill("2026-03-17T10:20:00Z");
        world.calls("a", 0, "10", "2026-03-20T00:00:00Z");
        world.bill("2026-04-01T01:00:00Z");
        let dropped = match db.dialect() {
            Dialect::Sqlite => "drop trigger usage_events_no_update;",
            Dialect::Postgres => "",
        };
        let damage = "update usage_events set units_micros = units_micros + 1000000";
        raw::run_as_owner(&db, &format!("{dropped} {damage}")).unwrap();
        let (last, _) = world.billed().pop().unwrap();
        world.engine.finalize_invoice(&world.owner(), key("f"), last.id).unwrap();
        let made = reconciliation(&world, last.id);
        let expected = "1 events with 11 units are stored up to its cut; it was rated from 1 with 10 units";
        let found = made["differences"][0].as_str().unwrap_or_default();
        assert!(found.ends_with(expected), "{name}: {made:#}");
    }
}
