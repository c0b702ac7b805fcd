//! From events and entries to the lines of invoices: which charge counted an event, and on which invoice it is.

use std::collections::{BTreeMap, BTreeSet};

use domain::amount::Amount;
use domain::charges::charge::Charge;
use domain::charges::events::EventsQuery;
use domain::currency::Currency;
use domain::ids::{ChargeId, EntryId, InvoiceId};
use domain::ingest::{UsageEvent, properties};
use domain::invoices::standing::InvoiceState;
use domain::ledger::entry::{CauseType, JournalEntry};
use domain::metering::DimensionValues;
use serde::Deserialize;
use storage::{ProjectTx, charges, ingest_batches, invoices, issued_invoices};

use crate::error::Error;
use crate::invoices::read_document;

/// A charge, and the line of the invoice that shows it.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TraceInvoiceLine {
    pub invoice_id: InvoiceId,
    pub state: InvoiceState,
    /// As it is printed; `null` for a draft.
    pub number: Option<String>,
    /// The number of the line; `null` on a draft.
    pub line: Option<u32>,
    pub charge_id: ChargeId,
    pub charge_key: String,
    pub revision: u32,
    pub amount: Amount,
    pub currency: Currency,
    /// The entry that posted the charge.
    pub entry: Option<EntryId>,
    /// The entry that booked the invoice.
    pub invoice_entry: Option<EntryId>,
}

#[derive(Debug, Deserialize)]
struct Content {
    events: Option<EventsQuery>,
}

/// The invoice that a text names: by its id or its number.
pub(super) fn named(tx: &mut ProjectTx<'_>, text: &str) -> Result<Vec<InvoiceId>, Error> {
    match text.parse::<InvoiceId>() {
        Ok(id) => Ok(invoices::get(tx, id)?.map(|invoice| invoice.id).into_iter().collect()),
        Err(_) => Ok(issued_invoices::find_by_number(tx, text)?),
    }
}

/// The charges that counted an event.
// checklist 95
pub(super) fn counting(tx: &mut ProjectTx<'_>, event: &UsageEvent) -> Result<Vec<Charge>, Error> {
    let seq = ingest_batches::get(tx, event.batch)?.and_then(|batch| batch.rollup_seq);
    let Some(seq) = seq else { return Ok(Vec::new()) };
    let all = charges::usage_at(tx, event.customer, event.at)?;
    Ok(all.into_iter().filter(|charge| charge.cut.is_some_and(|cut| seq <= cut) && counts(charge, event)).collect())
}

/// The charges and invoices that brought entries about.
pub(super) fn of_entry(
    tx: &mut ProjectTx<'_>,
    entry: &JournalEntry,
) -> Result<(Vec<Charge>, Option<InvoiceId>), Error> {
    match entry.cause.kind {
        CauseType::Invoice => match entry.cause.id.parse() {
            Ok(id) => Ok((Vec::new(), Some(id))),
            Err(_) => Ok((charges::of_keys(tx, &[entry.cause.id.as_str()])?, None)),
        },
        CauseType::Operator
        | CauseType::AccessKey
        | CauseType::System
        | CauseType::BillingRun
        | CauseType::LateUsage => Ok((Vec::new(), None)),
    }
}

/// The lines that show these charges, and every line of these invoices.
pub(super) fn tell(
    tx: &mut ProjectTx<'_>,
    found: BTreeMap<ChargeId, Charge>,
    of: &BTreeSet<InvoiceId>,
) -> Result<Vec<TraceInvoiceLine>, Error> {
    let ids: Vec<ChargeId> = found.keys().copied().collect();
    let mut pairs: Vec<(InvoiceId, Charge)> = Vec::new();
    for (charge, invoice) in invoices::of_charges(tx, &ids)? {
        pairs.extend(found.get(&charge).map(|charge| (invoice, charge.clone())));
    }
    let whole: Vec<InvoiceId> = of.iter().copied().collect();
    let others = charges::of_invoices(tx, &whole)?.into_iter().filter(|(_, charge)| !found.contains_key(&charge.id));
    pairs.extend(others);
    let invoices: BTreeSet<InvoiceId> = pairs.iter().map(|(invoice, _)| *invoice).collect();
    let mut lines = Vec::with_capacity(pairs.len());
    for id in invoices {
        let record = invoices::get(tx, id)?.ok_or_else(|| Error::Bug(format!("the invoice {id} is not stored")))?;
        let issued = issued_invoices::get(tx, id)?;
        let document = issued.as_ref().map(read_document).transpose()?;
        for (_, charge) in pairs.iter().filter(|(invoice, _)| *invoice == id) {
            let line = document.iter().flat_map(|document| &document.lines);
            let line = line.filter(|line| line.charges.contains(&charge.id)).map(|line| line.number).next();
            lines.push(TraceInvoiceLine {
                invoice_id: id,
                state: record.standing.state,
                number: issued.as_ref().map(|issued| issued.number.text.clone()),
                line,
                charge_id: charge.id,
                charge_key: charge.key.clone(),
                revision: charge.revision,
                amount: charge.amount,
                currency: charge.currency,
                entry: charge.entry,
                invoice_entry: issued.as_ref().and_then(|issued| issued.entry),
            });
        }
    }
    Ok(lines)
}

fn counts(charge: &Charge, event: &UsageEvent) -> bool {
    let content: Option<Content> = serde_json::from_str(&charge.content).ok();
    content.and_then(|content| content.events).is_some_and(|counted| {
        counted.metric_key == event.metric_key
            && counted.from <= event.at
            && event.at < counted.to
            && counted.naming.holds(event.subscription_key.as_deref())
            && has_values(event, &counted.dimensions)
    })
}

fn has_values(event: &UsageEvent, wanted: &DimensionValues) -> bool {
    let mut found = 0;
    let each = |name: &str, value: &str| {
        let text = properties::text_of(value);
        found += usize::from(wanted.get(name).is_some_and(|wanted| text.as_deref() == Some(wanted.as_str())));
    };
    // What was accepted can be read; what cannot has no properties.
    properties::read(event.properties.as_deref().unwrap_or("{}"), each).is_ok() && found == wanted.len()
}
