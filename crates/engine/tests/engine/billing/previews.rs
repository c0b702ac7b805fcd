//! What a preview says is what is billed, to the last byte of the document.

use domain::ids::SubscriptionId;
use domain::subscriptions::change::QuantityChanged;
use domain::subscriptions::price_ref::PriceRef;
use domain::subscriptions::request::When;
use domain::subscriptions::wish::{ChangeRequest, ChangeWish, ItemWish, PlanWish};
use engine::invoices::InvoiceDetail;
use engine::transactions::GrantCredit;
use serde_json::{Value, json};

use crate::backtests::shop::{at, base, customer_key, per_unit, price};
use crate::ledger::money::paid;
use crate::world::{World, on_both};

fn seats(amount: &str) -> Value {
    json!({ "key": "seats", "name": "Seats", "interval": { "unit": "month" }, "timing": "advance", "anchor": "anniversary",
        "terms": { "model": { "type": "seat", "unitPrice": amount } } })
}

/// A fee, seats and calls, and a dearer plan of the same; both commit to an amount.
fn open(world: &World, customers: u32) {
    open_with(world, customers, None);
}

/// The same, with calls that are rated in windows.
fn open_with(world: &World, customers: u32, window: Option<&str>) {
    let calls = |unit_price: &str| {
        let mut calls = price("calls", "calls", per_unit(unit_price));
        if let Some(window) = window {
            calls["window"] = json!(window);
        }
        calls
    };
    let plan = |prices: Value, amount: &str, unit: &str| {
        let mut plan = crate::backtests::shop::plan(prices);
        plan["minimumCommitment"] = json!({ "amount": amount, "interval": { "unit": unit } });
        plan
    };
    world.open_billing(customers, plan(json!([base("49.37"), seats("7.77"), calls("0.013")]), "131", "month"));
    let mut business = plan(json!([base("99.99"), seats("5.01"), calls("0.007")]), "55", "week");
    business["key"] = json!("business");
    world.draft(business);
    world.engine.publish_plan_version(&world.owner(), None, "business", 1).unwrap();
    world.keep_drafts();
}

fn quantity(count: u64) -> domain::quantity::Quantity {
    domain::quantity::Quantity::parse(&count.to_string()).unwrap()
}

/// One of several changes, at one of several times.
fn wish(world: &World) -> ChangeRequest {
    let seats: PriceRef = "seats".parse().unwrap();
    let change = match world.random.below(5) {
        0 => ChangeWish::PlanChanged(PlanWish {
            plan: ItemWish { key: "business".to_owned(), version: None },
            quantities: Default::default(),
            overrides: Default::default(),
        }),
        1 => {
            ChangeWish::QuantityChanged(QuantityChanged { price: seats, quantity: quantity(1 + world.random.below(9)) })
        }
        2 => ChangeWish::Paused,
        3 => ChangeWish::Cancelled,
        _ => ChangeWish::QuantityChanged(QuantityChanged { price: seats, quantity: quantity(20) }),
    };
    let effective = match world.random.below(4) {
        0 => None,
        1 => Some(When::PeriodEnd),
        2 => Some(When::At { at: at("2026-04-20T13:30:00Z") }),
        _ => Some(When::At { at: at("2026-05-09T00:00:00Z") }),
    };
    ChangeRequest { change, effective, state_version: None, reason: None }
}

/// The document, but for when its lines were looked at and up to which batch: that lies ahead when it is told.
fn document(detail: &InvoiceDetail) -> Value {
    let mut document: Value =
        detail.document.as_ref().map_or(Value::Null, |document| serde_json::from_str(document.get()).unwrap());
    for line in document["lines"].as_array_mut().into_iter().flatten() {
        let line = line.as_object_mut().unwrap();
        assert!(line.remove("asOf").is_some());
        line.remove("cut");
    }
    document
}

impl World {
    /// Subscriptions of so many customers, each with four seats.
    fn with_seats(&self, customers: u32) -> Vec<SubscriptionId> {
        let subscribe = |customer| {
            self.subscribe_with(customer, |new| new.quantities = [("seats".parse().unwrap(), quantity(4))].into())
        };
        (0..customers).map(subscribe).collect()
    }

    fn due_until(&self, now: &str) {
        self.clock.set(now);
        self.engine.run_due_work(&self.system()).unwrap();
    }

    /// Previews a change, makes it, and compares what is billed then with what was told.
    fn agrees(&self, id: SubscriptionId, name: &str, request: &ChangeRequest) {
        let before = self.billed();
        let Ok(told) = self.engine.preview_subscription_change(&self.owner(), id, request) else {
            // What is not possible is refused by the preview as by the change.
            let key = crate::world::key(name);
            assert!(self.engine.change_subscription(&self.owner(), key, id, request).is_err(), "{name}");
            return;
        };
        assert_eq!(self.billed(), before, "a preview leaves nothing behind");
        let request = ChangeRequest {
            effective: Some(When::At { at: told.effective_at }),
            state_version: Some(told.state_version),
            ..request.clone()
        };
        self.engine.change_subscription(&self.owner(), crate::world::key(name), id, &request).unwrap();
        let as_of = told.effective_at.max(self.owner().now());
        self.due_until(&as_of.to_string());
        for invoice in &told.invoices {
            self.due_until(&invoice.invoice.issues_at.max(as_of).to_string());
            let billed = self.engine.get_invoice(&self.owner(), invoice.invoice.id).unwrap();
            assert_eq!(document(&billed), document(invoice), "{name}");
        }
        if let Some(next) = &told.next {
            self.due_until(&next.invoice.issues_at.max(as_of).to_string());
            let billed = self.engine.get_invoice(&self.owner(), next.invoice.id).unwrap();
            assert_eq!(document(&billed), document(next), "{name}");
        }
    }
}

on_both! {
    fn what_is_told_of_a_change_is_what_is_billed(world) {
        // checklist 46, checklist 77
        open(world, 12);
        let subscriptions = world.with_seats(12);
        world.due_until("2026-03-17T10:20:00Z");
        for customer in 0..12 {
            world.calls(&format!("c{customer}"), customer, "1234", "2026-03-20T00:00:00Z");
        }
        world.due_until("2026-04-10T08:00:00Z");
        for (number, id) in subscriptions.iter().enumerate() {
            world.clock.set("2026-04-10T08:00:00Z");
            let request = wish(world);
            world.agrees(*id, &format!("change-{number}-{:x}", world.seed), &request);
        }
    }

    fn what_is_told_is_billed_where_usage_is_rated_in_windows(world) {
        // checklist 46, checklist 77
        open_with(world, 12, Some("day"));
        let subscriptions = world.with_seats(12);
        world.due_until("2026-03-17T10:20:00Z");
        for customer in 0..12 {
            // Every other one has credit, some of it for a while only.
            if customer % 2 == 0 {
                let until = format!("2026-04-{:02}T12:00:00Z", 6 + customer);
                let lot = GrantCredit {
                    customer_key: Some(customer_key(customer)),
                    expires_at: Some(serde_json::from_value(json!(until)).unwrap()),
                    ..paid("7.5")
                };
                world.credit(&format!("credit-{customer}"), &lot).accepted();
            }
            world.calls(&format!("c{customer}"), customer, "1234", "2026-03-20T00:00:00Z");
        }
        world.due_until("2026-04-01T08:00:00Z");
        for customer in 0..12 {
            world.calls(&format!("d{customer}"), customer, "432", "2026-04-08T00:00:00Z");
        }
        world.due_until("2026-04-10T08:00:00Z");
        for (number, id) in subscriptions.iter().enumerate() {
            world.clock.set("2026-04-10T08:00:00Z");
            let customer = u32::try_from(number).unwrap();
            world.calls(&format!("e{customer}"), customer, "99", "2026-04-10T07:00:00Z");
            world.fold();
            let request = wish(world);
            world.agrees(*id, &format!("change-{number}-{:x}", world.seed), &request);
        }
    }

    fn the_next_invoice_is_told_as_it_will_be(world) {
        open(world, 1);
        world.subscribe_with(0, |new| new.quantities = [("seats".parse().unwrap(), quantity(3))].into());
        world.due_until("2026-03-17T10:20:00Z");
        world.calls("a", 0, "777", "2026-03-20T00:00:00Z");
        let key = Some("customer-000");
        let first = world.engine.upcoming_invoice(&world.owner(), key).unwrap().invoice.unwrap();
        assert_eq!(first.invoice.bills_on.to_string(), "2026-03-17");
        world.engine.finalize_invoice(&world.owner(), crate::world::key("issue"), first.invoice.id).unwrap();
        let told = world.engine.upcoming_invoice(&world.owner(), key).unwrap().invoice.unwrap();
        assert_eq!(told.invoice.bills_on.to_string(), "2026-04-01");
        assert_eq!(world.invoices().len(), 1);
        world.due_until("2026-04-01T01:00:00Z");
        let billed = world.engine.get_invoice(&world.owner(), told.invoice.id).unwrap();
        assert_eq!(document(&billed), document(&told));
    }

    fn a_change_of_another_state_than_was_previewed_is_refused(world) {
        open(world, 1);
        let id = world.subscribe_with(0, |new| new.quantities = [("seats".parse().unwrap(), quantity(3))].into());
        let more = |count| ChangeRequest {
            change: ChangeWish::QuantityChanged(QuantityChanged { price: "seats".parse().unwrap(), quantity: quantity(count) }),
            effective: None,
            state_version: None,
            reason: None,
        };
        let told = world.engine.preview_subscription_change(&world.owner(), id, &more(5)).unwrap();
        world.engine.change_subscription(&world.owner(), crate::world::key("other"), id, &more(4)).unwrap();
        let stale = ChangeRequest { state_version: Some(told.state_version), ..more(5) };
        let refused = world.engine.change_subscription(&world.owner(), crate::world::key("stale"), id, &stale);
        assert_eq!(refused.unwrap_err().to_refusal().code, domain::refusal::Code::PreviewStale);
    }
}
