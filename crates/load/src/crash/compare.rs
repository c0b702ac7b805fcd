//! Acknowledged against present: what is missing is lost, what is there twice is doubled. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

use super::book::Book;
use super::operation::MoneyKind;
use crate::decimal;

/// What the server shows at the end.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    pub events: Vec<ObservedEvent>,
    pub transactions: Vec<ObservedTransaction>,
    /// Units (micros) and number of events by metric.
    pub totals: BTreeMap<String, (i128, u64)>,
    pub balance_micros: i128,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedEvent {
    pub key: String,
    pub id: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedTransaction {
    pub key: String,
    pub id: String,
    pub amount_micros: i128,
}

/// What is wrong, one sentence each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Findings {
    /// Acknowledged, but not there.
    pub lost: Vec<String>,
    /// There more often than acknowledged.
    pub doubled: Vec<String>,
    /// A batch of which only a part was stored.
    pub torn: Vec<String>,
    /// A replay that differs from the first answer.
    pub changed: Vec<String>,
    /// A total, a balance or a trace that does not follow from what was acknowledged.
    pub figures: Vec<String>,
    /// Any other answer that cannot be right.
    pub unexpected: Vec<String>,
}

impl Findings {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kinds().iter().all(|(_, found)| found.is_empty())
    }

    pub(super) fn extend(&mut self, other: Findings) {
        self.lost.extend(other.lost);
        self.doubled.extend(other.doubled);
        self.torn.extend(other.torn);
        self.changed.extend(other.changed);
        self.figures.extend(other.figures);
        self.unexpected.extend(other.unexpected);
    }

    pub(super) fn kinds(&self) -> [(&'static str, &[String]); 6] {
        [
            ("lost", &self.lost),
            ("doubled", &self.doubled),
            ("torn", &self.torn),
            ("changed", &self.changed),
            ("figures", &self.figures),
            ("unexpected", &self.unexpected),
        ]
    }
}

/// Everything acknowledged must be there exactly once, and sums must follow from it.
#[must_use]
pub fn compare(book: &Book, observed: &Observed) -> Findings {
    let mut findings = Findings::default();
    let acknowledged = book.event_records.iter().map(|(key, record)| (key.as_str(), record.id.as_str()));
    let present = observed.events.iter().map(|event| (event.key.as_str(), event.id.as_str()));
    exactly_once("event", acknowledged, present, &mut findings);
    let acknowledged = book.money_records.iter().map(|(key, record)| (key.as_str(), record.id.as_str()));
    let present = observed.transactions.iter().map(|transaction| (transaction.key.as_str(), transaction.id.as_str()));
    exactly_once("transaction", acknowledged, present, &mut findings);
    compare_amounts(book, observed, &mut findings);
    compare_totals(book, observed, &mut findings);
    compare_balance(book, observed, &mut findings);
    findings
}

fn exactly_once<'a>(
    noun: &str,
    acknowledged: impl Iterator<Item = (&'a str, &'a str)>,
    present: impl Iterator<Item = (&'a str, &'a str)>,
    findings: &mut Findings,
) {
    let mut ids_by_key: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (key, id) in present {
        ids_by_key.entry(key).or_default().push(id);
    }
    for (key, id) in acknowledged {
        let ids = ids_by_key.remove(key).unwrap_or_default();
        if !ids.contains(&id) {
            findings.lost.push(format!("{noun} {key}: {id} was acknowledged and is not there"));
        }
        if ids.len() > 1 {
            findings.doubled.push(format!("{noun} {key} is there {} times: {}", ids.len(), ids.join(", ")));
        }
    }
    for (key, ids) in ids_by_key {
        // Everything in flight was sent until it was answered, so nothing may remain that no answer named.
        findings.doubled.push(format!("{noun} {key} is there as {} and was never acknowledged", ids.join(", ")));
    }
}

fn compare_amounts(book: &Book, observed: &Observed, findings: &mut Findings) {
    for transaction in &observed.transactions {
        let Some(record) = book.money_records.get(&transaction.key) else { continue };
        // A charge may be listed with its sign.
        let wanted = i128::from(record.money.amount_micros);
        if transaction.amount_micros != wanted && transaction.amount_micros != -wanted {
            findings.figures.push(format!("transaction {} has another amount", transaction.key));
        }
    }
}

fn compare_totals(book: &Book, observed: &Observed, findings: &mut Findings) {
    let mut wanted: BTreeMap<&str, (i128, u64)> = BTreeMap::new();
    for record in book.event_records.values() {
        let (units, events) = wanted.entry(&record.event.metric).or_default();
        *units += i128::from(record.event.units_micros);
        *events += 1;
    }
    for (metric, (units, events)) in wanted {
        let (shown_units, shown_events) = observed.totals.get(metric).copied().unwrap_or_default();
        if (shown_events, shown_units) != (events, units) {
            findings.figures.push(format!(
                "usage of {metric}: {shown_events} events and {shown_units} micro-units instead of {events} and {units}"
            ));
        }
    }
}

fn compare_balance(book: &Book, observed: &Observed, findings: &mut Findings) {
    let wanted: i128 = book
        .money_records
        .values()
        .map(|record| match record.money.kind {
            MoneyKind::Credit => i128::from(record.money.amount_micros),
            MoneyKind::Charge => -i128::from(record.money.amount_micros),
        })
        .sum();
    if observed.balance_micros != wanted {
        let text = |micros: i128| i64::try_from(micros).map_or_else(|_| micros.to_string(), decimal::text);
        let shown = text(observed.balance_micros);
        findings.figures.push(format!("the balance is {shown} instead of {}", text(wanted)));
    }
}
