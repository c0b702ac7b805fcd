//! Reconciliations: for each issued invoice the same money on every way from the events to the total, counted anew and kept with what
//! differs. Made once, after the invoice; what it finds is found, never corrected.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::access::Permission;
use domain::amount::Amount;
use domain::charges::charge::Charge;
use domain::currency::Currency;
use domain::ids::{ChargeId, CustomerId, EntryId, InvoiceId};
use domain::invoices::document::{Document, Line};
use domain::invoices::freeze::hex;
use domain::invoices::issued::IssuedInvoice;
use domain::ledger::account::{Account, Class, Direction};
use domain::ledger::lines::Line as Posting;
use domain::metrics::Metric;
use domain::ratio::Ratio;
use domain::time::Instant;
use serde::Serialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use storage::reconciliations::{self, StoredReconciliation};
use storage::{ProjectTx, charges, customers, issued_invoices, journal, metrics};

use super::recount::{Content, Counted, adds_up, count_anew, rated_from};
use super::view::read_document;
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;

/// How many invoices a run reconciles at once: one pass over the events of their time.
pub(crate) const RECONCILED_MAX: i64 = 500;
/// How many are reconciled beside an invoice that a person issues.
const RECONCILED_FEW: i64 = 20;

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

/// Reconciles the invoices with the next numbers, a few at most, where an invoice is issued by a person.
///
/// # Errors
/// As [`reconcile`].
pub fn reconcile_few(tx: &mut ProjectTx<'_>, ctx: &Ctx) -> Result<(), Error> {
    let ids = reconciliations::next(tx, RECONCILED_FEW)?;
    let made = reconcile(tx, &ids, ctx.now())?;
    Ok(reconciliations::insert_many(tx, &made)?)
}

/// The reconciliations of these invoices. Nothing is stored. // checklist 59
///
/// # Errors
/// Only when the database fails or a stored document is damaged; what differs is kept in the reconciliation.
pub(crate) fn reconcile(
    tx: &mut ProjectTx<'_>,
    ids: &[InvoiceId],
    made_at: Instant,
) -> Result<Vec<StoredReconciliation>, Error> {
    let mut invoices = Vec::with_capacity(ids.len());
    for issued in issued_invoices::find_many(tx, ids)? {
        let document = read_document(&issued)?;
        invoices.push((issued, document));
    }
    let stored = Stored::load(tx, &invoices)?;
    let mut made = Vec::with_capacity(invoices.len());
    for (issued, document) in &invoices {
        let reconciliation = stored.reconcile(issued, document)?;
        let content = serde_json::to_string(&reconciliation)
            .map_err(|error| Error::Bug(format!("a reconciliation cannot be written as JSON: {error}")))?;
        made.push(StoredReconciliation {
            invoice: issued.invoice,
            number: issued.number.number,
            agrees: reconciliation.agrees,
            digest: Sha256::digest(content.as_bytes()).into(),
            content,
            made_at,
        });
    }
    Ok(made)
}

/// What lines counted, by invoice and number: what is stored, and what they were rated from.
type UsageOfLines = HashMap<(InvoiceId, u32), (CountedUsage, CountedUsage)>;

/// What is stored of many invoices beside their documents.
struct Stored {
    charges: HashMap<ChargeId, Charge>,
    /// Of the entries of charges and of invoices.
    postings: BTreeMap<EntryId, Vec<Posting>>,
    usage: UsageOfLines,
}

impl Stored {
    fn load(tx: &mut ProjectTx<'_>, invoices: &[(IssuedInvoice, Document)]) -> Result<Stored, Error> {
        let lines = || invoices.iter().flat_map(|(_, document)| &document.lines);
        let wanted: BTreeSet<ChargeId> = lines().flat_map(|line| line.charges.iter().copied()).collect();
        let found = charges::find_many(tx, &wanted.into_iter().collect::<Vec<_>>())?;
        let charges: HashMap<ChargeId, Charge> = found.into_iter().map(|charge| (charge.id, charge)).collect();
        let of_charges = charges.values().filter_map(|charge| charge.entry);
        let entries: BTreeSet<EntryId> =
            of_charges.chain(invoices.iter().filter_map(|(issued, _)| issued.entry)).collect();
        let postings = journal::lines_of(tx, &entries.into_iter().collect::<Vec<_>>())?;
        Ok(Stored { charges, postings, usage: usage(tx, invoices)? })
    }

    fn reconcile(&self, issued: &IssuedInvoice, document: &Document) -> Result<Reconciliation, Error> {
        let mut found = Vec::with_capacity(document.lines.len());
        for line in &document.lines {
            let stored = |id: &ChargeId| {
                self.charges.get(id).ok_or_else(|| Error::Bug(format!("the charge {id} is not stored")))
            };
            let own: Result<Vec<&Charge>, Error> = line.charges.iter().map(stored).collect();
            found.push((line, own?));
        }
        let mut beyond = self.booked_beyond(found.iter().flat_map(|(_, own)| own.iter().copied()));
        let mut lines = Vec::with_capacity(found.len());
        for (line, own) in &found {
            let usage = self.usage.get(&(issued.invoice, line.number)).cloned();
            lines.push(reconciled(line, own, usage, &mut beyond)?);
        }
        let entry = issued.entry.and_then(|entry| self.postings.get(&entry));
        let booked = entry.into_iter().flatten().map(owed).sum();
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
        reconciliation.differences = differences(&reconciliation, document);
        reconciliation.agrees = reconciliation.differences.is_empty();
        Ok(reconciliation)
    }

    /// What each entry of these charges books as income beyond what those of them come to that it posts; 0 where they agree. An entry
    /// posts charges of one invoice, of one line or of several.
    fn booked_beyond<'a>(&self, charges: impl Iterator<Item = &'a Charge>) -> BTreeMap<EntryId, i128> {
        let mut beyond: BTreeMap<EntryId, i128> = BTreeMap::new();
        for charge in charges {
            if let Some(entry) = charge.entry {
                *beyond.entry(entry).or_default() -= i128::from(charge.amount.micros());
            }
        }
        for (entry, sum) in &mut beyond {
            // What returned to an expired lot and ended there is no part of the charge.
            let is_income =
                |line: &&Posting| line.account.class() == Class::Income && line.account != Account::RevenueBreakage;
            let lines = self.postings.get(entry).map_or(&[][..], Vec::as_slice);
            let income = lines.iter().filter(is_income).map(|line| {
                let micros = i128::from(line.amount.micros());
                if line.direction == Direction::Credit { micros } else { -micros }
            });
            *sum += income.sum::<i128>();
        }
        beyond
    }
}

/// What lines counted, for those that count anything: what is stored up to their cut, and what they were rated from.
fn usage(tx: &mut ProjectTx<'_>, invoices: &[(IssuedInvoice, Document)]) -> Result<UsageOfLines, Error> {
    let mut contents = Vec::new();
    for (issued, document) in invoices {
        for line in &document.lines {
            let (Some(content), Some(cut)) = (&line.content, line.cut) else { continue };
            let content: Content = serde_json::from_str(content.get())
                .map_err(|error| Error::Bug(format!("the content of line {} cannot be read: {error}", line.number)))?;
            if let Some(events) = content.events {
                contents.push(((issued.invoice, line.number), cut, events, content.stretches));
            }
        }
    }
    let keys: BTreeSet<&str> = contents.iter().map(|(_, _, events, _)| events.customer_key.as_str()).collect();
    let customers = customers::find_by_keys(tx, &keys.into_iter().collect::<Vec<_>>())?;
    let customers: HashMap<&str, CustomerId> =
        customers.iter().map(|customer| (customer.external_key.as_str(), customer.id)).collect();
    let metrics = metrics::all(tx)?;
    let metrics: HashMap<&str, &Metric> =
        metrics.iter().map(|metric| (metric.definition.key.as_str(), metric)).collect();
    let (mut asked, mut lines) = (Vec::new(), Vec::new());
    for (place, cut, events, stretches) in &contents {
        let metric = metrics.get(events.metric_key.as_str());
        if let Some((metric, customer)) = metric.zip(customers.get(events.customer_key.as_str())) {
            asked.push((place, rated_from(stretches, adds_up(metric))?));
            lines.push(Counted { metric, customer: *customer, events, cut: *cut });
        }
    }
    let counted = count_anew(tx, &lines)?;
    let both = asked.into_iter().zip(counted).map(|((place, rated_from), counted)| (*place, (counted, rated_from)));
    Ok(both.collect())
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

fn reconciled(
    line: &Line,
    own: &[&Charge],
    usage: Option<(CountedUsage, CountedUsage)>,
    beyond: &mut BTreeMap<EntryId, i128>,
) -> Result<ReconciledLine, Error> {
    let (counted, rated_from) = usage.unzip();
    let charged = total(own.iter().map(|charge| charge.amount))?;
    let waits = |charge: &&Charge| charge.kind.income().is_none();
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
