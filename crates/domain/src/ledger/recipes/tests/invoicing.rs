//! The recipes of invoicing: by example, in the notation of the other recipes, and together over random invoices.

use super::*;
use crate::ids::SubscriptionId;
use crate::ledger::jurisdiction::Jurisdiction;
use crate::tax::TaxBehaviour;

const SUBSCRIPTION: SubscriptionId = SubscriptionId::from_uuid(Uuid::from_u128(3));
const USAGE: BilledFrom = BilledFrom::Unbilled(Income::Usage);
const ADVANCE: BilledFrom = BilledFrom::Advance(SUBSCRIPTION);

fn germany() -> Jurisdiction {
    "DE".parse().unwrap()
}

fn line(from: BilledFrom, size: i64) -> IssuedLine {
    IssuedLine { from, amount: amount(size), discount: Amount::ZERO, prepaid: Amount::ZERO, tax: None }
}

fn taxed(line: IssuedLine, tax: i64, behaviour: TaxBehaviour) -> IssuedLine {
    IssuedLine { tax: Some(LineTax { jurisdiction: germany(), amount: amount(tax), behaviour }), ..line }
}

fn issued(lines: &[IssuedLine], rounding: i64) -> (String, i64) {
    let invoice = Issue { customer: CUSTOMER, currency: Currency::USD, lines, rounding: amount(rounding) };
    let (lines, total) = issue(&invoice).unwrap();
    (lines.map(|lines| written(&lines)).unwrap_or_default(), total.micros())
}

#[test]
fn a_postpaid_charge_becomes_receivable_with_its_tax() {
    let charge = postpaid_charge(CUSTOMER, Currency::USD, Income::Usage, amount(100)).unwrap().unwrap();
    assert_eq!(written(&charge), "D unbilled 100, C revenue:usage 100");
    let less = postpaid_charge(CUSTOMER, Currency::USD, Income::Usage, amount(-30)).unwrap().unwrap();
    assert_eq!(written(&less), "C unbilled 30, D revenue:usage 30");
    assert_eq!(postpaid_charge(CUSTOMER, Currency::USD, Income::Oneoff, Amount::ZERO), Ok(None));
    let (lines, total) = issued(&[taxed(line(USAGE, 100), 19, TaxBehaviour::Exclusive)], 0);
    assert_eq!((lines.as_str(), total), ("D receivable 119, C unbilled 100, C tax_payable:DE 19", 119));
}

#[test]
fn what_is_missing_to_a_minimum_is_income_of_the_subscription() {
    let true_up = postpaid_charge(CUSTOMER, Currency::USD, Income::Subscription, amount(40)).unwrap().unwrap();
    assert_eq!(written(&true_up), "D unbilled 40, C revenue:subscription 40");
}

#[test]
fn tax_that_is_part_of_a_price_comes_out_of_the_income() {
    let usage = taxed(line(USAGE, 119), 19, TaxBehaviour::Inclusive);
    let (lines, total) = issued(&[usage], 0);
    let expected = "D receivable 119, C unbilled 119, C tax_payable:DE 19, D revenue:usage 19";
    assert_eq!((lines.as_str(), total), (expected, 119));
    let (lines, _) = issued(&[taxed(line(ADVANCE, 119), 19, TaxBehaviour::Inclusive)], 0);
    assert_eq!(lines, "D receivable 119, C deferred 100, C tax_payable:DE 19");
}

#[test]
fn a_discount_is_contra_income_on_usage_and_lowers_what_is_deferred_in_advance() {
    let discount = |line: IssuedLine| IssuedLine { discount: amount(10), ..line };
    assert_eq!(issued(&[discount(line(USAGE, 100))], 0).0, "D receivable 90, C unbilled 100, D contra:discount 10");
    assert_eq!(issued(&[discount(line(ADVANCE, 100))], 0).0, "D receivable 90, C deferred 90");
}

#[test]
fn rounding_goes_both_ways() {
    // checklist 51
    assert_eq!(issued(&[line(USAGE, 10_004)], -4).0, "D receivable 10000, C unbilled 10004, D rounding 4");
    assert_eq!(issued(&[line(USAGE, 9_996)], 4).0, "D receivable 10000, C unbilled 9996, C rounding 4");
}

#[test]
fn what_a_wallet_paid_is_on_the_invoice_and_never_due() {
    let mut book = Book::new(0);
    book.grant(Promotional, 1, 20, None);
    let charge = rated_usage(&book.wallet, amount(50), at(1)).unwrap();
    assert_eq!(
        written(&charge),
        "D wallet_promo:1 20, D unbilled 30, C revenue:usage 50, D contra:promo 20, C promo_issued 20"
    );
    let usage = IssuedLine { prepaid: amount(20), ..line(USAGE, 50) };
    assert_eq!(issued(&[usage], 0), ("D receivable 30, C unbilled 30".to_owned(), 30));
    let all = IssuedLine { prepaid: amount(50), ..line(USAGE, 50) };
    assert_eq!(issued(&[all], 0), (String::new(), 0));
}

#[test]
fn unused_time_comes_back_taxed_and_a_negative_total_is_the_customers_balance() {
    let unused = taxed(line(ADVANCE, -100), -19, TaxBehaviour::Exclusive);
    let (lines, total) = issued(&[unused, line(USAGE, 150)], 0);
    let expected = "D receivable 31, D deferred 100, D tax_payable:DE 19, C unbilled 150";
    assert_eq!((lines.as_str(), total), (expected, 31));
    let (lines, total) = issued(&[unused], 0);
    let expected = "D deferred 100, D tax_payable:DE 19, C customer_balance 119";
    assert_eq!((lines.as_str(), total), (expected, -119));
}

/// What rated usage drew from lots, read from its lines.
fn drawn(lines: &Lines) -> Vec<Part> {
    let debits = lines.as_slice().iter().filter(|line| line.direction == Direction::Debit);
    debits.filter_map(lot_part).collect()
}

#[test]
fn usage_that_comes_to_less_returns_what_it_drew_in_reverse_order() {
    let mut book = Book::new(0);
    book.grant(Paid, 1, 20, None);
    book.grant(Promotional, 2, 20, None);
    let charge = rated_usage(&book.wallet, amount(50), at(1)).unwrap();
    book.apply(&charge);
    let drawn = drawn(&charge);
    let give_back = |book: &Book, size, reason, now| {
        let wallet = book.wallet.clone();
        let unbilled = amount(if reason == ReturnReason::Revision { 10 } else { 0 });
        let request =
            ReturnRated { wallet: &wallet, drawn: &drawn, unbilled, amount: amount(size), reason, at: at(now) };
        return_rated(&request)
    };
    let revision = give_back(&book, 35, ReturnReason::Revision, 2).unwrap();
    assert_eq!(
        written(&revision),
        "D revenue:usage 35, C unbilled 10, C wallet_paid:1 20, C wallet_promo:2 5, D promo_issued 5, C contra:promo 5"
    );
    let credited = give_back(&book, 15, ReturnReason::CreditNote, 2).unwrap();
    assert_eq!(written(&credited), "D contra:credit_note 15, C wallet_paid:1 15");
    assert_eq!(give_back(&book, 51, ReturnReason::Revision, 2).unwrap_err().code, Code::RefundTooLarge);
    book.apply(&revision);
    book.check();
}

#[test]
fn what_returns_to_an_expired_lot_expires_at_once() {
    let mut book = Book::new(0);
    book.grant(Paid, 1, 20, Some(5));
    let charge = rated_usage(&book.wallet, amount(20), at(1)).unwrap();
    book.apply(&charge);
    let drawn = drawn(&charge);
    let reason = ReturnReason::Revision;
    let wallet = book.wallet.clone();
    let all =
        ReturnRated { wallet: &wallet, drawn: &drawn, unbilled: Amount::ZERO, amount: amount(20), reason, at: at(5) };
    let expected = "D revenue:usage 20, C wallet_paid:1 20, D wallet_paid:1 20, C revenue:breakage 20";
    assert_eq!(written(&return_rated(&all).unwrap()), expected);
}

fn note(lines: &[CreditedLine], outstanding: i64) -> CreditNote<'_> {
    CreditNote {
        customer: CUSTOMER,
        currency: Currency::USD,
        lines,
        rounding: Amount::ZERO,
        outstanding: amount(outstanding),
        creditable: amount(119),
        overpaid: Overpaid::CustomerBalance,
    }
}

#[test]
fn a_credit_note_takes_from_what_is_open_first() {
    let earned = CreditedLine { earned: Earned::Yes, net: amount(100), tax: Some((germany(), amount(19))) };
    let (lines, total) = credit_note(&note(&[earned], 40)).unwrap();
    let expected = "D contra:credit_note 100, D tax_payable:DE 19, C receivable 40, C customer_balance 79";
    assert_eq!((written(&lines).as_str(), total.micros()), (expected, 119));
    let not_yet = CreditedLine { earned: Earned::NotYet(SUBSCRIPTION), net: amount(60), tax: None };
    let refund = CreditNote { overpaid: Overpaid::Refund, ..note(std::slice::from_ref(&not_yet), 0) };
    assert_eq!(written(&credit_note(&refund).unwrap().0), "D deferred 60, C refund_payable 60");
}

#[test]
fn a_credit_note_credits_something_and_no_more_than_was_billed() {
    let credited = |net| CreditedLine { earned: Earned::Yes, net: amount(net), tax: None };
    let too_much = credit_note(&note(&[credited(120)], 0)).unwrap_err();
    assert_eq!(too_much.code, Code::CreditNoteTooLarge);
    assert_eq!(credit_note(&note(&[credited(0)], 0)).unwrap_err().code, Code::NotPositive);
    assert_eq!(credit_note(&note(&[], 0)).unwrap_err().code, Code::NotPositive);
    let one = [credited(1)];
    let rounded = CreditNote { rounding: amount(-1), ..note(&one, 0) };
    assert_eq!(credit_note(&rounded).unwrap_err().code, Code::NotPositive);
}

#[test]
fn payments_by_hand_settle_and_what_is_too_much_is_kept() {
    let by_hand = |size| ByHand { customer: CUSTOMER, currency: Currency::USD, amount: amount(size) };
    assert_eq!(written(&payment_by_hand(by_hand(30), amount(100)).unwrap()), "D bank 30, C receivable 30");
    let over = payment_by_hand(by_hand(130), amount(100)).unwrap();
    assert_eq!(written(&over), "D bank 130, C receivable 100, C customer_balance 30");
    let (lines, applied) = apply_balance(CUSTOMER, Currency::USD, amount(30), amount(100)).unwrap().unwrap();
    assert_eq!((written(&lines).as_str(), applied), ("D customer_balance 30, C receivable 30", amount(30)));
    assert_eq!(apply_balance(CUSTOMER, Currency::USD, Amount::ZERO, amount(100)), Ok(None));
    assert_eq!(written(&write_off(CUSTOMER, Currency::USD, amount(70)).unwrap()), "D bad_debt 70, C receivable 70");
    let recovered = recovery_by_hand(by_hand(80), amount(70)).unwrap();
    assert_eq!(written(&recovered), "D bank 80, C bad_debt 70, C customer_balance 10");
}

fn fee(earned: i64) -> EarnedFee {
    EarnedFee { customer: CUSTOMER, subscription: SUBSCRIPTION, amount: amount(earned) }
}

fn recognized(fees: &[EarnedFee]) -> Option<(String, i64)> {
    let recognized = recognition(Currency::USD, fees).unwrap()?;
    Some((written(&recognized.lines), recognized.earned.micros()))
}

#[test]
fn what_a_day_earns_becomes_income_and_unused_time_takes_of_it() {
    assert_eq!(recognized(&[fee(100)]), Some(("D deferred 100, C revenue:subscription 100".to_owned(), 100)));
    assert_eq!(recognized(&[fee(-30)]), Some(("C deferred 30, D revenue:subscription 30".to_owned(), -30)));
    assert_eq!(recognized(&[fee(100), fee(-30)]), Some(("D deferred 70, C revenue:subscription 70".to_owned(), 70)));
    let other = EarnedFee { subscription: SubscriptionId::from_uuid(Uuid::from_u128(4)), ..fee(-100) };
    assert_eq!(recognized(&[fee(100), other]), Some(("D deferred 100, C deferred 100".to_owned(), 0)));
    assert_eq!(recognized(&[fee(100), fee(-100)]), None);
}

#[test]
fn a_void_invoice_gives_back_what_was_recognized_of_it_in_one_entry() {
    let invoice =
        Issue { customer: CUSTOMER, currency: Currency::USD, lines: &[line(ADVANCE, 100)], rounding: amount(0) };
    let (issued, _) = issue(&invoice).unwrap();
    let back = void(Currency::USD, issued.as_ref(), &[fee(40)]).unwrap().unwrap();
    let expected = "C receivable 100, D deferred 100, C deferred 40, D revenue:subscription 40";
    assert_eq!(written(&back), expected);
    assert_eq!(void(Currency::USD, issued.as_ref(), &[]).unwrap(), issued.map(|issued| mirror(&issued).unwrap()));
    let alone = void(Currency::USD, None, &[fee(40)]).unwrap().unwrap();
    assert_eq!(written(&alone), "C deferred 40, D revenue:subscription 40");
    assert_eq!(void(Currency::USD, None, &[]), Ok(None));
}

fn any_line() -> impl Strategy<Value = IssuedLine> {
    let parts = (any::<bool>(), -1_000i64..10_000, 0i64..100, prop::option::of((0i64..100, any::<bool>())));
    parts.prop_map(|(in_advance, size, discount, tax)| {
        let plain = line(if in_advance { ADVANCE } else { USAGE }, if in_advance { size } else { size.abs() });
        let line = IssuedLine { discount: amount(discount), ..plain };
        match tax {
            Some((tax, true)) => taxed(line, tax, TaxBehaviour::Inclusive),
            Some((tax, false)) => taxed(line, tax, TaxBehaviour::Exclusive),
            None => line,
        }
    })
}

proptest! {
    // promise P10
    #[test]
    fn an_invoice_posts_exactly_its_total_and_its_mirror_restores_every_balance(
        lines in prop::collection::vec(any_line(), 0..12), rounding in -50i64..50,
    ) {
        let invoice = Issue { customer: CUSTOMER, currency: Currency::USD, lines: &lines, rounding: amount(rounding) };
        let (posted, total) = issue(&invoice).unwrap();
        let sum: i64 = lines.iter().map(|line| {
            let on_top = line.tax.filter(|tax| tax.behaviour == TaxBehaviour::Exclusive);
            line.amount.micros() - line.discount.micros() + on_top.map_or(0, |tax| tax.amount.micros())
        }).sum();
        prop_assert_eq!(total.micros(), sum + rounding);
        if let Some(posted) = posted {
            let net = posted.net();
            let of = |account| net.get(&(account, Currency::USD)).copied().unwrap_or_default();
            let owed = of(Account::Receivable { customer: CUSTOMER }) - of(Account::CustomerBalance { customer: CUSTOMER });
            prop_assert_eq!(owed, i128::from(total.micros()));
            let back = mirror(&posted).unwrap().net();
            prop_assert!(net.iter().all(|(account, change)| back[account] == -change));
        }
    }

    #[test]
    fn usage_that_is_rated_and_taken_back_restores_every_balance(
        grants in prop::collection::vec((any::<bool>(), 1_i64..100), 0..6), size in 1_i64..400,
    ) {
        let mut book = Book::new(0);
        for (number, (paid, size)) in (1_u128..).zip(&grants) {
            book.grant(if *paid { Paid } else { Promotional }, number, *size, None);
        }
        let before = (book.non_zero(), book.wallet.clone());
        let charge = rated_usage(&book.wallet, amount(size), at(1)).unwrap();
        book.apply(&charge);
        book.check();
        let unbilled = charge.net().get(&(Account::Unbilled { customer: CUSTOMER }, Currency::USD)).copied();
        let unbilled = amount(i64::try_from(unbilled.unwrap_or_default()).unwrap());
        let (wallet, drawn, reason) = (book.wallet.clone(), drawn(&charge), ReturnReason::Revision);
        let all = ReturnRated { wallet: &wallet, drawn: &drawn, unbilled, amount: amount(size), reason, at: at(2) };
        book.apply(&return_rated(&all).unwrap());
        prop_assert_eq!(&(book.non_zero(), book.wallet.clone()), &before);
    }

    #[test]
    fn what_a_line_defers_is_what_its_entry_says(lines in prop::collection::vec(any_line(), 1..12)) {
        let invoice = Issue { customer: CUSTOMER, currency: Currency::USD, lines: &lines, rounding: Amount::ZERO };
        let (posted, _) = issue(&invoice).unwrap();
        let account = (Account::Deferred { customer: CUSTOMER, subscription: SUBSCRIPTION }, Currency::USD);
        let booked = posted.and_then(|posted| posted.net().get(&account).copied()).unwrap_or_default();
        let deferred = lines.iter().filter_map(|line| line.deferred().unwrap());
        let deferred: i128 = deferred.map(|(_, amount)| i128::from(amount.micros())).sum();
        prop_assert_eq!(booked, deferred);
    }
}
