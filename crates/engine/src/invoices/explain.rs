//! Why each amount of an invoice is what it is, from what was frozen with it; and exactly the events behind a line.

use std::collections::{BTreeSet, HashMap};

use domain::access::Permission;
use domain::amount::Amount;
use domain::charges::charge::{Charge, ChargeKind};
use domain::charges::events::EventsQuery;
use domain::currency::Currency;
use domain::ids::{BillingRunId, ChargeId, EntryId, InvoiceId};
use domain::invoices::document::{AppliedTax, Content, Document, Line};
use domain::invoices::freeze::hex;
use domain::invoices::record::InvoiceRecord;
use domain::refusal::{Code, Refusal};
use domain::time::Instant;
use serde::Deserialize;
use storage::{ProjectTx, charges, invoices, issued_invoices};

use super::drafts;
use super::view::{draft_document, read_document};
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;
use crate::ingest::events::UsageEventView;
use crate::ingest::events_of_metric::{EventPlace, EventsFilter};

/// Why an invoice comes to what it does.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedInvoice {
    pub id: InvoiceId,
    /// `draft` while it has no number.
    pub number: String,
    pub currency: Currency,
    pub lines: Vec<ExplainedLine>,
    /// From the lines to what is to be paid, as sentences that can be read aloud.
    pub text: Vec<String>,
}

/// One line, down to its inputs.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedLine {
    pub line: u32,
    #[schema(value_type = String)]
    pub kind: ChargeKind,
    pub name: String,
    pub amount: Amount,
    pub discount: Amount,
    pub coupons: Vec<String>,
    pub net: Amount,
    pub tax_rate: Option<AppliedTax>,
    pub tax: Amount,
    pub prepaid: Amount,
    /// The steps as sentences: from the inputs to the amount, then coupons, wallet and tax.
    pub text: Vec<String>,
    /// Inputs, price snapshot, steps and rounding, as they were kept when it was charged; the query of the events.
    pub content: Option<Content>,
    /// SHA-256 of the content, in hexadecimal.
    pub digest: Option<String>,
    /// What was charged for it, by revision: their amounts sum to the line's.
    pub charges: Vec<ExplainedCharge>,
}

/// A charge of a line.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedCharge {
    pub id: ChargeId,
    pub key: String,
    /// From 1 on, the amount is the difference to what was charged before.
    pub revision: u32,
    pub amount: Amount,
    pub prepaid: Amount,
    pub promotional: Amount,
    /// Up to which place in the order of batches usage was counted.
    pub cut: Option<i64>,
    pub as_of: Instant,
    /// The instant whose tax rates hold.
    pub rates_at: Instant,
    /// The entry that posted it.
    pub entry: Option<EntryId>,
    pub run: Option<BillingRunId>,
    pub digest: String,
}

/// The query of the events in the content of a charge.
#[derive(Debug, Deserialize)]
struct Counted {
    events: Option<EventsQuery>,
}

impl Engine {
    /// Explains every line of an invoice, issued or draft.
    ///
    /// # Errors
    /// [`Code::NotFound`]; no permission to read what is billed.
    // checklist 75
    pub fn explain_invoice(&self, ctx: &Ctx, id: InvoiceId) -> Result<ExplainedInvoice, Error> {
        ctx.require(Permission::BillingRead)?;
        self.read(ctx.project, "explain_invoice", |tx| {
            let record = invoices::get(tx, id)?.ok_or_else(Error::not_found)?;
            let document = document(tx, ctx, &record)?;
            let ids: BTreeSet<ChargeId> = document.lines.iter().flat_map(|line| line.charges.iter().copied()).collect();
            let stored = charges::find_many(tx, &ids.into_iter().collect::<Vec<_>>())?.into_iter();
            let stored: HashMap<ChargeId, Charge> = stored.map(|charge| (charge.id, charge)).collect();
            let lines = document.lines.iter().map(|line| explained(&document, line, &stored));
            Ok(ExplainedInvoice {
                id,
                number: document.number.clone(),
                currency: document.currency,
                lines: lines.collect::<Result<_, Error>>()?,
                text: totals(&document),
            })
        })
    }

    /// Exactly the events behind a line of an invoice, the latest first, before the given place; `limit` of them at most. A line that counts no
    /// events has none.
    ///
    /// # Errors
    /// [`Code::NotFound`] for an invoice or a line that is not there.
    pub fn list_invoice_events(
        &self,
        ctx: &Ctx,
        id: InvoiceId,
        line: u32,
        before: Option<EventPlace>,
        limit: usize,
    ) -> Result<Vec<UsageEventView>, Error> {
        ctx.require(Permission::BillingRead)?;
        let filter = self.read(ctx.project, "events_of_invoice_line", |tx| {
            let record = invoices::get(tx, id)?.ok_or_else(Error::not_found)?;
            let document = document(tx, ctx, &record)?;
            let line = document.lines.into_iter().find(|known| known.number == line).ok_or_else(Error::not_found)?;
            filter_of(&line)
        })?;
        match filter {
            Some(filter) => self.list_usage_events_of_metric(ctx, &filter, before, limit),
            None => Ok(Vec::new()),
        }
    }
}

/// What was issued, or what a draft would be.
fn document(tx: &mut ProjectTx<'_>, ctx: &Ctx, record: &InvoiceRecord) -> Result<Document, Error> {
    if let Some(issued) = issued_invoices::get(tx, record.id)? {
        return read_document(&issued);
    }
    let loaded = drafts::load(tx, std::slice::from_ref(record))?;
    let bill = loaded.bill(record)?;
    if bill.lines.is_empty() {
        let detail = "Nothing is on this draft, so there is nothing to explain.";
        return Err(Refusal::new(Code::InvoiceEmpty, detail).into());
    }
    draft_document(ctx, record, &loaded, &bill)
}

fn filter_of(line: &Line) -> Result<Option<EventsFilter>, Error> {
    let Some(content) = &line.content else { return Ok(None) };
    let counted: Counted = serde_json::from_str(content.get())
        .map_err(|error| Error::Bug(format!("the content of line {} cannot be read: {error}", line.number)))?;
    Ok(counted.events.map(|events| EventsFilter {
        metric_key: events.metric_key,
        customer_key: Some(events.customer_key),
        naming: events.naming,
        from: Some(events.from),
        to: Some(events.to),
        cut: line.cut,
        dimensions: events.dimensions,
    }))
}

fn explained(document: &Document, line: &Line, stored: &HashMap<ChargeId, Charge>) -> Result<ExplainedLine, Error> {
    let of_line =
        |id: &ChargeId| stored.get(id).cloned().ok_or_else(|| Error::Bug(format!("the charge {id} is not stored")));
    let own = line.charges.iter().map(of_line).collect::<Result<Vec<Charge>, Error>>()?;
    Ok(ExplainedLine {
        line: line.number,
        kind: line.kind,
        name: line.name.clone(),
        amount: line.amount,
        discount: line.discount,
        coupons: line.coupons.clone(),
        net: line.net,
        tax_rate: line.tax_rate.clone(),
        tax: line.tax,
        prepaid: line.prepaid,
        text: sentences(document, line, own.len()),
        content: line.content.clone(),
        digest: line.digest.clone(),
        charges: own.into_iter().map(charge).collect(),
    })
}

fn charge(charge: Charge) -> ExplainedCharge {
    ExplainedCharge {
        id: charge.id,
        key: charge.key,
        revision: charge.revision,
        amount: charge.amount,
        prepaid: charge.prepaid,
        promotional: charge.promotional,
        cut: charge.cut,
        as_of: charge.as_of,
        rates_at: charge.rates_at,
        entry: charge.entry,
        run: charge.run,
        digest: hex(&charge.digest),
    }
}

fn sentences(document: &Document, line: &Line, revisions: usize) -> Vec<String> {
    let currency = document.currency;
    let mut text: Vec<String> = line.text.iter().flat_map(|text| text.lines()).map(str::to_owned).collect();
    let (amount, discount, net, tax, prepaid) = (line.amount, line.discount, line.net, line.tax, line.prepaid);
    if revisions > 1 {
        text.push(format!("{revisions} revisions of the charge sum to {amount} {currency}."));
    }
    if !discount.is_zero() {
        text.push(format!("Coupons ({}) take off {discount} {currency}: {net} {currency}.", line.coupons.join(", ")));
    }
    if !prepaid.is_zero() {
        text.push(format!("A wallet paid {prepaid} {currency} of it."));
    }
    if let Some(rate) = &line.tax_rate {
        let (percent, behaviour) = (rate.percent, rate.behaviour);
        text.push(format!(
            "Tax {} ({percent} %, {behaviour}): {tax} {currency}, its part of the tax of the rate.",
            rate.rate
        ));
    }
    text
}

fn totals(document: &Document) -> Vec<String> {
    let currency = document.currency;
    let mut text = vec![format!("The lines sum to {} {currency}.", document.subtotal)];
    if !document.discount.is_zero() {
        text.push(format!("Coupons take off {} {currency}.", document.discount));
    }
    for tax in &document.taxes {
        let (name, percent, base, amount) = (&tax.name, tax.percent, tax.base, tax.tax);
        text.push(format!("{name} {percent} % of {base} {currency}, rounded once: {amount} {currency}."));
    }
    let (policy, rounding) = (document.rounding.policy, document.rounding.amount);
    text.push(format!("Rounded half-even to what can be paid ({policy}): {rounding} {currency}."));
    text.push(format!("Total: {} {currency}.", document.total));
    if !document.prepaid_applied.is_zero() {
        text.push(format!("Wallets paid {} {currency}.", document.prepaid_applied));
    }
    if !document.balance_applied.is_zero() {
        text.push(format!("The customer's balance: {} {currency}.", document.balance_applied));
    }
    text.push(format!("To be paid: {} {currency}.", document.amount_due));
    text
}
