//! Invoices as they are read: how each stands, and its document, which for a draft is what it would be now.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use domain::access::Permission;
use domain::amount::Amount;
use domain::currency::Currency;
use domain::customers::Customer;
use domain::ids::{CreditNoteId, CustomerId, EntryId, InvoiceId, InvoicePaymentId};
use domain::invoices::bill::Bill;
use domain::invoices::document::Document;
use domain::invoices::freeze::hex;
use domain::invoices::issued::{CreditNoteRecord, GivenNumber, InvoicePayment, IssuedInvoice, PaymentSource};
use domain::invoices::record::{InvoiceKind, InvoiceRecord};
use domain::invoices::settings::SeriesName;
use domain::invoices::standing::InvoiceState;
use domain::ledger::reason::ReasonCode;
use domain::ledger::recipes::Overpaid;
use domain::time::Instant;
use jiff::civil::Date;
use serde_json::value::RawValue;
use storage::invoices::InvoiceFilter;
use storage::{ProjectTx, credit_notes, customers, invoice_payments, invoices, issued_invoices};

use super::drafts::{self, Drafts, Frozen};
use super::issue::due_on;
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;
use crate::page::page_limit;

/// How an invoice stands.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InvoiceView {
    pub id: InvoiceId,
    pub kind: InvoiceKind,
    pub state: InvoiceState,
    /// As it is printed; `null` for a draft.
    #[schema(example = "INV-000042")]
    pub number: Option<String>,
    /// Who pays.
    pub customer_id: CustomerId,
    pub customer_key: String,
    pub currency: Currency,
    /// The civil day that its items fall on, in the zone of who pays.
    #[schema(value_type = String, format = Date)]
    pub bills_on: Date,
    /// From when on a draft is issued by itself, unless the project waits for a person.
    pub issues_at: Instant,
    /// What is or was to be paid: of a draft, what it would be now. Less than zero, it becomes the customer's balance.
    pub due: Amount,
    /// What of it is neither paid, credited nor given up.
    pub outstanding: Amount,
    pub paid: Amount,
    pub credited: Amount,
    /// Written off and not recovered.
    pub given_up: Amount,
    pub partially_paid: bool,
    pub overdue: bool,
    /// From when on it is overdue.
    pub due_at: Option<Instant>,
    /// The void invoice that it replaces.
    pub replaces: Option<InvoiceId>,
    pub created_at: Instant,
    pub issued_at: Option<Instant>,
    pub voided_at: Option<Instant>,
}

/// An invoice with its document and what settled it.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InvoiceDetail {
    #[serde(flatten)]
    pub invoice: InvoiceView,
    /// SHA-256 of the document's bytes, in hexadecimal; `null` for a draft.
    pub digest: Option<String>,
    /// The entry that booked it.
    pub entry: Option<EntryId>,
    /// An issued invoice: the bytes that were frozen, always the same. A draft: what it would be, recomputed. `null` for a draft of nothing.
    #[schema(value_type = Option<Document>)]
    pub document: Option<Box<RawValue>>,
    pub payments: Vec<PaymentView>,
    pub credit_notes: Vec<CreditNoteView>,
}

/// Something that was paid on an invoice.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentView {
    pub id: InvoicePaymentId,
    pub source: PaymentSource,
    pub amount: Amount,
    /// What of it settled the invoice; the rest is the customer's balance.
    pub settled: Amount,
    /// What of that had been written off.
    pub recovered: Amount,
    pub paid_at: Instant,
    pub reference: Option<String>,
    pub entry: EntryId,
    pub recorded_at: Instant,
}

/// A credit note of an invoice.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreditNoteView {
    pub id: CreditNoteId,
    #[schema(example = "CN-000007")]
    pub number: String,
    /// What the customer owes less or gets back.
    pub total: Amount,
    /// What of it took from what was open.
    pub settled: Amount,
    /// What went back to the wallet that had paid it.
    pub returned: Amount,
    /// Where what had been paid went.
    pub overpaid: Overpaid,
    pub entry: Option<EntryId>,
    #[schema(value_type = String)]
    pub reason_code: ReasonCode,
    pub reason: Option<String>,
    pub issued_at: Instant,
    /// SHA-256 of the document's bytes, in hexadecimal.
    pub digest: String,
    /// The bytes that were frozen.
    #[schema(value_type = Document)]
    pub document: Box<RawValue>,
}

/// Which invoices are asked for.
#[derive(Debug, Clone, Default)]
pub struct InvoiceQuery {
    pub state: Option<InvoiceState>,
    pub customer_key: Option<String>,
    pub overdue: bool,
    pub before: Option<InvoicePosition>,
}

/// The place of an invoice in the list: by day, then by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvoicePosition {
    pub bills_on: Date,
    pub id: InvoiceId,
}

/// A text that names no place in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not the place of an invoice")]
pub struct InvoicePositionError;

impl fmt::Display for InvoicePosition {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.bills_on, self.id)
    }
}

impl FromStr for InvoicePosition {
    type Err = InvoicePositionError;
    fn from_str(text: &str) -> Result<InvoicePosition, InvoicePositionError> {
        let (day, id) = text.split_once(':').ok_or(InvoicePositionError)?;
        Ok(InvoicePosition {
            bills_on: day.parse().map_err(|_| InvoicePositionError)?,
            id: id.parse().map_err(|_| InvoicePositionError)?,
        })
    }
}

impl InvoiceView {
    pub fn position(&self) -> InvoicePosition {
        InvoicePosition { bills_on: self.bills_on, id: self.id }
    }
}

impl Engine {
    /// Invoices and drafts, those of the latest days first, after the given one; `limit` of them at most.
    ///
    /// # Errors
    /// [`domain::refusal::Code::Forbidden`] without the permission to read what is billed.
    pub fn list_invoices(&self, ctx: &Ctx, query: &InvoiceQuery, limit: usize) -> Result<Vec<InvoiceView>, Error> {
        ctx.require(Permission::BillingRead)?;
        self.read(ctx.project, "list_invoices", |tx| {
            let customer = match query.customer_key.as_deref() {
                Some(key) => match customers::find_by_key(tx, key)? {
                    Some(customer) => Some(customer.id),
                    None => return Ok(Vec::new()),
                },
                None => None,
            };
            let filter = InvoiceFilter {
                state: query.state,
                customer,
                overdue_at: query.overdue.then(|| ctx.now()),
                before: query.before.map(|position| (position.bills_on, position.id)),
            };
            let records = invoices::page(tx, &filter, page_limit(limit))?;
            views(tx, ctx, &records)
        })
    }

    /// One invoice with its document, payments and credit notes.
    ///
    /// # Errors
    /// [`domain::refusal::Code::NotFound`]; no permission to read what is billed.
    pub fn get_invoice(&self, ctx: &Ctx, id: InvoiceId) -> Result<InvoiceDetail, Error> {
        ctx.require(Permission::BillingRead)?;
        self.read(ctx.project, "get_invoice", |tx| detail(tx, ctx, id))
    }
}

/// Invoices as they stand, in the same order.
pub(crate) fn views(tx: &mut ProjectTx<'_>, ctx: &Ctx, records: &[InvoiceRecord]) -> Result<Vec<InvoiceView>, Error> {
    let (drafts, others): (Vec<&InvoiceRecord>, Vec<&InvoiceRecord>) =
        records.iter().partition(|record| record.standing.state == InvoiceState::Draft);
    let loaded = drafts::load(tx, &drafts.into_iter().cloned().collect::<Vec<_>>())?;
    let ids: Vec<InvoiceId> = others.iter().map(|record| record.id).collect();
    let numbers: BTreeMap<InvoiceId, String> =
        issued_invoices::numbers(tx, &ids)?.into_iter().map(|issued| (issued.invoice, issued.number.text)).collect();
    let mut payers: Vec<CustomerId> = records.iter().map(|record| record.name.customer).collect();
    payers.sort_unstable();
    payers.dedup();
    let payers: BTreeMap<CustomerId, Customer> =
        customers::find_by_ids(tx, &payers)?.into_iter().map(|customer| (customer.id, customer)).collect();
    let each = records.iter().map(|record| {
        let id = record.name.customer;
        let payer = payers.get(&id).ok_or_else(|| Error::Bug(format!("the customer {id} of an invoice is missing")))?;
        let due = match record.standing.state {
            InvoiceState::Draft => loaded.bill(record)?.due,
            InvoiceState::Issued | InvoiceState::Paid | InvoiceState::Void | InvoiceState::Uncollectible => {
                record.standing.total
            }
        };
        Ok(view(ctx, record, payer, numbers.get(&record.id).cloned(), due))
    });
    each.collect()
}

/// One invoice with everything about it.
pub(crate) fn detail(tx: &mut ProjectTx<'_>, ctx: &Ctx, id: InvoiceId) -> Result<InvoiceDetail, Error> {
    let record = invoices::get(tx, id)?.ok_or_else(Error::not_found)?;
    let loaded = drafts::load(tx, std::slice::from_ref(&record))?;
    let payer = loaded.payer(&record)?;
    let Some(issued) = issued_invoices::get(tx, id)? else {
        return draft_detail(ctx, &record, &loaded);
    };
    let digest = Some(hex(&issued.digest));
    let (number, due, entry) = (Some(issued.number.text.clone()), record.standing.total, issued.entry);
    Ok(InvoiceDetail {
        invoice: view(ctx, &record, payer, number, due),
        digest,
        entry,
        document: Some(raw(issued.document)?),
        payments: invoice_payments::of_invoice(tx, id)?.into_iter().map(payment_view).collect(),
        credit_notes: credit_notes::of_invoice(tx, id)?.into_iter().map(credit_note_view).collect::<Result<_, _>>()?,
    })
}

fn draft_detail(ctx: &Ctx, record: &InvoiceRecord, loaded: &Drafts) -> Result<InvoiceDetail, Error> {
    let bill = loaded.bill(record)?;
    let document = match bill.lines.as_slice() {
        [] => None,
        _ => Some(raw(draft_document(ctx, record, loaded, &bill)?.to_json())?),
    };
    Ok(InvoiceDetail {
        invoice: view(ctx, record, loaded.payer(record)?, None, bill.due),
        digest: None,
        entry: None,
        document,
        payments: Vec::new(),
        credit_notes: Vec::new(),
    })
}

/// What a draft would be if it was issued when it is due, without a number; the customer's balance is applied when it is issued.
pub(crate) fn draft_document(
    ctx: &Ctx,
    record: &InvoiceRecord,
    loaded: &Drafts,
    bill: &Bill,
) -> Result<Document, Error> {
    let number = GivenNumber { series: SeriesName::Invoice, number: 0, text: "draft".to_owned() };
    let issued_at = record.issues_at.max(ctx.now());
    let due_on = due_on(loaded, record, issued_at)?;
    let balance_applied = bill.due.min(Amount::ZERO);
    loaded.document(record, bill, &Frozen { number: &number, issued_at, due_on, balance_applied })
}

fn view(ctx: &Ctx, record: &InvoiceRecord, payer: &Customer, number: Option<String>, due: Amount) -> InvoiceView {
    let standing = &record.standing;
    InvoiceView {
        id: record.id,
        kind: record.name.kind,
        state: standing.state,
        number,
        customer_id: payer.id,
        customer_key: payer.external_key.clone(),
        currency: record.name.currency,
        bills_on: record.name.bills_on,
        issues_at: record.issues_at,
        due,
        outstanding: standing.outstanding,
        paid: standing.paid,
        credited: standing.credited,
        given_up: standing.given_up,
        partially_paid: standing.is_partially_paid(),
        overdue: standing.is_overdue(ctx.now()),
        due_at: standing.due_at,
        replaces: record.replaces,
        created_at: record.created_at,
        issued_at: record.issued_at,
        voided_at: record.voided_at,
    }
}

pub(super) fn payment_view(payment: InvoicePayment) -> PaymentView {
    PaymentView {
        id: payment.id,
        source: payment.source,
        amount: payment.amount,
        settled: payment.settled,
        recovered: payment.recovered,
        paid_at: payment.paid_at,
        reference: payment.reference,
        entry: payment.entry,
        recorded_at: payment.recorded_at,
    }
}

pub(super) fn credit_note_view(note: CreditNoteRecord) -> Result<CreditNoteView, Error> {
    Ok(CreditNoteView {
        id: note.id,
        number: note.number.text,
        total: note.total,
        settled: note.settled,
        returned: note.returned,
        overpaid: note.overpaid,
        entry: note.entry,
        reason_code: note.reason.code,
        reason: note.reason.text,
        issued_at: note.issued_at,
        digest: hex(&note.digest),
        document: raw(note.document)?,
    })
}

/// The document of an issued invoice, checked against its digest.
///
/// # Errors
/// [`Error::Bug`] when the stored bytes are not those that were issued.
pub(crate) fn read_document(issued: &IssuedInvoice) -> Result<Document, Error> {
    if Document::digest_of(&issued.document) != issued.digest {
        return Err(Error::Bug(format!("the document of {} is not the one that was issued", issued.invoice)));
    }
    Document::from_json(&issued.document)
        .map_err(|error| Error::Bug(format!("the document of {} cannot be read: {error}", issued.invoice)))
}

fn raw(json: String) -> Result<Box<RawValue>, Error> {
    RawValue::from_string(json).map_err(|error| Error::Bug(format!("a stored document is no JSON: {error}")))
}
