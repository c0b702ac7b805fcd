//! What coupons take off the lines of an invoice: each coupon in each of its periods by itself, before tax.
//!
//! - A percentage is taken of each line, of negative ones too, and rounded half-even to 10⁻⁶. So it is of no matter which lines are on which
//!   invoice, and unused time comes back for what was paid for it.
//! - A fixed amount is taken once per subscription, coupon and period, whichever invoices its lines are on: all lines so far together cost
//!   `max(0, Σ − amount)`. What an invoice takes off is what that adds to the invoices before; less than zero when lines come back.
//! - Coupons of one line act one after another, each on what the earlier ones left. None acts on what promotional credit paid: a coupon
//!   never turns a grant into money.

use std::collections::{BTreeMap, BTreeSet};

use crate::amount::Amount;
use crate::catalog::coupon::{Coupon, Discount};
use crate::currency::Currency;
use crate::ids::SubscriptionId;
use crate::ratio::{OutOfRange, Ratio};
use crate::split::split_amount;
use crate::subscriptions::coupons::AppliedCoupon;
use crate::unit_price::Percent;

/// A coupon of a subscription in one of its periods; what belongs together across invoices.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CouponPeriod {
    /// Absent in estimates, which are of no subscription.
    pub subscription: Option<SubscriptionId>,
    pub coupon: String,
    /// Counted from 0 since the coupon was redeemed.
    pub period: u32,
}

/// What a coupon acted on in one of its periods, and what it took off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CouponUse {
    /// The sum of the lines, as far as earlier coupons left something of them.
    pub of: Amount,
    pub off: Amount,
}

impl CouponUse {
    pub const NONE: CouponUse = CouponUse { of: Amount::ZERO, off: Amount::ZERO };
}

/// A line that coupons act on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Discounted<'a> {
    /// Stable and unique among the lines; breaks ties.
    pub(super) id: &'a str,
    pub(super) subscription: Option<SubscriptionId>,
    /// What coupons act on.
    pub(super) amount: Amount,
    /// In the order in which they act.
    pub(super) coupons: &'a [AppliedCoupon<'a>],
}

/// What all coupons together take off.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Discounts {
    /// By line.
    pub(super) off: Vec<Amount>,
    pub(super) uses: Vec<(CouponPeriod, CouponUse)>,
    /// Coupons that take off another currency: they take off nothing.
    pub(super) foreign: BTreeSet<(Option<SubscriptionId>, String)>,
}

/// Takes coupons off lines. `used` is what they did on earlier invoices.
pub(super) fn take_off(
    lines: &[Discounted<'_>],
    currency: Currency,
    used: &BTreeMap<CouponPeriod, CouponUse>,
) -> Result<Discounts, OutOfRange> {
    let mut taken = Discounts { off: vec![Amount::ZERO; lines.len()], ..Discounts::default() };
    for (name, coupon) in in_order(lines) {
        if matches!(&coupon.discount, Discount::Fixed { currency: of, .. } if *of != currency) {
            taken.foreign.insert((name.subscription, name.coupon));
            continue;
        }
        let is_chosen = |line: &Discounted<'_>| {
            let is_named =
                |applied: &AppliedCoupon<'_>| applied.coupon.key == name.coupon && applied.period == name.period;
            line.subscription == name.subscription && line.coupons.iter().any(is_named)
        };
        let chosen: Vec<usize> = (0..lines.len()).filter(|index| is_chosen(&lines[*index])).collect();
        let left = chosen.iter().map(|index| {
            let left = lines[*index].amount.checked_sub(taken.off[*index]).ok_or(OutOfRange)?;
            Ok((lines[*index].id, left))
        });
        let left = left.collect::<Result<Vec<_>, OutOfRange>>()?;
        let before = used.get(&name).copied().unwrap_or(CouponUse::NONE);
        let off = match &coupon.discount {
            Discount::Percent { percent } => percent_off(*percent, &left)?,
            Discount::Fixed { amount, .. } => fixed_off(*amount, before, &left)?,
        };
        for (index, off) in chosen.iter().zip(&off) {
            taken.off[*index] = taken.off[*index].checked_add(*off).ok_or(OutOfRange)?;
        }
        let this = CouponUse { of: sum(left.iter().map(|(_, left)| *left))?, off: sum(off)? };
        taken.uses.push((name, this));
    }
    Ok(taken)
}

fn percent_off(percent: Percent, lines: &[(&str, Amount)]) -> Result<Vec<Amount>, OutOfRange> {
    lines.iter().map(|(_, amount)| Ratio::from(percent).times((*amount).into())?.to_amount()).collect()
}

fn fixed_off(amount: Amount, before: CouponUse, lines: &[(&str, Amount)]) -> Result<Vec<Amount>, OutOfRange> {
    let these = sum(lines.iter().map(|(_, amount)| *amount))?;
    let all = before.of.checked_add(these).ok_or(OutOfRange)?;
    let off = amount.min(all.max(Amount::ZERO)).checked_sub(before.off).ok_or(OutOfRange)?;
    // Between nothing and these lines, also when the amount of the coupon was another one before.
    let off = off.clamp(these.min(Amount::ZERO), these.max(Amount::ZERO));
    // What is taken off lowers the lines that cost something; what is given back, those that come back.
    let weighs = |line: Amount| if off.is_negative() { line.is_negative() } else { line.is_positive() };
    let weights = lines.iter().map(|(id, line)| (*id, if weighs(*line) { line.micros().unsigned_abs() } else { 0 }));
    if off.is_zero() { Ok(vec![Amount::ZERO; lines.len()]) } else { split_amount(off, &weights.collect::<Vec<_>>()) }
}

/// The coupons of all lines, each in each of its periods, so that those of a line come in the line's order. Where the lines leave it open,
/// or contradict each other, the smaller key comes first; the order of the lines is of no matter.
fn in_order<'a>(lines: &[Discounted<'a>]) -> Vec<(CouponPeriod, &'a Coupon)> {
    let mut ordered = Vec::new();
    let subscriptions: BTreeSet<Option<SubscriptionId>> =
        lines.iter().filter(|line| !line.coupons.is_empty()).map(|line| line.subscription).collect();
    for subscription in subscriptions {
        let of_subscription = |line: &&Discounted<'a>| line.subscription == subscription;
        let mut coupons: BTreeMap<&str, BTreeMap<u32, &'a Coupon>> = BTreeMap::new();
        let mut before: BTreeSet<(&str, &str)> = BTreeSet::new();
        for line in lines.iter().filter(of_subscription) {
            for applied in line.coupons {
                coupons.entry(&applied.coupon.key).or_default().insert(applied.period, applied.coupon);
            }
            before
                .extend(line.coupons.windows(2).map(|pair| (pair[0].coupon.key.as_str(), pair[1].coupon.key.as_str())));
        }
        while let Some(first) = coupons.keys().next().copied() {
            let is_free = |key: &&str| {
                !before.iter().any(|(one, other)| other == key && one != other && coupons.contains_key(one))
            };
            let key = coupons.keys().copied().find(is_free).unwrap_or(first);
            for (period, coupon) in coupons.remove(key).unwrap_or_default() {
                ordered.push((CouponPeriod { subscription, coupon: key.to_owned(), period }, coupon));
            }
        }
    }
    ordered
}

fn sum(amounts: impl IntoIterator<Item = Amount>) -> Result<Amount, OutOfRange> {
    Amount::checked_sum(amounts).ok_or(OutOfRange)
}

#[cfg(test)]
mod tests;
