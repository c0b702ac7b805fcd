//! Coupons of a subscription: in which billing periods of a price each one applies.
//!
//! A coupon acts on what is billed from its redemption on. Its first period is, in arrears, the one that holds the redemption; in
//! advance, the first that is billed at the redemption or later. A trial uses nothing up; a pause does, as time goes by.
//!
//! Each price counts its own periods, and periods of one number belong together: a fixed amount is taken off all lines of the n-th
//! periods once, whichever invoices they are on.

use crate::catalog::coupon::Coupon;
use crate::catalog::price::Timing;
use crate::subscriptions::segments::{BilledPrice, Subscription};
use crate::time::Instant;

/// A coupon in one of its periods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AppliedCoupon<'a> {
    pub coupon: &'a Coupon,
    /// Counted from 0 since it was redeemed.
    pub period: u32,
}

impl<'a> Subscription<'a> {
    /// The coupons that apply to a period of a price, in the order in which they were redeemed, then by key.
    pub fn coupons(&self, price: &BilledPrice, number: i64) -> Vec<AppliedCoupon<'a>> {
        let Some(period) = self.schedule(price).period(number) else { return Vec::new() };
        let Some(state) = self.timeline.points().iter().rev().find(|point| point.at < period.end) else {
            return Vec::new();
        };
        let mut redeemed: Vec<(Instant, &String)> = state.state.coupons.iter().map(|(key, at)| (*at, key)).collect();
        redeemed.sort_unstable();
        let applies = |(at, key): (Instant, &String)| {
            let coupon = self.offers.coupons.get(key)?;
            let is_chosen = coupon.prices.as_ref().is_none_or(|prices| prices.contains(&price.price.price));
            let period = u32::try_from(number.checked_sub(self.first_period(price, at)?)?).ok()?;
            (is_chosen && coupon.applies_in(period)).then_some(AppliedCoupon { coupon, period })
        };
        redeemed.into_iter().filter_map(applies).collect()
    }

    /// The number of the first period of a price on which a coupon acts that was redeemed at `at`.
    fn first_period(&self, price: &BilledPrice, at: Instant) -> Option<i64> {
        let paid_from = self.timeline.paid_from();
        let schedule = self.schedule(price);
        let number = schedule.number_at(at.max(paid_from))?;
        match price.rhythm.timing {
            Timing::Arrears => Some(number),
            Timing::Advance => {
                let billed_at = schedule.period(number)?.start.max(paid_from);
                if at <= billed_at { Some(number) } else { number.checked_add(1) }
            }
        }
    }
}

#[cfg(test)]
mod tests;
