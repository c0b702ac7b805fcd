//! Coupons: a percentage or a fixed amount off, once, for some periods, or for ever. What one takes off an invoice is in
//! [`crate::invoices::discounts`].

use serde::{Deserialize, Deserializer};

use crate::amount::Amount;
use crate::catalog::key::check_key;
use crate::currency::Currency;
use crate::problems::Problems;
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
}
