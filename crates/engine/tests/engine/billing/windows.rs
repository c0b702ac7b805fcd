//! Usage that is rated in windows while its period is open: prepaid credit is drawn on day by day, and the invoice is the same in the end.

use domain::billing::run::RunScope;
use domain::customers::CustomerChange;
use domain::ids::{CustomerId, SubscriptionId};
use domain::projects::{Change, ProjectChange};
use domain::refusal::Code;
use domain::subscriptions::request::When;
use domain::subscriptions::wish::ChangeWish;
use engine::transactions::GrantCredit;
use engine::wallets::WalletFilter;
use serde_json::{Value, json};
use storage::{ProjectTx, customers};

use crate::backtests::shop::{at, base, customer_key, per_unit, plan, price};
use crate::ledger::money::{grant, paid};
use crate::world::{World, key, on_both};

/// A fee in advance, and calls that name a window.
fn windowed(window: &str) -> Value {
    let mut calls = price("calls", "calls", per_unit("0.5"));
    calls["window"] = json!(window);
    plan(json!([base("31"), calls]))
}

impl World {
    /// Somebody of `number` in UTC, who is billed for all of March before the 17th.
    fn subscribed(&self, number: u32) -> SubscriptionId {
        self.subscribe_with(number, |new| new.time_zone = Some("UTC".to_owned()))
    }

    /// So many customers, the first of whom made ten calls in a window that is charged.
    fn one_window(&self, customers: u32) -> SubscriptionId {
        self.open_billing(customers, windowed("day"));
        let id = self.subscribed(0);
        self.live_until("2026-03-17T12:00:00Z");
        self.calls("a", 0, "10", "2026-03-18T09:00:00Z");
        self.live_until("2026-03-19T01:00:00Z");
        id
    }

    fn credit_of(&self, number: u32, name: &str, credit: GrantCredit) {
        self.credit(name, &GrantCredit { customer_key: Some(customer_key(number)), ..credit }).accepted();
    }

    fn customer_id(&self, number: u32) -> CustomerId {
        let find = |tx: &mut ProjectTx<'_>| Ok::<_, engine::Error>(customers::find_by_key(tx, &customer_key(number))?);
        self.engine.read(self.project.id, "customer", find).unwrap().unwrap().id
    }

    /// What the wallet of a customer holds.
    fn holds(&self, number: u32) -> String {
        let filter = WalletFilter { customer_key: Some(customer_key(number)) };
        let wallets = self.engine.list_wallets(&self.owner(), &filter, None, 10).unwrap();
        wallets.iter().map(|wallet| wallet.balance.to_string()).collect::<Vec<_>>().join(" ")
    }

    /// `revision amount prepaid` of the calls of a customer, charge by charge.
    fn charges_of(&self, number: u32) -> Vec<String> {
        let own = format!("sub-{}", customer_key(number));
        let billed = self.billed();
        let mut charges: Vec<_> = billed
            .iter()
            .flat_map(|(_, charges)| charges)
            .filter(|charge| charge.price == "calls" && charge.content.contains(&format!("\"id\":\"{own}/")))
            .collect();
        charges.sort_by_key(|charge| (charge.key.clone(), charge.revision));
        let told = charges.iter().map(|charge| format!("{} {} {}", charge.revision, charge.amount, charge.prepaid));
        told.collect()
    }

    /// `day state total prepaid`, invoice by invoice of a customer.
    fn invoices_of(&self, number: u32) -> Vec<String> {
        let customer = self.customer_id(number);
        let billed = self.billed();
        let own = billed.iter().filter(|(record, _)| record.name.customer == customer);
        own.map(|(record, _)| {
            let figures = self.engine.get_invoice(&self.owner(), record.id).unwrap();
            let document: Value = serde_json::from_str(figures.document.unwrap().get()).unwrap();
            format!(
                "{} {} {} {}",
                record.name.bills_on, record.standing.state, document["total"], document["prepaidApplied"]
            )
        })
        .collect()
    }

    /// Runs everything that is due on the way, hour by hour where something is.
    fn live_until(&self, until: &str) {
        self.clock.set(until);
        self.engine.run_due_work(&self.system()).unwrap();
    }
}

on_both! {
    fn prepaid_usage_draws_on_its_credit_day_by_day(world) {
        // checklist 39, checklist 42
        world.open_billing(1, plan(json!([base("31"), price("calls", "calls", per_unit("0.5"))])));
        world.subscribed(0);
        world.live_until("2026-03-17T11:00:00Z");
        world.credit_of(0, "credit", paid("9"));
        world.calls("a", 0, "10", "2026-03-18T09:00:00Z");
        world.live_until("2026-03-19T00:59:59Z");
        assert_eq!(world.holds(0), "9.000000", "the window has ended, and not waited");
        world.live_until("2026-03-19T01:00:00Z");
        assert_eq!(world.holds(0), "4.000000");
        // Nothing was used.
        world.live_until("2026-03-20T01:00:00Z");
        assert_eq!(world.charges_of(0), ["0 5.000000 5.000000"]);
        world.calls("b", 0, "6", "2026-03-20T09:00:00Z");
        // Of a window that has been rated.
        world.calls("c", 0, "4", "2026-03-18T10:00:00Z");
        world.live_until("2026-03-21T01:00:00Z");
        assert_eq!(world.holds(0), "0.000000");
        assert_eq!(world.charges_of(0), ["0 5.000000 5.000000", "1 5.000000 4.000000"]);
        world.live_until("2026-04-01T01:00:00Z");
        let told = ["0 5.000000 5.000000", "1 5.000000 4.000000", "2 0.000000 0.000000"];
        assert_eq!(world.charges_of(0), told, "the last one tells the whole period");
        // Ten calls at 0.5 less nine that were prepaid, and the fee of April.
        let last = world.invoices_of(0).pop().unwrap();
        assert_eq!(last, "2026-04-01 issued \"41.000000\" \"9.000000\"");
        let (invoice, _) = world.billed().pop().unwrap();
        let explained = world.engine.explain_invoice(&world.owner(), invoice.id).unwrap();
        let line = explained.lines.iter().find(|line| line.name == "calls").unwrap();
        let content: Value = serde_json::from_str(line.content.as_ref().unwrap().get()).unwrap();
        assert_eq!(content["events"]["to"], "2026-04-01T00:00:00.000Z");
        let events = world.engine.list_invoice_events(&world.owner(), invoice.id, line.line, None, 10).unwrap();
        assert_eq!(events.len(), 3);
        world.settle();
        assert_eq!(world.desk(), Vec::<String>::new(), "nothing is late");
        world.verify();
    }

    fn a_run_that_comes_late_charges_what_runs_on_time_had_charged(world) {
        // promise P17, checklist 53
        let mut calls = price("calls", "calls", json!({ "model": { "type": "graduated",
            "tiers": [{ "upTo": "12", "unitPrice": "0.5" }, { "unitPrice": "0.2" }] }, "minimum": "3" }));
        calls["anchor"] = json!("anniversary");
        world.open_billing(2, plan(json!([calls])));
        for number in 0..2 {
            world.subscribed(number);
            world.credit_of(number, &format!("first-{number}"), GrantCredit {
                expires_at: Some(serde_json::from_value(json!("2026-03-20T12:00:00Z")).unwrap()),
                ..grant("4")
            });
            world.credit_of(number, &format!("second-{number}"), paid("2"));
        }
        // Runs of the first customer, whenever a window is due; none of the second.
        let days = ["18", "19", "20", "21", "22"];
        for (number, day) in days.iter().enumerate() {
            for customer in 0..2 {
                world.calls(&format!("{day}-{customer}"), customer, "5", &format!("2026-03-{day}T09:00:00Z"));
            }
            world.clock.set(&format!("2026-03-{}T01:00:00Z", 19 + number));
            let scope = RunScope { customer_key: Some(customer_key(0)), ..RunScope::default() };
            world.start_bill(None, scope).unwrap();
            world.engine.run_jobs_of(world.project.id).unwrap();
        }
        world.bill("2026-04-17T01:00:00Z");
        let on_time = world.charges_of(0);
        assert_eq!(on_time, world.charges_of(1));
        // 2.5 a day until twelve calls were made, then a fifth each. Four of credit end on the 20th, two stay.
        assert_eq!(on_time[..3], ["0 2.500000 2.500000", "1 2.500000 2.500000", "2 1.600000 1.000000"]);
        assert_eq!(world.invoices_of(0), world.invoices_of(1));
        world.verify();
    }

    fn what_a_cap_gives_back_returns_to_the_wallet_that_the_same_run_drew_on(world) {
        // promise P19
        let mut calls = price("calls", "calls", json!({ "model": { "type": "perUnit", "unitPrice": "0.5" }, "cap": "6" }));
        calls["anchor"] = json!("anniversary");
        world.open_billing(2, plan(json!([calls])));
        for number in 0..2 {
            world.subscribed(number);
            world.credit_of(number, &format!("credit-{number}"), paid("20"));
        }
        for number in 0..2 {
            for day in ["18", "19"] {
                world.calls(&format!("{day}-{number}"), number, "10", &format!("2026-03-{day}T09:00:00Z"));
            }
        }
        // The first is charged when each window is due, the second in one go.
        for day in ["19", "20"] {
            world.clock.set(&format!("2026-03-{day}T01:00:00Z"));
            world.start_bill(None, RunScope { customer_key: Some(customer_key(0)), ..RunScope::default() }).unwrap();
            world.engine.run_jobs_of(world.project.id).unwrap();
        }
        assert_eq!(world.holds(0), "10.000000", "the cap is known at the end");
        world.bill("2026-04-17T01:00:00Z");
        let charged = ["0 5.000000 5.000000", "1 5.000000 5.000000", "2 -4.000000 -4.000000"];
        for number in 0..2 {
            assert_eq!(world.charges_of(number), charged, "{number}");
            assert_eq!(world.holds(number), "14.000000", "{number}");
        }
        world.verify();
    }

    fn windows_that_a_price_names_come_to_what_the_period_would(world) {
        // promise P19
        let tiers = json!([{ "upTo": "20", "unitPrice": "0.5", "flatFee": "2" }, { "unitPrice": "0.07", "flatFee": "1.5" }]);
        let terms = json!({ "model": { "type": "graduated", "tiers": tiers }, "included": "2.5", "minimum": "4", "cap": "30" });
        let mut plans = Vec::new();
        for (name, window) in [("period", None), ("day", Some("day")), ("week", Some("week")), ("month", Some("month"))] {
            let mut calls = price("calls", "calls", terms.clone());
            calls["interval"] = json!({ "unit": "quarter" });
            if let Some(window) = window {
                calls["window"] = json!(window);
            }
            let mut plan = plan(json!([calls]));
            plan["key"] = json!(name);
            plans.push((name, plan));
        }
        world.open_shop(8);
        for (number, (name, plan)) in (0..).zip(plans) {
            world.draft(plan);
            world.engine.publish_plan_version(&world.owner(), None, name, 1).unwrap();
            for customer in [number, number + 4] {
                world.subscribe_with(customer, |new| {
                    new.plan.key = name.to_owned();
                    new.time_zone = Some("Europe/Berlin".to_owned());
                });
            }
        }
        for event in 0..24 {
            let (day, units) = (18 + world.random.below(13), 1 + world.random.below(9));
            let hour = world.random.below(24);
            for customer in 0..8 {
                // The second of each plan uses much more.
                let units = if customer < 4 { units } else { units * 40 };
                let when = format!("2026-03-{day:02}T{hour:02}:30:00Z");
                world.calls(&format!("{event}-{customer}"), customer, &units.to_string(), &when);
            }
            if world.random.below(3) == 0 {
                let now = world.owner().now().to_string();
                world.live_until(&now);
            }
        }
        world.live_until("2026-04-01T01:00:00Z");
        for (first, kind) in [(0, "few"), (4, "many")] {
            // The payers are in different zones: for some it is another day.
            let amounts = |customer| world.invoices_of(customer).iter().map(|told| told[11..].to_owned()).collect();
            let told: Vec<Vec<String>> = (first..first + 4).map(amounts).collect();
            assert_eq!(told[0].len(), 1, "{kind}: {told:?}");
            assert!(told.iter().all(|one| *one == told[0]), "{kind}: {told:?}");
        }
        assert!(world.charges_of(1).len() > 2 && world.charges_of(0).len() == 1, "{:?}", world.charges_of(1));
        world.verify();
    }

    fn a_draft_whose_usage_is_still_counted_is_not_issued(world) {
        world.one_window(1);
        let (draft, charges) = world.billed().pop().unwrap();
        assert_eq!((draft.name.bills_on.to_string(), charges.len()), ("2026-04-01".to_owned(), 1));
        let refused = world.engine.finalize_invoice(&world.owner(), key("early"), draft.id).unwrap_err().to_refusal();
        assert_eq!(refused.code, Code::InvoiceOpen);
        assert!(refused.detail.contains("2026-04-01"), "{}", refused.detail);
        // As it will be, as far as is known.
        let told = world.engine.upcoming_invoice(&world.owner(), Some(&customer_key(0))).unwrap().invoice.unwrap();
        assert_eq!(told.invoice.id, draft.id);
        world.live_until("2026-04-01T01:00:00Z");
        assert_eq!(world.invoices_of(0).pop().unwrap(), "2026-04-01 issued \"36.000000\" \"0.000000\"");
        world.verify();
    }

    fn a_longer_grace_time_holds_for_drafts_that_are_there(world) {
        world.one_window(1);
        let change = ProjectChange {
            invoice_grace_minutes: Change::Set(60),
            late_buffer_minutes: Change::Set(180),
            ..ProjectChange::default()
        };
        world.engine.update_project(&world.owner(), &change).unwrap();
        world.live_until("2026-04-01T03:59:59Z");
        assert!(world.invoices_of(0).pop().unwrap().starts_with("2026-04-01 draft"));
        world.live_until("2026-04-01T04:00:00Z");
        assert!(world.invoices_of(0).pop().unwrap().starts_with("2026-04-01 issued"));
    }

    fn who_leaves_gets_one_invoice_of_all_windows(world) {
        world.open_billing(1, windowed("day"));
        let id = world.subscribed(0);
        world.live_until("2026-03-17T12:00:00Z");
        for day in ["18", "19", "20"] {
            world.calls(day, 0, "10", &format!("2026-03-{day}T09:00:00Z"));
        }
        world.live_until("2026-03-21T01:00:00Z");
        world.change_subscription(id, "leave", ChangeWish::Cancelled, Some(When::At { at: at("2026-03-25T09:00:00Z") }));
        world.calls("last", 0, "1", "2026-03-24T09:00:00Z");
        world.live_until("2026-03-25T10:00:00Z");
        // What comes back of the fee falls on the day, too: 31 a month, seven days less nine hours are left.
        let told = world.invoices_of(0);
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[1].starts_with("2026-03-25 issued"), "{told:?}");
        let (_, charges) = world.billed().pop().unwrap();
        let calls = charges.iter().filter(|charge| charge.price == "calls").map(|charge| charge.amount.micros());
        assert_eq!(calls.sum::<i64>(), 15_500_000);
        world.live_until("2026-04-02T00:00:00Z");
        assert_eq!(world.invoices_of(0), told, "nothing is left for the end of the month");
        world.verify();
    }

    fn an_end_that_is_undone_brings_everything_back_on_the_invoice_of_the_period(world) {
        let id = world.one_window(1);
        world.change_subscription(id, "leave", ChangeWish::Cancelled, Some(When::At { at: at("2026-03-25T09:00:00Z") }));
        world.calls("b", 0, "10", "2026-03-19T09:00:00Z");
        world.live_until("2026-03-20T01:00:00Z");
        assert!(world.invoices_of(0)[1].starts_with("2026-03-25 draft"), "{:?}", world.invoices_of(0));
        world.change_subscription(id, "stay", ChangeWish::Uncancelled, None);
        world.calls("c", 0, "10", "2026-03-20T09:00:00Z");
        world.live_until("2026-04-01T01:00:00Z");
        let told = world.invoices_of(0);
        assert_eq!(told.len(), 2, "{told:?}");
        assert_eq!(told[1], "2026-04-01 issued \"46.000000\" \"0.000000\"");
        // An event of a day on which it was to have ended is late as any other.
        world.calls("late", 0, "2", "2026-03-28T09:00:00Z");
        world.settle();
        assert_eq!(world.desk(), ["settled 1.000000 nextInvoice"]);
        world.verify();
    }

    fn other_changes_take_nothing_back_while_a_period_is_open(world) {
        world.open_billing(1, plan(json!([base("31"), price("calls", "calls", per_unit("0.5"))])));
        let mut dearer = plan(json!([base("62"), price("calls", "calls", per_unit("0.7"))]));
        dearer["key"] = json!("dearer");
        world.draft(dearer);
        world.engine.publish_plan_version(&world.owner(), None, "dearer", 1).unwrap();
        let id = world.subscribed(0);
        world.live_until("2026-03-17T12:00:00Z");
        world.credit_of(0, "credit", paid("5"));
        world.calls("a", 0, "10", "2026-03-18T09:00:00Z");
        world.live_until("2026-03-19T02:00:00Z");
        assert_eq!((world.holds(0), world.charges_of(0)), ("0.000000".to_owned(), vec!["0 5.000000 5.000000".to_owned()]));
        // The wallet is empty now; a change in the past makes the run look at everything again.
        world.change_subscription(
            id,
            "upgrade",
            ChangeWish::PlanChanged(domain::subscriptions::wish::PlanWish {
                plan: domain::subscriptions::wish::ItemWish { key: "dearer".to_owned(), version: None },
                quantities: Default::default(),
                overrides: Default::default(),
            }),
            Some(When::At { at: at("2026-03-19T01:30:00Z") }),
        );
        world.live_until("2026-03-19T02:30:00Z");
        assert_eq!(world.charges_of(0), ["0 5.000000 5.000000"]);
        let change = ProjectChange { late_buffer_minutes: Change::Set(43_200), ..ProjectChange::default() };
        world.engine.update_project(&world.owner(), &change).unwrap();
        let again = RunScope { window: Some(domain::window::Span { start: at("2026-03-18T00:00:00Z"), end: at("2026-03-19T00:00:00Z") }), ..RunScope::default() };
        world.start_bill(None, again).unwrap();
        world.engine.run_jobs_of(world.project.id).unwrap();
        assert_eq!(world.charges_of(0), ["0 5.000000 5.000000"]);
        let change = ProjectChange { late_buffer_minutes: Change::Set(60), ..ProjectChange::default() };
        world.engine.update_project(&world.owner(), &change).unwrap();
        world.calls("b", 0, "10", "2026-03-19T09:00:00Z");
        world.live_until("2026-04-01T01:00:00Z");
        // Of the dearer plan, and of the one before: its part was over at the end of that day's window.
        let (dearer, before) = (["0 7.000000 0.000000", "1 0.000000 0.000000"], ["0 5.000000 5.000000", "1 0.000000 0.000000"]);
        assert_eq!(world.charges_of(0), [dearer, before].concat());
        world.verify();
    }

    fn whoever_pays_at_the_end_of_a_window_pays_what_it_adds(world) {
        world.one_window(2);
        let change = CustomerChange { payer_key: Change::Set(Some(customer_key(1))), ..CustomerChange::default() };
        world.engine.update_customer(&world.owner(), world.customer_id(0), &change).unwrap();
        world.calls("b", 0, "20", "2026-03-19T09:00:00Z");
        world.live_until("2026-04-01T01:00:00Z");
        let (own, payers) = (world.invoices_of(0), world.invoices_of(1));
        assert_eq!(own.last().unwrap(), "2026-04-01 issued \"5.000000\" \"0.000000\"");
        assert_eq!(payers.last().unwrap(), "2026-04-01 issued \"41.000000\" \"0.000000\"");
        world.verify();
    }

    fn a_payer_with_credit_has_usage_rated_from_the_end_of_the_day(world) {
        world.open_billing(2, plan(json!([price("calls", "calls", per_unit("0.5"))])));
        world.subscribed(0);
        world.calls("a", 0, "10", "2026-03-18T09:00:00Z");
        world.credit_of(1, "credit", paid("9"));
        world.live_until("2026-03-20T08:00:00Z");
        let change = CustomerChange { payer_key: Change::Set(Some(customer_key(1))), ..CustomerChange::default() };
        world.engine.update_customer(&world.owner(), world.customer_id(0), &change).unwrap();
        // The day of who is paid for ends in no zone later than that.
        world.live_until("2026-03-21T13:00:00Z");
        assert_eq!(world.holds(1), "4.000000");
        world.verify();
    }

    fn a_credit_in_mid_period_has_usage_rated_from_the_end_of_its_day(world) {
        world.open_billing(1, plan(json!([price("calls", "calls", per_unit("0.5"))])));
        world.subscribed(0);
        world.calls("a", 0, "10", "2026-03-18T09:00:00Z");
        world.live_until("2026-03-20T08:00:00Z");
        assert_eq!(world.charges_of(0), Vec::<String>::new(), "without credit usage is rated by the period");
        world.credit_of(0, "credit", paid("9"));
        world.live_until("2026-03-21T00:59:00Z");
        assert_eq!(world.holds(0), "9.000000");
        world.live_until("2026-03-21T01:00:00Z");
        assert_eq!(world.holds(0), "4.000000");
        world.verify();
    }
}
