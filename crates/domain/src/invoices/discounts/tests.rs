//! Coupons by hand and at random: what a fixed amount takes off does not depend on which invoices its lines are on.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::catalog::coupon::Duration;

fn coupon(key: &str, discount: Discount) -> Coupon {
    Coupon { key: key.to_owned(), name: key.to_owned(), discount, duration: Duration::Forever, prices: None }
}

fn percent(key: &str, text: &str) -> Coupon {
    coupon(key, Discount::Percent { percent: Percent::parse(text).unwrap() })
}

fn fixed(key: &str, text: &str) -> Coupon {
    coupon(key, Discount::Fixed { amount: amount(text), currency: Currency::USD })
}

fn amount(text: &str) -> Amount {
    Amount::parse(text).unwrap()
}

fn subscription() -> Option<SubscriptionId> {
    Some(SubscriptionId::from_uuid(Uuid::from_u128(7)))
}

/// Each line with its amount and the coupons that act on it, all in their first period.
fn lines<'a>(given: &'a [(&'a str, &'a str, Vec<AppliedCoupon<'a>>)]) -> Vec<Discounted<'a>> {
    let line = |(id, text, coupons): &'a (&'a str, &'a str, Vec<AppliedCoupon<'a>>)| Discounted {
        id,
        subscription: subscription(),
        amount: amount(text),
        coupons,
    };
    given.iter().map(line).collect()
}

fn first(coupon: &Coupon) -> AppliedCoupon<'_> {
    AppliedCoupon { coupon, period: 0 }
}

fn texts(discounts: &Discounts) -> Vec<String> {
    discounts.off.iter().map(Amount::to_string).collect()
}

fn taken(lines: &[Discounted<'_>]) -> Discounts {
    take_off(lines, Currency::USD, &BTreeMap::new()).unwrap()
}

#[test]
fn a_fixed_amount_is_split_by_what_the_lines_cost() {
    let ten = fixed("ten", "10");
    let given = [("1", "20", vec![first(&ten)]), ("2", "10", vec![first(&ten)])];
    assert_eq!(texts(&taken(&lines(&given))), ["6.666667", "3.333333"]);
}

#[test]
fn coupons_act_one_after_another_each_on_what_the_earlier_ones_left() {
    let (half, ten) = (percent("z-half", "50"), fixed("ten", "10"));
    let half_first = [("base", "49", vec![first(&ten)]), ("calls", "2.123456", vec![first(&half), first(&ten)])];
    let discounts = taken(&lines(&half_first));
    // 1.061728 for the calls, then 10.00 split by what was left of both lines.
    assert_eq!(sum(discounts.off.iter().copied()).unwrap(), amount("11.061728"));
    let keys: Vec<&str> = discounts.uses.iter().map(|(name, _)| name.coupon.as_str()).collect();
    assert_eq!(keys, ["z-half", "ten"]);
    assert_eq!(discounts.uses[1].1, CouponUse { of: amount("50.061728"), off: amount("10") });
}

#[test]
fn lines_that_contradict_each_other_are_still_billed_in_one_order() {
    let (one, two) = (percent("a", "50"), fixed("b", "10"));
    let given = [("1", "30", vec![first(&two), first(&one)]), ("2", "30", vec![first(&one), first(&two)])];
    let keys: Vec<String> = taken(&lines(&given)).uses.into_iter().map(|(name, _)| name.coupon).collect();
    assert_eq!(keys, ["a", "b"]);
}

#[test]
fn unused_time_comes_back_for_what_was_paid_for_it() {
    let half = percent("half", "50");
    let given = [("fee", "31", vec![first(&half)]), ("credit", "-21", vec![first(&half)])];
    assert_eq!(texts(&taken(&lines(&given))), ["15.500000", "-10.500000"]);
}

#[test]
fn a_fixed_amount_is_taken_once_in_a_period_on_whichever_invoices_its_lines_are() {
    let ten = fixed("ten", "10");
    let billed = |text: &str, used: CouponUse| {
        let given = [("fee", text, vec![first(&ten)])];
        let name = CouponPeriod { subscription: subscription(), coupon: "ten".to_owned(), period: 0 };
        let before = BTreeMap::from([(name, used)]);
        take_off(&lines(&given), Currency::USD, &before).unwrap().off[0].to_string()
    };
    let used = |of: &str, off: &str| CouponUse { of: amount(of), off: amount(off) };
    assert_eq!(billed("4", CouponUse::NONE), "4.000000");
    assert_eq!(billed("20", used("4", "4")), "6.000000");
    assert_eq!(billed("20", used("24", "10")), "0.000000");
    // All of it comes back: the customer gets what was paid, not what it cost.
    assert_eq!(billed("-24", used("24", "10")), "-10.000000");
    assert_eq!(billed("-20", used("24", "10")), "-6.000000");
}

#[test]
fn each_period_of_a_coupon_is_its_own() {
    let ten = fixed("ten", "10");
    let second = vec![AppliedCoupon { coupon: &ten, period: 1 }];
    let given = [("march", "49", vec![first(&ten)]), ("april", "49", second), ("may", "49", vec![])];
    assert_eq!(texts(&taken(&lines(&given))), ["10.000000", "10.000000", "0.000000"]);
}

#[test]
fn a_fixed_amount_of_another_currency_takes_nothing_off_and_is_named() {
    let euros = coupon("euros", Discount::Fixed { amount: amount("5"), currency: Currency::parse("EUR").unwrap() });
    let discounts = taken(&lines(&[("base", "49", vec![first(&euros)])]));
    assert_eq!(texts(&discounts), ["0.000000"]);
    assert!(discounts.uses.is_empty() && discounts.foreign.contains(&(subscription(), "euros".to_owned())));
}

proptest! {
    // promise P20
    #[test]
    fn however_lines_are_spread_over_invoices_a_fixed_coupon_takes_the_same_off(
        micros in prop::collection::vec(-20_000_000i64..30_000_000, 1..8),
        off in 1i64..60_000_000,
        at in any::<prop::sample::Index>(),
    ) {
        let ten = coupon("c", Discount::Fixed { amount: Amount::from_micros(off), currency: Currency::USD });
        let coupons = [first(&ten)];
        let ids: Vec<String> = (0..micros.len()).map(|index| index.to_string()).collect();
        let all: Vec<Discounted<'_>> = micros.iter().zip(&ids).map(|(micros, id)| Discounted {
            id, subscription: subscription(), amount: Amount::from_micros(*micros), coupons: &coupons,
        }).collect();
        let at = at.index(all.len());
        let once = taken(&all);
        let before = taken(&all[..at]);
        let used: BTreeMap<CouponPeriod, CouponUse> = before.uses.into_iter().collect();
        let after = take_off(&all[at..], Currency::USD, &used).unwrap();
        let total = |off: &[Amount]| sum(off.iter().copied()).unwrap().micros();
        prop_assert_eq!(total(&once.off), total(&before.off) + total(&after.off));
        let cost: i64 = micros.iter().sum();
        prop_assert_eq!(total(&once.off), off.min(cost.max(0)));
        for (line, off) in all.iter().zip(&once.off) {
            let is_within = |line: Amount| off.micros().unsigned_abs() <= line.micros().unsigned_abs();
            prop_assert!(off.is_zero() || (is_within(line.amount) && off.is_negative() == line.amount.is_negative()));
        }
    }
}
