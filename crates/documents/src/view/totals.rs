//! From the subtotal to what is due, and what the law wants said about it.

use domain::amount::Amount;
use domain::invoices::document::{Kind, TaxLine};
use domain::tax::{TaxBehaviour, Treatment};

use crate::locale::fill;
use crate::view::{Figure, Pen, Total, Weight};

pub(super) fn totals(pen: Pen<'_>) -> Vec<Total> {
    let Pen { document, words, .. } = pen;
    let mut totals = vec![total(pen, words.subtotal.to_owned(), document.subtotal, Weight::Plain)];
    if !document.discount.is_zero() {
        totals.push(total(pen, words.discount.to_owned(), negated(document.discount), Weight::Plain));
    }
    let (exclusive, inclusive): (Vec<&TaxLine>, Vec<&TaxLine>) =
        printed_taxes(pen).partition(|tax| tax.behaviour == TaxBehaviour::Exclusive);
    for tax in exclusive {
        totals.push(total(pen, tax_label(pen, words.tax_on, tax), tax.tax, Weight::Plain));
    }
    if !document.rounding.amount.is_zero() {
        totals.push(total(pen, words.rounding.to_owned(), document.rounding.amount, Weight::Plain));
    }
    totals.push(total(pen, words.total.to_owned(), document.total, Weight::Strong));
    for tax in inclusive {
        totals.push(total(pen, tax_label(pen, words.tax_included, tax), tax.tax, Weight::Aside));
    }
    if !document.prepaid_applied.is_zero() {
        totals.push(total(pen, words.prepaid.to_owned(), negated(document.prepaid_applied), Weight::Plain));
    }
    if !document.balance_applied.is_zero() {
        let label = if document.balance_applied.is_negative() { words.to_balance } else { words.balance_applied };
        totals.push(total(pen, label.to_owned(), negated(document.balance_applied), Weight::Plain));
    }
    let due = match document.kind {
        Kind::Invoice { .. } => words.amount_due,
        Kind::CreditNote { .. } => words.amount_credited,
    };
    let mut due = total(pen, due.to_owned(), document.amount_due, Weight::Due);
    due.amount.text = pen.locale.money(document.amount_due, pen.currency);
    totals.push(due);
    totals
}

pub(super) fn notes(pen: Pen<'_>) -> Vec<String> {
    let by_law = match &pen.document.treatment {
        Treatment::Taxed => None,
        Treatment::ReverseCharge { tax_id } => Some(fill(pen.words.reverse_charge, &[tax_id])),
        Treatment::Exempt { reason } => Some(fill(pen.words.exempt, &[reason])),
    };
    by_law.into_iter().chain(pen.document.notes.clone()).collect()
}

/// Where nothing is taxed, a rate with a tax of zero would only raise questions: the note says why.
fn printed_taxes<'a>(pen: Pen<'a>) -> impl Iterator<Item = &'a TaxLine> {
    let is_taxed = pen.document.treatment == Treatment::Taxed;
    pen.document.taxes.iter().filter(move |tax| is_taxed || !tax.tax.is_zero())
}

fn tax_label(pen: Pen<'_>, pattern: &str, tax: &TaxLine) -> String {
    let base = pen.locale.amount(tax.base, pen.currency);
    fill(pattern, &[&tax.name, &pen.locale.percent(tax.percent), &base])
}

fn total(pen: Pen<'_>, label: String, amount: Amount, weight: Weight) -> Total {
    Total { label, amount: Figure { text: pen.locale.amount(amount, pen.currency), pad: String::new() }, weight }
}

fn negated(amount: Amount) -> Amount {
    // Zero less an amount is in range but for one amount that no document has: its sums were checked.
    Amount::ZERO.checked_sub(amount).unwrap_or(amount)
}
