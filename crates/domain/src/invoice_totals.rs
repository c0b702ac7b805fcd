//! From rated lines to what is to be paid: tax, and the one rounding. An estimate and an invoice are made by the same function.
//!
//! 1. What a coupon takes off ([`crate::invoices::discounts`]) and what a wallet paid already is no longer to be paid.
//! 2. Under `perLine` each line is rounded to the minor unit; under `perInvoice` lines keep six places. What is rounded is what is to be
//!    paid: a line that a wallet paid in full is paid to the last millionth.
//! 3. Tax is summed and rounded per rate ([`crate::tax`]), of all but what promotional credit paid.
//! 4. `due = round(Σ (amount − discount − prepaid)) + tax that comes on top`; what the rounding changed is `rounding`, and shown.

use crate::amount::Amount;
use crate::ratio::OutOfRange;
use crate::rounding::{InvoiceRounding, MinorUnit, round_invoice};
use crate::tax::{AppliedRate, RateTax, TaxableLine, Treatment, tax};

/// A rated line before tax; a line that gives money back is negative in all its amounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RatedLine<'a> {
    /// Stable and unique among the lines; breaks ties of splits.
    pub id: &'a str,
    pub amount: Amount,
    pub discount: Amount,
    /// What a wallet paid of it.
    pub prepaid: Amount,
    /// What of that was promotional credit, which nobody is taxed for.
    pub promotional: Amount,
    pub tax: Option<AppliedRate>,
}

/// How the lines of one customer are totalled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TotalRules<'a> {
    pub treatment: &'a Treatment,
    pub rounding: InvoiceRounding,
    pub unit: MinorUnit,
}

/// What a line came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TotalledLine {
    /// After the discount, and rounded under `perLine`.
    pub net: Amount,
    /// Part of `net` where the rate is inclusive, on top of it where it is exclusive.
    pub tax: Amount,
}

/// The totals of an estimate or an invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoiceTotals {
    /// In the order in which the lines went in.
    pub lines: Vec<TotalledLine>,
    /// `Σ amount`.
    pub subtotal: Amount,
    /// `Σ discount`.
    pub discount: Amount,
    /// `Σ prepaid`.
    pub prepaid: Amount,
    /// In the order of the rates.
    pub taxes: Vec<RateTax>,
    /// The tax of all rates, inclusive ones too.
    pub tax: Amount,
    /// What the rounding to the minor unit changed.
    pub rounding: Amount,
    /// `subtotal − discount + exclusive tax + rounding`.
    pub total: Amount,
    /// What is to be paid: `total − prepaid`, in whole minor units.
    pub due: Amount,
}

/// Totals rated lines.
///
/// # Errors
/// [`OutOfRange`] when a sum leaves the range of an amount.
pub fn total_lines(lines: &[RatedLine<'_>], rules: &TotalRules<'_>) -> Result<InvoiceTotals, OutOfRange> {
    let to_pay = lines.iter().map(|line| less(less(line.amount, line.discount)?, line.prepaid));
    let rounded = round_invoice(&to_pay.collect::<Result<Vec<_>, _>>()?, rules.rounding, rules.unit)?;
    let nets = lines.iter().zip(&rounded.lines).map(|(line, due)| due.checked_add(line.prepaid).ok_or(OutOfRange));
    let nets = nets.collect::<Result<Vec<Amount>, _>>()?;
    let taxable = lines.iter().zip(&nets).map(|(line, net)| {
        Ok(TaxableLine { id: line.id, amount: less(*net, line.promotional)?, rate: line.tax.clone() })
    });
    let taxes = tax(&taxable.collect::<Result<Vec<_>, OutOfRange>>()?, rules.treatment, rules.unit)?;
    let totalled = nets.iter().zip(&taxes.lines).map(|(net, tax)| TotalledLine { net: *net, tax: *tax });
    let prepaid = sum(lines.iter().map(|line| line.prepaid))?;
    let due = rounded.total.checked_add(taxes.added).ok_or(OutOfRange)?;
    Ok(InvoiceTotals {
        lines: totalled.collect(),
        subtotal: sum(lines.iter().map(|line| line.amount))?,
        discount: sum(lines.iter().map(|line| line.discount))?,
        prepaid,
        total: due.checked_add(prepaid).ok_or(OutOfRange)?,
        due,
        rounding: rounded.difference,
        tax: taxes.total,
        taxes: taxes.rates,
    })
}

fn sum(amounts: impl IntoIterator<Item = Amount>) -> Result<Amount, OutOfRange> {
    Amount::checked_sum(amounts).ok_or(OutOfRange)
}

fn less(amount: Amount, taken: Amount) -> Result<Amount, OutOfRange> {
    amount.checked_sub(taken).ok_or(OutOfRange)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tax::TaxBehaviour;
    use crate::unit_price::Percent;
    use proptest::prelude::*;

    fn line(id: &'static str, amount: &str, behaviour: TaxBehaviour) -> RatedLine<'static> {
        let percent = Percent::parse("19").unwrap();
        RatedLine {
            id,
            amount: Amount::parse(amount).unwrap(),
            discount: Amount::ZERO,
            prepaid: Amount::ZERO,
            promotional: Amount::ZERO,
            tax: Some(AppliedRate { rate: "vat".to_owned(), percent, behaviour }),
        }
    }

    fn rules(rounding: InvoiceRounding) -> TotalRules<'static> {
        TotalRules { treatment: &Treatment::Taxed, rounding, unit: MinorUnit::with_places(2).unwrap() }
    }

    #[test]
    fn per_line_the_printed_lines_sum_to_the_total() {
        // checklist 51
        let lines = [line("a", "0.004", TaxBehaviour::Inclusive), line("b", "0.004", TaxBehaviour::Inclusive)];
        let once = total_lines(&lines, &rules(InvoiceRounding::PerInvoice)).unwrap();
        let each = total_lines(&lines, &rules(InvoiceRounding::PerLine)).unwrap();
        assert_eq!((once.total.micros(), each.total.micros()), (10_000, 0));
        assert_eq!((once.rounding.micros(), each.rounding.micros()), (2_000, -8_000));
    }

    #[test]
    fn what_a_wallet_paid_is_never_due_and_paid_to_the_last_millionth() {
        let amount = Amount::parse("10.123456").unwrap();
        let untaxed = RatedLine { prepaid: amount, tax: None, ..line("a", "10.123456", TaxBehaviour::Exclusive) };
        for policy in InvoiceRounding::ALL {
            let totals = total_lines(std::slice::from_ref(&untaxed), &rules(*policy)).unwrap();
            assert_eq!((totals.due, totals.rounding, totals.prepaid), (Amount::ZERO, Amount::ZERO, amount));
            assert_eq!(totals.lines[0].net, amount);
        }
    }

    #[test]
    fn paid_credit_is_taxed_when_it_is_drawn_and_promotional_credit_is_not() {
        let hundred = Amount::parse("100").unwrap();
        let paid = RatedLine { prepaid: hundred, ..line("a", "100", TaxBehaviour::Exclusive) };
        let taxed = total_lines(std::slice::from_ref(&paid), &rules(InvoiceRounding::PerInvoice)).unwrap();
        assert_eq!((taxed.tax.to_string().as_str(), taxed.due.to_string().as_str()), ("19.000000", "19.000000"));
        let granted = RatedLine { promotional: Amount::parse("60").unwrap(), ..paid };
        let partly = total_lines(&[granted], &rules(InvoiceRounding::PerInvoice)).unwrap();
        assert_eq!((partly.tax.to_string().as_str(), partly.due.to_string().as_str()), ("7.600000", "7.600000"));
    }

    proptest! {
        #[test]
        fn every_total_is_the_sum_of_what_is_shown( // promise P20
            amounts in prop::collection::vec((-1_000_000i64..1_000_000_000, 0i64..=100, 0i64..=100, any::<bool>()), 0..12),
            rounding in prop::sample::select(InvoiceRounding::ALL),
        ) {
            let ids: Vec<String> = (0..amounts.len()).map(|index| index.to_string()).collect();
            let lines: Vec<RatedLine<'_>> = amounts.iter().zip(&ids).map(|((micros, off, prepaid, is_inclusive), id)| {
                let behaviour = if *is_inclusive { TaxBehaviour::Inclusive } else { TaxBehaviour::Exclusive };
                let percent = |percent: i64, of: i64| Amount::from_micros(of / 100 * percent);
                let discount = percent(*off, *micros);
                let prepaid = percent(*prepaid, micros - discount.micros());
                let promotional = percent(50, prepaid.micros());
                RatedLine { id, amount: Amount::from_micros(*micros), discount, prepaid, promotional, ..line("", "0", behaviour) }
            }).collect();
            let totals = total_lines(&lines, &rules(rounding)).unwrap();
            let exclusive = totals.taxes.iter().filter(|tax| tax.rate.behaviour == TaxBehaviour::Exclusive);
            let added: i64 = exclusive.map(|tax| tax.tax.micros()).sum();
            let [subtotal, discount, prepaid, rounded] =
                [totals.subtotal, totals.discount, totals.prepaid, totals.rounding].map(Amount::micros);
            prop_assert_eq!(totals.due.micros(), subtotal - discount - prepaid + added + rounded);
            prop_assert_eq!(totals.due.micros() % 10_000, 0);
            let of_lines: i64 = totals.lines.iter().map(|line| line.tax.micros()).sum();
            prop_assert_eq!(of_lines, totals.tax.micros());
            let net: i64 = totals.lines.iter().map(|line| line.net.micros()).sum();
            prop_assert!(net + added - prepaid == totals.due.micros() || rounding == InvoiceRounding::PerInvoice);
        }
    }
}
