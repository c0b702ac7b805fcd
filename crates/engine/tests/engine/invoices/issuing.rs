//! Issuing many drafts at once, as a run does; what wallets and coupons do to them.

use domain::amount::Amount;
use domain::catalog::coupon::Coupon;
use domain::charges::charge::ChargeKind;
use domain::ids::SubscriptionId;
use domain::invoices::credit::CreditWish;
use domain::invoices::standing::InvoiceState;
use domain::ledger::entry::{EntryKind, TransactionType};
use domain::ledger::reason::{Reason, ReasonCode};
use domain::ledger::recipes::{Overpaid, rated_usage};
use domain::wallets::{Lot, Wallet};
use engine::invoices::NewCreditNote;
use engine::ledger::{NewEntry, post_many};
use engine::transactions::TransactionFilter;
use engine::{AuditRecord, Audited};
use uuid::Uuid;

use super::{Item, amount, draft, issue, item, number};
use crate::ledger::money::{grant, paid};
use crate::world::{World, key, on_both};

fn subscription() -> Option<SubscriptionId> {
    Some(SubscriptionId::from_uuid(Uuid::from_u128(0x5b5)))
}

fn ten_off() -> Vec<Coupon> {
    let json = r#"[{"key":"ten","name":"Ten off","discount":{"type":"fixed","amount":"10","currency":"USD"},"duration":{"type":"forever"}}]"#;
    serde_json::from_str(json).unwrap()
}

fn due(world: &World, id: domain::ids::InvoiceId) -> String {
    world.engine.get_invoice(&world.owner(), id).unwrap().invoice.due.to_string()
}

/// Rates usage against the wallet, as a run does: what it drew, and the entry.
fn rate(world: &World, text: &str) -> Item {
    let ctx = world.system();
    let view = world.wallet("USD");
    let lots = view.lots.iter().map(|lot| Lot {
        id: lot.id,
        kind: lot.kind,
        priority: lot.priority,
        granted: lot.granted,
        balance: lot.balance,
        valid_from: lot.valid_from,
        expires_at: lot.expires_at,
        created_at: lot.created_at,
    });
    let (customer, currency, nothing) = (view.customer_id, view.currency, Amount::ZERO);
    let wallet = Wallet { customer, currency, overdraft_limit: nothing, overdrawn: nothing, lots: lots.collect() };
    let entry = world.engine.command(&ctx, "test", |tx| {
        let wallet = wallet.clone();
        let lines = rated_usage(&wallet, amount(text), ctx.now())?;
        let new = NewEntry::of(EntryKind::RatedCharge, amount(text), wallet.currency, &lines);
        let posted = post_many(tx, &ctx, &[NewEntry { customer: Some(wallet.customer), ..new }])?;
        Ok(Audited::new(posted.entries[0].id, AuditRecord::new("test.rated", "")))
    });
    Item { entry: Some(entry.unwrap()), ..item("calls", "0") }
}

on_both! {
    // promise P22
    // checklist 54
    fn drafts_get_their_numbers_in_the_order_given_and_issuing_again_changes_nothing(world) {
        let drafts: Vec<_> = ["2026-03-01", "2026-03-02", "2026-03-03"].into_iter()
            .map(|day| draft(world, day, &[Item { key: Box::leak(format!("calls/{day}").into_boxed_str()), ..item("", "10") }]))
            .collect();
        let order = [drafts[2], drafts[0], drafts[1]];
        let issued = issue(world, &order);
        let numbers: Vec<_> = order.iter().map(|id| number(world, *id).unwrap()).collect();
        assert_eq!(numbers, ["INV-000001", "INV-000002", "INV-000003"]);
        assert_eq!(issued.iter().map(|record| record.id).collect::<Vec<_>>(), order);
        // Dated by the day on which each was due, not by the clock.
        assert_eq!(issued[0].issued_at.unwrap().to_string(), "2026-03-03T00:00:00.000Z");
        assert_eq!(issue(world, &drafts), [issued[1].clone(), issued[2].clone(), issued[0].clone()]);
        assert_eq!(world.engine.list_transactions(&world.owner(), &TransactionFilter {
            kind: Some(TransactionType::Invoice), ..TransactionFilter::default() }, None, 10).unwrap().len(), 3);
        world.verify();
    }

    fn revisions_on_one_draft_are_one_line(world) {
        let first = item("calls", "10");
        let id = draft(world, "2026-03-01", &[first.clone(), Item { revision: 1, amount: "-2.5", ..first }]);
        issue(world, &[id]);
        let detail = world.engine.get_invoice(&world.owner(), id).unwrap();
        let document = domain::invoices::document::Document::from_json(detail.document.unwrap().get()).unwrap();
        assert_eq!((document.lines.len(), document.lines[0].charges.len()), (1, 2));
        assert_eq!(document.amount_due, amount("7.5"));
        world.verify();
    }

    fn a_draft_without_charges_is_left_alone_and_spends_no_number(world) {
        let (empty, full) = (draft(world, "2026-03-01", &[]), draft(world, "2026-03-02", &[item("calls", "10")]));
        let issued = issue(world, &[empty, full]);
        assert_eq!((issued[0].standing.state, issued[1].standing.state), (InvoiceState::Draft, InvoiceState::Issued));
        assert_eq!(number(world, full).as_deref(), Some("INV-000001"));
    }

    fn a_fixed_coupon_is_used_once_over_invoices_of_one_run_and_of_several(world) {
        let off = |key: &'static str, text: &'static str| Item { coupons: ten_off(), subscription: subscription(), ..item(key, text) };
        let first = draft(world, "2026-03-01", &[off("a", "4")]);
        let second = draft(world, "2026-03-02", &[off("b", "20")]);
        let third = draft(world, "2026-03-03", &[off("c", "20")]);
        issue(world, &[first, second]);
        assert_eq!((due(world, first).as_str(), due(world, second).as_str(), due(world, third).as_str()),
            ("0.000000", "14.000000", "20.000000"));
        issue(world, &[third]);
        assert_eq!(due(world, third), "20.000000");
        world.verify();
    }

    fn what_a_wallet_paid_is_not_due_and_a_credit_note_gives_it_back(world) {
        world.credit("promo", &grant("3"));
        world.credit("paid", &paid("4"));
        let rated = rate(world, "10");
        let id = draft(world, "2026-03-01", &[Item { amount: "10", prepaid: "7", promotional: "3", ..rated }]);
        issue(world, &[id]);
        assert_eq!((due(world, id).as_str(), world.balance().as_str()), ("3.000000", "0.000000"));
        let note = |lines: Vec<(u32, Option<domain::amount::Amount>)>| NewCreditNote {
            wish: CreditWish::Lines(lines), overpaid: Overpaid::CustomerBalance,
            reason: Reason { code: ReasonCode::ServiceIssue, text: None },
        };
        // 3.00 was due and goes first; 2.00 more is the paid lot's, which was drawn last.
        world.engine.credit_invoice(&world.owner(), key("c1"), id, &note(vec![(1, Some(amount("5")))])).unwrap();
        assert_eq!(world.balance(), "2.000000");
        world.engine.credit_invoice(&world.owner(), key("c2"), id, &note(vec![(1, None)])).unwrap();
        assert_eq!(world.balance(), "7.000000");
        let kinds: Vec<_> = world.wallet("USD").lots.iter().map(|lot| (lot.kind, lot.balance)).collect();
        assert_eq!(kinds.len(), 2, "{kinds:?}");
        world.verify();
    }

    fn a_fee_in_advance_is_deferred_when_it_is_issued(world) {
        let fee = Item { kind: ChargeKind::AdvanceFee, subscription: subscription(), ..item("base", "31") };
        let id = draft(world, "2026-03-01", &[fee]);
        issue(world, &[id]);
        let entry = world.engine.get_invoice(&world.owner(), id).unwrap().entry.unwrap();
        assert_eq!(world.written(entry), ["D receivable 31.000000", "C deferred 31.000000"]);
    }

    fn what_more_fees_earn_on_a_day_than_an_entry_has_lines_is_booked_in_several(world) {
        let fees = |day: &str, first: u128| {
            let fee = |number: u128| Item {
                kind: ChargeKind::AdvanceFee,
                subscription: Some(SubscriptionId::from_uuid(Uuid::from_u128(number))),
                ..item(Box::leak(format!("base/{number}").into_boxed_str()), "2")
            };
            draft(world, day, &(first..first + 600).map(fee).collect::<Vec<_>>())
        };
        let drafts = [fees("2026-03-01", 0x1000), fees("2026-03-02", 0x2000)];
        world.clock.set("2026-03-03T00:00:00Z");
        issue(world, &drafts);
        let ctx = world.engine.clocked_ctx("test", world.project.id).unwrap();
        world.engine.run_due_work(&ctx).unwrap();
        let filter = TransactionFilter { kind: Some(TransactionType::Recognition), ..TransactionFilter::default() };
        let mut entries = world.engine.list_entries(&world.owner(), &filter, None, 10).unwrap();
        entries.sort_by_key(|entry| (entry.usage_at, entry.amount));
        let told: Vec<_> = entries.iter().map(|entry| (entry.amount.to_string(), entry.postings.len())).collect();
        // Each of the days has 600 fees; both are taken together, and one is cut where an entry would be full.
        let cut = [("1200.000000", 601), ("402.000000", 202), ("798.000000", 400)];
        assert_eq!(told, cut.map(|(amount, lines)| (amount.to_owned(), lines)));
    }
}
