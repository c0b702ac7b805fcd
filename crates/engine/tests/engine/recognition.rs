//! Fees in advance become income day by day: dated by each day, whenever they are booked, and together what was deferred.

mod damage;

use std::sync::Barrier;

use domain::amount::Amount;
use domain::ids::{EntryId, InvoiceId};
use domain::invoices::credit::CreditWish;
use domain::ledger::balance::Axis;
use domain::ledger::entry::TransactionType;
use domain::ledger::reason::ReasonCode;
use domain::ledger::recipes::Overpaid;
use domain::subscriptions::request::When;
use domain::subscriptions::wish::{ChangeWish, ItemWish, PlanWish};
use engine::invoices::{NewCreditNote, VoidInvoice};
use engine::ledger::{BalancesAsOf, CloseBooks, EntryView};
use engine::transactions::TransactionFilter;
use serde_json::{Value, json};

use crate::backtests::shop::{at, base, plan};
use crate::ledger::money::reason;
use crate::world::{World, key, on_both};

/// One customer with a monthly fee from the 1st of April on.
fn open(world: &World, fee: &str) {
    world.open_billing(1, plan(json!([base(fee)])));
    world.subscribe_with(0, |new| new.starts_at = Some(at("2026-04-01T00:00:00Z")));
}

/// Everything that is due until then is done, as a worker does.
fn pass(world: &World, now: &str) {
    world.clock.set(now);
    let ctx = world.engine.clocked_ctx("test", world.project.id).unwrap();
    world.engine.run_due_work(&ctx).unwrap();
}

/// Every recognition, the first day first.
fn recognitions(world: &World) -> Vec<EntryView> {
    let filter = TransactionFilter { kind: Some(TransactionType::Recognition), ..TransactionFilter::default() };
    let mut found = world.engine.list_entries(&world.owner(), &filter, None, 1_000).unwrap();
    found.sort_by_key(|entry| entry.usage_at);
    found
}

/// `day amount`, entry by entry.
fn days(world: &World) -> Vec<String> {
    let told = |entry: &EntryView| format!("{} {}", &entry.usage_at.unwrap().to_string()[..10], entry.amount);
    recognitions(world).iter().map(told).collect()
}

/// What the accounts with this name hold together, by when entries count.
fn held(world: &World, account: &str, when: &str) -> String {
    let asked = BalancesAsOf { at: at(when), axis: Axis::Effective, customer_key: None };
    let found = world.engine.balances_as_of(&world.owner(), &asked, None, 200).unwrap();
    let micros = found.iter().filter(|found| found.account.starts_with(account)).map(|found| found.balance.micros());
    domain::ledger::balance::Balance::from_micros(micros.sum()).to_string()
}

/// What is left of all fees at the end of a day is what the accounts hold then.
fn agrees(world: &World, days: &[&str]) {
    for day in days {
        let fees = world.engine.deferred_fees(&world.owner(), Some(day), None, (None, 1_000)).unwrap().fees;
        let left = Amount::checked_sum(fees.iter().map(|fee| fee.left)).unwrap().to_string();
        assert_eq!(left, held(world, "deferred", &format!("{day}T23:59:59.999Z")), "{day}: {fees:#?}");
    }
}

fn first_invoice(world: &World) -> InvoiceId {
    world.billed()[0].0.id
}

fn credit(world: &World, name: &str, id: InvoiceId, amount: Option<&str>) -> EntryId {
    let lines = vec![(1, amount.map(|amount| Amount::parse(amount).unwrap()))];
    let note = NewCreditNote {
        wish: CreditWish::Lines(lines),
        overpaid: Overpaid::CustomerBalance,
        reason: reason(ReasonCode::ServiceIssue),
    };
    let answer = world.engine.credit_invoice(&world.owner(), key(name), id, &note).unwrap();
    assert_eq!(answer.status, 201, "{}", answer.body);
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    let notes = body["creditNotes"].as_array().unwrap();
    let newest = notes.iter().max_by_key(|note| note["number"].as_str().unwrap()).unwrap();
    newest["entry"].as_str().unwrap().parse().unwrap()
}

fn void(world: &World, id: InvoiceId, replace: bool) {
    let wish = VoidInvoice { reason: reason(ReasonCode::Duplicate), replace };
    let answer = world.engine.void_invoice(&world.owner(), key("void"), id, &wish).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
}

on_both! {
    fn a_fee_is_income_of_each_of_its_days(world) {
        open(world, "30");
        pass(world, "2026-04-01T02:00:00Z");
        assert_eq!(days(world), Vec::<String>::new());
        pass(world, "2026-04-03T23:59:59.999Z");
        assert_eq!(days(world), ["2026-04-01 1.000000", "2026-04-02 1.000000"]);
        pass(world, "2026-04-04T00:00:00Z");
        pass(world, "2026-04-04T00:00:00Z");
        assert_eq!(days(world).len(), 3);
        let entry = recognitions(world).pop().unwrap();
        assert_eq!(entry.effective_at, at("2026-04-03T23:59:59.999Z"));
        assert_eq!(world.written(entry.id), ["D deferred 1.000000", "C revenue:subscription 1.000000"]);
        // At the end of each day, what is deferred is for the days that are left.
        let left = |when| held(world, "deferred", when);
        assert_eq!(left("2026-04-02T23:59:59.999Z"), "28.000000");
        assert_eq!((left("2026-04-03T12:00:00Z"), left("2026-04-03T23:59:59.999Z")), ("28.000000".into(), "27.000000".into()));
        // The rest of April at once: an entry for each day, and the month ends with nothing left of it.
        pass(world, "2026-05-01T00:30:00Z");
        assert_eq!(days(world).len(), 30);
        assert!(days(world).iter().all(|day| day.ends_with(" 1.000000")));
        assert_eq!((left("2026-04-30T23:59:59.999Z"), held(world, "revenue", "2026-04-30T23:59:59.999Z")), ("0.000000".into(), "30.000000".into()));
    }

    fn an_entry_of_a_day_says_which_subscriptions_earned_what(world) {
        world.open_billing(2, plan(json!([base("30")])));
        let ids: Vec<_> = (0..2).map(|customer| world.subscribe_with(customer, |new| new.starts_at = Some(at("2026-04-01T00:00:00Z")))).collect();
        pass(world, "2026-04-03T00:00:00Z");
        // One entry a day, however many subscriptions.
        assert_eq!(days(world), ["2026-04-01 2.000000", "2026-04-02 2.000000"]);
        let entry = recognitions(world).pop().unwrap();
        let explained = world.engine.explain_transaction(&world.owner(), entry.id).unwrap();
        let text = explained.text;
        for id in ids {
            assert!(text.contains(&format!("Earned of the subscription {id}: 1.000000 USD.")), "{text}");
        }
        assert!(text.contains("amount × days passed / days of its time"), "{text}");
    }

    fn unused_time_that_comes_back_takes_from_every_day_that_is_left(world) {
        // checklist 47
        open(world, "30");
        let mut dearer = plan(json!([base("90")]));
        dearer["key"] = json!("business");
        world.draft(dearer);
        world.engine.publish_plan_version(&world.owner(), None, "business", 1).unwrap();
        pass(world, "2026-04-11T09:00:00Z");
        let id = world.billed()[0].1[0].subscription.unwrap();
        let item = ItemWish { key: "business".to_owned(), version: None };
        let change = ChangeWish::PlanChanged(PlanWish { plan: item, quantities: Default::default(), overrides: Default::default() });
        world.change_subscription(id, "upgrade", change, Some(When::At { at: at("2026-04-11T09:00:00Z") }));
        pass(world, "2026-05-01T00:30:00Z");
        // 20 of 30 days came back: -20.00, and were charged anew: 60.00.
        let told = days(world);
        assert_eq!((told[9].as_str(), told[10].as_str()), ("2026-04-10 1.000000", "2026-04-11 3.000000"));
        assert!(told[10..30].iter().all(|day| day.ends_with(" 3.000000")), "{told:?}");
        assert_eq!(held(world, "revenue:subscription", "2026-04-30T23:59:59.999Z"), "70.000000");
        assert_eq!(held(world, "deferred", "2026-04-30T23:59:59.999Z"), "0.000000");
        agrees(world, &["2026-03-31", "2026-04-01", "2026-04-10", "2026-04-11", "2026-04-29", "2026-04-30"]);
    }

    fn a_credit_note_takes_what_is_not_earned_from_what_is_deferred(world) {
        open(world, "30");
        pass(world, "2026-04-11T09:00:00Z");
        let invoice = first_invoice(world);
        // A third of it: 10 of 30 days are earned.
        let entry = credit(world, "third", invoice, Some("9"));
        assert_eq!(world.written(entry), ["D contra:credit_note 3.000000", "D deferred 6.000000", "C receivable 9.000000"]);
        pass(world, "2026-04-21T09:00:00Z");
        assert!(days(world)[10..].iter().all(|day| day.ends_with(" 0.700000")), "{:?}", days(world));
        // All that is left of it: 10 days of 0.70 are not earned.
        let entry = credit(world, "rest", invoice, None);
        assert_eq!(world.written(entry), ["D contra:credit_note 14.000000", "D deferred 7.000000", "C receivable 21.000000"]);
        pass(world, "2026-05-01T00:30:00Z");
        assert_eq!((days(world).len(), held(world, "deferred", "2026-04-30T23:59:59.999Z")), (20, "0.000000".into()));
        // 17.00 were earned, and 17.00 of what was earned was given back.
        assert_eq!(held(world, "revenue:subscription", "2026-04-30T23:59:59.999Z"), "17.000000");
        assert_eq!(held(world, "contra:credit_note", "2026-04-30T23:59:59.999Z"), "17.000000");
        agrees(world, &["2026-04-10", "2026-04-11", "2026-04-12", "2026-04-20", "2026-04-21", "2026-04-30"]);
    }

    fn a_credit_note_comes_to_the_same_when_the_books_are_behind(world) {
        open(world, "30");
        pass(world, "2026-04-01T02:00:00Z");
        // Nobody booked the ten days that are over.
        world.clock.set("2026-04-11T09:00:00Z");
        let entry = credit(world, "third", first_invoice(world), Some("9"));
        assert_eq!(world.written(entry), ["D contra:credit_note 3.000000", "D deferred 6.000000", "C receivable 9.000000"]);
        pass(world, "2026-04-30T09:00:00Z");
        let told = days(world);
        assert_eq!((told.len(), told[9].as_str(), told[10].as_str()), (29, "2026-04-10 1.000000", "2026-04-11 0.700000"));
    }

    fn a_void_invoice_gives_back_what_was_recognized_and_its_replacement_earns_it_anew(world) {
        open(world, "30");
        pass(world, "2026-04-11T09:00:00Z");
        let invoice = first_invoice(world);
        let issued = world.engine.get_invoice(&world.owner(), invoice).unwrap().entry.unwrap();
        void(world, invoice, true);
        let filter = TransactionFilter { kind: Some(TransactionType::Void), ..TransactionFilter::default() };
        let back = world.engine.list_transactions(&world.owner(), &filter, None, 10).unwrap().remove(0);
        assert_eq!(back.reverses, Some(issued));
        let lines = ["C receivable 30.000000", "D deferred 30.000000", "C deferred 10.000000", "D revenue:subscription 10.000000"];
        assert_eq!(world.written(back.id), lines);
        assert_eq!((held(world, "deferred", "2026-04-11T09:00:00Z"), held(world, "revenue", "2026-04-11T09:00:00Z")), ("0.000000".into(), "0.000000".into()));
        // What passed is earned with the day on which it is billed again.
        world.engine.finalize_invoice(&world.owner(), key("again"), world.billed()[1].0.id).unwrap();
        pass(world, "2026-04-13T00:00:00Z");
        assert_eq!(days(world)[10..], ["2026-04-11 11.000000", "2026-04-12 1.000000"]);
        assert_eq!(held(world, "deferred", "2026-04-13T00:00:00Z"), "18.000000");
        agrees(world, &["2026-04-01", "2026-04-10", "2026-04-11", "2026-04-12"]);
    }

    fn what_is_given_up_is_earned_all_the_same(world) {
        open(world, "30");
        pass(world, "2026-04-11T09:00:00Z");
        world.engine.write_off_invoice(&world.owner(), key("w"), first_invoice(world), &reason(ReasonCode::Other)).unwrap();
        pass(world, "2026-05-01T00:30:00Z");
        assert_eq!((days(world).len(), held(world, "revenue", "2026-04-30T23:59:59.999Z")), (30, "30.000000".into()));
    }

    fn closing_books_what_was_earned_first_and_what_is_late_counts_from_the_first_open_day_on(world) {
        open(world, "30");
        pass(world, "2026-04-01T02:00:00Z");
        world.clock.set("2026-05-01T00:00:01Z");
        let close = |until: &str| world.engine.close_books(&world.owner(), &CloseBooks { until: until.to_owned(), reason: reason(ReasonCode::Other) }).unwrap();
        close("2026-05-01");
        assert_eq!((days(world).len(), held(world, "revenue", "2026-04-30T23:59:59.999Z")), (30, "30.000000".into()));
        // A fee of a closed month that is billed now.
        world.engine.change_subscription(&world.owner(), key("more"), world.billed()[0].1[0].subscription.unwrap(), &domain::subscriptions::wish::ChangeRequest {
            change: ChangeWish::Cancelled, effective: Some(When::At { at: at("2026-04-21T00:00:00Z") }), state_version: None, reason: None }).unwrap();
        pass(world, "2026-05-02T00:00:00Z");
        let last = recognitions(world).pop().unwrap();
        // The ten days that came back, on the day on which they were billed.
        assert_eq!((last.amount.to_string(), last.usage_at.unwrap()), ("10.000000".into(), at("2026-05-01T23:59:59.999Z")));
        assert_eq!((held(world, "revenue", "2026-04-30T23:59:59.999Z"), held(world, "revenue", "2026-05-02T00:00:00Z")), ("30.000000".into(), "20.000000".into()));
    }

    fn many_workers_at_once_earn_each_day_once(world) {
        // promise P18
        world.open_billing(2, plan(json!([base("30")])));
        for customer in 0..2 {
            world.subscribe_with(customer, |new| new.starts_at = Some(at("2026-04-01T00:00:00Z")));
        }
        pass(world, "2026-04-01T02:00:00Z");
        for day in 2..=21 {
            world.clock.set(&format!("2026-04-{day:02}T02:00:00Z"));
            let ctx = world.engine.clocked_ctx("test", world.project.id).unwrap();
            let together = Barrier::new(6);
            std::thread::scope(|scope| {
                let work = || {
                    together.wait();
                    world.engine.run_due_work(&ctx)
                };
                let workers: Vec<_> = (0..6).map(|_| scope.spawn(work)).collect();
                for worker in workers {
                    worker.join().unwrap().unwrap();
                }
            });
        }
        let told = days(world);
        assert_eq!(told.len(), 20);
        assert!(told.iter().all(|day| day.ends_with(" 2.000000")), "{told:?}");
    }
}
