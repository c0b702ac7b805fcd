//! The lines of one customer as an estimate: custom assets as money where a rate makes it of them, and then the bill that an invoice would
//! be ([`crate::invoices::bill`]).

use std::collections::BTreeMap;

use crate::amount::Amount;
use crate::catalog::coupon::{Coupon, Discount};
use crate::catalog::tax::TaxRate;
use crate::charges::line::ChargeLine;
use crate::currency::Currency;
use crate::customer_tax::CustomerTax;
use crate::invoices::bill::{BillLine, BillRules, BilledTax, RoundingStep, make_bill};
use crate::named::named;
use crate::ratio::OutOfRange;
use crate::refusal::{Code, Refusal};
use crate::rounding::InvoiceRounding;
use crate::subscriptions::coupons::AppliedCoupon;
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

/// How lines become an estimate.
#[derive(Debug, Clone, Copy)]
pub struct EstimateRules<'a> {
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

/// Makes an estimate of lines: a bill of charges that nobody made, with every coupon redeemed in the first period.
///
/// # Errors
/// [`Code::QuantityOutOfRange`] when a sum does not fit; [`Code::InvalidValue`] for a fixed coupon in another currency.
pub fn make_estimate(lines: Vec<ChargeLine>, rules: &EstimateRules<'_>) -> Result<Estimate, Refusal> {
    check_coupons(rules)?;
    let charges = lines.iter().filter_map(|line| Some(bill_line(line, line.money(rules.currency)?, rules)));
    let bill_rules = BillRules {
        currency: rules.currency,
        tax_rates: rules.tax_rates,
        tax: rules.tax,
        rounding: rules.rounding,
        used: &BTreeMap::new(),
    };
    let bill = make_bill(&charges.collect::<Vec<_>>(), &bill_rules)?;
    let assets = assets(&lines, rules.currency)?;
    let mut billed = bill.lines.into_iter();
    let lines = lines.into_iter().map(|charge| {
        let money = charge.money(rules.currency);
        let Some(line) = money.and_then(|_| billed.next()) else {
            let zero = Amount::ZERO;
            return EstimateLine { charge, money: None, discount: zero, net: zero, tax_rate: None, tax: zero };
        };
        let tax_rate = line.tax_rate.map(|rate| rate.applied);
        EstimateLine { charge, money, discount: line.discount, net: line.net, tax_rate, tax: line.tax }
    });
    Ok(Estimate {
        currency: rules.currency,
        lines: lines.collect(),
        assets,
        subtotal: bill.subtotal,
        discount: bill.discount,
        treatment: bill.treatment,
        taxes: bill.taxes.into_iter().map(BilledTax::without_place).collect(),
        tax: bill.tax,
        rounding: bill.rounding,
        total: bill.total,
    })
}

fn bill_line<'a>(line: &'a ChargeLine, amount: Amount, rules: &EstimateRules<'a>) -> BillLine<'a> {
    let acts = |coupon: &&Coupon| {
        let is_chosen = coupon.prices.as_ref().is_none_or(|prices| prices.contains(&line.price));
        is_chosen && coupon.applies_in(line.number)
    };
    let coupons = rules.coupons.iter().filter(acts);
    BillLine {
        key: &line.id,
        revision: 0,
        subscription: None,
        amount,
        prepaid: Amount::ZERO,
        promotional: Amount::ZERO,
        tax_category: line.tax_category.as_deref(),
        behaviour: rules.behaviour,
        rates_at: line.due_at(rules.at),
        coupons: coupons.map(|coupon| AppliedCoupon { coupon, period: line.number }).collect(),
    }
}

fn check_coupons(rules: &EstimateRules<'_>) -> Result<(), Refusal> {
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

/// The sums of what no rate makes money of.
fn assets(lines: &[ChargeLine], currency: Currency) -> Result<Vec<AssetTotal>, OutOfRange> {
    let mut sums: BTreeMap<&str, Amount> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.money(currency).is_none()) {
        let sum = sums.entry(line.asset.code()).or_insert(Amount::ZERO);
        *sum = sum.checked_add(line.amount).ok_or(OutOfRange)?;
    }
    Ok(sums.into_iter().map(|(asset, amount)| AssetTotal { asset: asset.to_owned(), amount }).collect())
}
