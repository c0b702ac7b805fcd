//! The draft that replaces a void invoice: the same charges, on a new invoice that names the void one.

use domain::ids::{ChargeId, InvoiceId};
use domain::invoices::document::Document;
use domain::invoices::record::{InvoiceKind, InvoiceName, InvoiceRecord};
use domain::invoices::standing::Standing;
use storage::{ProjectTx, invoices, issued_invoices};

use super::view::read_document;
use crate::ctx::Ctx;
use crate::error::Error;

/// Makes the draft that replaces a void invoice, with the charges that were on it. The caller holds the lock on the payer.
pub(crate) fn replacement(tx: &mut ProjectTx<'_>, ctx: &Ctx, void: &InvoiceRecord) -> Result<InvoiceId, Error> {
    let issued = issued_invoices::get(tx, void.id)?.ok_or_else(Error::not_found)?;
    let document: Document = read_document(&issued)?;
    let InvoiceName { customer, currency, bills_on, .. } = void.name;
    let before = invoices::lock_days(tx, &[(customer, currency, InvoiceKind::Replacement, bills_on)])?;
    let part = before.last().map_or(0, |last| last.name.part + 1);
    let name = InvoiceName { customer, currency, kind: InvoiceKind::Replacement, bills_on, part };
    let draft = InvoiceRecord {
        id: name.id(ctx.project, issued.issued_at),
        name,
        standing: Standing::DRAFT,
        issues_at: ctx.now(),
        replaces: Some(void.id),
        run: None,
        created_at: ctx.now(),
        issued_at: None,
        voided_at: None,
    };
    invoices::insert_drafts(tx, std::slice::from_ref(&draft))?;
    let charges: Vec<ChargeId> = document.lines.iter().flat_map(|line| line.charges.iter().copied()).collect();
    let lines: Vec<(InvoiceId, ChargeId)> = charges.into_iter().map(|charge| (draft.id, charge)).collect();
    invoices::attach(tx, &lines)?;
    Ok(draft.id)
}
