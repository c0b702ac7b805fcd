//! What a correction does to invoices is told before it is applied, to the last digit.

use std::collections::BTreeMap;

use domain::amount::Amount;
use domain::billing::run::RunScope;
use domain::ids::InvoiceId;
use domain::ingest::correction::{Amendment, EventChange};
use domain::invoices::settings::LatePolicy;
use domain::late_usage::LateState;
use domain::late_usage::settle::{HeldBecause, SettledBy};
use domain::projects::{Change, ProjectChange};
use domain::quantity::Quantity;
use domain::window::Span;
use engine::late_usage::LateUsageQuery;
use engine::usage_corrections::{CorrectionPreview, DraftEffect, IssuedEffect, ProposedItem};
use serde_json::{Value, json};

use super::{amend, propose, void};
use crate::backtests::shop::{at, base, customer_key, plan, price};
use crate::world::{World, on_both};

/// A fee in advance and calls in tiers, so that an event is worth more or less by what else was used.
fn tiered() -> Value {
    let tiers = json!([{ "upTo": "10", "unitPrice": "0.5" }, { "unitPrice": "0.3" }]);
    let model = json!({ "model": { "type": "graduated", "tiers": tiers } });
    plan(json!([base("49"), price("calls", "calls", model)]))
}

fn open(world: &World, customers: u32, late_policy: LatePolicy) {
    world.open_billing(customers, tiered());
    let change = ProjectChange { late_policy: Change::Set(late_policy), ..ProjectChange::default() };
    world.engine.update_project(&world.owner(), &change).unwrap();
    for customer in 0..customers {
        world.subscribe(customer);
    }
}

fn event(world: &World, name: &str, customer: u32, units: &str, when: &str) {
    world.clock.set(when);
    let body = json!({ "metricKey": "calls", "units": units, "timestamp": when, "customerKey": customer_key(customer),
        "eventId": name, "properties": { "region": "eu" } });
    world.send(name, &body);
}

fn preview(world: &World, items: Vec<ProposedItem>) -> (domain::ids::UsageCorrectionId, CorrectionPreview) {
    let id = propose(world, items).unwrap();
    (id, world.engine.preview_usage_correction(&world.owner(), id).unwrap())
}

/// `number before after effect way`, invoice by invoice.
fn issued(preview: &CorrectionPreview) -> Vec<String> {
    let money = |amount: Option<Amount>| amount.map_or("-".to_owned(), |amount| amount.to_string());
    let told = |effect: &IssuedEffect| {
        let way = effect.settled_by.map(SettledBy::as_str).or(effect.held_because.map(HeldBecause::as_str));
        let (before, after, by) = (money(effect.before), money(effect.after), money(effect.effect));
        format!("{} {before} {after} {by} {} {}", effect.number, effect.state, way.unwrap_or("-"))
    };
    preview.issued.iter().map(told).collect()
}

/// `day before after difference`, draft by draft.
fn drafts(preview: &CorrectionPreview) -> Vec<String> {
    let told =
        |effect: &DraftEffect| format!("{} {} {} {}", effect.bills_on, effect.before, effect.after, effect.difference);
    preview.drafts.iter().map(told).collect()
}

fn due(world: &World, id: InvoiceId) -> Amount {
    world.engine.get_invoice(&world.owner(), id).unwrap().invoice.due
}

/// Applies it and settles what is late by it: the state and effect of each invoice.
fn settle(
    world: &World,
    id: domain::ids::UsageCorrectionId,
) -> BTreeMap<InvoiceId, (LateState, Option<Amount>, Option<SettledBy>)> {
    world.engine.apply_usage_correction(&world.owner(), id).unwrap();
    world.engine.find_late_usage_of(world.project.id).unwrap();
    world.engine.settle_late_usage_of(&world.system()).unwrap();
    let late = world.engine.list_late_usage(&world.owner(), &LateUsageQuery::default(), 100).unwrap();
    late.into_iter().map(|late| (late.invoice_id, (late.state, late.effect, late.settled_by))).collect()
}

on_both! {
    // checklist 94
    fn an_issued_invoice_stays_and_the_next_one_carries_the_difference(world) {
        open(world, 1, LatePolicy::NextInvoice);
        event(world, "a", 0, "12", "2026-03-20T00:00:00Z");
        world.bill("2026-04-01T12:00:00Z");
        event(world, "b", 0, "4", "2026-04-05T00:00:00Z");
        // 10 × 0.5 + 2 × 0.3 without it, nothing with it; and the next invoice is 49 + 4 × 0.5.
        let (_, told) = preview(world, vec![void("a")]);
        assert_eq!(issued(&told), ["INV-000002 5.600000 0.000000 -5.600000 settled nextInvoice"]);
        assert_eq!(drafts(&told), ["2026-05-01 51.000000 45.400000 -5.600000"]);
        assert_eq!((told.drafts[0].customer_key.as_str(), told.issued[0].customer_key.as_str()), ("customer-000", "customer-000"));
        // Nothing was kept of it.
        assert_eq!(world.invoices(), ["2026-03-17 issued 23.710000", "2026-04-01 issued 54.600000"]);
        assert!(world.engine.list_late_usage(&world.owner(), &LateUsageQuery::default(), 10).unwrap().is_empty());
    }

    fn what_is_used_now_changes_the_next_invoice_only(world) {
        open(world, 2, LatePolicy::NextInvoice);
        event(world, "a", 0, "4", "2026-04-05T00:00:00Z");
        event(world, "b", 1, "4", "2026-04-05T00:00:00Z");
        world.bill("2026-04-05T12:00:00Z");
        let (_, told) = preview(world, vec![amend("a", "11")]);
        assert_eq!(issued(&told), Vec::<String>::new());
        // Of the other customer nothing is told.
        assert_eq!(drafts(&told), ["2026-05-01 51.000000 54.300000 3.300000"]);
    }

    fn each_policy_is_told_as_it_will_settle(world) {
        open(world, 1, LatePolicy::Hold);
        event(world, "a", 0, "12", "2026-03-20T00:00:00Z");
        world.bill("2026-04-01T12:00:00Z");
        let told_by = |policy: LatePolicy| {
            let change = ProjectChange { late_policy: Change::Set(policy), ..ProjectChange::default() };
            world.engine.update_project(&world.owner(), &change).unwrap();
            issued(&preview(world, vec![amend("a", "14")]).1)
        };
        let told: Vec<String> = [LatePolicy::Hold, LatePolicy::CreditNote, LatePolicy::Reissue, LatePolicy::NextInvoice]
            .into_iter().flat_map(told_by).collect();
        assert_eq!(told, ["held policy", "settled adjustment", "settled reissue", "settled nextInvoice"]
            .map(|how| format!("INV-000002 5.600000 6.200000 0.600000 {how}")));
    }

    fn what_waits_for_a_person_already_is_not_counted_twice(world) {
        open(world, 1, LatePolicy::Hold);
        event(world, "a", 0, "12", "2026-03-20T00:00:00Z");
        world.bill("2026-04-01T12:00:00Z");
        let (id, _) = preview(world, vec![amend("a", "14")]);
        settle(world, id);
        event(world, "b", 0, "1", "2026-04-02T00:00:00Z");
        let more = world.engine.list_usage_corrections(&world.owner(), None, 1).unwrap().remove(0);
        let events = world.engine.get_usage_event(&world.owner(), "a").unwrap();
        assert_eq!(events.voided_by, Some(more.id));
        let instead = events.amended_by.unwrap().to_string();
        let (_, told) = preview(world, vec![amend(&instead, "15")]);
        assert_eq!(issued(&told), ["INV-000002 6.200000 6.500000 0.300000 held waiting"]);
    }

    fn a_draft_that_waits_for_a_person_is_told_as_it_would_be_looked_at_again(world) {
        open(world, 1, LatePolicy::NextInvoice);
        world.keep_drafts();
        event(world, "a", 0, "12", "2026-03-20T00:00:00Z");
        world.bill("2026-04-01T12:00:00Z");
        // Counted since: it is on the draft whether the correction is applied or not.
        event(world, "b", 0, "1", "2026-04-02T00:00:00Z");
        let (id, told) = preview(world, vec![amend("a", "14")]);
        assert_eq!(issued(&told), Vec::<String>::new());
        assert_eq!(drafts(&told), ["2026-04-01 54.600000 55.200000 0.600000"]);
        settle(world, id);
        let window = Span { start: at("2026-03-20T00:00:00Z"), end: at("2026-03-21T00:00:00Z") };
        world.start_bill(None, RunScope { customer_key: None, window: Some(window) }).unwrap();
        world.engine.run_jobs_of(world.project.id).unwrap();
        assert_eq!(due(world, told.drafts[0].invoice_id), told.drafts[0].after);
    }

    // checklist 94
    fn what_is_told_is_what_is_settled_and_billed_to_the_last_digit(world) {
        let policies = [LatePolicy::NextInvoice, LatePolicy::CreditNote, LatePolicy::Reissue, LatePolicy::Hold];
        let pick = |below: u64| world.random.below(below);
        open(world, 3, policies[usize::try_from(pick(4)).unwrap()]);
        let mut names = Vec::new();
        let day = |month: u32, names: &mut Vec<String>| {
            for number in 0..8 {
                let name = format!("e{month}-{number}");
                let when = format!("2026-{month:02}-{:02}T{:02}:30:00Z", 18 + number, pick(24));
                event(world, &name, u32::try_from(pick(3)).unwrap(), &format!("{}.{:06}", pick(9), 1 + pick(999_999)), &when);
                names.push(name);
            }
        };
        day(3, &mut names);
        world.bill("2026-04-01T12:00:00Z");
        day(4, &mut names);
        for round in 0..2 {
            let items = (0..4).map(|_| {
                let name = names.swap_remove(usize::try_from(pick(u64::try_from(names.len()).unwrap())).unwrap());
                let change = match pick(3) {
                    0 => EventChange::Void,
                    1 => EventChange::Amend(Amendment { units: Some(Quantity::from_micros(i64::try_from(1 + pick(20_000_000)).unwrap())), ..Amendment::default() }),
                    _ => EventChange::Amend(Amendment { at: Some(at("2026-03-25T12:00:00Z")), ..Amendment::default() }),
                };
                ProposedItem { event: name, change }
            });
            let (id, told) = preview(world, items.collect());
            let settled = settle(world, id);
            for effect in &told.issued {
                let (state, by, way) = &settled[&effect.invoice_id];
                assert_eq!((effect.state, effect.settled_by), (*state, *way), "round {round}, seed {}: {told:#?}", world.seed);
                if effect.held_because != Some(HeldBecause::Waiting) {
                    assert_eq!(effect.effect, *by, "round {round}, seed {}: {told:#?}", world.seed);
                }
            }
            // The last correction: everything else of the month is billed, and each draft is what was told.
            if round == 1 {
                world.bill("2026-05-01T20:00:00Z");
                assert!(!told.drafts.is_empty(), "seed {}: {told:#?}", world.seed);
                for effect in &told.drafts {
                    assert_eq!(due(world, effect.invoice_id), effect.after, "seed {}: {told:#?}", world.seed);
                }
            }
        }
    }
}
