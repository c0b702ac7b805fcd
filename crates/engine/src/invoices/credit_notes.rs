//! Credit notes: what an issued invoice said is taken back, in part or whole, by a document of its own.

use domain::access::Permission;
use domain::amount::Amount;
use domain::idempotency::{Canonical, Family, Fingerprint, IdempotencyKey};
use domain::ids::{ChargeId, CreditNoteId, EntryId, InvoiceId, LotId, derived};
use domain::invoices::credit::{Credit, CreditWish, credit, note};
use domain::invoices::document::{Document, Kind, Reference};
use domain::invoices::freeze::day_of;
use domain::invoices::issued::{CreditNoteRecord, CreditedPart, GivenNumber};
use domain::invoices::record::InvoiceRecord;
use domain::invoices::series::Series;
use domain::invoices::settings::SeriesName;
use domain::ledger::deferral::Deferral;
use domain::ledger::entry::EntryKind;
use domain::ledger::reason::Reason;
use domain::ledger::recipes::{
    CreditNote, CreditedLine, Earned, Overpaid, ReturnRated, ReturnReason, credit_note, return_rated,
};
use domain::refusal::{Code, Refusal};
use domain::tax::TaxBehaviour;
use domain::wallets::Part;
use serde_json::json;
use storage::{ProjectTx, billing_settings, charges, credit_notes, invoice_series, invoices};

use super::settle::{Booking, Locked, locked, settled_as, with_reason};
use super::view::read_document;
use crate::command::{Answer, Idempotency};
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;
use crate::ledger::{NewEntry, balance_after, post};
use crate::recognition::{self, CreditedFee};
use crate::wallets;

/// A credit note that a person asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCreditNote {
    pub wish: CreditWish,
    pub overpaid: Overpaid,
    pub reason: Reason,
}

impl NewCreditNote {
    fn fingerprint(&self, invoice: InvoiceId) -> Fingerprint {
        let form = Canonical::new("creditInvoice").id(invoice).text(self.overpaid.as_str());
        let form = match &self.wish {
            CreditWish::Amount(amount) => form.micros(amount.micros()),
            CreditWish::Lines(lines) => lines.iter().fold(form, |form, (line, amount)| {
                form.integer(i64::from(*line)).optional(*amount, |form, amount| form.micros(amount.micros()))
            }),
        };
        with_reason(form, &self.reason).fingerprint()
    }
}

impl Engine {
    /// Takes back lines or an amount of an issued invoice. What was paid already goes where it is wanted; what a wallet paid goes back to
    /// its lots.
    ///
    /// # Errors
    /// [`Code::InvoiceNotIssued`], [`Code::InvoiceVoid`]; [`Code::CreditNoteTooLarge`]; as [`credit`].
    pub fn credit_invoice(
        &self,
        ctx: &Ctx,
        key: IdempotencyKey,
        id: InvoiceId,
        wanted: &NewCreditNote,
    ) -> Result<Answer, Error> {
        ctx.require(Permission::InvoicesSettle)?;
        let (operation, fingerprint) = ("creditInvoice", wanted.fingerprint(id));
        let idempotency = Idempotency { family: Family::Money, key, operation, fingerprint };
        self.command_once(ctx, "credit_invoice", 201, &idempotency, |tx| {
            let locked = locked(tx, id)?;
            let before = locked.record.clone();
            let note = credit_issued(tx, ctx, &locked, wanted, &idempotency)?;
            let details = json!({ "creditNote": note.id, "number": note.number.text, "total": note.total,
                "returned": note.returned, "entry": note.entry });
            settled_as(tx, ctx, "invoice.credited", &before, details, Some(&wanted.reason))
        })
    }
}

/// Issues a credit note for an invoice under its lock.
pub(crate) fn credit_issued(
    tx: &mut ProjectTx<'_>,
    ctx: &Ctx,
    locked: &Locked,
    wanted: &NewCreditNote,
    idempotency: &Idempotency,
) -> Result<CreditNoteRecord, Error> {
    let Locked { record, issued } = locked;
    let invoice = read_document(issued)?;
    let before: Vec<CreditedPart> =
        credit_notes::of_invoice(tx, record.id)?.into_iter().flat_map(|note| note.lines).collect();
    let creditable = record.standing.creditable().map_err(Refusal::from)?;
    let credit = credit(&invoice, &before, creditable, &wanted.wish)?;
    let settled = record.standing.credit(credit.total)?;

    let booking = Booking { ctx, issued, idempotency, reason: Some(&wanted.reason) };
    let number = next_number(tx)?;
    let description = format!("Credit note {}", number.text);
    let note = Note { booking: &booking, record, invoice: &invoice, credit: &credit, description: &description };
    // Derived, as what it says and its digest are: whoever issues it, on whichever database, it is the same document.
    let id = CreditNoteId::from_uuid(derived(ctx.now(), ctx.project, "creditNote", &number.text));
    let taken_back = recognition::taken_back(tx, ctx, id, record.id, &fees(&note, &before)?)?;
    let entry = book(tx, &note, wanted.overpaid, &taken_back)?;
    give_back(tx, &note, &before)?;
    let document = document(ctx, id, &invoice, &credit, &number, wanted)?;
    let json = document.to_json();
    let kept = CreditNoteRecord {
        id,
        invoice: record.id,
        customer: record.name.customer,
        number,
        currency: record.name.currency,
        total: credit.total,
        settled: settled.settled,
        returned: credit.returned,
        overpaid: wanted.overpaid,
        entry,
        reason: wanted.reason.clone(),
        digest: Document::digest_of(&json),
        document: json,
        issued_at: ctx.now(),
        lines: credit.lines,
    };
    credit_notes::insert(tx, &kept)?;
    recognition::defer(tx, &taken_back)?;
    invoices::store_many(tx, &[InvoiceRecord { standing: settled.standing, ..record.clone() }])?;
    Ok(kept)
}

fn next_number(tx: &mut ProjectTx<'_>) -> Result<GivenNumber, Error> {
    let number = invoice_series::lock(tx, SeriesName::CreditNote)?;
    let format = billing_settings::get(tx)?.series.of(SeriesName::CreditNote).series()?;
    let (text, after) = Series { next: number, ..format }.take();
    invoice_series::store(tx, SeriesName::CreditNote, after.next)?;
    Ok(GivenNumber { series: SeriesName::CreditNote, number, text: text.to_string() })
}

/// A credit note on its way into the books.
struct Note<'a> {
    booking: &'a Booking<'a>,
    record: &'a InvoiceRecord,
    invoice: &'a Document,
    credit: &'a Credit,
    description: &'a str,
}

/// What is credited of each line without its tax, and what was left of it.
fn fees(note: &Note<'_>, before: &[CreditedPart]) -> Result<Vec<CreditedFee>, Error> {
    if note.credit.total.is_zero() {
        // Only a wallet gets something back, and wallets do not pay for time that lies ahead.
        return Ok(Vec::new());
    }
    let fee = |part: &CreditedPart| {
        let line = line_of(note.invoice, part)?;
        let is_inclusive = line.tax_rate.as_ref().is_some_and(|rate| rate.behaviour == TaxBehaviour::Inclusive);
        let within = if is_inclusive { line.tax } else { Amount::ZERO };
        let earlier = before.iter().filter(|earlier| earlier.line == part.line).map(|earlier| earlier.net);
        let gone = [within, line.prepaid].into_iter().chain(earlier);
        let left = gone.into_iter().try_fold(line.net, Amount::checked_sub);
        let left = left.ok_or_else(|| Error::Bug("what is left of a line does not fit".to_owned()))?;
        Ok(CreditedFee { line: part.line, net: part.net, left })
    };
    note.credit.lines.iter().map(fee).collect()
}

/// Books what is owed less: of a fee in advance what is not earned from what is deferred, everything else as contra income.
fn book(
    tx: &mut ProjectTx<'_>,
    note: &Note<'_>,
    overpaid: Overpaid,
    taken_back: &[Deferral],
) -> Result<Option<EntryId>, Error> {
    let Note { booking, record, invoice, credit, description } = *note;
    if credit.total.is_zero() {
        return Ok(None);
    }
    let lines = credit.lines.iter().map(|part| {
        let rate = line_of(invoice, part)?.tax_rate.as_ref();
        let of_rate = rate.and_then(|rate| {
            let is_same = |tax: &&domain::invoices::document::TaxLine| {
                (&tax.rate, tax.percent, tax.behaviour) == (&rate.rate, rate.percent, rate.behaviour)
            };
            invoice.taxes.iter().find(is_same)
        });
        let tax = match of_rate {
            Some(tax) => {
                let place =
                    tax.jurisdiction.parse().map_err(|_| Error::Bug("a tax of no possible place".to_owned()))?;
                Some((place, part.tax))
            }
            None => None,
        };
        // Taken back is negative.
        let back = taken_back.iter().find(|back| back.line == part.line);
        let net = part.net.checked_add(back.map_or(Amount::ZERO, |back| back.amount));
        let net = net.ok_or_else(|| Error::Bug("what was earned of a line does not fit".to_owned()))?;
        Ok(CreditedLine { earned: Earned::Yes, net, tax })
    });
    let lines = lines.collect::<Result<Vec<CreditedLine>, Error>>()?;
    let not_earned = taken_back.iter().map(|back| CreditedLine {
        earned: Earned::NotYet(back.subscription),
        net: Amount::from_micros(-back.amount.micros()),
        tax: None,
    });
    let lines: Vec<CreditedLine> = lines.into_iter().chain(not_earned).collect();
    let (lines, total) = credit_note(&CreditNote {
        customer: record.name.customer,
        currency: record.name.currency,
        lines: &lines,
        rounding: credit.rounding,
        outstanding: record.standing.outstanding,
        creditable: record.standing.creditable().map_err(Refusal::from)?,
        overpaid,
    })?;
    assert_eq!(total, credit.total, "what a credit note says is what its entry books");
    let entry = booking.entry(EntryKind::CreditNote, total, description.to_owned(), &lines);
    let entry = NewEntry { customer: Some(record.name.customer), ..entry };
    Ok(Some(post(tx, booking.ctx, &entry)?.entry.id))
}

/// Gives back to the wallet what it had paid, line by line, in reverse draw order.
fn give_back(tx: &mut ProjectTx<'_>, note: &Note<'_>, before: &[CreditedPart]) -> Result<(), Error> {
    let Note { booking, record, invoice, credit, description } = *note;
    let (customer, currency, ctx) = (record.name.customer, record.name.currency, booking.ctx);
    for part in credit.lines.iter().filter(|part| part.returned.is_positive()) {
        let returned = before.iter().filter(|earlier| earlier.line == part.line).map(|earlier| earlier.returned);
        let returned = Amount::checked_sum(returned).ok_or_else(|| Error::Bug("returns do not fit".to_owned()))?;
        let entries = entries_of(tx, &line_of(invoice, part)?.charges)?;
        let drawn = not_returned(wallets::drawn_by(tx, customer, &entries)?, returned);
        let mut wallet = wallets::lock(tx, customer, currency, ctx.now())?;
        let lots: Vec<LotId> = drawn.iter().map(|part| part.lot).collect();
        wallets::load_lots(tx, &mut wallet, &lots)?;
        let lines = return_rated(&ReturnRated {
            wallet: &wallet,
            drawn: &drawn,
            unbilled: Amount::ZERO,
            amount: part.returned,
            reason: ReturnReason::CreditNote,
            at: ctx.now(),
        })?;
        let entry = NewEntry {
            customer: Some(customer),
            balance_after: Some(balance_after(&wallet, &lines)?),
            ..booking.entry(EntryKind::CreditNote, part.returned, description.to_owned(), &lines)
        };
        post(tx, ctx, &entry)?;
    }
    Ok(())
}

/// The entries of these charges, in their order.
fn entries_of(tx: &mut ProjectTx<'_>, ids: &[ChargeId]) -> Result<Vec<EntryId>, Error> {
    let mut found = charges::find_many(tx, ids)?;
    if found.len() != ids.len() {
        return Err(Error::Bug(format!("of the charges {ids:?} not all are stored")));
    }
    found.sort_by_key(|charge| ids.iter().position(|id| *id == charge.id));
    Ok(found.into_iter().filter_map(|charge| charge.entry).collect())
}

/// Parts without what earlier notes gave back, which was taken from the end.
fn not_returned(parts: Vec<Part>, returned: Amount) -> Vec<Part> {
    let mut left = returned.micros();
    let mut kept: Vec<Part> = Vec::new();
    for part in parts.into_iter().rev() {
        let gone = left.min(part.amount.micros());
        left -= gone;
        if gone < part.amount.micros() {
            kept.push(Part { amount: Amount::from_micros(part.amount.micros() - gone), ..part });
        }
    }
    kept.reverse();
    kept
}

fn line_of<'a>(invoice: &'a Document, part: &CreditedPart) -> Result<&'a domain::invoices::document::Line, Error> {
    let found = invoice.lines.iter().find(|line| line.number == part.line);
    found.ok_or_else(|| Error::Bug(format!("line {} is not on its invoice", part.line)))
}

fn document(
    ctx: &Ctx,
    id: CreditNoteId,
    invoice: &Document,
    credit: &Credit,
    number: &GivenNumber,
    wanted: &NewCreditNote,
) -> Result<Document, Error> {
    let document = Document {
        kind: Kind::CreditNote {
            corrects: Reference { id: invoice.id.clone(), number: invoice.number.clone() },
            reason_code: wanted.reason.code,
            reason: wanted.reason.text.clone(),
        },
        id: id.to_string(),
        series: number.series.to_string(),
        number: number.text.clone(),
        issued_at: ctx.now(),
        issued_on: day_of(ctx.now(), &invoice.time_zone),
        ..note(invoice, credit)?
    };
    document
        .check()
        .map_err(|error| Refusal::new(Code::Internal, format!("A credit note does not add up: {error}.")))?;
    Ok(document)
}
