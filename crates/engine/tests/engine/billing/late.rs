//! Late usage of invoices that real runs issued: every policy settles it, once, and leaves what was issued as it was.

use domain::amount::Amount;
use domain::ids::{InvoiceId, LateUsageId, SubscriptionId};
use domain::invoices::settings::LatePolicy;
use domain::late_usage::LateState;
use domain::late_usage::settle::{HeldBecause, Resolution};
use domain::projects::{Change, ProjectChange};
use domain::refusal::{Code, Refusal};
use domain::subscriptions::request::When;
use domain::subscriptions::wish::ChangeWish;
use engine::invoices::RecordPayment;
use engine::late_usage::{LateUsageQuery, LateUsageView, ResolveLateUsage};
use serde_json::{Value, json};

use super::desk::hybrid;
use crate::backtests::shop::{at, customer_key, plan, price};
use crate::usage_corrections::{apply, reason, void};
use crate::world::{World, key, on_both};

impl World {
    fn late_policy(&self, late_policy: LatePolicy) {
        let change = ProjectChange { late_policy: Change::Set(late_policy), ..ProjectChange::default() };
        self.engine.update_project(&self.owner(), &change).unwrap();
    }

    /// Calls of a customer, with an event id, counted at once; what is late is found and settled.
    pub fn late_calls(&self, name: &str, customer: u32, units: &str, when: &str) {
        self.send(
            name,
            &json!({ "metricKey": "calls", "units": units, "timestamp": when, "customerKey": customer_key(customer),
                "eventId": name, "properties": { "region": "eu" } }),
        );
        self.settle();
    }

    pub fn settle(&self) {
        self.engine.fold_all(self.project.id).unwrap();
        self.engine.find_late_usage_of(self.project.id).unwrap();
        self.engine.settle_late_usage_of(&self.system()).unwrap();
    }

    /// Half a month with ten calls at 0.5, issued on April 1 with 54.
    fn open_april(&self, policy: LatePolicy) -> InvoiceId {
        self.open_billing(1, hybrid());
        self.late_policy(policy);
        self.subscribe(0);
        self.calls("a", 0, "10", "2026-03-20T00:00:00Z");
        self.bill("2026-04-01T12:00:00Z");
        assert_eq!(self.invoices(), ["2026-03-17 issued 23.710000", "2026-04-01 issued 54.000000"]);
        self.april()
    }

    fn subscription(&self) -> SubscriptionId {
        self.billed().iter().flat_map(|(_, charges)| charges).find_map(|charge| charge.subscription).unwrap()
    }

    fn april(&self) -> InvoiceId {
        let issued = self.billed().into_iter().find(|(record, _)| record.name.bills_on.month() == 4);
        issued.unwrap().0.id
    }

    fn bytes(&self, invoice: InvoiceId) -> (String, [u8; 32]) {
        let read = |tx: &mut storage::ProjectTx<'_>| storage::issued_invoices::get(tx, invoice);
        let issued = self.db.read("test", self.project.id, read).unwrap().unwrap();
        (issued.document, issued.digest)
    }

    pub fn late(&self) -> Vec<LateUsageView> {
        let mut late = self.engine.list_late_usage(&self.owner(), &LateUsageQuery::default(), 100).unwrap();
        late.sort_by_key(|late| late.cut);
        late
    }

    /// `state effect way`, in the order in which it was found.
    pub fn desk(&self) -> Vec<String> {
        let told = |late: LateUsageView| {
            let way = late.settled_by.map(|way| way.to_string()).unwrap_or_default();
            let effect = late.effect.map(|effect| effect.to_string()).unwrap_or_default();
            format!("{} {effect} {way}", late.state).trim().to_owned()
        };
        self.late().into_iter().map(told).collect()
    }

    pub fn resolve(&self, name: &str, id: LateUsageId, resolution: Resolution) -> Result<Value, Refusal> {
        let wish = ResolveLateUsage { resolution, reason: reason() };
        let answer = self.engine.resolve_late_usage(&self.owner(), key(name), id, &wish);
        answer.map(|answer| serde_json::from_str(&answer.body).unwrap()).map_err(|error| error.to_refusal())
    }

    fn pay(&self, invoice: InvoiceId, amount: &str) {
        let payment = RecordPayment { amount: Amount::parse(amount).unwrap(), paid_at: None, reference: None };
        self.engine.record_payment(&self.owner(), key("pay"), invoice, &payment).unwrap();
    }

    /// Everything that was charged for the calls of a customer in March.
    pub fn march_calls(&self, customer: u32) -> String {
        let id =
            self.db.read("test", self.project.id, |tx| storage::customers::find_by_key(tx, &customer_key(customer)));
        let id = id.unwrap().unwrap().id;
        let charges = self.billed().into_iter().flat_map(|(_, charges)| charges);
        let own = charges.filter(|charge| {
            let is_march = charge.period.is_some_and(|period| period.end <= at("2026-04-01T00:00:00Z"));
            charge.customer == id && charge.price == "calls" && is_march
        });
        Amount::checked_sum(own.map(|charge| charge.amount)).unwrap().to_string()
    }
}

on_both! {
    fn what_is_folded_while_late_usage_is_settled_is_counted_by_it_or_late_again(world) {
        // checklist 59, checklist 71
        world.open_april(LatePolicy::CreditNote);
        std::thread::scope(|scope| {
            let arriving = scope.spawn(|| {
                for number in 0..40 {
                    world.send(&format!("late-{number}"), &json!({ "metricKey": "calls", "units": "2",
                        "timestamp": "2026-03-21T00:00:00Z", "customerKey": customer_key(0), "properties": { "region": "eu" } }));
                    world.fold();
                }
            });
            while !arriving.is_finished() {
                world.engine.find_late_usage_of(world.project.id).unwrap();
                world.engine.settle_late_usage_of(&world.system()).unwrap();
            }
        });
        world.settle();
        assert_eq!(world.march_calls(0), "45.000000");
        // Each invoice of a correction was rated from what is stored up to its cut. // promise P26
        world.bill("2026-04-01T13:00:00Z");
        for (invoice, _) in world.billed() {
            let made = world.engine.get_reconciliation(&world.owner(), invoice.id).unwrap();
            let made: Value = serde_json::from_str(made.reconciliation.get()).unwrap();
            assert_eq!(made["differences"], json!([]), "{made:#}");
        }
    }

    fn a_line_of_the_next_invoice_names_the_one_that_stays_as_it_was(world) {
        // checklist 71, checklist 72, checklist 74
        let april = world.open_april(LatePolicy::NextInvoice);
        let bytes = world.bytes(april);
        world.late_calls("b", 0, "4", "2026-03-21T00:00:00Z");
        assert_eq!(world.desk(), ["settled 2.000000 nextInvoice"]);
        assert_eq!(
            world.invoices(),
            ["2026-03-17 issued 23.710000", "2026-04-01 issued 54.000000", "2026-05-01 draft 0.000000"]
        );
        // What comes later waits on the same draft.
        world.late_calls("c", 0, "6", "2026-03-31T23:59:59Z");
        world.bill("2026-05-01T12:00:00Z");
        assert_eq!(world.invoices().last().unwrap(), "2026-05-01 issued 54.000000");
        let (record, charges) = world.billed().pop().unwrap();
        let corrections: Vec<_> = charges.iter().filter(|charge| charge.corrects.is_some()).collect();
        assert_eq!(corrections.len(), 2);
        assert!(corrections.iter().all(|charge| charge.corrects == Some(april) && charge.entry.is_some()));
        let number = world.engine.get_invoice(&world.owner(), april).unwrap().invoice.number.unwrap();
        assert!(world.bytes(record.id).0.contains(&number), "the lines name the invoice that they correct");
        assert_eq!(world.bytes(april), bytes);
        let late = world.late().remove(0);
        assert_eq!((late.invoice_id, late.correction_id), (april, Some(record.id)));
        let detail = world.engine.get_late_usage(&world.owner(), late.id).unwrap();
        assert_eq!(detail.events.iter().map(|event| event.idempotency_key.as_str()).collect::<Vec<_>>(), ["b"]);
        assert_eq!(detail.effects.len(), 1);
    }

    fn late_usage_that_comes_again_is_corrected_once(world) {
        // checklist 73
        world.open_april(LatePolicy::CreditNote);
        world.late_calls("b", 0, "4", "2026-03-21T00:00:00Z");
        let (desk, charged, invoices) = (world.desk(), world.charged(), world.invoices());
        world.late_calls("b", 0, "4", "2026-03-21T00:00:00Z");
        world.settle();
        world.engine.run_due_work(&world.system()).unwrap();
        assert_eq!((world.desk(), world.charged(), world.invoices()), (desk, charged, invoices));
    }

    fn a_debit_is_issued_at_once_and_a_credit_goes_on_the_next_invoice(world) {
        // checklist 72
        let april = world.open_april(LatePolicy::CreditNote);
        let bytes = world.bytes(april);
        world.late_calls("b", 0, "4", "2026-03-21T00:00:00Z");
        assert_eq!(world.invoices().last().unwrap(), "2026-04-01 issued 2.000000");
        apply(world, vec![void("b")]);
        world.settle();
        assert_eq!(world.desk(), ["settled 2.000000 adjustment", "settled -2.000000 nextInvoice"]);
        world.bill("2026-05-01T12:00:00Z");
        assert_eq!(world.invoices().last().unwrap(), "2026-05-01 issued 47.000000");
        assert_eq!(world.bytes(april), bytes);
    }

    fn an_unpaid_invoice_is_taken_back_and_issued_anew(world) {
        // checklist 72, checklist 74
        let april = world.open_april(LatePolicy::Reissue);
        let bytes = world.bytes(april);
        world.late_calls("b", 0, "4", "2026-03-21T00:00:00Z");
        assert_eq!(world.desk(), ["settled 2.000000 reissue"]);
        assert_eq!(
            world.invoices(),
            ["2026-03-17 issued 23.710000", "2026-04-01 void 54.000000", "2026-04-01 issued 56.000000"]
        );
        let late = world.late().remove(0);
        let (anew, _) = world.billed().into_iter().find(|(record, _)| Some(record.id) == late.correction_id).unwrap();
        assert_eq!(anew.replaces, Some(april));
        assert_eq!(world.bytes(april), bytes);
        let detail = world.engine.get_late_usage(&world.owner(), late.id).unwrap();
        assert_eq!(detail.events.iter().map(|event| event.idempotency_key.as_str()).collect::<Vec<_>>(), ["b"]);
        // What is late now is late for the new version.
        world.late_calls("c", 0, "1", "2026-03-22T00:00:00Z");
        assert_eq!(world.desk().len(), 2);
        assert_eq!(world.invoices().last().unwrap(), "2026-04-01 issued 56.500000");
    }

    fn a_paid_invoice_is_not_taken_back(world) {
        // checklist 72
        let april = world.open_april(LatePolicy::Reissue);
        world.pay(april, "10");
        world.late_calls("b", 0, "4", "2026-03-21T00:00:00Z");
        assert_eq!(world.desk(), ["settled 2.000000 adjustment"]);
        assert!(world.invoices().contains(&"2026-04-01 issued 2.000000".to_owned()));
        assert!(!world.invoices().iter().any(|told| told.contains("void")));
    }

    fn what_is_held_waits_until_a_person_decides_about_all_of_it(world) {
        // checklist 72
        world.open_april(LatePolicy::Hold);
        let charged = world.charged();
        world.late_calls("b", 0, "4", "2026-03-21T00:00:00Z");
        world.late_calls("c", 0, "6", "2026-03-22T00:00:00Z");
        assert_eq!(world.desk(), ["held 2.000000", "held 5.000000"]);
        let late = world.late();
        let because: Vec<_> = late.iter().map(|late| late.held_because).collect();
        assert_eq!(because, [Some(HeldBecause::Policy), Some(HeldBecause::Waiting)]);
        assert_eq!(world.charged(), charged);
        let done = world.resolve("decide", late[0].id, Resolution::CreditNote).unwrap();
        assert_eq!(done["settledBy"], "adjustment");
        assert_eq!((done["before"].as_str(), done["after"].as_str()), (Some("5.000000"), Some("10.000000")));
        assert_eq!((done["reasonCode"].as_str(), done["effects"].as_array().unwrap().len()), (Some("billing_error"), 1));
        assert_eq!(world.desk(), ["settled 5.000000 adjustment", "unchanged 0.000000"]);
        // The same request again gets the same answer, another one a refusal.
        assert_eq!(world.resolve("decide", late[0].id, Resolution::CreditNote).unwrap(), done);
        let refused = world.resolve("other", late[1].id, Resolution::Ignore).unwrap_err();
        assert_eq!(refused.code, Code::AlreadyResolved);
        assert_eq!(world.march_calls(0), "10.000000");
    }

    fn what_another_node_held_keeps_its_reason(world) {
        world.open_april(LatePolicy::Hold);
        world.calls("late", 0, "4", "2026-03-21T00:00:00Z");
        world.fold();
        world.engine.find_late_usage_of(world.project.id).unwrap();
        // Both nodes list it before one of them decides.
        let listed = world.engine.open_late_usage_of(world.project.id, None).unwrap();
        assert_eq!(listed.len(), 1);
        for _node in 0..2 {
            world.engine.settle_listed_late_usage(&world.system(), &listed).unwrap();
            assert_eq!(world.late().pop().unwrap().held_because, Some(HeldBecause::Policy));
        }
    }

    fn what_is_older_than_the_limit_waits_for_a_person_who_can_go_beyond(world) {
        world.open_april(LatePolicy::NextInvoice);
        let change = ProjectChange { late_limit_days: Change::Set(30), ..ProjectChange::default() };
        world.engine.update_project(&world.owner(), &change).unwrap();
        world.clock.set("2026-05-01T00:00:00Z");
        world.late_calls("b", 0, "4", "2026-03-21T00:00:00Z");
        world.clock.set("2026-05-01T00:00:01Z");
        world.late_calls("c", 0, "4", "2026-03-21T00:00:00Z");
        assert_eq!(world.desk(), ["settled 2.000000 nextInvoice", "held 2.000000"]);
        let late = world.late().remove(1);
        assert_eq!(late.held_because, Some(HeldBecause::Limit));
        let done = world.resolve("beyond", late.id, Resolution::NextInvoice).unwrap();
        assert_eq!((done["state"].as_str(), done["settledBy"].as_str()), (Some("settled"), Some("nextInvoice")));
        assert_eq!(world.march_calls(0), "9.000000");
    }

    fn what_is_ignored_stays_ignored_and_what_comes_later_does_not(world) {
        world.open_april(LatePolicy::Hold);
        world.late_calls("b", 0, "4", "2026-03-21T00:00:00Z");
        let charged = world.charged();
        world.resolve("ignore", world.late()[0].id, Resolution::Ignore).unwrap();
        world.settle();
        assert_eq!((world.desk(), world.charged()), (vec!["ignored 2.000000".to_owned()], charged.clone()));
        world.late_policy(LatePolicy::CreditNote);
        world.late_calls("c", 0, "6", "2026-03-21T00:00:00Z");
        assert_eq!(world.desk(), ["ignored 2.000000", "settled 3.000000 adjustment"]);
        // To take back what was ignored gives nobody what nobody paid.
        apply(world, vec![void("b")]);
        world.settle();
        assert_eq!(world.desk()[2], "unchanged 0.000000");
        assert_eq!(world.march_calls(0), "8.000000");
        let late = world.engine.list_late_usage(
            &world.owner(),
            &LateUsageQuery { state: Some(LateState::Ignored), ..LateUsageQuery::default() },
            10,
        );
        assert_eq!(late.unwrap()[0].reason.as_deref(), Some("the meter was broken"));
    }

    fn in_any_order_and_number_of_batches_all_of_it_comes_to_what_everything_is_rated(world) {
        // checklist 73
        let tiers = json!([{ "upTo": "20", "unitPrice": "0.10" }, { "upTo": "60", "unitPrice": "0.07", "flatFee": "1.5" }, { "unitPrice": "0.01" }]);
        let terms = json!({ "model": { "type": "graduated", "tiers": tiers } });
        world.open_billing(2, plan(json!([price("calls", "calls", terms)])));
        for customer in 0..2 {
            world.subscribe(customer);
        }
        let policies = [LatePolicy::NextInvoice, LatePolicy::CreditNote, LatePolicy::Reissue];
        let events: Vec<(String, u64)> = (0..12).map(|day| (format!("2026-03-{:02}T12:00:00Z", 18 + day), 1 + world.random.below(15))).collect();
        for (number, (when, units)) in events.iter().enumerate() {
            world.clock.set("2026-03-31T00:00:00Z");
            world.calls(&format!("whole-{number}"), 1, &units.to_string(), when);
        }
        world.bill("2026-04-01T12:00:00Z");
        let mut left: Vec<usize> = (0..events.len()).collect();
        let mut sent = Vec::new();
        while !left.is_empty() {
            let choice = usize::try_from(world.random.below(u64::try_from(left.len()).unwrap())).unwrap();
            let number = left.swap_remove(choice);
            let (when, units) = &events[number];
            let policy = policies[usize::try_from(world.random.below(3)).unwrap()];
            world.late_policy(policy);
            let name = format!("late-{number}");
            world.send(&name, &json!({ "metricKey": "calls", "units": units.to_string(), "timestamp": when,
                "customerKey": customer_key(0), "eventId": name, "properties": { "region": "eu" } }));
            sent.push(name);
            if world.random.below(3) > 0 {
                world.settle();
            }
        }
        world.settle();
        assert_eq!(world.march_calls(0), world.march_calls(1));
        assert!(world.late().iter().all(|late| late.state == LateState::Settled), "{:?}", world.desk());
        // All of it taken back is nothing.
        world.late_policy(LatePolicy::NextInvoice);
        apply(world, sent.iter().map(|name| void(name)).collect());
        world.settle();
        assert_eq!(world.march_calls(0), "0.000000");
        world.bill("2026-05-01T12:00:00Z");
    }

    fn a_change_that_no_run_saw_is_left_to_the_next_run(world) {
        world.open_april(LatePolicy::CreditNote);
        // Not rated by any run yet: what was billed is compared with what was billed.
        let cancelled = When::At { at: at("2026-03-25T00:00:00Z") };
        world.change_subscription(world.subscription(), "cancel", ChangeWish::Cancelled, Some(cancelled));
        world.late_calls("b", 0, "4", "2026-03-21T00:00:00Z");
        world.late_calls("c", 0, "2", "2026-03-26T00:00:00Z");
        assert_eq!(world.desk(), ["settled 2.000000 adjustment", "settled 1.000000 adjustment"]);
        world.bill("2026-04-02T12:00:00Z");
        // The run sees the change and everything that was charged: usage after the end is not billed.
        assert_eq!(world.march_calls(0), "7.000000");
    }

    fn nodes_that_settle_at_once_settle_once(world) {
        world.open_april(LatePolicy::CreditNote);
        world.send("b", &json!({ "metricKey": "calls", "units": "4", "timestamp": "2026-03-21T00:00:00Z",
            "customerKey": customer_key(0), "properties": { "region": "eu" } }));
        world.engine.fold_all(world.project.id).unwrap();
        world.engine.find_late_usage_of(world.project.id).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| world.engine.settle_late_usage_of(&world.system()).unwrap());
            }
        });
        assert_eq!(world.desk(), ["settled 2.000000 adjustment"]);
        assert_eq!(world.march_calls(0), "7.000000");
    }
}
