//! Booking what late usage comes to: the revisions of the charges are posted as any charge, and put on an invoice.

use domain::billing::diff::NewCharge;
use domain::charges::charge::Charge;
use domain::customers::Customer;
use domain::ids::{InvoiceId, LateUsageId};
use domain::invoices::record::{InvoiceKind, InvoiceRecord};
use domain::late_usage::settle::SettledBy;
use domain::ledger::reason::{Reason, ReasonCode};
use domain::projects::Project;
use domain::refusal::Code;
use storage::{ProjectTx, invoices};

use super::rate::Rated;
use crate::billing::post::{By, post};
use crate::billing::save::{Origin, assign};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::invoices::{IssueMoment, issue_drafts, one_off, replace, settle};

/// Late usage that is to be booked.
pub(super) struct Booking<'a> {
    pub project: &'a Project,
    pub payer: &'a Customer,
    pub invoice: &'a InvoiceRecord,
    pub rated: &'a Rated,
    pub late: LateUsageId,
    pub reason: Option<&'a Reason>,
}

/// How it was booked, and on which invoice.
pub(super) struct Booked {
    pub way: SettledBy,
    pub invoice: InvoiceId,
}

/// Books it in one way. Where an invoice gave the customer a balance that is used, it cannot be taken back: an adjustment takes its place.
///
/// # Errors
/// A refusal when a balance would leave the range of amounts, or an invoice cannot be issued.
pub(super) fn book(tx: &mut ProjectTx<'_>, ctx: &Ctx, booking: &Booking<'_>, way: SettledBy) -> Result<Booked, Error> {
    let (way, invoice) = match way {
        SettledBy::NextInvoice => (way, next_invoice(tx, ctx, booking)?),
        SettledBy::Adjustment => (way, adjustment(tx, ctx, booking)?),
        SettledBy::Reissue => match taken_back(tx, ctx, booking)? {
            Some(draft) => (way, draft),
            None if booking.rated.effect()?.is_negative() => (SettledBy::NextInvoice, next_invoice(tx, ctx, booking)?),
            None => (SettledBy::Adjustment, adjustment(tx, ctx, booking)?),
        },
    };
    Ok(Booked { way, invoice })
}

/// Puts it on the draft of the day on which the next invoice falls, made where there is none.
fn next_invoice(tx: &mut ProjectTx<'_>, ctx: &Ctx, booking: &Booking<'_>) -> Result<InvoiceId, Error> {
    let new = &booking.rated.charges;
    let payers = vec![booking.payer; new.len()];
    let origin = Origin { run: None, created_at: ctx.now() };
    let assigned = assign(tx, booking.project, &payers, new, origin)?;
    let draft = assigned.first().copied().ok_or_else(|| Error::Bug("nothing was to be booked".to_owned()))?;
    charge(tx, ctx, booking, draft)?;
    Ok(draft)
}

/// An invoice of its own, issued now.
fn adjustment(tx: &mut ProjectTx<'_>, ctx: &Ctx, booking: &Booking<'_>) -> Result<InvoiceId, Error> {
    let kind = (booking.invoice.name.currency, InvoiceKind::Adjustment);
    let draft = one_off::draft(tx, ctx, booking.project, booking.payer, kind)?;
    invoices::insert_drafts(tx, std::slice::from_ref(&draft))?;
    charge(tx, ctx, booking, draft.id)?;
    issue_drafts(tx, ctx, &[draft.id], IssueMoment::Now)?;
    Ok(draft.id)
}

/// Takes the invoice back and issues a new version of it, with everything; `None` when it cannot be taken back.
fn taken_back(tx: &mut ProjectTx<'_>, ctx: &Ctx, booking: &Booking<'_>) -> Result<Option<InvoiceId>, Error> {
    let automatic = Reason { code: ReasonCode::Other, text: Some("Late usage".to_owned()) };
    let locked = settle::locked(tx, booking.invoice.id)?;
    match settle::void(tx, ctx, &locked, None, booking.reason.unwrap_or(&automatic)) {
        Err(Error::Refused(refusal)) if refusal.code == Code::InvoicePaid => return Ok(None),
        other => other?,
    };
    let draft = replace::replacement(tx, ctx, &locked.record)?;
    charge(tx, ctx, booking, draft)?;
    issue_drafts(tx, ctx, &[draft], IssueMoment::Now)?;
    Ok(Some(draft))
}

fn charge(tx: &mut ProjectTx<'_>, ctx: &Ctx, booking: &Booking<'_>, draft: InvoiceId) -> Result<(), Error> {
    let mut new: Vec<NewCharge> = booking.rated.charges.clone();
    let on = vec![draft; new.len()];
    post(tx, ctx, &mut new, &on, By::LateUsage(booking.late))?;
    let charges: Vec<Charge> = new.into_iter().map(|new| new.charge).collect();
    invoices::charge(tx, &charges, &on)?;
    Ok(())
}
