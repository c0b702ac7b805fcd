//! Refunds and reversals: money goes back where it came from, once.

use std::time::Duration;

use domain::access::Role;
use domain::ledger::reason::ReasonCode;
use domain::refusal::Code;
use domain::time::Instant;
use engine::transactions::{GrantCredit, RefundCharge};

use super::money::{debit, grant, paid, reason, seen};
use crate::world::{key, on_both};

on_both! {
    fn a_refund_returns_credit_in_reverse_draw_order(world) {
        world.credit("promo", &grant("10"));
        world.credit("paid", &paid("10"));
        let charge = world.charge("k", "15").id();
        let refund = world.refund("r1", charge, Some("7"));
        assert_eq!((refund.balance_after(), &refund.accepted()["refunds"]), ("12.000000", &charge.to_string().into()));
        assert_eq!(world.written(refund.id()), [
            "D revenue:usage 7.000000", "C wallet_paid 5.000000", "C wallet_promo 2.000000",
            "D promo_issued 2.000000", "C contra:promo 2.000000",
        ]);
        // Without an amount, the rest goes back.
        let rest = world.refund("r2", charge, None);
        assert_eq!((rest.balance_after(), &rest.accepted()["amount"]), ("20.000000", &"8.000000".into()));
        world.refund("r3", charge, None).refused(Code::RefundTooLarge);
    }

    fn all_refunds_of_a_charge_together_never_exceed_it(world) {
        world.credit("c", &paid("10"));
        let charge = world.charge("k", "10").id();
        world.refund("r1", charge, Some("6")).accepted();
        world.refund("r2", charge, Some("4.000001")).refused(Code::RefundTooLarge);
        world.refund("r3", charge, Some("4")).accepted();
        assert_eq!(world.balance(), "10.000000");
    }

    fn only_a_charge_can_be_refunded(world) {
        let credit = world.credit("c", &paid("10")).id();
        let refused = world.refund("r", credit, Some("1"));
        refused.refused(Code::NotReversible);
        assert_eq!(refused.body["field"], "transactionId");
        let debit = world.debit("d", &debit("1")).id();
        world.refund("r2", debit, None).refused(Code::NotReversible);
    }

    fn a_reversed_charge_restores_every_balance(world) {
        world.credit("promo", &grant("10"));
        world.credit("paid", &paid("10"));
        let before = world.wallet("USD");
        let charge = world.charge("k", "15").id();
        let reversal = world.reverse("r", charge);
        assert_eq!(reversal.accepted()["type"], "reversal");
        assert_eq!(reversal.accepted()["reverses"], charge.to_string());
        assert_eq!(reversal.accepted()["reasonCode"], "billing_error");
        assert_eq!(world.wallet("USD"), before);
    }

    fn a_transaction_is_reversed_once(world) {
        world.credit("c", &paid("10"));
        let charge = world.charge("k", "5").id();
        world.reverse("r1", charge).accepted();
        world.reverse("r2", charge).refused(Code::AlreadyReversed);
        world.refund("r3", charge, Some("1")).refused(Code::AlreadyReversed);
        assert_eq!(world.balance(), "10.000000");
    }

    fn a_charge_that_was_refunded_in_part_is_not_reversed(world) {
        world.credit("c", &paid("10"));
        let charge = world.charge("k", "5").id();
        world.refund("r1", charge, Some("1")).accepted();
        world.reverse("r2", charge).refused(Code::RefundTooLarge);
    }

    fn refunds_and_reversals_stand_for_ever(world) {
        world.credit("c", &paid("10"));
        let charge = world.charge("k", "5").id();
        let refund = world.refund("r1", charge, Some("1")).id();
        world.reverse("r2", refund).refused(Code::NotReversible);
        let credit = world.credit("c2", &grant("1")).id();
        let reversal = world.reverse("r3", credit).id();
        world.reverse("r4", reversal).refused(Code::NotReversible);
    }

    fn a_debit_is_reversed_from_where_it_went(world) {
        world.credit("c", &paid("10"));
        let debit = world.debit("d", &debit("4")).id();
        let reversal = world.reverse("r", debit);
        assert_eq!(reversal.balance_after(), "10.000000");
        assert_eq!(world.written(reversal.id()), ["D revenue:oneoff 4.000000", "C wallet_paid 4.000000"]);
    }

    fn a_grant_is_reversed_only_while_nothing_of_it_is_spent(world) {
        let unspent = world.credit("c1", &paid("10")).id();
        let spent = world.credit("c2", &GrantCredit { priority: Some(1), ..grant("10") }).id();
        world.charge("k", "0.000001");
        world.reverse("r1", spent).refused(Code::PartlySpent);
        assert_eq!(world.reverse("r2", unspent).balance_after(), "9.999999");
        // What was spent comes back: then it can be reversed, under another key.
        let charge = world.transactions().iter().find(|t| t.kind.as_str() == "charge").unwrap().id;
        world.refund("r3", charge, None).accepted();
        world.reverse("r1", spent).refused(Code::PartlySpent);
        assert_eq!(world.reverse("r4", spent).balance_after(), "0.000000");
    }

    fn a_grant_that_repaid_an_overdraft_is_partly_spent(world) {
        world.allow_overdraft("5").unwrap();
        world.charge("k", "5");
        let grant = world.credit("c", &paid("10")).id();
        world.reverse("r", grant).refused(Code::PartlySpent);
    }

    fn money_that_returns_to_an_expired_lot_expires_at_once(world) {
        let soon = Instant::parse("2026-03-18T00:00:00Z").unwrap();
        world.credit("c", &GrantCredit { expires_at: Some(soon), ..paid("10") });
        let charge = world.charge("k", "10").id();
        world.clock.advance(Duration::from_secs(24 * 60 * 60));
        let refund = world.refund("r", charge, None);
        assert_eq!(refund.balance_after(), "0.000000");
        assert_eq!(world.written(refund.id()), [
            "D revenue:usage 10.000000", "C wallet_paid 10.000000", "D wallet_paid 10.000000",
            "C revenue:breakage 10.000000",
        ]);
    }

    fn what_returns_to_a_repaid_overdraft_goes_to_the_lots_that_repaid_it(world) {
        world.allow_overdraft("50").unwrap();
        let charge = world.charge("k", "50").id();
        world.credit("promo", &grant("20"));
        world.credit("paid", &paid("20"));
        assert_eq!(world.balance(), "-10.000000");
        let refund = world.refund("r", charge, Some("25"));
        assert_eq!(world.written(refund.id()), [
            "D revenue:usage 25.000000", "C wallet_overdraft 25.000000", "D wallet_overdraft 15.000000",
            "C wallet_paid 15.000000",
        ]);
        let rest = world.refund("r2", charge, None);
        assert_eq!(rest.balance_after(), "40.000000");
        assert_eq!(world.written(rest.id())[2..6], [
            "D wallet_overdraft 5.000000", "C wallet_paid 5.000000",
            "D wallet_overdraft 20.000000", "C wallet_promo 20.000000",
        ]);
    }

    // promise P5
    fn a_refused_correction_is_final_for_its_key(world) {
        world.credit("c", &paid("10"));
        let charge = world.charge("k", "5").id();
        world.refund("r", charge, Some("6")).refused(Code::RefundTooLarge);
        assert!(world.refund("r", charge, Some("6")).replayed);
        world.refund("r", charge, Some("5")).refused(Code::IdempotencyConflict);
    }

    fn what_does_not_exist_is_not_found(world) {
        let nothing = "txn_00000000000000000000000001".parse().unwrap();
        world.refund("r1", nothing, None).refused(Code::NotFound);
        world.reverse("r2", nothing).refused(Code::NotFound);
    }

    // checklist 12
    fn support_neither_refunds_nor_reverses(world) {
        world.credit("c", &paid("10"));
        let transaction = world.charge("k", "5").id();
        let support = world.member(Role::Support);
        let refund =
            RefundCharge { transaction, amount: None, description: None, reason: reason(ReasonCode::Goodwill) };
        seen(world.engine.refund_charge(&support, key("r"), &refund)).refused(Code::Forbidden);
    }
}
