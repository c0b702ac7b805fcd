//! The lines of one customer as a bill: custom assets as money where a rate makes it of them, discounts, tax, and the one rounding. An
//! invoice is made by the same function.

use std::collections::BTreeMap;

use crate::amount::Amount;
use crate::catalog::coupon::{Coupon, Discount};
use crate::catalog::tax::TaxRate;
use crate::charges::line::ChargeLine;
use crate::currency::Currency;
use crate::customer_tax::CustomerTax;
use crate::invoice_totals::{RatedLine, TotalRules, total_lines};
use crate::named::named;
use crate::ratio::{OutOfRange, Ratio};
use crate::refusal::{Code, Refusal};
use crate::rounding::{InvoiceRounding, MinorUnit};
use crate::tax::{AppliedRate, RateTax, TaxBehaviour, Treatment};
use crate::time::Instant;

named! {
    /// What an estimate was made from.
    EstimateBasis {
        /// Quantities that were given, for one whole period of each price.
        Quantities = "quantities",
        /// What the customer used in a range of time.
        Usage = "usage",
    }
}

/// How lines become a bill.
#[derive(Debug, Clone, Copy)]
pub struct BillRules<'a> {
    pub currency: Currency,
    pub behaviour: TaxBehaviour,
    /// In the order in which they are taken off.
    pub coupons: &'a [Coupon],
    pub tax_rates: &'a [TaxRate],
    pub tax: &'a CustomerTax,
    pub rounding: InvoiceRounding,
    /// The instant whose tax rates hold for lines of no particular period.
    pub at: Instant,
}

/// What lines come to for one customer.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Estimate {
    pub currency: Currency,
    pub lines: Vec<EstimateLine>,
    /// What is charged in units that no rate makes money of, by asset; not part of the total.
    pub assets: Vec<AssetTotal>,
    /// `Σ amount` of the lines in the currency.
    pub subtotal: Amount,
    pub discount: Amount,
    pub treatment: Treatment,
    pub taxes: Vec<RateTax>,
    /// The tax of all rates, inclusive ones too.
    pub tax: Amount,
    pub rounding: RoundingStep,
    /// What is to be paid: `subtotal − discount + exclusive tax + rounding`.
    pub total: Amount,
}

/// A line with what was taken off it and its tax.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EstimateLine {
    #[serde(flatten)]
    pub charge: ChargeLine,
    /// What it is in the currency of the bill; `null` for an asset that no rate makes money of, and then nothing below is there.
    pub money: Option<Amount>,
    pub discount: Amount,
    /// After the discount, and rounded under `perLine`.
    pub net: Amount,
    /// The tax rate that was found; `null`: no tax.
    pub tax_rate: Option<AppliedRate>,
    /// Part of `net` where the rate is inclusive, on top of it where it is exclusive.
    pub tax: Amount,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AssetTotal {
    pub asset: String,
    pub amount: Amount,
}

/// The one rounding of a bill.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoundingStep {
    pub policy: InvoiceRounding,
    /// The least amount that can be paid in the currency.
    pub minor_unit: Ratio,
    /// What the rounding changed.
    pub amount: Amount,
}

/// Makes a bill of lines.
///
/// # Errors
/// [`Code::QuantityOutOfRange`] when a sum does not fit; [`Code::InvalidValue`] for a fixed coupon in another currency.
pub fn make_bill(lines: Vec<ChargeLine>, rules: &BillRules<'_>) -> Result<Estimate, Refusal> {
    check_coupons(rules)?;
    let rates: Vec<Option<AppliedRate>> = lines.iter().map(|line| applied_rate(line, rules)).collect();
    let rated = lines.iter().zip(&rates).filter_map(|(line, tax)| {
        let amount = line.money(rules.currency)?;
        let tax = tax.clone();
        Some(RatedLine { id: line.id.clone(), price: line.price.clone(), period: line.number, amount, tax })
    });
    let unit = MinorUnit::of(rules.currency);
    let treatment = rules.tax.treatment();
    let total_rules = TotalRules { coupons: rules.coupons, treatment: &treatment, rounding: rules.rounding, unit };
    let totals = total_lines(&rated.collect::<Vec<_>>(), &total_rules)?;
    let assets = assets(&lines, rules.currency)?;
    let mut totalled = totals.lines.into_iter();
    let lines = lines.into_iter().zip(rates).map(|(charge, tax_rate)| {
        let money = charge.money(rules.currency);
        let Some(line) = money.and_then(|_| totalled.next()) else {
            let zero = Amount::ZERO;
            return EstimateLine { charge, money: None, discount: zero, net: zero, tax_rate: None, tax: zero };
        };
        EstimateLine { charge, money, discount: line.discount, net: line.net, tax_rate, tax: line.tax }
    });
    Ok(Estimate {
        currency: rules.currency,
        lines: lines.collect(),
        assets,
        subtotal: totals.subtotal,
        discount: totals.discount,
        treatment,
        taxes: totals.taxes,
        tax: totals.tax,
        rounding: RoundingStep {
            policy: rules.rounding,
            minor_unit: Amount::from_micros(unit.micros()).into(),
            amount: totals.rounding,
        },
        total: totals.total,
    })
}

fn check_coupons(rules: &BillRules<'_>) -> Result<(), Refusal> {
    for coupon in rules.coupons {
        if let Discount::Fixed { currency, .. } = &coupon.discount
            && *currency != rules.currency
        {
            let detail = format!(
                "The coupon `{}` takes off {currency}, and the bill is in {}. Leave it out, or choose another.",
                coupon.key, rules.currency
            );
            return Err(Refusal::field(Code::InvalidValue, "coupons", detail));
        }
    }
    Ok(())
}

/// The rate of the line's category at the customer's place when the line is due.
fn applied_rate(line: &ChargeLine, rules: &BillRules<'_>) -> Option<AppliedRate> {
    let (category, at) = (line.tax_category.as_deref(), line.due_at(rules.at));
    let rate = TaxRate::find(rules.tax_rates, category, rules.tax.place(), at)?;
    Some(AppliedRate { rate: rate.key.clone(), percent: rate.percent, behaviour: rules.behaviour })
}

/// The sums of what no rate makes money of.
fn assets(lines: &[ChargeLine], currency: Currency) -> Result<Vec<AssetTotal>, OutOfRange> {
    let mut sums: BTreeMap<&str, Amount> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.money(currency).is_none()) {
        let sum = sums.entry(line.asset.code()).or_insert(Amount::ZERO);
        *sum = sum.checked_add(line.amount).ok_or(OutOfRange)?;
    }
    Ok(sums.into_iter().map(|(asset, amount)| AssetTotal { asset: asset.to_owned(), amount }).collect())
}
