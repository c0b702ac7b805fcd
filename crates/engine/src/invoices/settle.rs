//! What happens to an issued invoice: payments by hand, write-off, void. Each is decided under the locks of payer and invoice.

use domain::access::Permission;
use domain::amount::Amount;
use domain::currency::Currency;
use domain::idempotency::{Canonical, Family, Fingerprint, IdempotencyKey};
use domain::ids::{EntryId, InvoiceId, InvoicePaymentId};
use domain::invoices::issued::{InvoicePayment, IssuedInvoice, PaymentSource};
use domain::invoices::record::InvoiceRecord;
use domain::invoices::standing::{InvoiceState, Settled};
use domain::ledger::account::Account;
use domain::ledger::entry::{Cause, CauseType, EntryKind};
use domain::ledger::lines::Lines;
use domain::ledger::reason::Reason;
use domain::ledger::recipes::{ByHand, payment_by_hand, recovery_by_hand, void as void_lines, write_off};
use domain::refusal::{Code, Refusal};
use domain::time::Instant;
use serde_json::json;
use storage::{ProjectTx, balances, coupon_uses, customers, invoice_payments, invoices, issued_invoices};

use super::replace::replacement;
use super::view::{InvoiceDetail, detail};
use crate::audit::{AuditRecord, Audited};
use crate::command::{Answer, Idempotency};
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;
use crate::ledger::{NewEntry, post, read_lines};
use crate::recognition;

/// Money that came in and is recorded by a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordPayment {
    pub amount: Amount,
    /// When it came, now or before; now if absent.
    pub paid_at: Option<Instant>,
    /// What the bank statement says.
    pub reference: Option<String>,
}

/// An invoice that is taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoidInvoice {
    pub reason: Reason,
    /// Whether its charges go on a new draft that replaces it.
    pub replace: bool,
}

/// An issued invoice under its lock.
pub(crate) struct Locked {
    pub record: InvoiceRecord,
    pub issued: IssuedInvoice,
}

impl RecordPayment {
    fn fingerprint(&self, invoice: InvoiceId) -> Fingerprint {
        Canonical::new("recordPayment")
            .id(invoice)
            .micros(self.amount.micros())
            .optional(self.paid_at, Canonical::instant)
            .optional(self.reference.as_deref(), Canonical::text)
            .fingerprint()
    }
}

impl Engine {
    /// Records a payment. What exceeds the invoice becomes the customer's balance; of a written-off invoice it recovers what it can.
    ///
    /// # Errors
    /// [`Code::InvoiceNotIssued`], [`Code::InvoiceVoid`]; [`Code::TimestampInFuture`].
    pub fn record_payment(
        &self,
        ctx: &Ctx,
        key: IdempotencyKey,
        id: InvoiceId,
        payment: &RecordPayment,
    ) -> Result<Answer, Error> {
        ctx.require(Permission::InvoicesSettle)?;
        let (operation, fingerprint) = ("recordPayment", payment.fingerprint(id));
        let idempotency = Idempotency { family: Family::Money, key, operation, fingerprint };
        self.command_once(ctx, "record_payment", 201, &idempotency, |tx| {
            if payment.paid_at.is_some_and(|paid_at| paid_at > ctx.now()) {
                let detail = "must not lie ahead: record a payment when it has come.";
                return Err(Refusal::field(Code::TimestampInFuture, "paidAt", detail).into());
            }
            let Locked { record, issued } = locked(tx, id)?;
            let before = record.standing;
            let Settled { standing, settled, .. } = before.pay(payment.amount)?;
            let (customer, currency) = (record.name.customer, record.name.currency);
            let by_hand = ByHand { customer, currency, amount: payment.amount };
            let (kind, lines) = if before.given_up.is_positive() {
                (EntryKind::Recovery, recovery_by_hand(by_hand, before.given_up)?)
            } else {
                (EntryKind::PaymentByHand, payment_by_hand(by_hand, before.outstanding)?)
            };
            let booking = Booking { ctx, issued: &issued, idempotency: &idempotency, reason: None };
            let entry = NewEntry {
                usage_at: payment.paid_at,
                ..booking.entry(kind, payment.amount, format!("Payment of invoice {}", issued.number.text), &lines)
            };
            let entry = post(tx, ctx, &NewEntry { customer: Some(customer), ..entry })?.entry.id;
            let recovered = settled.min(before.given_up);
            let kept = InvoicePayment {
                id: ctx.new_id(),
                invoice: id,
                customer,
                source: PaymentSource::Manual,
                currency,
                amount: payment.amount,
                settled,
                recovered,
                paid_at: payment.paid_at.unwrap_or(ctx.now()),
                reference: payment.reference.clone(),
                entry,
                recorded_at: ctx.now(),
            };
            invoice_payments::insert_many(tx, std::slice::from_ref(&kept))?;
            let after = InvoiceRecord { standing, ..record.clone() };
            invoices::store_many(tx, std::slice::from_ref(&after))?;
            let payment: InvoicePaymentId = kept.id;
            settled_as(
                tx,
                ctx,
                "invoice.payment_recorded",
                &record,
                json!({ "payment": payment, "entry": entry }),
                None,
            )
        })
    }

    /// Gives up what is open of an invoice.
    ///
    /// # Errors
    /// [`Code::InvoiceNotIssued`], [`Code::InvoiceVoid`], [`Code::InvoicePaid`] when nothing is open.
    pub fn write_off_invoice(
        &self,
        ctx: &Ctx,
        key: IdempotencyKey,
        id: InvoiceId,
        reason: &Reason,
    ) -> Result<Answer, Error> {
        ctx.require(Permission::InvoicesSettle)?;
        let fingerprint = with_reason(Canonical::new("writeOffInvoice").id(id), reason).fingerprint();
        let idempotency = Idempotency { family: Family::Money, key, operation: "writeOffInvoice", fingerprint };
        self.command_once(ctx, "write_off_invoice", 200, &idempotency, |tx| {
            let Locked { record, issued } = locked(tx, id)?;
            let standing = record.standing.write_off()?;
            let (customer, currency) = (record.name.customer, record.name.currency);
            let lines = write_off(customer, currency, record.standing.outstanding)?;
            let booking = Booking { ctx, issued: &issued, idempotency: &idempotency, reason: Some(reason) };
            let description = format!("Write-off of invoice {}", issued.number.text);
            let entry = booking.entry(EntryKind::WriteOff, record.standing.outstanding, description, &lines);
            let entry = post(tx, ctx, &NewEntry { customer: Some(customer), ..entry })?.entry.id;
            invoices::store_many(tx, &[InvoiceRecord { standing, ..record.clone() }])?;
            settled_as(tx, ctx, "invoice.written_off", &record, json!({ "entry": entry }), Some(reason))
        })
    }

    /// Takes an invoice back while nothing of it is settled. Its number stays used; its charges go on a new draft if that is wanted.
    ///
    /// # Errors
    /// [`Code::InvoiceNotIssued`]; [`Code::InvoicePaid`] once something was paid, credited or given up, or when the balance that it gave was
    /// used.
    pub fn void_invoice(
        &self,
        ctx: &Ctx,
        key: IdempotencyKey,
        id: InvoiceId,
        wish: &VoidInvoice,
    ) -> Result<Answer, Error> {
        ctx.require(Permission::InvoicesSettle)?;
        let form = Canonical::new("voidInvoice").id(id).flag(wish.replace);
        let (operation, fingerprint) = ("voidInvoice", with_reason(form, &wish.reason).fingerprint());
        let idempotency = Idempotency { family: Family::Money, key, operation, fingerprint };
        self.command_once(ctx, "void_invoice", 200, &idempotency, |tx| {
            let locked = locked(tx, id)?;
            let before = locked.record.clone();
            let entry = void(tx, ctx, &locked, Some(&idempotency), &wish.reason)?;
            let replaced_by = match wish.replace && before.standing.state != InvoiceState::Void {
                true => Some(replacement(tx, ctx, &before)?),
                false => None,
            };
            let details = json!({ "entry": entry, "replacedBy": replaced_by });
            settled_as(tx, ctx, "invoice.voided", &before, details, Some(&wish.reason))
        })
    }
}

/// Locks an invoice, after the customer who pays it.
///
/// # Errors
/// [`Code::NotFound`]; [`Code::InvoiceNotIssued`] for a draft.
pub(crate) fn locked(tx: &mut ProjectTx<'_>, id: InvoiceId) -> Result<Locked, Error> {
    let unlocked = invoices::get(tx, id)?.ok_or_else(Error::not_found)?;
    customers::lock_many(tx, &[unlocked.name.customer])?;
    let record = invoices::lock_many(tx, &[id])?.pop().ok_or_else(Error::not_found)?;
    let not_issued = || Refusal::new(Code::InvoiceNotIssued, "The invoice is a draft. Finalize it first.");
    let issued = issued_invoices::get(tx, id)?.ok_or_else(not_issued)?;
    Ok(Locked { record, issued })
}

/// Takes an invoice back: mirrors its entry, lets its charges and coupons go. Answers the entry. What is void stays as it is.
pub(crate) fn void(
    tx: &mut ProjectTx<'_>,
    ctx: &Ctx,
    locked: &Locked,
    idempotency: Option<&Idempotency>,
    reason: &Reason,
) -> Result<Option<EntryId>, Error> {
    let Locked { record, .. } = locked;
    let standing = record.standing.void()?;
    if record.standing.state == InvoiceState::Void {
        return Ok(None);
    }
    require_balance(tx, record)?;
    let posted = book_void(tx, ctx, locked, idempotency, reason)?;
    invoices::store_many(tx, &[InvoiceRecord { standing, voided_at: Some(ctx.now()), ..record.clone() }])?;
    invoices::release_lines(tx, record.id)?;
    coupon_uses::release(tx, record.id)?;
    Ok(posted)
}

/// Books that an invoice is void: the mirror of its issue, and of what was recognized of its fees so far.
fn book_void(
    tx: &mut ProjectTx<'_>,
    ctx: &Ctx,
    locked: &Locked,
    idempotency: Option<&Idempotency>,
    reason: &Reason,
) -> Result<Option<EntryId>, Error> {
    let Locked { record, issued } = locked;
    let recognized = recognition::end(tx, record.id, ctx.now())?;
    let lines = issued.entry.map(|entry| read_lines(tx, entry)).transpose()?;
    let Some(lines) = void_lines(issued.currency, lines.as_ref(), &recognized)? else { return Ok(None) };
    let amount = Amount::from_micros(issued.due.micros().abs());
    let mirrored = NewEntry {
        customer: Some(record.name.customer),
        description: format!("Invoice {} voided", issued.number.text),
        idempotency,
        reason: Some(reason.clone()),
        cause: Some(Cause { kind: CauseType::Invoice, id: issued.invoice.to_string() }),
        reverses: issued.entry,
        ..NewEntry::of(EntryKind::InvoiceVoided, amount, issued.currency, &lines)
    };
    Ok(Some(post(tx, ctx, &mirrored)?.entry.id))
}

/// What a negative invoice gave to the customer's balance must still be there.
fn require_balance(tx: &mut ProjectTx<'_>, record: &InvoiceRecord) -> Result<(), Error> {
    let (customer, currency) = (record.name.customer, record.name.currency);
    let stored = balances::of_accounts(tx, &[(Account::CustomerBalance { customer }, currency)])?;
    let held = stored.first().map_or(Amount::ZERO, |stored| stored.balance);
    if i128::from(held.micros()) + i128::from(record.standing.total.micros()) < 0 {
        let detail = "The balance that this invoice gave to the customer was used. Bill it by another invoice instead.";
        return Err(Refusal::new(Code::InvoicePaid, detail).into());
    }
    Ok(())
}

/// What the entries of one request have in common.
pub(super) struct Booking<'a> {
    pub ctx: &'a Ctx,
    pub issued: &'a IssuedInvoice,
    pub idempotency: &'a Idempotency,
    pub reason: Option<&'a Reason>,
}

impl<'a> Booking<'a> {
    pub fn entry(&self, kind: EntryKind, amount: Amount, description: String, lines: &'a Lines) -> NewEntry<'a> {
        let currency: Currency = self.issued.currency;
        NewEntry {
            id: Some(self.ctx.new_id()),
            description,
            idempotency: Some(self.idempotency),
            reason: self.reason.cloned(),
            cause: Some(Cause { kind: CauseType::Invoice, id: self.issued.invoice.to_string() }),
            ..NewEntry::of(kind, amount, currency, lines)
        }
    }
}

pub(super) fn with_reason(form: Canonical, reason: &Reason) -> Canonical {
    form.text(reason.code.as_str()).optional(reason.text.as_deref(), Canonical::text)
}

/// The invoice as it stands now, with the audit entry and the announcement of what was done to it.
pub(super) fn settled_as(
    tx: &mut ProjectTx<'_>,
    ctx: &Ctx,
    action: &'static str,
    before: &InvoiceRecord,
    details: serde_json::Value,
    reason: Option<&Reason>,
) -> Result<Audited<InvoiceDetail>, Error> {
    let after = detail(tx, ctx, before.id)?;
    let standing = &before.standing;
    let body = json!({
        "before": { "state": standing.state, "outstanding": standing.outstanding },
        "after": { "state": after.invoice.state, "outstanding": after.invoice.outstanding },
        "done": details,
    });
    let mut record = AuditRecord::new(action, before.id).details(body.clone());
    if let Some(reason) = reason {
        record = record.because(reason.code.as_str(), reason.text.clone());
    }
    let announced = json!({ "invoice": before.id, "number": after.invoice.number, "state": after.invoice.state,
        "outstanding": after.invoice.outstanding, "done": details });
    Ok(Audited::new(after, record).announce(action, announced))
}
