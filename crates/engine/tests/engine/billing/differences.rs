//! Two runs beside each other: what differs, and why, to the last digit.

use domain::billing::run::RunScope;
use domain::ids::BillingRunId;
use engine::billing::compare::{Mismatch, RunPair};
use serde_json::json;

use super::desk::hybrid;
use super::dry_runs::fill;
use crate::backtests::shop::{base, customer_key, per_unit, plan, price};
use crate::ledger::money::paid;
use crate::world::{World, on_both};

impl World {
    pub fn compare(&self, before: BillingRunId, after: BillingRunId) -> Vec<Mismatch> {
        let mut found: Vec<Mismatch> = Vec::new();
        loop {
            let last = found.last().map(|mismatch| mismatch.customer_id);
            let page = self.engine.compare_billing_runs(&self.owner(), RunPair { before, after }, last, 2).unwrap();
            if page.is_empty() {
                return found;
            }
            found.extend(page);
        }
    }

    /// `currency difference: cause amount, cause amount`, by currency; the causes of customers sum to it.
    pub fn causes(&self, before: BillingRunId, after: BillingRunId) -> Vec<String> {
        let runs = RunPair { before, after };
        let all = self.engine.explain_billing_runs(&self.owner(), runs).unwrap();
        let customers = self.engine.explain_billing_runs_by_customer(&self.owner(), runs, None, 1_000).unwrap();
        let told = all.currencies.iter().map(|own| {
            let of_customers = customers.iter().flat_map(|customer| &customer.currencies);
            let of_currency = of_customers.filter(|other| other.currency == own.currency);
            let sum: i64 = of_currency.map(|other| other.difference.micros()).sum();
            assert_eq!(sum, own.difference.micros());
            assert_eq!(own.causes.iter().map(|part| part.amount.micros()).sum::<i64>(), sum);
            let causes: Vec<String> = own.causes.iter().map(|part| format!("{} {}", part.cause, part.amount)).collect();
            format!("{} {}: {}", own.currency, own.difference, causes.join(", "))
        });
        told.collect()
    }
}

on_both! {
    fn usage_that_comes_between_a_dry_run_and_the_run_is_found_with_its_cause(world) {
        // checklist 121
        world.open_billing(3, hybrid());
        for customer in 0..3 {
            world.subscribe(customer);
            world.calls(&format!("a{customer}"), customer, "10", "2026-03-20T00:00:00Z");
        }
        world.clock.set("2026-04-02T00:00:00Z");
        world.fold();
        let dry = world.rehearse(None);
        world.calls("late", 1, "6", "2026-03-21T00:00:00Z");
        world.fold();
        let real = world.start_bill(None, RunScope::default()).unwrap();
        world.engine.run_jobs_of(world.project.id).unwrap();
        let mismatches = world.compare(dry, real);
        let [only] = mismatches.as_slice() else { panic!("{mismatches:#?}") };
        assert_eq!((&only.customer_key, only.lines.len(), only.invoices.len()), (&customer_key(1), 1, 1));
        let line = &only.lines[0];
        assert_eq!(line.before.as_ref().unwrap().id, line.after.as_ref().unwrap().id);
        let causes: Vec<String> = line.causes.iter().map(|part| format!("{} {}", part.cause, part.amount)).collect();
        assert_eq!(causes, ["usage 3.000000"]);
        assert_eq!(world.causes(dry, real), ["USD 3.000000: usage 3.000000"]);
        assert_eq!(world.causes(real, dry), ["USD -3.000000: usage -3.000000"]);
    }

    fn two_months_differ_by_usage_price_and_who_is_there(world) {
        let mut calls = price("calls", "calls", per_unit("0.5"));
        calls["changes"] = json!([{ "effectiveFrom": "2026-04-01T00:00:00Z", "terms": per_unit("0.6") }]);
        let mut fee = base("31");
        fee["changes"] = json!([{ "effectiveFrom": "2026-05-01T00:00:00Z",
            "terms": { "model": { "type": "recurring", "amount": "40" } } }]);
        world.open_billing(2, plan(json!([fee, calls])));
        world.subscribe_with(0, |new| new.time_zone = Some("UTC".to_owned()));
        // The rest of March is billed and issued by itself.
        world.bill("2026-03-17T12:30:00Z");
        world.calls("a", 0, "10", "2026-03-20T00:00:00Z");
        let march = world.bill("2026-04-02T00:00:00Z");
        world.calls("b", 0, "15", "2026-04-20T00:00:00Z");
        world.credit("c", &engine::transactions::GrantCredit { customer_key: Some(customer_key(0)), ..paid("2") }).accepted();
        world.subscribe_with(1, |new| new.time_zone = Some("UTC".to_owned()));
        let april = world.bill("2026-05-02T00:00:00Z");
        // Ten calls at 0.5, then fifteen at 0.6: 2.5 for the five, 1.5 for the price; nine for the fee; two by the wallet.
        assert_eq!(
            world.causes(march.id, april.id),
            ["USD 62.370000: usage 2.500000, price 10.500000, new 51.366667, rounding 0.003333, prepaid -2.000000"]
        );
    }

    fn the_causes_sum_to_the_whole_in_a_random_shop(world) {
        fill(world, 8);
        world.clock.set("2026-04-02T00:00:00Z");
        world.fold();
        let march = world.rehearse(None);
        world.bill("2026-04-02T00:00:00Z");
        for number in 0..20 {
            let who = u32::try_from(world.random.below(8)).unwrap();
            world.calls(&format!("april-{number}"), who, "321", "2026-04-11T05:00:00Z");
        }
        world.clock.set("2026-05-02T00:00:00Z");
        world.fold();
        let april = world.rehearse(None);
        let told = world.causes(march, april);
        assert!(["usage", "tax", "prepaid", "discount"].iter().all(|cause| told[0].contains(cause)), "{told:?}");
        world.follows(april, None, RunScope::default());
    }
}
