//! Bills by hand and at random: every total is the sum of what is shown, in whatever order charges come.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::catalog::coupon::{Coupon, Discount, Duration};
use crate::ids::CustomerId;
use crate::ledger::recipes::{Income, Issue, issue};
use crate::unit_price::Percent;

fn amount(text: &str) -> Amount {
    Amount::parse(text).unwrap()
}

fn line<'a>(key: &'a str, revision: u32, text: &str) -> BillLine<'a> {
    BillLine {
        key,
        revision,
        subscription: Some(SubscriptionId::from_uuid(Uuid::from_u128(7))),
        amount: amount(text),
        prepaid: Amount::ZERO,
        promotional: Amount::ZERO,
        tax_category: None,
        behaviour: TaxBehaviour::Exclusive,
        rates_at: Instant::parse("2026-03-01T00:00:00Z").unwrap(),
        coupons: Vec::new(),
    }
}

fn german() -> (Vec<TaxRate>, CustomerTax) {
    let rates = r#"[{"key":"de","name":"VAT","country":"DE","percent":"19"}]"#;
    (serde_json::from_str(rates).unwrap(), serde_json::from_str(r#"{"country":"DE"}"#).unwrap())
}

fn bill_with(lines: &[BillLine<'_>], used: &BTreeMap<CouponPeriod, CouponUse>) -> Bill {
    let (tax_rates, tax) = german();
    let rounding = InvoiceRounding::PerInvoice;
    make_bill(lines, &BillRules { currency: Currency::USD, tax_rates: &tax_rates, tax: &tax, rounding, used }).unwrap()
}

fn bill(lines: &[BillLine<'_>]) -> Bill {
    bill_with(lines, &BTreeMap::new())
}

fn coupon(discount: Discount) -> Coupon {
    Coupon { key: "c".to_owned(), name: "C".to_owned(), discount, duration: Duration::Once, prices: None }
}

fn half() -> Coupon {
    coupon(Discount::Percent { percent: Percent::parse("50").unwrap() })
}

#[test]
fn a_line_names_its_rate_and_to_whom_the_tax_is_owed() {
    let bill = bill(&[line("base", 0, "100")]);
    let json = serde_json::to_value(&bill.taxes).unwrap();
    let expected = serde_json::json!([{ "rate": "de", "percent": "19", "behaviour": "exclusive", "name": "VAT",
        "jurisdiction": "DE", "net": "100.000000", "tax": "19.000000" }]);
    assert_eq!(json, expected);
    assert_eq!(bill.lines[0].tax_rate.as_ref().map(|rate| rate.jurisdiction.to_string()).as_deref(), Some("DE"));
    assert_eq!(bill.total, amount("119"));
}

#[test]
fn usage_paid_from_the_wallet_is_shown_in_full_and_not_due() {
    let usage = BillLine { prepaid: amount("8"), promotional: amount("8"), ..line("calls", 0, "10.5") };
    let bill = bill(&[usage]);
    assert_eq!((bill.subtotal, bill.prepaid, bill.promotional), (amount("10.5"), amount("8"), amount("8")));
    // Tax is 19 % of the 2.50 that were not granted: 0.475, half to even 0.48.
    assert_eq!((bill.tax, bill.due), (amount("0.48"), amount("2.98")));
}

#[test]
fn a_coupon_does_not_turn_a_grant_into_money() {
    let half = half();
    let coupons = vec![AppliedCoupon { coupon: &half, period: 0 }];
    let granted = BillLine { prepaid: amount("10"), promotional: amount("10"), coupons, ..line("calls", 0, "10") };
    let bill_of_grant = bill(std::slice::from_ref(&granted));
    assert_eq!((bill_of_grant.discount, bill_of_grant.due), (Amount::ZERO, Amount::ZERO));
    // Paid credit was the customer's own: half of it comes back, with tax on the other half to be paid.
    let paid = BillLine { promotional: Amount::ZERO, ..granted };
    let bill_of_paid = bill(&[paid]);
    assert_eq!((bill_of_paid.discount, bill_of_paid.tax), (amount("5"), amount("0.95")));
    assert_eq!(bill_of_paid.due, amount("-4.05"));
}

#[test]
fn a_fixed_coupon_of_another_currency_is_noted_and_skipped() {
    let euros = coupon(Discount::Fixed { amount: amount("5"), currency: Currency::parse("EUR").unwrap() });
    let coupons = vec![AppliedCoupon { coupon: &euros, period: 0 }];
    let bill = bill(&[BillLine { coupons, ..line("base", 0, "49") }]);
    assert_eq!(bill.discount, Amount::ZERO);
    assert_eq!(bill.notes, ["The coupon `c` takes off another currency than USD; it takes nothing off this bill."]);
}

#[test]
fn the_latest_revision_says_by_which_rules_the_line_is_billed() {
    let later = BillLine { coupons: Vec::new(), ..line("base", 1, "10") };
    let half = half();
    let first = BillLine { coupons: vec![AppliedCoupon { coupon: &half, period: 0 }], ..line("base", 0, "90") };
    let bill = bill(&[later, first]);
    assert_eq!(bill.lines.len(), 1);
    assert_eq!((bill.lines[0].charges.as_slice(), bill.lines[0].amount), ([1, 0].as_slice(), amount("100")));
    assert_eq!(bill.discount, Amount::ZERO);
}

#[test]
fn what_a_coupon_used_before_is_not_used_again() {
    let ten = coupon(Discount::Fixed { amount: amount("10"), currency: Currency::USD });
    let coupons = vec![AppliedCoupon { coupon: &ten, period: 0 }];
    let line = BillLine { coupons, ..line("calls", 0, "49") };
    let first = bill(std::slice::from_ref(&line));
    let used = &first.coupons[0];
    assert_eq!((used.of, used.off), (amount("49"), amount("10")));
    let before = BTreeMap::from([(used.name.clone(), CouponUse { of: used.of, off: used.off })]);
    assert_eq!(bill_with(&[line], &before).discount, Amount::ZERO);
}

/// Amount, share of it that a wallet paid in percent, revisions, inclusive.
type Given = (i64, i64, Vec<i64>, bool);

fn given() -> impl Strategy<Value = Vec<Given>> {
    let revisions = prop::collection::vec(-5_000_000i64..5_000_000, 0..3);
    prop::collection::vec((-50_000_000i64..500_000_000, 0i64..=100, revisions, any::<bool>()), 0..8)
}

fn charges<'a>(given: &[Given], keys: &'a [String], coupons: &[AppliedCoupon<'a>]) -> Vec<BillLine<'a>> {
    let mut charges = Vec::new();
    for ((micros, prepaid, revisions, is_inclusive), key) in given.iter().zip(keys) {
        let all = std::iter::once(micros).chain(revisions);
        for (revision, micros) in (0..).zip(all) {
            let prepaid = Amount::from_micros(micros / 100 * prepaid);
            let promotional = Amount::from_micros(prepaid.micros() / 3);
            let behaviour = if *is_inclusive { TaxBehaviour::Inclusive } else { TaxBehaviour::Exclusive };
            let amount = Amount::from_micros(*micros);
            let coupons = coupons.to_vec();
            charges.push(BillLine { amount, prepaid, promotional, behaviour, coupons, ..line(key, revision, "0") });
        }
    }
    charges
}

fn sorted(bill: Bill) -> Bill {
    let mut bill = bill;
    for line in &mut bill.lines {
        line.charges.clear();
    }
    bill.lines.sort_by(|one, other| one.key.cmp(&other.key));
    bill
}

proptest! {
    // promise P20
    #[test]
    fn what_is_shown_sums_to_the_total_in_whatever_order_the_charges_come(
        given in given(),
        off in 1i64..90_000_000,
        turn in any::<prop::sample::Index>(),
    ) {
        let keys: Vec<String> = (0..given.len()).map(|index| format!("key-{index}")).collect();
        let (half, fixed) = (half(), Coupon { key: "fixed".to_owned(),
            ..coupon(Discount::Fixed { amount: Amount::from_micros(off), currency: Currency::USD }) });
        let coupons = [AppliedCoupon { coupon: &half, period: 0 }, AppliedCoupon { coupon: &fixed, period: 2 }];
        let charges = charges(&given, &keys, &coupons);
        let one = bill(&charges);
        let sum = |amount: fn(&BilledLine) -> Amount| one.lines.iter().map(|line| amount(line).micros()).sum::<i64>();
        prop_assert_eq!(sum(|line| line.amount), one.subtotal.micros());
        prop_assert_eq!(sum(|line| line.discount), one.discount.micros());
        prop_assert_eq!(sum(|line| line.prepaid), one.prepaid.micros());
        prop_assert_eq!(sum(|line| line.tax), one.tax.micros());
        let off: i64 = one.coupons.iter().map(|used| used.off.micros()).sum();
        prop_assert_eq!(off, one.discount.micros());
        let added: i64 = one.taxes.iter().filter(|tax| tax.rate.applied.behaviour == TaxBehaviour::Exclusive)
            .map(|tax| tax.tax.micros()).sum();
        let due = one.subtotal.micros() - one.discount.micros() - one.prepaid.micros() + added + one.rounding.amount.micros();
        prop_assert_eq!(due, one.due.micros());
        let from = vec![BilledFrom::Unbilled(Income::Usage); charges.len()];
        let customer = CustomerId::from_uuid(Uuid::from_u128(8));
        let (lines, rounding) = (one.issued_lines(&from), one.rounding.amount);
        let posted = issue(&Issue { customer, currency: one.currency, lines: &lines, rounding }).unwrap();
        prop_assert_eq!(posted.1, one.due);
        let mut turned = charges.clone();
        turned.rotate_left(if charges.is_empty() { 0 } else { turn.index(charges.len()) });
        turned.reverse();
        prop_assert_eq!(sorted(bill(&turned)), sorted(one));
    }

    #[test]
    fn revisions_before_the_invoice_are_billed_as_if_there_had_been_one_charge(given in given()) {
        let keys: Vec<String> = (0..given.len()).map(|index| format!("key-{index}")).collect();
        let half = half();
        let charges = charges(&given, &keys, &[AppliedCoupon { coupon: &half, period: 0 }]);
        let at_once: Vec<BillLine<'_>> = keys.iter().map(|key| {
            let own: Vec<&BillLine<'_>> = charges.iter().filter(|charge| charge.key == key).collect();
            let sum = |amount: fn(&BillLine<'_>) -> Amount| Amount::checked_sum(own.iter().map(|charge| amount(charge))).unwrap();
            BillLine { amount: sum(|charge| charge.amount), prepaid: sum(|charge| charge.prepaid),
                promotional: sum(|charge| charge.promotional), revision: 0, ..(*own.last().unwrap()).clone() }
        }).collect();
        prop_assert_eq!(sorted(bill(&charges)), sorted(bill(&at_once)));
    }
}
