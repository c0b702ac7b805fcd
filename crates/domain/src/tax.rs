//! Tax on the lines of an invoice: summed by rate, rounded per rate to the minor unit (half-even), and split to the lines exactly.
//!
//! - Exclusive: `tax = round(Σ amounts × percent)`, on top of the amounts.
//! - Inclusive: `tax = round(Σ amounts × percent / (100 % + percent))`, part of the amounts.
//! - Reverse charge (EU directive 2006/112/EC, article 196) and exemption: no tax; amounts stay as they are and count as net.

use std::collections::BTreeMap;

use crate::amount::Amount;
use crate::named::named;
use crate::ratio::{OutOfRange, Ratio};
use crate::rounding::MinorUnit;
use crate::split::split_exact;
use crate::unit_price::Percent;

named! {
    /// Whether prices are told without or with tax.
    TaxBehaviour {
        Exclusive = "exclusive",
        Inclusive = "inclusive",
    }
}

/// Whether a customer is taxed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Treatment {
    Taxed,
    /// The customer owes the tax; the tax id is printed.
    ReverseCharge {
        tax_id: String,
    },
    /// The reason is printed.
    Exempt {
        reason: String,
    },
}

/// A rate as it applies to one line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AppliedRate {
    /// The key of the rate in the project.
    pub rate: String,
    pub percent: Percent,
    pub behaviour: TaxBehaviour,
}

/// One line to be taxed; the id breaks ties of the split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaxableLine<Id> {
    pub id: Id,
    pub amount: Amount,
    /// Absent: nothing is taxed here.
    pub rate: Option<AppliedRate>,
}

/// All lines of one rate.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RateTax {
    #[serde(rename = "appliedRate")]
    pub rate: AppliedRate,
    /// The amounts without tax.
    pub net: Amount,
    /// In whole minor units.
    pub tax: Amount,
}

/// The tax of an invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaxTotals {
    /// By rate, in the order of their keys.
    pub rates: Vec<RateTax>,
    /// The tax of each line, in the order of the lines; they sum to the tax of the rates.
    pub lines: Vec<Amount>,
    /// What comes on top of the amounts: the tax of exclusive rates.
    pub added: Amount,
    /// The tax of all rates.
    pub total: Amount,
}

/// Taxes lines for one customer.
///
/// ```
/// use domain::{amount::Amount, currency::Currency, rounding::MinorUnit, tax::*, unit_price::Percent};
/// let rate = |behaviour| Some(AppliedRate { rate: "vat-de".to_owned(), percent: Percent::parse("19").unwrap(), behaviour });
/// let line = |id, text, behaviour| TaxableLine { id, amount: Amount::parse(text).unwrap(), rate: rate(behaviour) };
/// let cents = MinorUnit::of(Currency::parse("EUR").unwrap());
/// let lines = [line(1, "0.13", TaxBehaviour::Exclusive), line(2, "0.13", TaxBehaviour::Exclusive), line(3, "119", TaxBehaviour::Inclusive)];
/// let totals = tax(&lines, &Treatment::Taxed, cents).unwrap();
/// assert_eq!(totals.lines.iter().map(|tax| tax.to_string()).collect::<Vec<_>>(), ["0.030000", "0.020000", "19.000000"]);
/// assert_eq!((totals.added.to_string().as_str(), totals.total.to_string().as_str()), ("0.050000", "19.050000"));
/// ```
///
/// # Errors
/// [`OutOfRange`] when a sum leaves the range of an amount.
pub fn tax<Id: Ord + Clone>(
    lines: &[TaxableLine<Id>],
    treatment: &Treatment,
    unit: MinorUnit,
) -> Result<TaxTotals, OutOfRange> {
    let mut by_rate: BTreeMap<&AppliedRate, Vec<usize>> = BTreeMap::new();
    for (index, line) in lines.iter().enumerate() {
        if let Some(rate) = &line.rate {
            by_rate.entry(rate).or_default().push(index);
        }
    }
    let zero = Amount::ZERO;
    let mut totals = TaxTotals { rates: Vec::new(), lines: vec![zero; lines.len()], added: zero, total: zero };
    for (rate, indexes) in by_rate {
        let sum = Amount::checked_sum(indexes.iter().map(|index| lines[*index].amount)).ok_or(OutOfRange)?;
        let share = match treatment {
            Treatment::Taxed => taxed_share(rate)?,
            Treatment::ReverseCharge { .. } | Treatment::Exempt { .. } => Ratio::ZERO,
        };
        let tax = unit.round(share.times(sum.into())?)?;
        let parts = indexes.iter().map(|index| {
            let count = share.times(lines[*index].amount.into())?.over(Ratio::decimal(1, unit.places())?)?;
            Ok((lines[*index].id.clone(), count))
        });
        let parts = parts.collect::<Result<Vec<(Id, Ratio)>, OutOfRange>>()?;
        for (index, count) in indexes.iter().zip(split_exact(tax.micros() / unit.micros(), &parts)?) {
            totals.lines[*index] = Amount::from_micros(count.checked_mul(unit.micros()).ok_or(OutOfRange)?);
        }
        let (net, added) = match rate.behaviour {
            TaxBehaviour::Exclusive => (sum, tax),
            TaxBehaviour::Inclusive => (sum.checked_sub(tax).ok_or(OutOfRange)?, zero),
        };
        totals.added = totals.added.checked_add(added).ok_or(OutOfRange)?;
        totals.total = totals.total.checked_add(tax).ok_or(OutOfRange)?;
        totals.rates.push(RateTax { rate: rate.clone(), net, tax });
    }
    Ok(totals)
}

/// The tax in one unit of the amount.
fn taxed_share(rate: &AppliedRate) -> Result<Ratio, OutOfRange> {
    let percent = Ratio::from(rate.percent);
    match rate.behaviour {
        TaxBehaviour::Exclusive => Ok(percent),
        TaxBehaviour::Inclusive => percent.over(Ratio::ONE.plus(percent)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(id: usize, micros: i64, percent: &str, behaviour: TaxBehaviour) -> TaxableLine<usize> {
        let rate = AppliedRate { rate: format!("r{percent}"), percent: Percent::parse(percent).unwrap(), behaviour };
        TaxableLine { id, amount: Amount::from_micros(micros), rate: Some(rate) }
    }

    fn cents() -> MinorUnit {
        MinorUnit::with_places(2).unwrap()
    }

    #[test]
    fn reverse_charge_and_exemption_leave_the_amounts_alone() {
        let lines =
            [line(1, 119_000_000, "19", TaxBehaviour::Inclusive), line(2, 1_000_000, "7", TaxBehaviour::Exclusive)];
        let reversed = Treatment::ReverseCharge { tax_id: "DE123456789".to_owned() };
        for treatment in [reversed, Treatment::Exempt { reason: "charity".to_owned() }] {
            let totals = tax(&lines, &treatment, cents()).unwrap();
            assert_eq!((totals.total, totals.added), (Amount::ZERO, Amount::ZERO));
            assert_eq!(totals.rates[0].net, Amount::from_micros(119_000_000));
        }
    }

    #[test]
    fn each_rate_rounds_once() {
        // Three times 0.005 of tax: 0.015, half to even 0.02; rounded line by line it would be 0.00.
        let lines = [1, 2, 3].map(|id| line(id, 50_000, "10", TaxBehaviour::Exclusive));
        let totals = tax(&lines, &Treatment::Taxed, cents()).unwrap();
        assert_eq!(totals.total, Amount::from_micros(20_000));
        assert_eq!(totals.lines, [10_000, 10_000, 0].map(Amount::from_micros));
    }

    #[test]
    fn a_line_without_a_rate_is_not_taxed() {
        let lines = [TaxableLine { id: 1, amount: Amount::from_micros(5), rate: None }];
        let totals = tax(&lines, &Treatment::Taxed, cents()).unwrap();
        assert_eq!((totals.rates.len(), totals.lines), (0, vec![Amount::ZERO]));
    }

    proptest! {
        #[test]
        fn the_tax_of_the_lines_is_the_tax_of_the_rates(
            lines in prop::collection::vec(
                (-1_000_000_000i64..10_000_000_000, prop::sample::select(vec!["0", "7", "19", "8.875", "25.5"]),
                    prop::sample::select(TaxBehaviour::ALL)), 0..20),
        ) {
            let lines: Vec<_> = lines.into_iter().enumerate()
                .map(|(id, (micros, percent, behaviour))| line(id, micros, percent, behaviour)).collect();
            let totals = tax(&lines, &Treatment::Taxed, cents()).unwrap();
            prop_assert_eq!(Amount::checked_sum(totals.lines.iter().copied()), Some(totals.total));
            prop_assert_eq!(Amount::checked_sum(totals.rates.iter().map(|rate| rate.tax)), Some(totals.total));
            prop_assert!(totals.lines.iter().all(|tax| tax.micros() % 10_000 == 0));
        }
    }
}
