//! A person finalizes a draft: it is issued now.

use domain::access::Permission;
use domain::idempotency::{Canonical, Family, IdempotencyKey};
use domain::ids::InvoiceId;
use domain::invoices::standing::InvoiceState;
use domain::refusal::{Code, Refusal};

use super::issue::{IssueMoment, issue_drafts};
use super::reconcile::reconcile_few;
use super::view::detail;
use crate::audit::{AuditRecord, Audited};
use crate::billing::refresh::refresh_one;
use crate::command::{Answer, Idempotency};
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;

impl Engine {
    /// Issues a draft now, with all usage of its time that was accepted until now. An invoice that is issued already is answered as it stands.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::InvoiceVoid`]; [`Code::InvoiceEmpty`] for a draft without charges; [`Code::InvoiceOpen`] while its usage is
    /// counted.
    pub fn finalize_invoice(&self, ctx: &Ctx, key: IdempotencyKey, id: InvoiceId) -> Result<Answer, Error> {
        ctx.require(Permission::InvoicesIssue)?;
        let fingerprint = Canonical::new("finalizeInvoice").text(&id.to_string()).fingerprint();
        let idempotency = Idempotency { family: Family::Money, key, operation: "finalizeInvoice", fingerprint };
        self.fold_all(ctx.project)?;
        self.command_once(ctx, "finalize_invoice", 200, &idempotency, |tx| {
            refresh_one(tx, ctx, id, ctx.now())?;
            let issued = issue_drafts(tx, ctx, &[id], IssueMoment::Now)?.pop().ok_or_else(Error::not_found)?;
            match issued.standing.state {
                InvoiceState::Draft => {
                    let detail = "Nothing is on this draft: its charges are on another invoice, or there were none.";
                    return Err(Refusal::new(Code::InvoiceEmpty, detail).into());
                }
                InvoiceState::Void => {
                    return Err(Refusal::new(Code::InvoiceVoid, "The invoice is void: nothing is owed for it.").into());
                }
                InvoiceState::Issued | InvoiceState::Paid | InvoiceState::Uncollectible => {}
            }
            reconcile_few(tx, ctx)?;
            Ok(Audited::new(detail(tx, ctx, id)?, AuditRecord::new("invoice.finalized", id)))
        })
    }
}
