//! A run charges what is due, once; done again it changes nothing.

use domain::billing::run::{ItemState, RunPhase, RunScope};
use domain::clock::ClockTarget;
use domain::refusal::Code;
use domain::subscriptions::change::QuantityChanged;
use domain::subscriptions::request::When;
use domain::subscriptions::wish::ChangeWish;

use engine::transactions::GrantCredit;
use engine::wallets::WalletFilter;

use super::desk::hybrid;
use crate::backtests::shop::at;
use crate::ledger::money::{grant, paid};
use crate::usage_corrections::{apply, void};
use crate::world::{World, on_both};

on_both! {
    fn a_fee_in_advance_and_usage_in_arrears_fall_on_one_day(world) {
        // checklist 42, checklist 39
        world.open_billing(1, hybrid());
        world.subscribe(0);
        let run = world.bill("2026-03-17T10:20:00Z");
        assert_eq!((run.counts.charged, run.phase), (1, RunPhase::Done));
        world.calls("a", 0, "10", "2026-03-17T10:20:00Z");
        world.calls("b", 0, "4", "2026-03-17T10:19:00Z");
        world.bill("2026-04-01T00:30:00Z");
        world.bill("2026-04-01T01:00:00Z");
        // Half of March: 15 of 31 days; what was used before the subscription began is not billed.
        assert_eq!(
            world.charged(),
            ["2026-03-17 base 23.709677", "2026-04-01 base 49.000000", "2026-04-01 calls 5.000000"]
        );
        // The one of March waited for the late buffer, the one of April for usage of the same moment.
        assert_eq!(world.invoices(), ["2026-03-17 issued 23.710000", "2026-04-01 issued 54.000000"]);
    }

    fn a_run_done_again_changes_nothing_and_says_so(world) {
        // checklist 54, checklist 57
        world.open_billing(3, hybrid());
        for customer in 0..3 {
            world.subscribe(customer);
        }
        let first = world.bill("2026-05-01T12:00:00Z");
        let (lines, charged) = (world.charged(), first.counts.charged);
        let again = world.start_bill(Some("2026-05-01T12:00:00Z"), RunScope::default()).unwrap();
        world.engine.run_jobs_of(world.project.id).unwrap();
        let counts = world.billing_run(again).counts;
        assert_eq!((counts.charged, counts.unchanged, counts.subscriptions), (0, charged, 0));
        assert_eq!(world.charged(), lines);
        // The same, looked at item by item.
        let window = domain::window::Span { start: at("2026-03-01T00:00:00Z"), end: at("2026-06-01T00:00:00Z") };
        let looked = world.start_bill(None, RunScope { customer_key: None, window: Some(window) }).unwrap();
        world.engine.run_jobs_of(world.project.id).unwrap();
        let counts = world.billing_run(looked).counts;
        assert_eq!((counts.charged, counts.unchanged, counts.subscriptions), (0, charged, 3));
        assert_eq!(world.charged(), lines);
    }

    fn an_item_of_a_draft_that_comes_to_the_same_stays_on_its_invoice(world) {
        world.open_billing(1, hybrid());
        world.keep_drafts();
        world.subscribe(0);
        let first = world.bill("2026-04-01T12:00:00Z");
        let on = |id| -> Vec<_> { world.items_of(id).into_iter().map(|item| (item.id, item.invoice_id)).collect() };
        let before = on(first.id);
        assert!(before.iter().all(|(_, invoice)| invoice.is_some()));
        let window = domain::window::Span { start: at("2026-03-01T00:00:00Z"), end: at("2026-05-01T00:00:00Z") };
        let again = world.start_bill(None, RunScope { customer_key: None, window: Some(window) }).unwrap();
        world.engine.run_jobs_of(world.project.id).unwrap();
        assert_eq!(on(again), before);
    }

    fn usage_that_comes_before_the_invoice_is_issued_is_charged_by_the_difference(world) {
        // checklist 56
        world.open_billing(2, hybrid());
        world.keep_drafts();
        world.subscribe(0);
        world.subscribe(1);
        world.bill("2026-03-17T10:20:00Z");
        world.calls("a", 0, "10", "2026-03-20T00:00:00Z");
        world.bill("2026-04-01T12:00:00Z");
        world.calls("b", 0, "6", "2026-03-21T00:00:00Z");
        world.calls("c", 1, "6", "2026-03-21T00:00:00Z");
        let window = domain::window::Span { start: at("2026-03-20T00:00:00Z"), end: at("2026-03-21T00:00:00Z") };
        let scope = RunScope { customer_key: Some("customer-000".to_owned()), window: Some(window) };
        let id = world.start_bill(None, scope).unwrap();
        world.engine.run_jobs_of(world.project.id).unwrap();
        assert_eq!(world.billing_run(id).counts.charged, 1);
        let of_calls: Vec<String> = world.charged().into_iter().filter(|line| line.contains("calls")).collect();
        // The other customer was not touched.
        assert_eq!(
            of_calls,
            ["2026-04-01 calls 0.000000", "2026-04-01 calls 3.000000", "2026-04-01 calls 5.000000"]
        );
        let items = world.items_of(id);
        assert!(items.iter().all(|item| item.state == ItemState::Charged && item.reason.is_none()));
        assert!(items.iter().any(|item| item.cut.is_some_and(|cut| cut > 0)));
    }

    fn a_change_in_the_past_is_billed_on_the_day_it_was_asked_for(world) {
        // checklist 44
        let seats = serde_json::json!({ "key": "seats", "name": "Seats", "interval": { "unit": "month" }, "timing": "advance",
            "terms": { "model": { "type": "seat", "unitPrice": "31" } } });
        world.open_billing(1, crate::backtests::shop::plan(serde_json::json!([seats])));
        let id = world.subscribe_with(0, |new| {
            new.starts_at = Some(at("2026-03-01T00:00:00Z"));
            new.quantities = [("seats".parse().unwrap(), domain::quantity::Quantity::parse("2").unwrap())].into();
        });
        world.bill("2026-03-17T10:20:00Z");
        world.clock.set("2026-03-20T08:00:00Z");
        let quantity = domain::quantity::Quantity::parse("3").unwrap();
        let change = ChangeWish::QuantityChanged(QuantityChanged { price: "seats".parse().unwrap(), quantity });
        world.change_subscription(id, "more", change, Some(When::At { at: at("2026-03-11T00:00:00Z") }));
        world.bill("2026-03-20T08:00:00Z");
        assert_eq!(
            world.charged(),
            ["2026-03-17 seats 62.000000", "2026-03-20 seats -42.000000", "2026-03-20 seats 63.000000"]
        );
    }

    fn usage_draws_on_credit_and_gives_it_back_in_reverse_order(world) {
        // checklist 118
        world.open_billing(1, hybrid());
        world.keep_drafts();
        world.subscribe(0);
        let of_customer = |credit: GrantCredit| GrantCredit { customer_key: Some("customer-000".to_owned()), ..credit };
        world.credit("promo", &of_customer(grant("3"))).accepted();
        world.credit("paid", &of_customer(paid("2"))).accepted();
        world.calls("a", 0, "4", "2026-03-20T00:00:00Z");
        let answer = world.send("b", &serde_json::json!({ "metricKey": "calls", "units": "16",
            "timestamp": "2026-03-20T00:00:00Z", "customerKey": "customer-000", "properties": { "region": "eu" } }));
        let event: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        world.bill("2026-04-01T12:00:00Z");
        // Ten: the granted three, the two that were paid for, and five that are owed.
        assert_eq!(world.prepaid_of("calls"), ["10.000000 5.000000 3.000000"]);
        apply(world, vec![void(event["eventId"].as_str().unwrap())]);
        let window = domain::window::Span { start: at("2026-03-01T00:00:00Z"), end: at("2026-04-01T00:00:00Z") };
        world.start_bill(None, RunScope { customer_key: None, window: Some(window) }).unwrap();
        world.engine.run_jobs_of(world.project.id).unwrap();
        // Eight less: what is owed first, then what was paid for, then of what was granted.
        assert_eq!(world.prepaid_of("calls"), ["10.000000 5.000000 3.000000", "-8.000000 -3.000000 -1.000000"]);
        let filter = WalletFilter { customer_key: Some("customer-000".to_owned()) };
        let wallet = world.engine.list_wallets(&world.owner(), &filter, None, 1).unwrap().remove(0);
        let lots: Vec<String> = wallet.lots.iter().map(|lot| format!("{} {}", lot.kind, lot.balance)).collect();
        assert_eq!(lots, ["promotional 1.000000", "paid 2.000000"]);
    }

    fn credit_that_ends_waits_for_a_run_that_another_node_holds(world) {
        // promise P17, promise P18
        world.open_billing(1, hybrid());
        world.subscribe(0);
        let ends = at("2026-03-31T12:00:00Z");
        let credit = GrantCredit { customer_key: Some("customer-000".to_owned()), expires_at: Some(ends), ..paid("4") };
        world.credit("paid", &credit).accepted();
        world.calls("a", 0, "10", "2026-03-20T00:00:00Z");
        world.clock.set("2026-04-01T02:00:00Z");
        world.engine.schedule_billing(&world.system()).unwrap();
        let held = world.engine.claim_job(world.project.id).unwrap().unwrap();
        // Due at the same time, and later in the order: the credit of March pays for March.
        world.engine.run_due_work(&world.system()).unwrap();
        held.release(&world.engine).unwrap();
        world.engine.run_due_work(&world.system()).unwrap();
        assert_eq!(world.prepaid_of("calls"), ["5.000000 4.000000 0.000000"]);
    }

    fn a_clock_that_is_moved_waits_for_a_run_that_another_worker_holds(world) {
        let mut inner = World::new(world.db.clone(), world.seed.wrapping_add(1));
        inner.project = inner.sandbox();
        inner.open_billing(1, hybrid());
        inner.subscribe(0);
        inner.engine.schedule_billing(&inner.system()).unwrap();
        let held = inner.engine.claim_job(inner.project.id).unwrap().unwrap();
        let target = ClockTarget::read(Some("2026-05-01T02:00:00Z"), None).unwrap();
        std::thread::scope(|scope| {
            let moved = scope.spawn(|| inner.engine.advance_clock(&inner.owner(), &target));
            // It finds the run held, however often it looks, and stays where it is.
            for _ in 0..100 {
                assert!(!moved.is_finished());
                assert_eq!(inner.engine.get_clock(&inner.owner()).unwrap().now, inner.owner().now());
            }
            held.release(&inner.engine).unwrap();
            assert_eq!(moved.join().unwrap().unwrap().now, at("2026-05-01T02:00:00Z"));
        });
        assert_eq!(inner.billed().len(), 3, "the rest of March, April, May");
        inner.verify();
    }

    fn a_clock_that_jumps_back_and_forth_bills_each_period_once(world) {
        // promise P24
        world.open_billing(4, hybrid());
        world.subscribe(0);
        let steady = ["2026-04-01T02:00:00Z", "2026-05-01T02:00:00Z", "2026-06-01T02:00:00Z", "2026-07-01T02:00:00Z"];
        let jumping = [
            "2026-04-01T00:10:00Z", // in the middle of the late buffer, and back before the month began
            "2026-03-18T00:00:00Z",
            "2026-04-01T02:00:00Z",
            "2026-03-31T23:59:59Z",
            "2026-06-01T02:00:00Z", // two months at once, and back into the first of them
            "2026-04-15T00:00:00Z",
            "2026-04-15T00:00:00Z",
            "2025-12-31T00:00:00Z", // before anything was there
            "2026-06-30T23:59:59Z",
            "2026-07-01T02:00:00Z",
            "2026-05-01T00:00:00Z",
        ];
        let tick = |now: &str| {
            world.clock.set(now);
            world.engine.run_due_work(&world.system()).unwrap();
        };
        jumping.into_iter().for_each(tick);
        let jumped = (world.charged(), world.invoices());
        assert_eq!(jumped.0.len(), 5 + 4, "the rest of March and four months ahead, and usage of four months");
        // Nothing is left for a clock that goes as it should, and it would have billed the same.
        steady.into_iter().for_each(tick);
        assert_eq!((world.charged(), world.invoices()), jumped);
        world.clock.set("2026-03-17T10:20:00Z");
        world.subscribe(3);
        steady.into_iter().for_each(tick);
        let half = |lines: &[String]| lines.chunks(2).map(|pair| (pair[0] == pair[1]).then(|| pair[0].clone())).collect::<Vec<_>>();
        let (charged, invoices) = (half(&world.charged()), half(&world.invoices()));
        assert_eq!(charged, jumped.0.into_iter().map(Some).collect::<Vec<_>>());
        assert_eq!(invoices, jumped.1.into_iter().map(Some).collect::<Vec<_>>());
    }

    fn looking_again_leaves_what_is_issued_to_the_late_desk(world) {
        // checklist 70
        world.open_billing(1, hybrid());
        world.subscribe(0);
        world.calls("a", 0, "10", "2026-03-20T00:00:00Z");
        let run = world.bill("2026-04-01T12:00:00Z");
        let (lines, invoices, items) = (world.charged(), world.invoices(), world.items_of(run.id));
        world.calls("b", 0, "6", "2026-03-21T00:00:00Z");
        let window = domain::window::Span { start: at("2026-03-01T00:00:00Z"), end: at("2026-04-01T00:00:00Z") };
        let id = world.start_bill(None, RunScope { customer_key: None, window: Some(window) }).unwrap();
        world.engine.run_jobs_of(world.project.id).unwrap();
        assert_eq!(world.billing_run(id).counts.charged, 0);
        assert_eq!((world.charged(), world.invoices()), (lines, invoices));
        // They still say up to where they were counted: nobody counted more.
        assert_eq!(world.items_of(run.id), items);
    }

    fn what_is_due_is_billed_by_the_calendar_without_anybody_asking(world) {
        // checklist 50
        world.open_billing(1, hybrid());
        world.subscribe_with(0, |new| new.trial_days = Some(10));
        for (now, invoices) in [
            ("2026-03-20T00:00:00Z", vec![]),
            ("2026-03-27T10:20:00Z", vec!["2026-03-27 draft 0.000000"]),
            ("2026-03-27T11:20:00Z", vec!["2026-03-27 issued 7.900000"]),
            ("2026-04-01T00:30:00Z", vec!["2026-03-27 issued 7.900000", "2026-04-01 draft 0.000000"]),
            ("2026-04-01T01:00:00Z", vec!["2026-03-27 issued 7.900000", "2026-04-01 issued 49.000000"]),
        ] {
            world.clock.set(now);
            world.engine.run_due_work(&world.system()).unwrap();
            assert_eq!(world.invoices(), invoices, "at {now}");
        }
    }

    fn the_second_run_is_told_that_one_is_open(world) {
        // checklist 52
        world.open_billing(1, hybrid());
        world.subscribe(0);
        world.start_bill(None, RunScope::default()).unwrap();
        let refused = world.start_bill(None, RunScope::default()).unwrap_err();
        assert_eq!(refused.code, Code::RunInProgress);
        world.engine.schedule_billing(&world.system()).unwrap();
        assert_eq!(world.engine.list_billing_runs(&world.owner(), None, 10).unwrap().len(), 1);
        world.engine.run_jobs_of(world.project.id).unwrap();
        assert_eq!(world.charged().len(), 1);
    }

    fn a_fee_that_does_not_fit_holds_up_nobody_else(world) {
        // checklist 57
        let seats = serde_json::json!({ "key": "seats", "name": "Seats", "interval": { "unit": "month" }, "timing": "advance",
            "terms": { "model": { "type": "seat", "unitPrice": "900000000000" } } });
        world.open_billing(2, crate::backtests::shop::plan(serde_json::json!([seats])));
        for (customer, count) in [(0, "9000000"), (1, "1")] {
            world.subscribe_with(customer, |new| {
                new.starts_at = Some(at("2026-03-01T00:00:00Z"));
                let quantity = domain::quantity::Quantity::parse(count).unwrap();
                new.quantities = [("seats".parse().unwrap(), quantity)].into();
            });
        }
        let run = world.bill("2026-03-17T10:20:00Z");
        assert_eq!((run.phase, run.counts.failed, run.counts.charged), (RunPhase::Done, 1, 1));
        let failed = world.items_of(run.id).into_iter().find(|item| item.state == ItemState::Failed).unwrap();
        assert_eq!((failed.price.as_str(), failed.reason.is_some()), ("seats", true));
        assert_eq!(world.charged(), ["2026-03-17 seats 900000000000.000000"]);
        // It is tried again, and the calendar goes on.
        world.clock.set("2026-03-17T12:00:00Z");
        world.engine.run_due_work(&world.system()).unwrap();
        assert_eq!(world.charged().len(), 1);
    }

    fn a_run_of_several_chunks_charges_everybody_once(world) {
        // checklist 53
        let customers = 250;
        world.open_billing(customers, hybrid());
        for customer in 0..customers {
            world.subscribe_with(customer, |new| new.time_zone = Some("UTC".to_owned()));
        }
        world.calls("last", customers - 1, "4", "2026-03-20T00:00:00Z");
        let first = world.bill("2026-03-20T01:00:00Z");
        assert_eq!((first.counts.subscriptions, first.counts.charged), (250, 250), "the fees of March");
        let run = world.bill("2026-04-02T01:00:00Z");
        assert_eq!((run.counts.subscriptions, run.counts.charged, run.counts.issued), (250, 500, 250));
        let job = world.engine.get_job(&world.owner(), run.job_id).unwrap();
        assert_eq!((job.done, job.total), (250, 250));
        let billed = world.billed();
        let april = billed.iter().filter(|(record, _)| record.created_at == run.as_of);
        let mut payers: Vec<_> = april.map(|(record, charges)| (record.name.customer, charges.len())).collect();
        payers.sort();
        payers.dedup();
        assert_eq!(payers.len(), 250);
        assert!(payers.iter().all(|(_, charges)| *charges == 2), "{payers:?}");
        assert_eq!(world.prepaid_of("calls"), ["2.000000 0.000000 0.000000"]);
        world.verify();
    }

    fn many_that_start_at_once_make_one_run(world) {
        // checklist 52, promise P18
        world.open_billing(1, hybrid());
        world.subscribe(0);
        let started = std::thread::scope(|scope| {
            let starts: Vec<_> = (0..8).map(|_| scope.spawn(|| world.start_bill(None, RunScope::default()))).collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect::<Vec<_>>()
        });
        assert_eq!(started.iter().filter(|start| start.is_ok()).count(), 1);
        let refused = started.iter().filter_map(|start| start.as_ref().err());
        assert!(refused.into_iter().all(|refusal| refusal.code == Code::RunInProgress));
        world.engine.run_jobs_of(world.project.id).unwrap();
        assert_eq!(world.charged().len(), 1);
    }

    fn what_cannot_be_rated_fails_for_a_reason_and_holds_up_nobody_else(world) {
        // checklist 57
        world.open_billing(2, hybrid());
        world.subscribe_with(0, |new| {
            // The largest amount there is, times many calls.
            let terms = serde_json::from_value(crate::backtests::shop::per_unit("900000000000")).unwrap();
            new.overrides = [("calls".parse().unwrap(), terms)].into();
        });
        world.subscribe(1);
        world.calls("a", 0, "9000000", "2026-03-20T00:00:00Z");
        let run = world.bill("2026-04-01T12:00:00Z");
        assert_eq!(run.counts.failed, 3);
        assert_eq!(run.counts.charged, 3);
        let failed: Vec<_> = world.items_of(run.id).into_iter().filter(|item| item.state == ItemState::Failed).collect();
        assert!(failed.iter().all(|item| item.reason.is_some()), "{failed:?}");
        assert_eq!(world.charged().len(), 3);
    }
}
