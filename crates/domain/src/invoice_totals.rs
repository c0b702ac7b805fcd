//! From rated lines to what is to be paid: discounts, tax, the one rounding. An estimate and an invoice are made by the same function.
//!
//! 1. Coupons take off one after another, in the order given, each from what the earlier ones left ([`Coupon::take_off`]), and in each
//!    billing period by itself.
//! 2. Under `perLine` each line is rounded to the minor unit; under `perInvoice` lines keep six places.
//! 3. Tax is summed and rounded per rate ([`crate::tax`]).
//! 4. `total = round(Σ lines) + tax that comes on top`; what the rounding changed is `rounding`, and shown.

use std::collections::BTreeSet;

use crate::amount::Amount;
use crate::catalog::coupon::Coupon;
use crate::ratio::OutOfRange;
use crate::rounding::{InvoiceRounding, MinorUnit, round_invoice};
use crate::tax::{AppliedRate, RateTax, TaxableLine, Treatment, tax};

/// A rated line before discounts and tax.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RatedLine {
    /// Stable and unique among the lines; breaks ties of splits.
    pub id: String,
    /// The key of its price, by which coupons choose lines.
    pub price: String,
    /// The billing period of the line, counted from 0 since coupons were redeemed: a coupon takes off once in each period it applies in.
    pub period: u32,
    pub amount: Amount,
    pub tax: Option<AppliedRate>,
}

/// How the lines of one customer are totalled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TotalRules<'a> {
    pub coupons: &'a [Coupon],
    pub treatment: &'a Treatment,
    pub rounding: InvoiceRounding,
    pub unit: MinorUnit,
}

/// A line with what was taken off it and its tax. `amount − discount` is what is taxed and summed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TotalledLine {
    pub id: String,
    pub amount: Amount,
    pub discount: Amount,
    /// After the discount, and rounded under `perLine`.
    pub net: Amount,
    /// Part of `net` where the rate is inclusive, on top of it where it is exclusive.
    pub tax: Amount,
}

/// The totals of an estimate or an invoice.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InvoiceTotals {
    /// In the order in which the lines went in.
    pub lines: Vec<TotalledLine>,
    /// `Σ amount`.
    pub subtotal: Amount,
    /// `Σ discount`.
    pub discount: Amount,
    pub taxes: Vec<RateTax>,
    /// The tax of all rates, inclusive ones too.
    pub tax: Amount,
    /// What the rounding to the minor unit changed.
    pub rounding: Amount,
    /// What is to be paid: `subtotal − discount + exclusive tax + rounding`.
    pub total: Amount,
}

/// Totals rated lines.
///
/// # Errors
/// [`OutOfRange`] when a sum leaves the range of an amount.
pub fn total_lines(lines: &[RatedLine], rules: &TotalRules<'_>) -> Result<InvoiceTotals, OutOfRange> {
    let subtotal = sum(lines.iter().map(|line| line.amount))?;
    let discounts = discounts(lines, rules.coupons)?;
    let reduced = lines.iter().zip(&discounts).map(|(line, off)| line.amount.checked_sub(*off).ok_or(OutOfRange));
    let rounded = round_invoice(&reduced.collect::<Result<Vec<_>, _>>()?, rules.rounding, rules.unit)?;
    let taxable: Vec<TaxableLine<&str>> = lines
        .iter()
        .zip(&rounded.lines)
        .map(|(line, net)| TaxableLine { id: line.id.as_str(), amount: *net, rate: line.tax.clone() })
        .collect();
    let taxes = tax(&taxable, rules.treatment, rules.unit)?;
    let parts = lines.iter().zip(&discounts).zip(rounded.lines.iter().zip(&taxes.lines));
    let totalled = parts.map(|((line, discount), (net, tax))| TotalledLine {
        id: line.id.clone(),
        amount: line.amount,
        discount: *discount,
        net: *net,
        tax: *tax,
    });
    Ok(InvoiceTotals {
        lines: totalled.collect(),
        subtotal,
        discount: sum(discounts.iter().copied())?,
        total: rounded.total.checked_add(taxes.added).ok_or(OutOfRange)?,
        rounding: rounded.difference,
        tax: taxes.total,
        taxes: taxes.rates,
    })
}

/// What all coupons together take off each line.
fn discounts(lines: &[RatedLine], coupons: &[Coupon]) -> Result<Vec<Amount>, OutOfRange> {
    let mut taken = vec![Amount::ZERO; lines.len()];
    let periods: BTreeSet<u32> = lines.iter().map(|line| line.period).collect();
    let uses = coupons.iter().flat_map(|coupon| periods.iter().map(move |period| (coupon, *period)));
    for (coupon, period) in uses.filter(|(coupon, period)| coupon.applies_in(*period)) {
        let is_chosen = |line: &RatedLine| coupon.prices.as_ref().is_none_or(|prices| prices.contains(&line.price));
        let applies = |line: &RatedLine| line.period == period && is_chosen(line);
        let chosen: Vec<usize> = (0..lines.len()).filter(|index| applies(&lines[*index])).collect();
        let left = chosen.iter().map(|index| {
            let left = lines[*index].amount.checked_sub(taken[*index]).ok_or(OutOfRange)?;
            Ok((lines[*index].id.as_str(), left))
        });
        let off = coupon.take_off(&left.collect::<Result<Vec<_>, OutOfRange>>()?)?;
        for (index, off) in chosen.into_iter().zip(off) {
            taken[index] = taken[index].checked_add(off).ok_or(OutOfRange)?;
        }
    }
    Ok(taken)
}

fn sum(amounts: impl IntoIterator<Item = Amount>) -> Result<Amount, OutOfRange> {
    Amount::checked_sum(amounts).ok_or(OutOfRange)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tax::TaxBehaviour;
    use crate::unit_price::Percent;
    use proptest::prelude::*;

    fn line(id: &str, amount: &str, behaviour: TaxBehaviour) -> RatedLine {
        let percent = Percent::parse("19").unwrap();
        RatedLine {
            id: id.to_owned(),
            price: id.to_owned(),
            period: 0,
            amount: Amount::parse(amount).unwrap(),
            tax: Some(AppliedRate { rate: "vat".to_owned(), percent, behaviour }),
        }
    }

    fn coupons() -> Vec<Coupon> {
        serde_json::from_str(
            r#"[{"key":"half","name":"Half of calls","discount":{"type":"percent","percent":"50"},
                 "duration":{"type":"forever"},"prices":["calls"]},
                {"key":"ten","name":"Ten off","discount":{"type":"fixed","amount":"10","currency":"EUR"},
                 "duration":{"type":"once"}}]"#,
        )
        .unwrap()
    }

    fn rules(coupons: &[Coupon], rounding: InvoiceRounding) -> TotalRules<'_> {
        TotalRules { coupons, treatment: &Treatment::Taxed, rounding, unit: MinorUnit::with_places(2).unwrap() }
    }

    #[test]
    fn coupons_come_before_tax_and_one_after_another() {
        let lines = [line("base", "49", TaxBehaviour::Exclusive), line("calls", "2.123456", TaxBehaviour::Exclusive)];
        let coupons = coupons();
        let totals = total_lines(&lines, &rules(&coupons, InvoiceRounding::PerInvoice)).unwrap();
        let text = |amount: Amount| amount.to_string();
        assert_eq!(text(totals.subtotal), "51.123456");
        // 1.061728 for the calls, then 10.00 split by what was left of both lines.
        assert_eq!(text(totals.discount), "11.061728");
        assert_eq!(
            (text(totals.tax), text(totals.rounding), text(totals.total)),
            ("7.610000".to_owned(), "-0.001728".to_owned(), "47.670000".to_owned())
        );
    }

    #[test]
    fn a_coupon_takes_off_in_each_period_it_applies_in() {
        let base = |period| RatedLine { period, ..line(&period.to_string(), "49", TaxBehaviour::Exclusive) };
        let lines = [base(0), base(1), base(2)];
        let coupons: Vec<Coupon> = serde_json::from_str(
            r#"[{"key":"ten","name":"Ten off","discount":{"type":"fixed","amount":"10","currency":"EUR"},
                 "duration":{"type":"periods","periods":2}}]"#,
        )
        .unwrap();
        let totals = total_lines(&lines, &rules(&coupons, InvoiceRounding::PerInvoice)).unwrap();
        let off: Vec<i64> = totals.lines.iter().map(|line| line.discount.micros()).collect();
        assert_eq!(off, [10_000_000, 10_000_000, 0]);
    }

    #[test]
    fn per_line_the_printed_lines_sum_to_the_total() {
        // checklist 51
        let lines = [line("a", "0.004", TaxBehaviour::Inclusive), line("b", "0.004", TaxBehaviour::Inclusive)];
        let once = total_lines(&lines, &rules(&[], InvoiceRounding::PerInvoice)).unwrap();
        let each = total_lines(&lines, &rules(&[], InvoiceRounding::PerLine)).unwrap();
        assert_eq!((once.total.micros(), each.total.micros()), (10_000, 0));
        assert_eq!((once.rounding.micros(), each.rounding.micros()), (2_000, -8_000));
    }

    proptest! {
        #[test]
        fn every_total_is_the_sum_of_what_is_shown( // promise P20
            amounts in prop::collection::vec((-1_000_000i64..1_000_000_000, any::<bool>()), 0..12),
            with_coupons in any::<bool>(),
            rounding in prop::sample::select(InvoiceRounding::ALL),
        ) {
            let lines: Vec<RatedLine> = amounts.iter().enumerate().map(|(index, (micros, is_inclusive))| {
                let behaviour = if *is_inclusive { TaxBehaviour::Inclusive } else { TaxBehaviour::Exclusive };
                RatedLine { amount: Amount::from_micros(*micros), ..line(&index.to_string(), "0", behaviour) }
            }).collect();
            let coupons = if with_coupons { coupons() } else { Vec::new() };
            let totals = total_lines(&lines, &rules(&coupons, rounding)).unwrap();
            let exclusive = totals.taxes.iter().filter(|tax| tax.rate.behaviour == TaxBehaviour::Exclusive);
            let added: i64 = exclusive.map(|tax| tax.tax.micros()).sum();
            let expected = totals.subtotal.micros() - totals.discount.micros() + added + totals.rounding.micros();
            prop_assert_eq!(totals.total.micros(), expected);
            prop_assert_eq!(totals.total.micros() % 10_000, 0);
            let of_lines: i64 = totals.lines.iter().map(|line| line.tax.micros()).sum();
            prop_assert_eq!(of_lines, totals.tax.micros());
            let is_printed = totals.lines.iter().map(|line| line.net.micros()).sum::<i64>() + added == totals.total.micros();
            prop_assert!(is_printed || rounding == InvoiceRounding::PerInvoice);
        }
    }
}
