//! A document as a page of texts: every word, date and figure as it is printed, in its place. HTML and PDF are drawn from it and decide
//! nothing but where things stand.

use domain::currency::Currency;
use domain::invoices::document::{Document, Kind};

use crate::locale::{Locale, Words, fill};

mod details;
mod figures;
mod groups;
mod parties;
mod totals;

/// A page of texts.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct View {
    pub language: &'static str,
    pub region: &'static str,
    /// The paper of the seller's country, by its name in typst.
    pub paper: &'static str,
    /// What kind of document it is, in words.
    pub title: &'static str,
    pub number: String,
    pub headline: Headline,
    pub facts: Vec<Fact>,
    pub from: &'static str,
    pub seller: Party,
    pub bill_to: &'static str,
    pub customer: Party,
    pub columns: Columns,
    pub groups: Vec<Group>,
    pub totals: Vec<Total>,
    pub notes: Vec<String>,
    pub footer: Option<String>,
}

/// The amount that a reader looks for first.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Headline {
    pub amount: String,
    pub note: String,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Fact {
    pub label: &'static str,
    pub value: String,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Party {
    pub name: String,
    pub lines: Vec<String>,
}

/// The heads of the columns; a column in which nothing would stand has none.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Columns {
    pub description: &'static str,
    pub quantity: Option<&'static str>,
    pub unit_price: Option<&'static str>,
    pub tax: Option<&'static str>,
    pub amount: String,
}

/// The lines of one subscription.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Group {
    pub heading: Option<String>,
    pub rows: Vec<Row>,
}

/// A line, or one step on the way to its amount.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Row {
    pub is_detail: bool,
    pub text: String,
    /// Below the text.
    pub notes: Vec<String>,
    pub quantity: String,
    /// Below the quantity.
    pub units: String,
    pub unit_price: String,
    pub tax: String,
    pub amount: Figure,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Total {
    pub label: String,
    pub amount: Figure,
    pub weight: Weight,
}

/// How much a total stands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Weight {
    Plain,
    /// Part of another total, not added to it.
    Aside,
    Strong,
    Due,
}

/// An amount in a column.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Figure {
    pub text: String,
    /// What is missing to the longest fraction of the column: as wide, and not seen, so that decimal marks stand below each other.
    pub pad: String,
}

/// What all parts of the page are written with.
#[derive(Debug, Clone, Copy)]
struct Pen<'a> {
    document: &'a Document,
    locale: Locale,
    words: &'static Words,
    currency: Currency,
}

impl View {
    pub fn of(document: &Document) -> View {
        let locale = Locale::nearest(&document.locale);
        let pen = Pen { document, locale, words: locale.words(), currency: document.currency };
        let (groups, columns) = groups::groups(pen);
        let mut view = View {
            language: locale.language(),
            region: locale.region(),
            paper: parties::paper(pen),
            title: match document.kind {
                Kind::Invoice { .. } => pen.words.invoice,
                Kind::CreditNote { .. } => pen.words.credit_note,
            },
            number: document.number.clone(),
            headline: headline(pen),
            facts: facts(pen),
            from: pen.words.from,
            seller: parties::seller(pen),
            bill_to: pen.words.bill_to,
            customer: parties::customer(pen),
            columns,
            groups,
            totals: totals::totals(pen),
            notes: totals::notes(pen),
            footer: document.seller.footer.clone(),
        };
        figures::align(&mut view, locale.decimal_mark());
        view
    }
}

fn headline(pen: Pen<'_>) -> Headline {
    let amount = pen.locale.money(pen.document.amount_due, pen.currency);
    let note = match (&pen.document.kind, pen.document.due_on) {
        (Kind::CreditNote { corrects, .. }, _) => fill(pen.words.credited_on, &[&corrects.number]),
        (Kind::Invoice { .. }, Some(due_on)) if pen.document.amount_due.is_positive() => {
            fill(pen.words.due_by, &[&pen.locale.date(due_on)])
        }
        (Kind::Invoice { .. }, _) => pen.words.no_payment.to_owned(),
    };
    Headline { amount, note }
}

fn facts(pen: Pen<'_>) -> Vec<Fact> {
    let (document, words, locale) = (pen.document, pen.words, pen.locale);
    let mut facts = Vec::new();
    let mut push = |label, value: Option<String>| facts.extend(value.map(|value| Fact { label, value }));
    let number_label = match document.kind {
        Kind::Invoice { .. } => words.invoice_number,
        Kind::CreditNote { .. } => words.credit_note_number,
    };
    push(number_label, Some(document.number.clone()));
    push(words.issued_on, Some(locale.date(document.issued_on)));
    push(words.due_on, document.due_on.map(|due_on| locale.date(due_on)));
    push(words.period, document.period.map(|period| locale.days(period.first_day, period.last_day)));
    push(words.customer_number, Some(document.customer.key.clone()));
    match &document.kind {
        Kind::Invoice { replaces } => {
            push(words.replaced_invoice, replaces.as_ref().map(|replaced| replaced.number.clone()));
        }
        Kind::CreditNote { corrects, reason, .. } => {
            push(words.credited_invoice, Some(corrects.number.clone()));
            push(words.reason, reason.clone());
        }
    }
    facts
}

#[cfg(test)]
mod tests;
