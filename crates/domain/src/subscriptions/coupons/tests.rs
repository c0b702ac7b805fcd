//! Three periods of a coupon, counted for prices in advance and in arrears.

use crate::subscriptions::change::{Change, CouponRedeemed, Created};
use crate::subscriptions::samples::*;

/// The numbers of the first ten periods in which the coupon applies.
fn applies(told: &Told, price: &str) -> Vec<i64> {
    let price = told.price(price);
    let subscription = told.subscription();
    let first = subscription.schedule(&price).number_at(told.timeline.started_at()).unwrap();
    (0..10).filter(|number| !subscription.coupons(&price, first + number).is_empty()).collect()
}

fn spring() -> Change {
    Change::CouponRedeemed(CouponRedeemed { coupon: "spring".to_owned() })
}

#[test]
fn a_coupon_for_three_periods_begins_with_the_subscription() {
    let told = Told::of(Created { coupons: ["spring".to_owned()].into(), ..created("team") });
    assert_eq!(applies(&told, "base"), [0, 1, 2]);
    assert_eq!(applies(&told, "calls"), [0, 1, 2]);
    let (price, subscription) = (told.price("base"), told.subscription());
    assert_eq!(subscription.coupons(&price, 2)[0].period, 2);
}

#[test]
fn redeemed_in_a_period_it_acts_on_what_is_billed_from_then_on() {
    let told = Told::new("team").then("2024-02-10", spring());
    assert_eq!(applies(&told, "base"), [1, 2, 3]);
    assert_eq!(applies(&told, "calls"), [1, 2, 3]);
    let at_the_start = Told::new("team").then("2024-02-29", spring());
    assert_eq!(applies(&at_the_start, "base"), [1, 2, 3]);
}

#[test]
fn a_trial_uses_nothing_up() {
    let trial = Created { trial_ends_at: Some(at("2024-03-05")), ..created("team") };
    let told = Told::of(Created { coupons: ["spring".to_owned()].into(), ..trial });
    // The first paid period in advance is that of 29 February, of which the trial took a part.
    assert_eq!(applies(&told, "base"), [1, 2, 3]);
}

#[test]
fn a_coupon_for_some_prices_leaves_the_others_alone() {
    let mut told = Told::new("team").then("2024-01-31", spring());
    told.offers.coupons.get_mut("spring").unwrap().prices = Some(vec!["base".to_owned()]);
    assert_eq!(applies(&told, "seats"), Vec::<i64>::new());
    assert_eq!(applies(&told, "base"), [0, 1, 2]);
}
