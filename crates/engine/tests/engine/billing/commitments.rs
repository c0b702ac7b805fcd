//! Minimum commitments in runs: what is missing is charged once, and whatever comes later, nobody pays more than what was used or
//! committed.

use domain::amount::Amount;
use domain::billing::run::{ItemState, RunScope};
use domain::charges::charge::{Charge, ChargeKind};
use domain::invoices::settings::LatePolicy;
use domain::late_usage::settle::Resolution;
use domain::ledger::account::Account;
use domain::projects::{Change, ProjectChange};
use domain::subscriptions::request::When;
use domain::subscriptions::wish::ChangeWish;
use serde_json::{Value, json};

use crate::backtests::shop::{at, base, customer_key, per_unit, plan, price};
use crate::usage_corrections::{apply, void};
use crate::world::{World, on_both};

/// Calls by the months of the subscription, of which it commits to 31 a month.
fn pledge(prices: Value) -> Value {
    let mut plan = plan(prices);
    plan["minimumCommitment"] = json!({ "amount": "31", "interval": { "unit": "month" } });
    plan
}

fn calls() -> Value {
    let mut calls = price("calls", "calls", per_unit("0.5"));
    calls["anchor"] = json!("anniversary");
    calls
}

/// Calls by the months of the calendar, which lie across the intervals.
fn crossing() -> Value {
    price("calls", "calls", per_unit("0.5"))
}

impl World {
    fn true_ups(&self) -> Vec<Charge> {
        let charges = self.billed().into_iter().flat_map(|(_, charges)| charges);
        charges.filter(|charge| charge.kind == ChargeKind::Commitment).collect()
    }

    /// `day amount`, by the day of its invoice.
    fn told_true_ups(&self) -> Vec<String> {
        let charged = self.charged().into_iter();
        let own = charged.filter(|line| line.contains("minimumCommitment"));
        own.map(|line| line.replace(" minimumCommitment", "")).collect()
    }

    /// Everything that was charged for usage and commitments until an instant.
    fn charged_until(&self, until: &str) -> String {
        let charges = self.billed().into_iter().flat_map(|(_, charges)| charges);
        let own = charges.filter(|charge| charge.rates_at < at(until));
        Amount::checked_sum(own.map(|charge| charge.amount)).unwrap().to_string()
    }

    fn policy(&self, late_policy: LatePolicy) {
        let change = ProjectChange { late_policy: Change::Set(late_policy), ..ProjectChange::default() };
        self.engine.update_project(&self.owner(), &change).unwrap();
    }

    fn run_again(&self, from: &str, to: &str) {
        let window = domain::window::Span { start: at(from), end: at(to) };
        self.start_bill(None, RunScope { customer_key: None, window: Some(window) }).unwrap();
        self.engine.run_jobs_of(self.project.id).unwrap();
    }
}

on_both! {
    fn what_is_missing_to_a_commitment_is_charged_at_the_end_of_its_interval(world) {
        // checklist 43
        world.open_billing(1, pledge(json!([base("9.3"), calls()])));
        world.subscribe(0);
        world.calls("a", 0, "10", "2026-03-20T00:00:00Z");
        world.bill("2026-04-17T00:59:00Z");
        assert!(world.true_ups().is_empty(), "usage may come a little late");
        let run = world.bill("2026-04-17T02:00:00Z");
        // Fees of 15 of 31 days and of April, ten calls.
        assert_eq!(world.told_true_ups(), ["2026-04-17 12.200000"]);
        assert_eq!(world.invoices().last().unwrap(), "2026-04-17 issued 17.200000");
        let true_up = world.true_ups().remove(0);
        assert_eq!((true_up.prepaid, true_up.rates_at), (Amount::ZERO, at("2026-04-16T23:59:59.999999Z")));
        let item = world.items_of(run.id).into_iter().find(|item| item.price == "minimumCommitment").unwrap();
        assert_eq!((item.state, Some(item.id)), (ItemState::Charged, true_up.item));
        // It is income of the subscription, as fees are.
        let entry = world.engine.get_entry(&world.owner(), true_up.entry.unwrap()).unwrap();
        assert!(entry.postings.iter().any(|posting| posting.account == Account::RevenueSubscription.to_string()), "{entry:#?}");
        // What was used up in the next interval commits to nothing more.
        world.calls("b", 0, "100", "2026-04-20T00:00:00Z");
        let run = world.bill("2026-05-17T02:00:00Z");
        let item = world.items_of(run.id).into_iter().find(|item| item.price == "minimumCommitment").unwrap();
        assert_eq!((item.state, item.reason.as_deref()), (ItemState::Skipped, Some("reached")));
        assert_eq!(world.told_true_ups().len(), 1);
    }

    fn a_commitment_explains_itself(world) {
        // checklist 75
        world.open_billing(1, pledge(json!([calls()])));
        world.subscribe(0);
        world.calls("a", 0, "10", "2026-03-20T00:00:00Z");
        world.bill("2026-04-17T02:00:00Z");
        let (record, _) = world.billed().pop().unwrap();
        let explained = world.engine.explain_invoice(&world.owner(), record.id).unwrap();
        let line = explained.lines.into_iter().find(|line| line.kind == ChargeKind::Commitment).unwrap();
        assert_eq!(line.name, "Minimum commitment");
        assert_eq!(
            line.text,
            [
                "Formula: max(0, committed amount × share − charged).",
                "Flat amount: 31 USD.",
                "Charged by the prices, and taken off: 5 USD.",
                "Total: 26 USD."
            ]
        );
        let content: Value = serde_json::from_str(line.content.unwrap().get()).unwrap();
        let inputs = &content["commitment"];
        assert_eq!((inputs["usage"].as_str(), inputs["charged"].as_str()), (Some("5.000000"), Some("5.000000")));
        assert_eq!(inputs["counted"], json!({ "start": "2026-03-17T00:00:00.000Z", "end": "2026-04-17T00:00:00.000Z" }));
        assert_eq!((inputs["amount"].as_str(), inputs["interval"]["unit"].as_str()), (Some("31.000000"), Some("month")));
    }

    fn a_run_done_again_charges_no_second_true_up(world) {
        // checklist 54
        world.open_billing(2, pledge(json!([base("9.3"), crossing()])));
        world.subscribe(0);
        world.subscribe(1);
        world.bill("2026-06-17T02:00:00Z");
        let charged = world.charged();
        assert_eq!(world.told_true_ups().len(), 6);
        world.run_again("2026-03-01T00:00:00Z", "2026-07-01T00:00:00Z");
        let asked_early = world.start_bill(Some("2026-04-01T00:00:00Z"), RunScope::default()).unwrap();
        world.engine.run_jobs_of(world.project.id).unwrap();
        world.billing_run(asked_early);
        assert_eq!(world.charged(), charged);
    }

    fn usage_that_is_counted_later_takes_the_place_of_the_true_up_on_the_draft(world) {
        world.open_billing(1, pledge(json!([calls()])));
        world.keep_drafts();
        world.subscribe(0);
        world.calls("a", 0, "10", "2026-03-20T00:00:00Z");
        world.bill("2026-04-17T02:00:00Z");
        assert_eq!(world.told_true_ups(), ["2026-04-17 26.000000"]);
        world.calls("b", 0, "20", "2026-03-21T00:00:00Z");
        world.run_again("2026-03-20T00:00:00Z", "2026-03-22T00:00:00Z");
        assert_eq!(world.told_true_ups(), ["2026-04-17 -10.000000", "2026-04-17 26.000000"]);
        world.calls("c", 0, "100", "2026-03-21T00:00:00Z");
        world.run_again("2026-03-20T00:00:00Z", "2026-03-22T00:00:00Z");
        assert_eq!(world.charged_until("2026-04-17T00:00:00Z"), "65.000000");
    }

    fn a_month_that_lies_across_intervals_counts_where_it_ends(world) {
        world.open_billing(1, pledge(json!([crossing()])));
        world.subscribe(0);
        world.calls("a", 0, "10", "2026-03-20T00:00:00Z");
        world.bill("2026-04-17T02:00:00Z");
        assert_eq!(world.told_true_ups(), ["2026-04-17 26.000000"]);
        // The last usage of a plan is known at the end of its month, later than the interval of its end.
        world.calls("b", 0, "20", "2026-04-16T00:00:00Z");
        let ended = When::At { at: at("2026-04-25T00:00:00Z") };
        let subscription = world.true_ups()[0].subscription.unwrap();
        world.change_subscription(subscription, "end", ChangeWish::Cancelled, Some(ended));
        world.bill("2026-04-25T02:00:00Z");
        // Eight of 30 days of the second interval, which the calls of April reached.
        assert_eq!(world.told_true_ups(), ["2026-04-17 26.000000"]);
        assert_eq!(world.charged_until("2026-05-17T00:00:00Z"), "41.000000");
    }

    fn who_leaves_pays_the_share_of_the_commitment(world) {
        // checklist 43, checklist 44
        world.open_billing(1, pledge(json!([calls()])));
        let id = world.subscribe(0);
        world.bill("2026-03-18T00:00:00Z");
        world.change_subscription(id, "pause", ChangeWish::Paused, Some(When::At { at: at("2026-03-21T00:00:00Z") }));
        world.change_subscription(id, "on", ChangeWish::Resumed, Some(When::At { at: at("2026-03-25T00:00:00Z") }));
        world.change_subscription(id, "end", ChangeWish::Cancelled, Some(When::At { at: at("2026-04-01T00:00:00Z") }));
        world.bill("2026-04-01T02:00:00Z");
        // Four days, and seven after the pause.
        assert_eq!(world.told_true_ups(), ["2026-04-01 11.000000"]);
        world.bill("2026-05-17T02:00:00Z");
        assert_eq!(world.told_true_ups().len(), 1);
    }

    fn a_change_in_the_past_is_trued_up_by_the_difference(world) {
        // checklist 44
        world.open_billing(1, pledge(json!([calls()])));
        let id = world.subscribe(0);
        world.bill("2026-04-17T02:00:00Z");
        assert_eq!(world.told_true_ups(), ["2026-04-17 31.000000"]);
        world.clock.set("2026-04-18T00:00:00Z");
        let backdated = Some(When::At { at: at("2026-04-07T00:00:00Z") });
        world.change_subscription(id, "end", ChangeWish::Cancelled, backdated);
        world.bill("2026-04-18T12:00:00Z");
        assert_eq!(world.told_true_ups(), ["2026-04-17 31.000000", "2026-04-18 -10.000000"]);
        let given_back = world.true_ups().into_iter().find(|charge| charge.amount.is_negative()).unwrap();
        assert_eq!(given_back.corrects, Some(world.billed()[0].0.id));
    }

    fn late_usage_never_comes_on_top_of_a_true_up(world) {
        // checklist 43, checklist 71
        world.open_billing(1, pledge(json!([calls()])));
        world.subscribe(0);
        world.bill("2026-04-17T02:00:00Z");
        assert_eq!(world.invoices(), ["2026-04-17 issued 31.000000"]);
        let policies = [LatePolicy::NextInvoice, LatePolicy::CreditNote, LatePolicy::Reissue];
        for (number, policy) in policies.into_iter().enumerate() {
            world.policy(policy);
            world.late_calls(&format!("late-{number}"), 0, "20", "2026-03-21T00:00:00Z");
            assert_eq!(world.charged_until("2026-04-17T00:00:00Z"), "31.000000", "{policy}");
        }
        world.policy(LatePolicy::CreditNote);
        world.late_calls("more", 0, "20", "2026-03-21T00:00:00Z");
        assert_eq!(world.charged_until("2026-04-17T00:00:00Z"), "40.000000");
        let effects: Vec<String> = world.desk().iter().map(|told| told.split(' ').nth(1).unwrap().to_owned()).collect();
        assert_eq!(effects, ["0.000000", "0.000000", "0.000000", "9.000000"]);
        // Taken back, what was committed is missing again.
        apply(world, ["late-0", "late-1", "late-2", "more"].map(void).to_vec());
        world.settle();
        assert_eq!(world.charged_until("2026-04-17T00:00:00Z"), "31.000000");
        world.bill("2026-05-17T02:00:00Z");
        assert_eq!(world.charged_until("2026-05-17T00:00:00Z"), "62.000000");
    }

    fn what_waits_or_is_ignored_leaves_the_true_up_alone(world) {
        // checklist 72
        world.open_billing(1, pledge(json!([calls()])));
        world.policy(LatePolicy::Hold);
        world.subscribe(0);
        world.bill("2026-04-17T02:00:00Z");
        world.late_calls("held", 0, "20", "2026-03-21T00:00:00Z");
        assert_eq!(world.desk(), ["held 0.000000"]);
        assert_eq!(world.told_true_ups(), ["2026-04-17 31.000000"]);
        let id = world.late()[0].id;
        world.resolve("ignore", id, Resolution::Ignore).unwrap();
        assert_eq!(world.told_true_ups(), ["2026-04-17 31.000000"]);
        // What comes later counts by itself.
        world.policy(LatePolicy::CreditNote);
        world.late_calls("more", 0, "10", "2026-03-22T00:00:00Z");
        assert_eq!(world.charged_until("2026-04-17T00:00:00Z"), "31.000000");
        assert_eq!(world.true_ups().iter().map(|charge| charge.amount.to_string()).collect::<Vec<_>>(), ["31.000000", "-5.000000"]);
    }

    fn late_usage_that_is_settled_while_a_run_decides_is_counted_by_it(world) {
        // checklist 58
        world.open_billing(1, pledge(json!([crossing()])));
        world.policy(LatePolicy::CreditNote);
        world.subscribe(0);
        world.bill("2026-04-01T02:00:00Z");
        for number in 0..4 {
            let month = 4 + number;
            world.clock.set(&format!("2026-{month:02}-17T00:30:00Z"));
            // Of the month before, whose invoice is issued; its last day lies in the interval that ends now.
            let when = format!("2026-{:02}-28T00:00:00Z", month - 1);
            world.send(&format!("late-{number}"), &json!({ "metricKey": "calls", "units": "20", "timestamp": when,
                "customerKey": customer_key(0), "properties": { "region": "eu" } }));
            world.clock.set(&format!("2026-{month:02}-17T02:00:00Z"));
            std::thread::scope(|scope| {
                scope.spawn(|| world.settle());
                scope.spawn(|| world.engine.run_due_work(&world.system()).unwrap());
            });
            world.settle();
            world.engine.run_due_work(&world.system()).unwrap();
            let until = format!("2026-{month:02}-17T00:00:00Z");
            assert_eq!(world.charged_until(&until), format!("{}.000000", 31 * (number + 1)));
        }
    }

    fn the_next_invoice_tells_the_true_up(world) {
        // checklist 77
        world.open_billing(1, pledge(json!([calls()])));
        world.subscribe(0);
        world.calls("a", 0, "10", "2026-03-20T00:00:00Z");
        let told = world.engine.upcoming_invoice(&world.owner(), Some(&customer_key(0))).unwrap().invoice.unwrap();
        let document: Value = serde_json::from_str(told.document.unwrap().get()).unwrap();
        let lines = document["lines"].as_array().unwrap().iter().map(|line| line["amount"].as_str().unwrap());
        assert_eq!(lines.collect::<Vec<_>>(), ["5.000000", "26.000000"]);
        assert_eq!(told.invoice.bills_on.to_string(), "2026-04-17");
        assert!(world.true_ups().is_empty());
    }
}
