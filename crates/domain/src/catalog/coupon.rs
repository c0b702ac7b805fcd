//! Coupons: a percentage or a fixed amount off, once, for some periods, or for ever.

use serde::{Deserialize, Deserializer};

use crate::amount::Amount;
use crate::catalog::key::check_key;
use crate::currency::Currency;
use crate::problems::Problems;
use crate::ratio::{OutOfRange, Ratio};
use crate::split::split_amount;
use crate::tagged::{self, NoFields, Tagged};
use crate::unit_price::Percent;

/// What a coupon takes off.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[schema(as = CouponDiscount)]
pub enum Discount {
    Percent { percent: Percent },
    Fixed { amount: Amount, currency: Currency },
}

/// For how long it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[schema(as = CouponDuration)]
pub enum Duration {
    Once,
    /// For the first so many billing periods, at least one.
    Periods {
        periods: u32,
    },
    Forever,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Coupon {
    pub key: String,
    pub name: String,
    pub discount: Discount,
    pub duration: Duration,
    /// Keys of the prices it is for; left out: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prices: Option<Vec<String>>,
}

impl Tagged for Discount {
    const TYPES: &'static [&'static str] = &["percent", "fixed"];

    fn read<'de, D: Deserializer<'de>>(kind: &str, fields: D) -> Result<Discount, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct OfPercent {
            percent: Percent,
        }
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Fixed {
            amount: Amount,
            currency: Currency,
        }
        match kind {
            "percent" => OfPercent::deserialize(fields).map(|OfPercent { percent }| Discount::Percent { percent }),
            "fixed" => {
                Fixed::deserialize(fields).map(|Fixed { amount, currency }| Discount::Fixed { amount, currency })
            }
            other => Err(tagged::unknown::<Discount, _>(other)),
        }
    }
}

impl<'de> Deserialize<'de> for Discount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Discount, D::Error> {
        tagged::deserialize(deserializer)
    }
}

impl Tagged for Duration {
    const TYPES: &'static [&'static str] = &["once", "periods", "forever"];

    fn read<'de, D: Deserializer<'de>>(kind: &str, fields: D) -> Result<Duration, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct OfPeriods {
            periods: u32,
        }
        match kind {
            "once" => NoFields::deserialize(fields).map(|NoFields {}| Duration::Once),
            "periods" => OfPeriods::deserialize(fields).map(|OfPeriods { periods }| Duration::Periods { periods }),
            "forever" => NoFields::deserialize(fields).map(|NoFields {}| Duration::Forever),
            other => Err(tagged::unknown::<Duration, _>(other)),
        }
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        tagged::deserialize(deserializer)
    }
}

impl Coupon {
    /// Whether it applies in the n-th period (from 0) after it was redeemed.
    pub fn applies_in(&self, period: u32) -> bool {
        match self.duration {
            Duration::Once => period == 0,
            Duration::Periods { periods } => period < periods,
            Duration::Forever => true,
        }
    }

    /// What is taken off each line, as positive amounts: of the sum of the positive lines, rounded once half-even to 10⁻⁶, never more than
    /// that sum, and split by largest remainder. Lines that are negative or zero stay as they are.
    ///
    /// ```
    /// use domain::{amount::Amount, catalog::coupon::Coupon};
    /// let coupon: Coupon = serde_json::from_str(r#"{ "key": "spring", "name": "Spring",
    ///     "discount": { "type": "fixed", "amount": "10", "currency": "EUR" }, "duration": { "type": "once" } }"#).unwrap();
    /// let amount = |text| Amount::parse(text).unwrap();
    /// let off = coupon.take_off(&[(1, amount("20")), (2, amount("10")), (3, amount("-5"))]).unwrap();
    /// assert_eq!(off, [amount("6.666667"), amount("3.333333"), amount("0")]);
    /// ```
    ///
    /// # Errors
    /// [`OutOfRange`] when the lines sum to more than an amount can be.
    pub fn take_off<Id: Ord + Clone>(&self, lines: &[(Id, Amount)]) -> Result<Vec<Amount>, OutOfRange> {
        let reduced = |amount: Amount| if amount.is_positive() { amount } else { Amount::ZERO };
        let sum = Amount::checked_sum(lines.iter().map(|(_, amount)| reduced(*amount))).ok_or(OutOfRange)?;
        if sum.is_zero() {
            return Ok(vec![Amount::ZERO; lines.len()]);
        }
        let off = match &self.discount {
            Discount::Percent { percent } => Ratio::from(*percent).times(sum.into())?.to_amount()?,
            Discount::Fixed { amount, .. } => *amount,
        };
        let weights = lines.iter().map(|(id, amount)| (id.clone(), reduced(*amount).micros().unsigned_abs()));
        split_amount(off.min(sum), &weights.collect::<Vec<_>>())
    }

    /// Finds what is wrong with the coupon at `path`.
    pub fn check(&self, path: &str, problems: &mut Problems) {
        check_key(&self.key, &format!("{path}.key"), problems);
        problems.require(!self.name.trim().is_empty(), format!("{path}.name"), "must not be empty.");
        match &self.discount {
            Discount::Percent { percent } => {
                let is_accepted = percent.is_positive() && *percent <= Percent::HUNDRED;
                problems.require(is_accepted, format!("{path}.discount.percent"), "must be above 0 and at most 100.");
            }
            Discount::Fixed { amount, .. } => {
                problems.require(amount.is_positive(), format!("{path}.discount.amount"), "must be greater than zero.");
            }
        }
        if let Duration::Periods { periods } = self.duration {
            problems.require(periods > 0, format!("{path}.duration.periods"), "must be at least 1.");
        }
        let names_some = self.prices.as_ref().is_none_or(|prices| !prices.is_empty());
        problems.require(names_some, format!("{path}.prices"), "must name prices, or be left out for all of them.");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn coupon(discount: Discount, duration: Duration) -> Coupon {
        Coupon { key: "c".to_owned(), name: "C".to_owned(), discount, duration, prices: None }
    }

    #[test]
    fn a_coupon_lasts_as_long_as_it_says() {
        let lasts = |duration| {
            let coupon = coupon(Discount::Percent { percent: Percent::HUNDRED }, duration);
            [0, 1, 2].map(|period| coupon.applies_in(period))
        };
        assert_eq!(lasts(Duration::Once), [true, false, false]);
        assert_eq!(lasts(Duration::Periods { periods: 2 }), [true, true, false]);
        assert_eq!(lasts(Duration::Forever), [true, true, true]);
    }

    proptest! {
        #[test]
        fn it_never_takes_more_than_there_is( // promise P20
            lines in prop::collection::vec(-1_000_000i64..10_000_000, 0..12),
            micros in 1i64..100_000_000,
            is_percent in any::<bool>(),
        ) {
            let percent = Percent::parse(&Amount::from_micros(micros).to_string()).unwrap();
            let fixed = Discount::Fixed { amount: Amount::from_micros(micros), currency: Currency::USD };
            let coupon = coupon(if is_percent { Discount::Percent { percent } } else { fixed }, Duration::Once);
            let lines: Vec<(usize, Amount)> = lines.into_iter().map(Amount::from_micros).enumerate().collect();
            let off = coupon.take_off(&lines).unwrap();
            for ((_, line), off) in lines.iter().zip(&off) {
                prop_assert!(!off.is_negative() && (off.is_zero() || off <= line));
            }
        }
    }
}
