//! Reconciliations: for each issued invoice the same money on every way from the events to the total, counted anew and kept with what
//! differs. Made once, after the invoice; what it finds is found, never corrected.

use std::collections::BTreeMap;

use domain::access::Permission;
use domain::amount::Amount;
use domain::charges::charge::Charge;
use domain::currency::Currency;
use domain::ids::{EntryId, InvoiceId};
use domain::invoices::document::{Document, Line};
use domain::invoices::freeze::hex;
use domain::invoices::issued::IssuedInvoice;
use domain::ledger::account::{Account, Class, Direction};
use domain::ledger::lines::Line as Posting;
use domain::metering::DimensionValues;
use domain::metrics::Aggregation;
use domain::pricing::inputs::{Inputs, Usage};
use domain::ratio::Ratio;
use domain::refusal::Refusal;
use domain::time::Instant;
use domain::window::Span;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use storage::reconciliations::{self, StoredReconciliation};
use storage::{ProjectTx, charges, customers, issued_invoices, journal, metrics};

use super::view::read_document;
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;
use crate::metering::{Customers, Question, Spans, Through, recount_at};

/// How many invoices are reconciled in one transaction.
pub(crate) const RECONCILED_MAX: i64 = 50;

/// What an invoice comes to on every way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reconciliation {
    pub invoice: InvoiceId,
    pub number: String,
    pub currency: Currency,
    /// SHA-256 of the document, in hexadecimal.
    pub document: String,
    pub lines: Vec<ReconciledLine>,
    /// `Σ amount` of the charges.
    pub charged: Amount,
    /// `Σ amount` of the lines of the document.
    pub billed: Amount,
    /// What the document says is to be paid, before the customer's balance.
    pub due: Amount,
    /// What the entry of the invoice books as owed.
    pub booked: Amount,
    pub agrees: bool,
    /// Each thing that differs, in words.
    pub differences: Vec<String>,
}

/// One line on every way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReconciledLine {
    pub line: u32,
    pub name: String,
    /// Up to which place in the order of batches usage was counted.
    pub cut: Option<i64>,
    /// Counted anew from the single events up to the cut; `null` where no events are counted.
    pub counted: Option<CountedUsage>,
    /// What the charge was rated from: the rollups, as they were.
    pub rated_from: Option<CountedUsage>,
    /// `Σ amount` of its charges.
    pub charged: Amount,
    /// What the entries of these charges book as income for them; `null` for a fee in advance, which is booked by the invoice.
    pub posted: Option<Amount>,
    pub billed: Amount,
}

/// How much was used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CountedUsage {
    pub events: u64,
    /// Of metrics that add up; `null` for levels, maxima and distinct values.
    #[schema(value_type = Option<String>)]
    pub units: Option<Ratio>,
}

/// A reconciliation as it is kept.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReconciliationView {
    pub made_at: Instant,
    /// SHA-256 of the bytes of `reconciliation`, in hexadecimal.
    pub digest: String,
    #[schema(value_type = Reconciliation)]
    pub reconciliation: Box<RawValue>,
}

/// What of the content of a charge says what was counted.
#[derive(Debug, Deserialize)]
struct Content {
    #[serde(default)]
    stretches: Vec<Stretch>,
    events: Option<Events>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stretch {
    at_start: Option<Inputs>,
    at_end: Inputs,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Events {
    metric_key: String,
    customer_key: String,
    subscription_key: Option<String>,
    from: Instant,
    to: Instant,
    #[serde(default)]
    dimensions: DimensionValues,
}

impl Engine {
    /// The reconciliation of an issued invoice.
    ///
    /// # Errors
    /// [`domain::refusal::Code::NotFound`] for a draft, and until it is made.
    pub fn get_reconciliation(&self, ctx: &Ctx, id: InvoiceId) -> Result<ReconciliationView, Error> {
        ctx.require(Permission::BillingRead)?;
        self.read(ctx.project, "get_reconciliation", |tx| {
            let stored = reconciliations::get(tx, id)?.ok_or_else(Error::not_found)?;
            let reconciliation = RawValue::from_string(stored.content)
                .map_err(|error| Error::Bug(format!("a stored reconciliation is no JSON: {error}")))?;
            Ok(ReconciliationView { made_at: stored.made_at, digest: hex(&stored.digest), reconciliation })
        })
    }
}

/// Reconciles the invoices with the next numbers, `limit` of them at most; says how many. // checklist 59
///
/// # Errors
/// Only when the database fails or a stored document is damaged; what differs is kept in the reconciliation.
pub fn reconcile_next(tx: &mut ProjectTx<'_>, ctx: &Ctx, limit: i64) -> Result<usize, Error> {
    let ids = reconciliations::next(tx, limit)?;
    let mut made = Vec::with_capacity(ids.len());
    for id in &ids {
        let missing = || Error::Bug(format!("the invoice {id} is not stored"));
        let issued = issued_invoices::get(tx, *id)?.ok_or_else(missing)?;
        let reconciliation = reconcile(tx, &issued)?;
        let content = serde_json::to_string(&reconciliation)
            .map_err(|error| Error::Bug(format!("a reconciliation cannot be written as JSON: {error}")))?;
        made.push(StoredReconciliation {
            invoice: *id,
            number: issued.number.number,
            agrees: reconciliation.agrees,
            digest: Sha256::digest(content.as_bytes()).into(),
            content,
            made_at: ctx.now(),
        });
    }
    reconciliations::insert_many(tx, &made)?;
    Ok(made.len())
}

fn reconcile(tx: &mut ProjectTx<'_>, issued: &IssuedInvoice) -> Result<Reconciliation, Error> {
    let document = read_document(issued)?;
    let mut found = Vec::with_capacity(document.lines.len());
    for line in &document.lines {
        let mut own: Vec<Charge> = Vec::with_capacity(line.charges.len());
        for id in &line.charges {
            own.push(charges::get(tx, *id)?.ok_or_else(|| Error::Bug(format!("the charge {id} is not stored")))?);
        }
        found.push((line, own));
    }
    let mut beyond = booked_beyond(tx, found.iter().flat_map(|(_, own)| own))?;
    let mut lines = Vec::with_capacity(found.len());
    for (line, own) in &found {
        lines.push(reconciled(tx, line, own, &mut beyond)?);
    }
    let booked = match issued.entry {
        Some(entry) => journal::lines_of(tx, &[entry])?.remove(&entry).unwrap_or_default().iter().map(owed).sum(),
        None => 0,
    };
    let charged = total(lines.iter().map(|line| line.charged))?;
    let mut reconciliation = Reconciliation {
        invoice: issued.invoice,
        number: issued.number.text.clone(),
        currency: issued.currency,
        document: hex(&issued.digest),
        charged,
        billed: document.subtotal,
        due: issued.due,
        booked: amount(booked)?,
        lines,
        agrees: false,
        differences: Vec::new(),
    };
    reconciliation.differences = differences(&reconciliation, &document);
    reconciliation.agrees = reconciliation.differences.is_empty();
    Ok(reconciliation)
}

fn differences(this: &Reconciliation, document: &Document) -> Vec<String> {
    let mut found = Vec::new();
    for line in &this.lines {
        let name = format!("line {}", line.line);
        if line.charged != line.billed {
            found.push(format!("{name}: its charges sum to {}, and it shows {}", line.charged, line.billed));
        }
        if let Some(posted) = line.posted.filter(|posted| *posted != line.charged) {
            found.push(format!("{name}: its charges sum to {}, and their entries book {posted}", line.charged));
        }
        if let (Some(counted), Some(rated)) = (&line.counted, &line.rated_from)
            && counted != rated
        {
            let units =
                |usage: &CountedUsage| usage.units.map_or_else(String::new, |units| format!(" with {units} units"));
            let (stored, rated_from) = (units(counted), units(rated));
            let (events, rated) = (counted.events, rated.events);
            found.push(format!(
                "{name}: {events} events{stored} are stored up to its cut; it was rated from {rated}{rated_from}"
            ));
        }
    }
    if this.charged != this.billed {
        found.push(format!("the charges sum to {}, and the lines to {}", this.charged, this.billed));
    }
    if document.total.checked_sub(document.prepaid_applied) != Some(this.due) {
        let (total, prepaid) = (document.total, document.prepaid_applied);
        found.push(format!("the document says {total} less {prepaid} is to be paid, and {} is kept", this.due));
    }
    if this.booked != this.due {
        found.push(format!("{} is to be paid, and the entry books {}", this.due, this.booked));
    }
    found
}

/// What each entry of these charges books as income beyond what those of them come to that it posts; 0 where they agree. An entry posts
/// charges of one invoice, of one line or of several.
fn booked_beyond<'a>(
    tx: &mut ProjectTx<'_>,
    charges: impl Iterator<Item = &'a Charge>,
) -> Result<BTreeMap<EntryId, i128>, Error> {
    let mut beyond: BTreeMap<EntryId, i128> = BTreeMap::new();
    for charge in charges {
        if let Some(entry) = charge.entry {
            *beyond.entry(entry).or_default() -= i128::from(charge.amount.micros());
        }
    }
    let entries: Vec<EntryId> = beyond.keys().copied().collect();
    for (entry, lines) in journal::lines_of(tx, &entries)? {
        // What returned to an expired lot and ended there is no part of the charge.
        let is_income =
            |line: &&Posting| line.account.class() == Class::Income && line.account != Account::RevenueBreakage;
        let income = lines.iter().filter(is_income).map(|line| {
            let micros = i128::from(line.amount.micros());
            if line.direction == Direction::Credit { micros } else { -micros }
        });
        *beyond.entry(entry).or_default() += income.sum::<i128>();
    }
    Ok(beyond)
}

fn reconciled(
    tx: &mut ProjectTx<'_>,
    line: &Line,
    own: &[Charge],
    beyond: &mut BTreeMap<EntryId, i128>,
) -> Result<ReconciledLine, Error> {
    let (counted, rated_from) = usage(tx, line)?.unzip();
    let charged = total(own.iter().map(|charge| charge.amount))?;
    let waits = |charge: &Charge| charge.kind.income().is_none();
    let posted = if own.iter().any(waits) {
        None
    } else {
        // Where an entry books something else for several lines, the first of them says so.
        let mut booked = 0_i128;
        for (amount, entry) in own.iter().filter_map(|charge| Some((charge.amount, charge.entry?))) {
            booked += i128::from(amount.micros());
            if let Some(beyond) = beyond.remove(&entry) {
                booked += beyond;
            }
        }
        Some(amount(booked)?)
    };
    Ok(ReconciledLine {
        line: line.number,
        name: line.name.clone(),
        cut: line.cut,
        counted,
        rated_from,
        charged,
        posted,
        billed: line.amount,
    })
}

/// What is stored up to the line's cut, and what it was rated from; `None` where no events are counted.
fn usage(tx: &mut ProjectTx<'_>, line: &Line) -> Result<Option<(CountedUsage, CountedUsage)>, Error> {
    let (Some(content), Some(cut)) = (&line.content, line.cut) else { return Ok(None) };
    let content: Content = serde_json::from_str(content.get())
        .map_err(|error| Error::Bug(format!("the content of line {} cannot be read: {error}", line.number)))?;
    let Some(events) = &content.events else { return Ok(None) };
    let Some(metric) = metrics::find_by_key(tx, &events.metric_key)? else { return Ok(None) };
    let Some(customer) = customers::find_by_key(tx, &events.customer_key)? else { return Ok(None) };
    let spans = [Span { start: events.from, end: events.to }];
    let question = Question {
        metric: &metric,
        customers: Customers::One(customer.id),
        spans: Spans::Same(&spans),
        now: events.to,
        through: Through::Folded,
    };
    // What is rounded by rate, or does not add up, is compared by its events alone.
    let definition = &metric.definition;
    let is_sum = matches!(definition.aggregation, Aggregation::Sum | Aggregation::Count);
    let adds_up = is_sum && definition.rounding.is_none();
    let mut counted = CountedUsage { events: 0, units: adds_up.then_some(Ratio::ZERO) };
    for row in recount_at(tx, &question, cut)? {
        let is_named = events.subscription_key.is_none() || row.subscription_key == events.subscription_key;
        let has_values = events.dimensions.iter().all(|(name, value)| row.group.values.get(name) == Some(value));
        if is_named && has_values {
            counted.events += row.group.counter.events();
            if let Some(sum) = counted.units {
                let units = row.group.counter.quantity(definition, spans[0]).and_then(|units| sum.plus(units));
                counted.units = Some(units.map_err(Refusal::from)?);
            }
        }
    }
    Ok(Some((counted, rated_from(&content.stretches, adds_up)?)))
}

/// The inputs of all stretches; where counters go on, less what they began with.
fn rated_from(stretches: &[Stretch], adds_up: bool) -> Result<CountedUsage, Error> {
    let (mut events, mut units) = (0_i128, Ratio::ZERO);
    for stretch in stretches {
        let (end_events, end_units) = totals(&stretch.at_end)?;
        let (start_events, start_units) = stretch.at_start.as_ref().map_or(Ok((0, Ratio::ZERO)), totals)?;
        events += i128::from(end_events) - i128::from(start_events);
        let own = end_units.minus(start_units).and_then(|own| units.plus(own));
        units = own.map_err(Refusal::from)?;
    }
    let events = u64::try_from(events).map_err(|_| Error::Bug("counters of a charge run backwards".to_owned()))?;
    Ok(CountedUsage { events, units: adds_up.then_some(units) })
}

fn totals(inputs: &Inputs) -> Result<(u64, Ratio), Error> {
    let (mut events, mut units) = (0, Ratio::ZERO);
    for part in &inputs.parts {
        if let Usage::Total(total) = &part.usage {
            events += total.events;
            units = units.plus(total.units).map_err(Refusal::from)?;
        }
    }
    Ok((events, units))
}

/// What a line of an issue entry says is owed by the customer.
fn owed(line: &Posting) -> i128 {
    let micros = i128::from(line.amount.micros());
    let is_owed = matches!(line.account, Account::Receivable { .. } | Account::CustomerBalance { .. });
    match (is_owed, line.direction) {
        (true, Direction::Debit) => micros,
        (true, Direction::Credit) => -micros,
        (false, _) => 0,
    }
}

fn total(amounts: impl IntoIterator<Item = Amount>) -> Result<Amount, Error> {
    Amount::checked_sum(amounts).ok_or_else(|| Error::Bug("a sum of charges does not fit".to_owned()))
}

fn amount(micros: i128) -> Result<Amount, Error> {
    let fits = i64::try_from(micros).map(Amount::from_micros);
    fits.map_err(|_| Error::Bug("a sum of postings does not fit".to_owned()))
}
