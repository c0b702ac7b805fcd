//! A draft is brought up to date before it is issued: what came in meanwhile is on the invoice, and what comes later is late.

use std::thread;

use domain::billing::run::RunScope;
use domain::charges::charge::Charge;
use domain::ids::InvoiceId;
use domain::projects::{Change, ProjectChange};
use engine::transactions::GrantCredit;
use serde_json::{Value, json};

use super::desk::hybrid;
use crate::backtests::shop::{at, base, customer_key, per_unit, plan, price};
use crate::ledger::money::paid;
use crate::usage_corrections::{apply, void};
use crate::world::{World, key, on_both};

impl World {
    /// Drafts wait for two hours after the late buffer.
    fn grace(&self) {
        let change = ProjectChange { invoice_grace_minutes: Change::Set(120), ..ProjectChange::default() };
        self.engine.update_project(&self.owner(), &change).unwrap();
    }

    /// Ten calls in March, on a draft of April 1 that is issued at three.
    fn draft_of_april(&self, plan: Value) {
        self.open_billing(1, plan);
        self.grace();
        self.subscribe(0);
        self.calls("first", 0, "10", "2026-03-20T00:00:00Z");
        self.bill("2026-04-01T01:00:00Z");
        assert!(self.invoices().last().unwrap().starts_with("2026-04-01 draft"), "{:?}", self.invoices());
    }

    fn calls_of_march(&self, name: &str, units: &str) {
        let when = "2026-03-21T00:00:00Z";
        self.send(
            name,
            &json!({ "metricKey": "calls", "units": units, "timestamp": when, "customerKey": customer_key(0),
            "eventId": name, "properties": { "region": "eu" } }),
        );
    }

    fn last_invoice(&self) -> (InvoiceId, Vec<Charge>) {
        let (record, charges) = self.billed().pop().unwrap();
        (record.id, charges)
    }

    /// The units on the line of calls, as its content has them.
    fn units(&self, invoice: InvoiceId) -> String {
        let explained = self.engine.explain_invoice(&self.owner(), invoice).unwrap();
        let line = explained.lines.into_iter().find(|line| line.name == "calls").unwrap();
        let content: Value = serde_json::from_str(line.content.unwrap().get()).unwrap();
        content["stretches"][0]["atEnd"]["parts"][0]["usage"]["total"]["units"].as_str().unwrap().to_owned()
    }

    fn finalize(&self, name: &str, invoice: InvoiceId) {
        self.engine.finalize_invoice(&self.owner(), key(name), invoice).unwrap();
    }

    /// Nothing is late.
    fn nothing_is_late(&self) {
        self.settle();
        assert!(self.desk().is_empty(), "{:?}", self.desk());
    }
}

on_both! {
    fn an_event_in_the_grace_time_is_on_the_invoice_and_one_after_the_issue_is_late(world) {
        // checklist 56, checklist 71
        world.draft_of_april(hybrid());
        world.clock.set("2026-04-01T02:59:00Z");
        world.calls_of_march("second", "6");
        world.clock.set("2026-04-01T03:00:00Z");
        // A dry run tells it.
        let run = world.follows(world.rehearse(None), None, RunScope::default());
        assert_eq!((run.counts.charged, run.counts.issued), (1, 1));
        assert_eq!(world.items_of(run.id).len(), 1);
        assert_eq!(world.invoices().last().unwrap(), "2026-04-01 issued 57.000000");
        let (invoice, charges) = world.last_invoice();
        let told = charges.iter().map(|charge| format!("{} {} {}", charge.price, charge.revision, charge.amount));
        assert_eq!(told.collect::<Vec<_>>(), ["base 0 49.000000", "calls 0 5.000000", "calls 1 3.000000"]);
        assert_eq!(world.units(invoice), "16");
        let explained = world.engine.explain_invoice(&world.owner(), invoice).unwrap();
        let line = explained.lines.into_iter().find(|line| line.name == "calls").unwrap().line;
        let events = world.engine.list_invoice_events(&world.owner(), invoice, line, None, 10).unwrap();
        assert_eq!(events.len(), 2, "the line names exactly the events that it counted");
        world.nothing_is_late();
        world.calls_of_march("third", "2");
        world.settle();
        assert_eq!(world.desk(), ["settled 1.000000 nextInvoice"]);
    }

    fn when_nothing_came_a_draft_is_issued_as_it_was_charged(world) {
        // checklist 54
        world.draft_of_april(hybrid());
        // Of another time, and of another customer.
        world.calls("april", 0, "6", "2026-04-01T02:00:00Z");
        let charged = world.charged();
        let run = world.bill("2026-04-01T03:00:00Z");
        assert_eq!((run.counts.planned, run.counts.issued), (0, 1));
        assert_eq!(world.charged(), charged);
        world.nothing_is_late();
    }

    fn what_costs_nothing_more_is_on_the_invoice_too(world) {
        // checklist 75
        let terms = json!({ "model": { "type": "perUnit", "unitPrice": "0.5" }, "included": "100" });
        world.draft_of_april(plan(json!([base("49"), price("calls", "calls", terms), price("runs", "runs", per_unit("1"))])));
        world.calls_of_march("second", "6");
        world.bill("2026-04-01T03:00:00Z");
        let (_, charges) = world.last_invoice();
        let told = charges.iter().map(|charge| format!("{} {}", charge.price, charge.revision));
        assert_eq!(told.collect::<Vec<_>>(), ["base 0", "calls 0", "calls 1", "runs 0"]);
        assert_eq!(world.invoices().last().unwrap(), "2026-04-01 issued 49.000000");
        assert_eq!(world.units(world.last_invoice().0), "16");
        world.nothing_is_late();
    }

    fn a_correction_in_the_grace_time_is_on_the_invoice(world) {
        world.draft_of_april(hybrid());
        world.calls_of_march("second", "6");
        world.bill("2026-04-01T02:00:00Z");
        apply(world, vec![void("second")]);
        world.bill("2026-04-01T03:00:00Z");
        assert_eq!(world.invoices().last().unwrap(), "2026-04-01 issued 54.000000");
        assert_eq!(world.units(world.last_invoice().0), "10");
        world.nothing_is_late();
    }

    fn who_finalizes_a_draft_gets_what_came_until_then(world) {
        // checklist 70
        world.open_billing(2, hybrid());
        world.keep_drafts();
        world.subscribe(0);
        world.subscribe(1);
        world.calls("first", 0, "10", "2026-03-20T00:00:00Z");
        world.calls("other", 1, "12", "2026-03-20T00:00:00Z");
        world.bill("2026-04-01T12:00:00Z");
        let april: Vec<_> = world.billed().into_iter().filter(|(record, _)| record.name.bills_on.month() == 4).collect();
        let own = april.iter().find(|(_, charges)| charges.iter().any(|charge| charge.amount.to_string() == "5.000000"));
        let (invoice, before) = (own.unwrap().0.id, world.charged().len());
        world.calls_of_march("second", "6");
        // Several at once, on several nodes: it is issued once, with everything.
        thread::scope(|scope| {
            for number in 0..4 {
                scope.spawn(move || world.finalize(&format!("issue-{number}"), invoice));
            }
        });
        assert_eq!(world.charged().len(), before + 1);
        let issued = world.engine.get_invoice(&world.owner(), invoice).unwrap();
        assert_eq!(issued.invoice.due.to_string(), "57.000000");
        world.nothing_is_late();
    }

    fn a_draft_that_cannot_be_brought_up_to_date_is_issued_as_it_stands_and_holds_up_nobody_else(world) {
        world.open_billing(4, hybrid());
        world.grace();
        world.subscribe_with(0, |new| {
            let terms = serde_json::from_value(per_unit("900000000000")).unwrap();
            new.overrides = [("calls".parse().unwrap(), terms)].into();
        });
        world.subscribe(3);
        world.calls("first", 0, "1", "2026-03-20T00:00:00Z");
        world.calls("other", 3, "10", "2026-03-20T00:00:00Z");
        world.bill("2026-04-01T01:00:00Z");
        // More than any amount can say, and an ordinary event of somebody else.
        for (customer, units) in [(0, "9000000"), (3, "6")] {
            world.calls(&format!("second-{customer}"), customer, units, "2026-03-21T00:00:00Z");
        }
        let run = world.bill("2026-04-01T03:00:00Z");
        assert_eq!(run.counts.issued, 2);
        let mut issued = world.invoices();
        issued.retain(|invoice| invoice.starts_with("2026-04-01"));
        issued.sort();
        assert_eq!(issued, ["2026-04-01 issued 57.000000", "2026-04-01 issued 900000000049.000000"]);
        // What is not on it waits for a person.
        world.settle();
        assert_eq!(world.desk(), ["held"]);
    }

    fn what_is_folded_while_a_draft_is_issued_is_on_it_or_late(world) {
        // checklist 59, promise P26
        world.open_billing(1, hybrid());
        world.keep_drafts();
        world.subscribe(0);
        for month in 4..10 {
            let when = format!("2026-{:02}-20T00:00:00Z", month - 1);
            let call = |number: u32| {
                world.send(&format!("{month}-{number}"), &json!({ "metricKey": "calls", "units": "2", "timestamp": when,
                    "customerKey": customer_key(0), "properties": { "region": "eu" } }));
            };
            world.clock.set(&when);
            call(0);
            world.bill(&format!("2026-{month:02}-01T02:00:00Z"));
            let (invoice, _) = world.last_invoice();
            call(1);
            world.fold();
            thread::scope(|scope| {
                scope.spawn(|| {
                    for number in 2..12 {
                        call(number);
                        world.fold();
                    }
                });
                scope.spawn(|| world.finalize(&format!("issue-{month}"), invoice));
            });
            let made = world.engine.get_reconciliation(&world.owner(), invoice).unwrap();
            let made: Value = serde_json::from_str(made.reconciliation.get()).unwrap();
            assert_eq!(made["differences"], json!([]), "what it counted is what is stored up to its cut");
            world.settle();
        }
        assert!(world.desk().iter().all(|late| late.starts_with("settled")), "{:?}", world.desk());
    }

    fn a_view_of_a_draft_leaves_it_alone_and_the_next_invoice_tells_what_will_be(world) {
        // checklist 77
        world.draft_of_april(hybrid());
        world.calls_of_march("second", "6");
        let (invoice, charged) = (world.last_invoice().0, world.charged());
        let told = world.engine.upcoming_invoice(&world.owner(), Some(&customer_key(0))).unwrap().invoice.unwrap();
        assert_eq!((told.invoice.id, told.invoice.due.to_string().as_str()), (invoice, "57.000000"));
        assert_eq!(world.engine.get_invoice(&world.owner(), invoice).unwrap().invoice.due.to_string(), "54.000000");
        assert_eq!(world.charged(), charged);
    }

    fn what_comes_draws_on_credit_and_changes_what_is_missing_to_a_commitment(world) {
        // checklist 43, checklist 118
        let mut calls = price("calls", "calls", per_unit("0.5"));
        calls["anchor"] = json!("anniversary");
        let mut plan = plan(json!([calls]));
        plan["minimumCommitment"] = json!({ "amount": "31", "interval": { "unit": "month" } });
        world.open_billing(1, plan);
        world.grace();
        world.subscribe(0);
        let credit = GrantCredit { customer_key: Some(customer_key(0)), ..paid("6") };
        world.credit("credit", &credit).accepted();
        world.calls("first", 0, "10", "2026-03-20T00:00:00Z");
        world.bill("2026-04-17T01:00:00Z");
        world.calls_of_march("second", "6");
        world.clock.set("2026-04-17T03:00:00Z");
        world.follows(world.rehearse(None), None, RunScope::default());
        let (_, charges) = world.last_invoice();
        let mut told: Vec<String> =
            charges.iter().map(|charge| format!("{} {} {}", charge.price, charge.amount, charge.prepaid)).collect();
        told.sort();
        // Five in the window of the day, as there is credit; nothing more when the period closed; three that came in the grace time.
        assert_eq!(told, [
            "calls 0.000000 0.000000",
            "calls 3.000000 1.000000",
            "calls 5.000000 5.000000",
            "minimumCommitment -3.000000 0.000000",
            "minimumCommitment 26.000000 0.000000"
        ]);
        assert_eq!(world.invoices(), ["2026-04-17 issued 25.000000"]);
        world.nothing_is_late();
    }

    fn a_revision_goes_on_the_draft_on_which_the_charge_stands(world) {
        world.open_billing(1, hybrid());
        world.grace();
        world.calls("first", 0, "10", "2026-03-20T00:00:00Z");
        // What began in March is billed on the day on which it was asked for.
        world.clock.set("2026-04-05T08:00:00Z");
        world.subscribe_with(0, |new| new.starts_at = Some(at("2026-03-18T00:00:00Z")));
        world.bill("2026-04-05T08:00:00Z");
        assert_eq!(world.invoices(), ["2026-04-05 draft 0.000000"]);
        world.calls_of_march("second", "6");
        world.bill("2026-04-05T11:00:00Z");
        assert_eq!(world.invoices().len(), 1, "{:?}", world.invoices());
        assert_eq!(world.march_calls(0), "8.000000");
        world.nothing_is_late();
    }

    fn a_run_that_is_started_again_brings_nothing_up_to_date_twice(world) {
        // checklist 54
        world.draft_of_april(hybrid());
        world.keep_drafts();
        world.calls_of_march("second", "6");
        world.bill("2026-04-01T03:00:00Z");
        assert_eq!(world.charged().len(), 3, "a draft that waits for a person is left alone");
        let change = ProjectChange {
            invoice_finalization: Change::Set(domain::invoices::settings::Finalization::Automatic),
            ..ProjectChange::default()
        };
        world.engine.update_project(&world.owner(), &change).unwrap();
        world.bill("2026-04-01T04:00:00Z");
        let charged = world.charged();
        assert_eq!(charged.len(), 4);
        world.start_bill(None, RunScope::default()).unwrap();
        world.engine.run_jobs_of(world.project.id).unwrap();
        assert_eq!(world.charged(), charged);
    }
}
