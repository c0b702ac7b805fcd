//! Credits, charges and debits: what they do to the wallet, what they answer, what they leave behind.

use std::panic::{AssertUnwindSafe, catch_unwind};

use domain::access::Role;
use domain::customers::NewCustomer;
use domain::idempotency::{Canonical, Family};
use domain::ledger::balance::Axis;
use domain::ledger::entry::TransactionType;
use domain::ledger::reason::ReasonCode;
use domain::refusal::Code;
use domain::time::Instant;
use domain::wallets::LotKind;
use engine::audit_entries::AuditQuery;
use engine::ledger::BalancesAsOf;
use engine::transactions::{GrantCredit, TransactionFilter};
use engine::{AuditRecord, Audited, Idempotency};
use storage::idempotency_keys;

use super::money::{amount, debit, grant, paid, seen};
use crate::world::{BEGINNING, key, on_both};

on_both! {
    // checklist 60
    fn a_credit_raises_the_balance_and_adds_one_entry(world) {
        let answer = world.credit("credit_2026_03_17_001", &grant("100"));
        let body = answer.accepted();
        assert_eq!(body["type"], "credit");
        assert_eq!(body["outcome"], "accepted");
        assert_eq!(body["amount"], "100.000000");
        assert_eq!(body["currency"], "USD");
        assert_eq!(body["description"], "Launch credit");
        assert_eq!(body["customerKey"], "self");
        assert_eq!(body["balanceAfter"], "100.000000");
        assert_eq!(body["idempotencyKey"], "credit_2026_03_17_001");
        assert_eq!(body["effectiveAt"], BEGINNING);
        assert_eq!(body["createdAt"], BEGINNING);
        assert_eq!(world.balance(), "100.000000");
        assert_eq!(world.transactions().len(), 1);
        assert_eq!(world.written(answer.id()), ["D promo_issued 100.000000", "C wallet_promo 100.000000"]);
    }

    // checklist 61
    // checklist 90
    // promise P6
    fn a_repeated_credit_is_one_entry_and_the_same_reply(world) {
        let first = world.engine.grant_credit(&world.owner(), key("k"), &grant("100")).unwrap();
        world.clock.set("2026-03-18T00:00:00Z");
        let again = world.engine.grant_credit(&world.owner(), key("k"), &grant("100.0")).unwrap();
        assert_eq!((again.status, &again.body, again.replayed), (201, &first.body, true));
        assert_eq!(world.transactions().len(), 1);
    }

    // promise P4
    // checklist 19
    fn a_used_key_with_another_body_changes_nothing(world) {
        world.credit("k", &grant("100"));
        let stored = || world.db.read("test", world.project.id, |tx| {
            idempotency_keys::find(tx, domain::idempotency::Family::Money, "k")
        }).unwrap();
        let before = stored();
        world.credit("k", &grant("101")).refused(Code::IdempotencyConflict);
        // The same key for another operation of the same family is another request too.
        world.charge("k", "100").refused(Code::IdempotencyConflict);
        assert_eq!(stored(), before);
        assert_eq!((world.balance(), world.transactions().len()), ("100.000000".to_owned(), 1));
    }

    // checklist 26
    fn a_charge_draws_the_wallet_once_for_its_key(world) {
        world.credit("c", &grant("10"));
        world.credit("p", &paid("10"));
        let charge = world.charge("k", "12.5");
        assert_eq!(charge.balance_after(), "7.500000");
        assert_eq!(charge.accepted()["type"], "charge");
        assert_eq!(world.written(charge.id()), [
            "D wallet_promo 10.000000", "D wallet_paid 2.500000", "C revenue:usage 12.500000",
            "D contra:promo 10.000000", "C promo_issued 10.000000",
        ]);
        let again = world.charge("k", "12.500000");
        assert!(again.replayed);
        assert_eq!(again.body, charge.body);
        assert_eq!(world.balance(), "7.500000");
    }

    // promise P5
    fn a_charge_the_wallet_cannot_pay_is_refused_for_good(world) {
        world.credit("c", &grant("10"));
        world.charge("k", "10.000001").refused(Code::InsufficientCredit);
        world.credit("more", &grant("10"));
        let again = world.charge("k", "10.000001");
        again.refused(Code::InsufficientCredit);
        assert!(again.replayed);
        assert_eq!(world.charge("another", "10.000001").balance_after(), "9.999999");
    }

    // promise P14
    fn a_refused_charge_changes_nothing(world) {
        world.credit("c", &grant("10"));
        let before = (world.transactions().len(), world.wallet("USD"));
        world.charge("k", "11").refused(Code::InsufficientCredit);
        world.charge_body("k2", r#"{"amount":"1","customerKey":"nobody"}"#).refused(Code::UnknownCustomer);
        world.charge_body("k3", r#"{"amount":"0"}"#).refused(Code::NotPositive);
        world.charge_body("k4", r#"{"amount":"1","timestamp":"2026-03-17T10:25:01Z"}"#)
            .refused(Code::TimestampInFuture);
        assert_eq!((world.transactions().len(), world.wallet("USD")), before);
        // Only the refusal that depends on the ledger is final for its key.
        assert_eq!(world.charge_body("k3", r#"{"amount":"1"}"#).status, 201);
    }

    // checklist 65
    fn an_overdraft_is_used_within_its_limit_and_repaid_by_the_next_grant(world) {
        world.allow_overdraft("50").unwrap();
        let charge = world.charge("k", "30");
        assert_eq!(charge.balance_after(), "-30.000000");
        assert_eq!(world.written(charge.id()), ["D wallet_overdraft 30.000000", "C revenue:usage 30.000000"]);
        world.charge("k2", "20.000001").refused(Code::InsufficientCredit);
        let wallet = world.wallet("USD");
        assert_eq!((wallet.available.to_string(), wallet.overdrawn), ("-30.000000".to_owned(), amount("30")));
        let grant = world.credit("c", &paid("100"));
        assert_eq!(grant.balance_after(), "70.000000");
        assert_eq!(world.wallet("USD").overdrawn, amount("0"));
    }

    fn an_overdraft_limit_never_falls_below_what_is_overdrawn(world) {
        world.allow_overdraft("50").unwrap();
        world.charge("k", "30");
        let refused = world.allow_overdraft("29.999999").unwrap_err().to_refusal();
        assert_eq!((refused.code, refused.first_field()), (Code::OutOfRange, Some("overdraftLimit")));
        assert_eq!(world.allow_overdraft("30").unwrap().overdraft_limit, amount("30"));
    }

    // checklist 118
    fn lots_are_drawn_in_order_and_an_expired_one_is_left_alone(world) {
        let soon = Instant::parse("2026-03-20T12:00:00Z").unwrap();
        world.credit("last", &GrantCredit { priority: Some(90), ..grant("5") });
        world.credit("usual", &paid("5"));
        world.credit("expiring", &GrantCredit { expires_at: Some(soon), ..paid("5") });
        world.credit("first", &GrantCredit { priority: Some(0), ..paid("5") });
        let order: Vec<(i64, LotKind, bool)> = world.wallet("USD").lots.iter()
            .map(|lot| (lot.priority, lot.kind, lot.expires_at.is_some())).collect();
        assert_eq!(order, [
            (0, LotKind::Paid, false), (50, LotKind::Paid, true), (50, LotKind::Paid, false),
            (90, LotKind::Promotional, false),
        ]);
        world.charge("k", "7");
        let left: Vec<String> = world.wallet("USD").lots.iter().map(|lot| lot.balance.to_string()).collect();
        assert_eq!(left, ["3.000000", "5.000000", "5.000000"]);
        // The lot lives to the end of its day in the customer's zone, then it counts but cannot be spent.
        world.clock.set("2026-03-20T23:59:59Z");
        assert_eq!(world.wallet("USD").available.to_string(), "13.000000");
        world.clock.set("2026-03-21T00:00:00Z");
        let wallet = world.wallet("USD");
        assert_eq!((wallet.balance.to_string(), wallet.available.to_string()), ("13.000000".into(), "10.000000".into()));
        world.charge("k2", "10.5").refused(Code::InsufficientCredit);
    }

    fn an_expiry_that_has_passed_is_refused(world) {
        let past = Instant::parse(BEGINNING).unwrap();
        let answer = world.credit("k", &GrantCredit { expires_at: Some(past), ..grant("5") });
        answer.refused(Code::InvalidValue);
        assert_eq!(answer.body["field"], "expiresAt");
    }

    fn each_currency_has_a_wallet_of_its_own(world) {
        let euro = GrantCredit { currency: Some(domain::currency::Currency::parse("EUR").unwrap()), ..grant("5") };
        world.credit("e", &euro);
        world.credit("u", &grant("7"));
        world.charge_body("k", r#"{"amount":"6","currency":"EUR"}"#).refused(Code::InsufficientCredit);
        world.charge_body("k2", r#"{"amount":"5","currency":"EUR"}"#).accepted();
        assert_eq!((world.wallet("EUR").balance.to_string(), world.balance()), ("0.000000".into(), "7.000000".into()));
    }

    fn a_wallet_that_would_hold_too_much_is_refused(world) {
        world.credit("k", &grant("9223372036854.775807")).accepted();
        let answer = world.credit("k2", &grant("0.000001"));
        answer.refused(Code::OutOfRange);
        assert_eq!(answer.body["field"], "amount");
    }

    // checklist 92
    fn a_debit_names_its_reason_and_where_it_goes(world) {
        world.credit("c", &paid("10"));
        let income = world.debit("d1", &debit("2"));
        assert_eq!(income.accepted()["type"], "debit");
        assert_eq!(income.accepted()["reasonCode"], "contract");
        assert_eq!(world.written(income.id())[1], "C revenue:oneoff 2.000000");
        let unclear = crate::ledger::money::reason(ReasonCode::Fraud);
        let waiting = world.debit("d2", &engine::transactions::DebitWallet { reason: unclear, ..debit("3") });
        assert_eq!(world.written(waiting.id())[1], "C suspense 3.000000");
        world.debit("d3", &debit("5.000001")).refused(Code::InsufficientCredit);
    }

    // checklist 12
    fn support_moves_money_up_to_the_limit_of_the_project(world) {
        let support = world.member(Role::Support);
        assert_eq!(seen(world.engine.grant_credit(&support, key("k1"), &grant("100"))).status, 201);
        seen(world.engine.grant_credit(&support, key("k2"), &grant("100.000001"))).refused(Code::AboveLimit);
        seen(world.engine.debit_wallet(&support, key("k3"), &debit("100.000001"))).refused(Code::AboveLimit);
        let viewer = world.member(Role::Viewer);
        seen(world.engine.grant_credit(&viewer, key("k4"), &grant("1"))).refused(Code::Forbidden);
        seen(world.engine.debit_wallet(&viewer, key("k5"), &debit("1"))).refused(Code::Forbidden);
        assert_eq!(world.balance(), "100.000000");
    }

    // checklist 67
    // checklist 93
    fn an_entry_names_its_cause_and_leaves_a_trail(world) {
        let id = world.credit("k", &grant("5")).id();
        let entry = world.engine.get_entry(&world.owner(), id).unwrap();
        assert_eq!(entry.actor.name, "Olivia Owner");
        assert_eq!((entry.cause.kind.as_str(), &entry.cause.id), ("operator", &world.owner.id()));
        assert_eq!(entry.request_id, "req_test");
        let trail = AuditQuery { target: Some(id.to_string()), ..AuditQuery::default() };
        let trail = world.engine.list_audit_entries(&world.owner(), &trail, 10).unwrap();
        assert_eq!(trail.len(), 1);
        assert_eq!(trail[0].action, "transaction.credited");
        assert_eq!(trail[0].details["before"]["balance"], "0.000000");
        assert_eq!(trail[0].details["after"]["balance"], "5.000000");
    }

    // checklist 66
    fn transactions_are_listed_newest_first_in_pages(world) {
        for number in 0..5 {
            world.credit(&format!("k{number}"), &grant("1"));
        }
        let page = |before| {
            let filter = TransactionFilter::default();
            world.engine.list_transactions(&world.owner(), &filter, before, 2).unwrap()
        };
        let keys = |page: &[engine::transactions::Transaction]| -> Vec<String> {
            page.iter().map(|transaction| transaction.idempotency_key.clone().unwrap()).collect()
        };
        let first = page(None);
        // What is added meanwhile does not shift the pages that follow.
        world.credit("late", &grant("1"));
        let second = page(Some(first[1].id));
        let third = page(Some(second[1].id));
        assert_eq!([keys(&first), keys(&second), keys(&third)].concat(), ["k4", "k3", "k2", "k1", "k0"]);
    }

    // checklist 66
    fn transactions_are_filtered_by_period_type_and_customer(world) {
        world.credit("c", &grant("10"));
        world.charge_body("k1", r#"{"amount":"1","timestamp":"2026-03-01T00:00:00Z"}"#);
        world.charge_body("k2", r#"{"amount":"1","timestamp":"2026-02-28T23:59:59.999Z"}"#);
        let list = |filter: &TransactionFilter| -> Vec<String> {
            let found = world.engine.list_transactions(&world.owner(), filter, None, 50).unwrap();
            found.iter().map(|transaction| transaction.idempotency_key.clone().unwrap()).collect()
        };
        let at = |text: &str| Some(Instant::parse(text).unwrap());
        let march = TransactionFilter {
            from: at("2026-03-01T00:00:00Z"),
            to: at("2026-04-01T00:00:00Z"),
            ..TransactionFilter::default()
        };
        assert_eq!(list(&march), ["k1", "c"]);
        let charges = TransactionFilter { kind: Some(TransactionType::Charge), ..TransactionFilter::default() };
        assert_eq!(list(&charges), ["k2", "k1"]);
        let credits = TransactionFilter { kind: Some(TransactionType::Credit), ..TransactionFilter::default() };
        assert_eq!(list(&credits), ["c"]);
        let nobody = TransactionFilter { customer_key: Some("nobody".to_owned()), ..TransactionFilter::default() };
        assert_eq!(list(&nobody), Vec::<String>::new());
    }

    // promise P15
    fn a_balance_is_told_as_of_either_time(world) {
        world.credit("c", &paid("10"));
        world.clock.set("2026-03-20T00:00:00Z");
        world.charge_body("k", r#"{"amount":"4","timestamp":"2026-03-18T00:00:00Z"}"#);
        let revenue = |at: &str, axis| {
            let asked = BalancesAsOf { at: Instant::parse(at).unwrap(), axis, customer_key: None };
            let all = world.engine.balances_as_of(&world.owner(), &asked, None, 100).unwrap();
            all.into_iter().find(|found| found.account == "revenue:usage").unwrap().balance.to_string()
        };
        assert_eq!(revenue("2026-03-17T23:59:59Z", Axis::Effective), "0.000000");
        assert_eq!(revenue("2026-03-18T00:00:00Z", Axis::Effective), "4.000000");
        assert_eq!(revenue("2026-03-19T23:59:59Z", Axis::Recorded), "0.000000");
        assert_eq!(revenue("2026-03-20T00:00:00Z", Axis::Recorded), "4.000000");
    }

    fn metadata_of_a_charge_is_kept_exactly(world) {
        world.credit("c", &grant("10"));
        let body = r#"{"amount":"1","metadata":{"order":"o-1","price":0.10,"big":12345678901234567890.5}}"#;
        let charge = world.charge_body("k", body);
        let found = world.engine.get_transaction(&world.owner(), charge.id()).unwrap();
        let text = serde_json::to_string(&found.metadata).unwrap();
        assert_eq!(text, r#"{"big":12345678901234567890.5,"order":"o-1","price":0.1}"#);
    }

    // checklist 88
    fn what_dies_between_the_key_and_the_effect_leaves_neither(world) {
        let idempotency = Idempotency {
            family: Family::Other,
            key: key("k"),
            operation: "test",
            fingerprint: Canonical::new("test").fingerprint(),
        };
        let make = |dies: bool| {
            let ctx = world.owner();
            world.engine.command_once(&ctx, "test", 201, &idempotency, |tx| {
                let new = NewCustomer::with_key("acme");
                let made = storage::customers::insert(tx, &new.into_customer(ctx.new_id(), ctx.now()))?;
                assert!(!dies, "the process dies here");
                Ok(Audited::new(made, AuditRecord::new("test.done", "acme")))
            })
        };
        assert!(catch_unwind(AssertUnwindSafe(|| make(true))).is_err());
        let customers = || world.engine.list_customers(&world.owner(), Some("acme"), None, 10).unwrap().len();
        assert_eq!(customers(), 0);
        let first = make(false).unwrap();
        let again = make(false).unwrap();
        assert_eq!((&*first.body, first.replayed, &*again.body, again.replayed), ("true", false, "true", true));
        assert_eq!(customers(), 1);
    }
}
