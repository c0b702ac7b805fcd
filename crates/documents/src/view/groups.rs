//! The lines of a document, grouped by subscription in the order in which they come.

use domain::charges::charge::ChargeKind;
use domain::invoices::document::{AppliedTax, Line, Period};

use crate::locale::fill;
use crate::view::{Columns, Figure, Group, Pen, Row, details};

pub(super) fn groups(pen: Pen<'_>) -> (Vec<Group>, Columns) {
    let lines = &pen.document.lines;
    let has_rates = has_several_rates(lines);
    let mut keys: Vec<Option<&str>> = Vec::new();
    for line in lines {
        if !keys.contains(&line.subscription_key.as_deref()) {
            keys.push(line.subscription_key.as_deref());
        }
    }
    let mut groups = Vec::new();
    for key in &keys {
        let of_group: Vec<&Line> = lines.iter().filter(|line| line.subscription_key.as_deref() == *key).collect();
        let heading = match key {
            Some(key) => Some(heading(&of_group, key)),
            None if keys.len() > 1 => Some(pen.words.other_items.to_owned()),
            None => None,
        };
        let first = of_group.first().and_then(|line| item_name(line)).unwrap_or_default();
        let mut rows = Vec::new();
        for line in &of_group {
            rows.push(row(pen, line, first, has_rates));
            rows.extend(details::rows(pen, line));
        }
        groups.push(Group { heading, rows });
    }
    let columns = columns(pen, &groups);
    (groups, columns)
}

fn columns(pen: Pen<'_>, groups: &[Group]) -> Columns {
    let words = pen.words;
    let is_used =
        |cell: fn(&Row) -> &String| groups.iter().flat_map(|group| &group.rows).any(|row| !cell(row).is_empty());
    Columns {
        description: words.description,
        quantity: is_used(|row| &row.quantity).then_some(words.quantity),
        unit_price: is_used(|row| &row.unit_price).then_some(words.unit_price),
        tax: is_used(|row| &row.tax).then_some(words.tax),
        amount: fill(words.amount_in, &[pen.currency.code()]),
    }
}

fn row(pen: Pen<'_>, line: &Line, item_of_group: &str, has_rates: bool) -> Row {
    let Pen { locale, currency, .. } = pen;
    let text = match item_name(line) {
        Some(item) if item != item_of_group => format!("{item} · {}", line.name),
        Some(_) | None => line.name.clone(),
    };
    let percent = |rate: &AppliedTax| locale.percent(rate.percent);
    Row {
        is_detail: false,
        text,
        notes: notes(pen, line),
        quantity: line.units.as_ref().map_or_else(String::new, |units| locale.quantity(units.quantity)),
        units: line.units.as_ref().map_or_else(String::new, |units| units.label.clone()),
        unit_price: line.unit_price.map_or_else(String::new, |price| locale.unit_price(price, currency)),
        tax: line.tax_rate.as_ref().filter(|_| has_rates).map_or_else(String::new, percent),
        amount: Figure { text: locale.amount(line.amount, currency), pad: String::new() },
    }
}

/// What is said below the name of a line.
fn notes(pen: Pen<'_>, line: &Line) -> Vec<String> {
    let Pen { words, locale, .. } = pen;
    let days = |period: Period| locale.days(period.first_day, period.last_day);
    let mut facts = Vec::new();
    match line.kind {
        ChargeKind::AdvanceCredit => facts.push(words.unused_time.to_owned()),
        ChargeKind::AdvanceFee
        | ChargeKind::ArrearsFee
        | ChargeKind::Usage
        | ChargeKind::Commitment
        | ChargeKind::OneOff => {}
    }
    facts.extend(line.part.or(line.period).map(days));
    facts.extend(line.customer_key.as_deref().map(|key| fill(words.used_by, &[key])));
    let mut notes: Vec<String> = facts.first().map(|_| facts.join(" · ")).into_iter().collect();
    notes.extend(line.corrects.as_ref().map(|corrected| fill(words.adjusts, &[&corrected.number])));
    if !line.discount.is_zero() {
        let keys = line.coupons.join(", ");
        let label = if keys.is_empty() { words.discount.to_owned() } else { fill(words.discount_of, &[&keys]) };
        // Zero less an amount is in range but for one amount that no invoice has.
        let off = domain::amount::Amount::ZERO.checked_sub(line.discount).unwrap_or(line.discount);
        notes.push(format!("{label}: {}", locale.amount(off, pen.currency)));
    }
    notes
}

/// `Team · acme-team`.
fn heading(lines: &[&Line], key: &str) -> String {
    let name = lines.iter().find_map(|line| item_name(line));
    name.map_or_else(|| key.to_owned(), |name| format!("{name} · {key}"))
}

fn item_name(line: &Line) -> Option<&str> {
    line.item.as_ref().map(|item| item.name.as_deref().unwrap_or(&item.key))
}

/// Whether a reader could not tell from the totals which rate a line has.
fn has_several_rates(lines: &[Line]) -> bool {
    let mut rates: Vec<Option<&str>> = Vec::new();
    for line in lines {
        let rate = line.tax_rate.as_ref().map(|rate| rate.rate.as_str());
        if !rates.contains(&rate) {
            rates.push(rate);
        }
    }
    rates.len() > 1
}
