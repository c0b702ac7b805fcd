//! Accounting periods close: what counts before the close never changes any more. Entries about it count from the first open day on.

use domain::access::Permission;
use domain::ids::ClosingId;
use domain::ledger::closing::{Closing, ClosingRecord, accounting_day};
use domain::ledger::entry::ActorName;
use domain::ledger::reason::{Reason, ReasonCode};
use domain::time::Instant;
use domain::window::zone;
use serde_json::json;
use storage::{ledger_closings, projects};

use super::entries::ActorView;
use crate::audit::{AuditRecord, Audited};
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;
use crate::page::page_limit;
use crate::recognition::recognize_before_closing;

/// What somebody asks for who closes the books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseBooks {
    /// The first day that stays open, as `2026-04-01`, in the project's zone.
    pub until: String,
    pub reason: Reason,
}

/// One close of the books.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClosingView {
    pub id: ClosingId,
    /// What counts before this moment never changes any more.
    pub open_from: Instant,
    pub closed_at: Instant,
    pub actor: ActorView,
    pub reason_code: ReasonCode,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What came of closing.
#[derive(Debug, Clone)]
pub enum BooksClosed {
    Now(ClosingView),
    /// They were closed as far already; the latest close.
    Before(ClosingView),
}

impl Engine {
    /// Closes everything before a day; what fees earned until now is booked first. It waits for entries that are being posted, and is never undone.
    ///
    /// # Errors
    /// `invalid_value` for a text that is no day, `out_of_range` for a day that is not over; `forbidden` without the permission.
    pub fn close_books(&self, ctx: &Ctx, command: &CloseBooks) -> Result<BooksClosed, Error> {
        ctx.require(Permission::LedgerClose)?;
        recognize_before_closing(self, ctx)?;
        let mut before = None;
        let closed = self.command(ctx, "close_books", |tx| {
            let project = projects::get(tx)?.ok_or_else(Error::not_found)?;
            let closing = ledger_closings::for_update(tx)?;

            let until = accounting_day("until", &command.until, &zone(&project.time_zone))?;
            let Closing { open_from } = closing.close(until, ctx.now())?;
            let open_from = open_from.ok_or_else(|| Error::Bug("a close closed nothing".to_owned()))?;
            if closing.open_from == Some(open_from) {
                before = ledger_closings::page(tx, None, 1)?.pop();
                // Nothing is written; the refusal only ends the transaction.
                return Err(Error::not_found());
            }

            let actor = &ctx.caller.actor;
            let record = ClosingRecord {
                id: ctx.new_id(),
                open_from,
                closed_at: ctx.now(),
                actor: ActorName { kind: actor.kind().to_owned(), id: actor.id(), name: actor.name().to_owned() },
                reason: command.reason.clone(),
            };
            ledger_closings::insert(tx, &record)?;
            let view = ClosingView::new(record);
            let reason = &command.reason;
            let details = json!({ "before": { "openFrom": closing.open_from }, "after": { "openFrom": open_from } });
            let audit = AuditRecord::new("ledger.closed", view.id).details(details);
            let audit = audit.because(reason.code.as_str(), reason.text.clone());
            let body = json!({ "closing": view });
            Ok(Audited::new(view, audit).announce("ledger.closed", body))
        });
        match before {
            Some(record) => Ok(BooksClosed::Before(ClosingView::new(record))),
            None => closed.map(BooksClosed::Now),
        }
    }

    /// The closes of the books, the newest first; `limit` of them at most.
    ///
    /// # Errors
    /// `forbidden` without the permission to read what is billed.
    pub fn list_closings(&self, ctx: &Ctx, before: Option<ClosingId>, limit: usize) -> Result<Vec<ClosingView>, Error> {
        ctx.require(Permission::BillingRead)?;
        self.read(ctx.project, "list_closings", |tx| {
            let records = ledger_closings::page(tx, before, page_limit(limit))?;
            Ok(records.into_iter().map(ClosingView::new).collect())
        })
    }
}

impl ClosingView {
    fn new(record: ClosingRecord) -> ClosingView {
        let ClosingRecord { id, open_from, closed_at, actor, reason } = record;
        let ActorName { kind, id: actor_id, name } = actor;
        ClosingView {
            id,
            open_from,
            closed_at,
            actor: ActorView { kind, id: actor_id, name },
            reason_code: reason.code,
            reason: reason.text,
        }
    }
}
