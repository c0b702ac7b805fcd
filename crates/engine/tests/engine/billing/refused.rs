//! A draft that cannot be issued waits, says why, and holds up nobody else.

use domain::billing::report::ReportOutcome;
use domain::ids::InvoiceId;
use domain::invoices::standing::InvoiceState;
use domain::ratio::Ratio;
use domain::unit_price::UnitPrice;
use engine::invoices::{NewInvoice, NewInvoiceItem, VoidInvoice};

use super::desk::hybrid;
use crate::backtests::shop::customer_key;
use crate::world::{World, key, on_both};

impl World {
    /// Somebody owes nearly as much as can be counted: nothing more can be booked as owed.
    fn owe_all_there_is(&self, customer: u32) -> InvoiceId {
        let item = NewInvoiceItem {
            description: "Everything".to_owned(),
            quantity: Ratio::ONE,
            unit_price: UnitPrice::parse("9223372036854").unwrap(),
            tax_category: None,
        };
        let new = NewInvoice {
            customer_key: Some(customer_key(customer)),
            currency: None,
            tax_behaviour: None,
            items: vec![item],
            finalize: true,
        };
        let answer = self.engine.create_invoice(&self.owner(), key("everything"), &new).unwrap();
        let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        body["id"].as_str().unwrap().parse().unwrap()
    }

    fn states(&self) -> Vec<InvoiceState> {
        self.billed().iter().map(|(invoice, _)| invoice.standing.state).collect()
    }
}

on_both! {
    fn a_draft_that_cannot_be_issued_waits_and_holds_up_nobody_else(world) {
        world.open_billing(3, hybrid());
        let everything = world.owe_all_there_is(1);
        for customer in [0, 1, 2] {
            world.subscribe(customer);
        }
        world.clock.set("2026-03-17T12:00:00Z");
        // A dry run says so before.
        let dry = world.rehearse(None);
        let outcomes = |id| world.report_invoices(id).into_iter().map(|invoice| (invoice.customer_key, invoice.outcome, invoice.reason.is_some()));
        let expected = [
            (customer_key(0), ReportOutcome::Issued, false),
            (customer_key(1), ReportOutcome::Refused, true),
            (customer_key(2), ReportOutcome::Issued, false),
        ];
        let told: Vec<_> = outcomes(dry).collect();
        assert_eq!(told, expected);
        let run = world.bill("2026-03-17T12:00:00Z");
        assert_eq!((run.counts.issued, world.report(run.id).run.counts.issued), (2, 2));
        assert_eq!(outcomes(run.id).collect::<Vec<_>>(), expected);
        // It is tried again in an hour, not at once, and not for ever in one run.
        let tried = |now: &str| {
            let run = world.bill(now);
            assert_eq!(run.counts.issued, 0);
            outcomes(run.id).count()
        };
        assert_eq!(["2026-03-17T12:59:00Z", "2026-03-17T13:00:00Z"].map(tried), [0, 1]);
        // When nothing stands in its way any more, it is issued, with the next number.
        let reason = domain::ledger::reason::Reason::required(Some("billing_error"), None).unwrap();
        let void = VoidInvoice { replace: false, reason };
        world.engine.void_invoice(&world.owner(), key("void"), everything, &void).unwrap();
        assert_eq!(world.bill("2026-03-17T14:00:00Z").counts.issued, 1);
        assert!(world.states().iter().all(|state| *state != InvoiceState::Draft), "{:?}", world.states());
    }
}
