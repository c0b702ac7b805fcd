//! Audit entries and announcements of many invoices at once.

use storage::ProjectTx;
use storage::audit_entries::{self, AuditEntry};
use storage::outbox_events::{self, OutboxEvent};

use crate::audit::AuditRecord;
use crate::command::audit_entry;
use crate::ctx::Ctx;
use crate::error::Error;

/// Stores for each record who did it, and announces it with the record's details as the body.
pub(super) fn record_many(
    tx: &mut ProjectTx<'_>,
    ctx: &Ctx,
    records: &[(AuditRecord, &'static str)],
) -> Result<(), Error> {
    let entries: Vec<AuditEntry> = records.iter().map(|(record, _)| audit_entry(&ctx.caller, record)).collect();
    audit_entries::insert_many(tx, &entries)?;
    let events: Vec<OutboxEvent> = records
        .iter()
        .map(|(record, kind)| OutboxEvent {
            id: ctx.new_id(),
            kind: (*kind).to_owned(),
            happened_at: ctx.now(),
            body: record.details.clone(),
        })
        .collect();
    outbox_events::insert_many(tx, &events)?;
    Ok(())
}
