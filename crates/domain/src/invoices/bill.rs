//! The charges of one payer as a bill: revisions put together, coupons, wallets, tax, the one rounding. Estimates, previews, drafts and
//! issued invoices are made by this one function.
//!
//! The revisions of one charge are one line: its amount is their sum, and everything else is as the latest one says. So a line looks the
//! same however often its charge was revised before the invoice.

use std::collections::BTreeMap;

use crate::amount::Amount;
use crate::catalog::tax::TaxRate;
use crate::charges::charge::{Charge, ChargeCoupon};
use crate::currency::Currency;
use crate::customer_tax::CustomerTax;
use crate::ids::SubscriptionId;
use crate::invoice_totals::{RatedLine, TotalRules, total_lines};
use crate::invoices::discounts::{CouponPeriod, CouponUse, Discounted, take_off};
use crate::ledger::jurisdiction::Jurisdiction;
use crate::ledger::recipes::{BilledFrom, IssuedLine, LineTax};
use crate::ratio::{OutOfRange, Ratio};
use crate::refusal::{Code, Refusal};
use crate::rounding::{InvoiceRounding, MinorUnit};
use crate::subscriptions::coupons::AppliedCoupon;
use crate::tax::{AppliedRate, RateTax, TaxBehaviour, Treatment};
use crate::time::Instant;

/// A charge about to be billed, in the currency of the bill. One that gives money back is negative in all its amounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillLine<'a> {
    /// What the charge is known by, whatever it comes to; breaks ties.
    pub key: &'a str,
    /// Counted per key; each key and revision is given once.
    pub revision: u32,
    pub subscription: Option<SubscriptionId>,
    /// What this revision adds.
    pub amount: Amount,
    /// What of it a wallet paid.
    pub prepaid: Amount,
    /// What of that was promotional credit.
    pub promotional: Amount,
    pub tax_category: Option<&'a str>,
    pub behaviour: TaxBehaviour,
    /// The instant whose tax rates hold.
    pub rates_at: Instant,
    /// In the order in which they act.
    pub coupons: Vec<AppliedCoupon<'a>>,
}

/// How charges become a bill.
#[derive(Debug, Clone, Copy)]
pub struct BillRules<'a> {
    pub currency: Currency,
    pub tax_rates: &'a [TaxRate],
    /// Of who pays.
    pub tax: &'a CustomerTax,
    pub rounding: InvoiceRounding,
    /// What coupons did on the invoices before.
    pub used: &'a BTreeMap<CouponPeriod, CouponUse>,
}

/// What charges come to for one payer.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Bill {
    pub currency: Currency,
    /// In the order in which their keys first went in.
    pub lines: Vec<BilledLine>,
    /// `Σ amount` of the lines.
    pub subtotal: Amount,
    pub discount: Amount,
    pub coupons: Vec<UsedCoupon>,
    pub treatment: Treatment,
    pub taxes: Vec<BilledTax>,
    /// The tax of all rates, inclusive ones too.
    pub tax: Amount,
    pub rounding: RoundingStep,
    /// What wallets paid of the lines when they were charged; never due again.
    pub prepaid: Amount,
    /// What of that was promotional credit.
    pub promotional: Amount,
    /// `subtotal − discount + exclusive tax + rounding`.
    pub total: Amount,
    /// What is to be paid: `total − prepaid`, in whole minor units. Less than zero, it is the customer's.
    pub due: Amount,
    /// What should be known about the bill.
    pub notes: Vec<String>,
}

/// One line of a bill.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BilledLine {
    /// What its charge is known by.
    pub key: String,
    /// Which of the charges that went in it is made of, by revision.
    #[serde(skip)]
    pub charges: Vec<usize>,
    pub amount: Amount,
    pub discount: Amount,
    /// After the discount, and rounded under `perLine`.
    pub net: Amount,
    pub prepaid: Amount,
    pub promotional: Amount,
    /// The tax rate that was found; `null`: no tax.
    pub tax_rate: Option<LineRate>,
    /// Part of `net` where the rate is inclusive, on top of it where it is exclusive.
    pub tax: Amount,
}

/// The tax rate of a line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LineRate {
    #[serde(flatten)]
    pub applied: AppliedRate,
    pub name: String,
    /// To whom the tax is owed.
    #[schema(value_type = String, example = "US-CA")]
    pub jurisdiction: Jurisdiction,
}

/// All lines of one tax rate.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BilledTax {
    #[serde(flatten)]
    pub rate: LineRate,
    /// The amounts without tax.
    pub net: Amount,
    /// In whole minor units.
    pub tax: Amount,
}

/// What a coupon did in one of its periods.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsedCoupon {
    #[serde(skip)]
    pub name: CouponPeriod,
    #[serde(rename = "key")]
    pub key: String,
    /// Counted from 0 since it was redeemed.
    pub period: u32,
    /// What it acted on.
    pub of: Amount,
    pub off: Amount,
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

impl<'a> From<&'a Charge> for BillLine<'a> {
    fn from(charge: &'a Charge) -> BillLine<'a> {
        let applied = |applied: &'a ChargeCoupon| AppliedCoupon { coupon: &applied.coupon, period: applied.period };
        BillLine {
            key: &charge.key,
            revision: charge.revision,
            subscription: charge.subscription,
            amount: charge.amount,
            prepaid: charge.prepaid,
            promotional: charge.promotional,
            tax_category: charge.tax_category.as_deref(),
            behaviour: charge.tax_behaviour,
            rates_at: charge.rates_at,
            coupons: charge.coupons.iter().map(applied).collect(),
        }
    }
}

impl Bill {
    /// The lines as the entry that issues them books them; `from` says by charge where its money stands.
    ///
    /// # Panics
    /// When `from` is not one for each of the charges that went in.
    pub fn issued_lines(&self, from: &[BilledFrom]) -> Vec<IssuedLine> {
        let lines = self.lines.iter().map(|line| {
            let tax = line.tax_rate.as_ref().map(|rate| LineTax {
                jurisdiction: rate.jurisdiction,
                amount: line.tax,
                behaviour: rate.applied.behaviour,
            });
            let charge = line.charges[0];
            let (amount, discount, prepaid) = (line.amount, line.discount, line.prepaid);
            IssuedLine { from: from[charge], amount, discount, prepaid, tax }
        });
        lines.collect()
    }
}

impl BilledTax {
    /// As estimates show it.
    pub fn without_place(self) -> RateTax {
        RateTax { rate: self.rate.applied, net: self.net, tax: self.tax }
    }
}

/// Makes a bill of charges. Pure; the order of the charges is of no matter for any amount.
///
/// # Errors
/// [`Code::QuantityOutOfRange`] when a sum does not fit; [`Code::InvalidValue`] for a tax rate of no possible place.
pub fn make_bill(charges: &[BillLine<'_>], rules: &BillRules<'_>) -> Result<Bill, Refusal> {
    let merged = merge(charges)?;
    let discountable = merged.iter().map(|line| {
        let latest = line.latest;
        let amount = line.amount.checked_sub(line.promotional).ok_or(OutOfRange)?;
        Ok(Discounted { id: latest.key, subscription: latest.subscription, amount, coupons: &latest.coupons })
    });
    let discountable = discountable.collect::<Result<Vec<_>, OutOfRange>>()?;
    let discounts = take_off(&discountable, rules.currency, rules.used)?;
    let rates = merged.iter().map(|line| line_rate(line.latest, rules)).collect::<Result<Vec<_>, _>>()?;
    let rated = merged.iter().zip(&discounts.off).zip(&rates).map(|((line, discount), rate)| RatedLine {
        id: line.latest.key,
        amount: line.amount,
        discount: *discount,
        prepaid: line.prepaid,
        promotional: line.promotional,
        tax: rate.as_ref().map(|rate| rate.applied.clone()),
    });
    let unit = MinorUnit::of(rules.currency);
    let treatment = rules.tax.treatment();
    let total_rules = TotalRules { treatment: &treatment, rounding: rules.rounding, unit };
    let totals = total_lines(&rated.collect::<Vec<_>>(), &total_rules)?;
    let parts = merged.iter().zip(&discounts.off).zip(&rates).zip(&totals.lines);
    let lines = parts.map(|(((line, discount), rate), totalled)| BilledLine {
        key: line.latest.key.to_owned(),
        charges: line.charges.clone(),
        amount: line.amount,
        discount: *discount,
        net: totalled.net,
        prepaid: line.prepaid,
        promotional: line.promotional,
        tax_rate: rate.clone(),
        tax: totalled.tax,
    });
    Ok(Bill {
        currency: rules.currency,
        lines: lines.collect(),
        subtotal: totals.subtotal,
        discount: totals.discount,
        coupons: discounts.uses.into_iter().map(used).collect(),
        treatment,
        taxes: taxes(totals.taxes, &rates),
        tax: totals.tax,
        rounding: RoundingStep {
            policy: rules.rounding,
            minor_unit: Amount::from_micros(unit.micros()).into(),
            amount: totals.rounding,
        },
        prepaid: totals.prepaid,
        promotional: Amount::checked_sum(merged.iter().map(|line| line.promotional)).ok_or(OutOfRange)?,
        total: totals.total,
        due: totals.due,
        notes: discounts.foreign.iter().map(|(_, coupon)| foreign_coupon(coupon, rules.currency)).collect(),
    })
}

/// All revisions of one charge.
struct Merged<'a> {
    charges: Vec<usize>,
    latest: &'a BillLine<'a>,
    amount: Amount,
    prepaid: Amount,
    promotional: Amount,
}

fn merge<'a>(charges: &'a [BillLine<'a>]) -> Result<Vec<Merged<'a>>, OutOfRange> {
    let mut by_key: BTreeMap<&str, usize> = BTreeMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (index, charge) in charges.iter().enumerate() {
        let group = *by_key.entry(charge.key).or_insert(groups.len());
        if group == groups.len() {
            groups.push(Vec::new());
        }
        groups[group].push(index);
    }
    let merged = groups.into_iter().map(|mut group| {
        group.sort_by_key(|index| charges[*index].revision);
        let sum = |amount: fn(&BillLine<'_>) -> Amount| {
            Amount::checked_sum(group.iter().map(|index| amount(&charges[*index]))).ok_or(OutOfRange)
        };
        let (amount, prepaid) = (sum(|charge| charge.amount)?, sum(|charge| charge.prepaid)?);
        let promotional = sum(|charge| charge.promotional)?;
        // Cannot fail: a group begins with the charge that made it.
        let latest = &charges[*group.last().expect("a group holds a charge")];
        Ok(Merged { charges: group, latest, amount, prepaid, promotional })
    });
    merged.collect()
}

/// The rate of the line's category at the payer's place when the line is due.
fn line_rate(line: &BillLine<'_>, rules: &BillRules<'_>) -> Result<Option<LineRate>, Refusal> {
    let Some(rate) = TaxRate::find(rules.tax_rates, line.tax_category, rules.tax.place(), line.rates_at) else {
        return Ok(None);
    };
    let jurisdiction = Jurisdiction::of(rate.country.as_deref(), rate.region.as_deref()).map_err(|error| {
        Refusal::field(Code::InvalidValue, "taxRates", format!("The place of the tax rate `{}` {error}.", rate.key))
    })?;
    let applied = AppliedRate { rate: rate.key.clone(), percent: rate.percent, behaviour: line.behaviour };
    Ok(Some(LineRate { applied, name: rate.name.clone(), jurisdiction }))
}

fn taxes(totals: Vec<RateTax>, rates: &[Option<LineRate>]) -> Vec<BilledTax> {
    let named = totals.into_iter().filter_map(|RateTax { rate, net, tax }| {
        // Each rate is that of a line.
        let rate = rates.iter().flatten().find(|line| line.applied == rate)?;
        Some(BilledTax { rate: rate.clone(), net, tax })
    });
    named.collect()
}

fn used((name, use_): (CouponPeriod, CouponUse)) -> UsedCoupon {
    UsedCoupon { key: name.coupon.clone(), period: name.period, of: use_.of, off: use_.off, name }
}

fn foreign_coupon(coupon: &str, currency: Currency) -> String {
    format!("The coupon `{coupon}` takes off another currency than {currency}; it takes nothing off this bill.")
}

#[cfg(test)]
mod tests;
