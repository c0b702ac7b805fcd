//! Subscribing, using, running and looking at what came of it.

use domain::billing::run::{RunMode, RunScope};
use domain::charges::charge::Charge;
use domain::ids::{BillingRunId, InvoiceId, SubscriptionId};
use domain::invoices::record::InvoiceRecord;
use domain::invoices::settings::Finalization;
use domain::projects::{Change, ProjectChange};
use domain::refusal::Refusal;
use domain::subscriptions::request::When;
use domain::subscriptions::wish::{ChangeRequest, ChangeWish, ItemWish, NewSubscription};
use engine::billing::runs::{ItemView, RunView, StartRun};
use serde_json::{Value, json};
use storage::invoices::InvoiceFilter;

use crate::backtests::shop::{at, base, customer_key, per_unit, plan, price};
use crate::world::{World, key};

/// A fee in advance, and calls in arrears.
pub fn hybrid() -> Value {
    plan(json!([base("49"), price("calls", "calls", per_unit("0.5"))]))
}

impl World {
    /// Customers, and the plan `team` as its only published version.
    pub fn open_billing(&self, customers: u32, plan: Value) {
        self.open_shop(customers);
        self.draft(plan);
        self.publish(1);
    }

    /// From now on a person issues the invoices.
    pub fn keep_drafts(&self) {
        let change =
            ProjectChange { invoice_finalization: Change::Set(Finalization::Manual), ..ProjectChange::default() };
        self.engine.update_project(&self.owner(), &change).unwrap();
    }

    pub fn subscribe(&self, customer: u32) -> SubscriptionId {
        self.subscribe_with(customer, |_| {})
    }

    pub fn subscribe_with(&self, customer: u32, adapt: impl FnOnce(&mut NewSubscription)) -> SubscriptionId {
        let mut new = NewSubscription {
            external_key: format!("sub-{}", customer_key(customer)),
            customer_key: customer_key(customer),
            plan: ItemWish { key: "team".to_owned(), version: None },
            starts_at: None,
            time_zone: None,
            anchor: None,
            trial_days: None,
            trial_ends_at: None,
            usage: None,
            quantities: Default::default(),
            add_ons: Vec::new(),
            overrides: Default::default(),
            coupons: Default::default(),
            reason: None,
        };
        adapt(&mut new);
        let answer = self.engine.create_subscription(&self.owner(), key(&new.external_key), &new).unwrap();
        assert_eq!(answer.status, 201, "{}", answer.body);
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        body["id"].as_str().unwrap().parse().unwrap()
    }

    pub fn change_subscription(&self, id: SubscriptionId, name: &str, change: ChangeWish, effective: Option<When>) {
        let request = ChangeRequest { change, effective, state_version: None, reason: None };
        let answer = self.engine.change_subscription(&self.owner(), key(name), id, &request).unwrap();
        assert_eq!(answer.status, 201, "{}", answer.body);
    }

    /// So many calls of a customer at an instant.
    pub fn calls(&self, name: &str, customer: u32, units: &str, when: &str) {
        if at(when) > self.owner().now() {
            self.clock.set(when);
        }
        self.send(
            name,
            &json!({ "metricKey": "calls", "units": units, "timestamp": when, "customerKey": customer_key(customer),
                "properties": { "region": "eu" } }),
        );
    }

    pub fn start_bill(&self, as_of: Option<&str>, scope: RunScope) -> Result<BillingRunId, Refusal> {
        self.start_run(RunMode::Bill, as_of, scope)
    }

    pub fn start_run(&self, mode: RunMode, as_of: Option<&str>, scope: RunScope) -> Result<BillingRunId, Refusal> {
        let command = StartRun { mode, as_of: as_of.map(at), scope };
        let answer =
            self.engine.start_billing_run(&self.owner(), None, &command).map_err(|error| error.to_refusal())?;
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        Ok(body["id"].as_str().unwrap().parse().unwrap())
    }

    /// Everything that is due now is billed by one run.
    pub fn bill(&self, now: &str) -> RunView {
        self.clock.set(now);
        let id = self.start_bill(None, RunScope::default()).unwrap();
        self.engine.run_jobs_of(self.project.id).unwrap();
        self.billing_run(id)
    }

    pub fn billing_run(&self, id: BillingRunId) -> RunView {
        let run = self.engine.get_billing_run(&self.owner(), id).unwrap();
        assert!(run.counts.is_complete(), "every planned item is accounted for: {run:#?}");
        let job = self.engine.get_job(&self.owner(), run.job_id).unwrap();
        assert_eq!(job.error, None, "no chunk failed: {run:#?}");
        run
    }

    pub fn items_of(&self, id: BillingRunId) -> Vec<ItemView> {
        self.engine.list_billing_run_items(&self.owner(), id, None, None, 1_000).unwrap()
    }

    /// Every invoice with its charges, in the order of their names.
    pub fn billed(&self) -> Vec<(InvoiceRecord, Vec<Charge>)> {
        self.engine
            .read(self.project.id, "billed", |tx| {
                let mut records = storage::invoices::page(tx, &InvoiceFilter::default(), 1_000)?;
                records.reverse();
                let ids: Vec<InvoiceId> = records.iter().map(|record| record.id).collect();
                let charges = storage::charges::of_invoices(tx, &ids)?;
                let of = |id| charges.iter().filter(|(own, _)| *own == id).map(|(_, charge)| charge.clone()).collect();
                Ok::<_, engine::Error>(records.into_iter().map(|record| (record.clone(), of(record.id))).collect())
            })
            .unwrap()
    }

    /// `day state total`, invoice by invoice.
    pub fn invoices(&self) -> Vec<String> {
        let told = |(record, _): (InvoiceRecord, Vec<Charge>)| {
            format!("{} {} {}", record.name.bills_on, record.standing.state, record.standing.total)
        };
        self.billed().into_iter().map(told).collect()
    }

    /// `amount prepaid promotional`, charge by charge of a price.
    pub fn prepaid_of(&self, price: &str) -> Vec<String> {
        let charges = self.billed().into_iter().flat_map(|(_, charges)| charges);
        let of_price = charges.filter(|charge| charge.price == price && !charge.amount.is_zero());
        of_price.map(|charge| format!("{} {} {}", charge.amount, charge.prepaid, charge.promotional)).collect()
    }

    /// `day price amount`, charge by charge, sorted.
    pub fn charged(&self) -> Vec<String> {
        let billed = self.billed();
        let of_invoice = billed.iter().flat_map(|(record, charges)| {
            charges.iter().map(|charge| format!("{} {} {}", record.name.bills_on, charge.price, charge.amount))
        });
        let mut lines: Vec<String> = of_invoice.collect();
        lines.sort();
        lines
    }
}
