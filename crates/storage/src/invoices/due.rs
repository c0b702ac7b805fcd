//! Drafts that wait to be issued by themselves.

use domain::ids::{CustomerId, InvoiceId};
use domain::invoices::record::InvoiceRecord;
use domain::time::Instant;

use super::read;
use crate::error::StorageError;
use crate::sql::{Value, bulk_sql, params, sql};
use crate::tx::ProjectTx;

/// The drafts with charges that have waited until an instant, in the order of time, customer and id: that of their numbers.
pub fn due_drafts(tx: &mut ProjectTx<'_>, until: Instant, limit: i64) -> Result<Vec<InvoiceRecord>, StorageError> {
    tx.query(
        sql!(
            "-- due_drafts
            select i.id, i.customer_id, i.currency, i.kind, i.bills_on, i.part, i.state, i.issues_at, i.due_at, i.total_micros,
                i.outstanding_micros, i.paid_micros, i.credited_micros, i.given_up_micros, i.replaces_id, i.run_id, i.created_at,
                i.issued_at, i.voided_at
            from invoices i
            where i.project_id = ?1
              and i.state = 'draft'
              and i.kind in ('regular', 'adjustment')
              and i.issues_at <= ?2
              and exists (
                  select 1 from invoice_lines l where l.project_id = i.project_id and l.invoice_id = i.id and not l.released
              )
            order by i.issues_at, i.customer_id, i.id
            limit ?3"
        ),
        &params![until, limit],
        read,
    )
}

/// Those of these payers, in the same order; name each once.
pub fn due_drafts_of(
    tx: &mut ProjectTx<'_>,
    until: Instant,
    payers: &[CustomerId],
) -> Result<Vec<InvoiceRecord>, StorageError> {
    let rows: Vec<[Value<'_>; 1]> = payers.iter().map(|payer| params![*payer]).collect();
    let mut found = tx.query_many(
        bulk_sql!(
            "-- due_drafts_of_payers
            select i.id, i.customer_id, i.currency, i.kind, i.bills_on, i.part, i.state, i.issues_at, i.due_at, i.total_micros,
                i.outstanding_micros, i.paid_micros, i.credited_micros, i.given_up_micros, i.replaces_id, i.run_id, i.created_at,
                i.issued_at, i.voided_at
            from {rows}
            join invoices i on i.project_id = r.project_id and i.customer_id = r.payer_id
            where i.state = 'draft'
              and i.kind in ('regular', 'adjustment')
              and exists (
                  select 1 from invoice_lines l where l.project_id = i.project_id and l.invoice_id = i.id and not l.released
              )",
            [project_id: Uuid, payer_id: Uuid]
        ),
        &rows,
        read,
    )?;
    // By payer in the database: one payer has few drafts, and a project may have many that are due.
    found.retain(|draft: &InvoiceRecord| draft.issues_at <= until);
    found.sort_by_key(|draft| (draft.issues_at, draft.name.customer, draft.id));
    Ok(found)
}

/// When the next of them is issued.
pub fn next_due_draft(tx: &mut ProjectTx<'_>) -> Result<Option<Instant>, StorageError> {
    tx.query_one(
        sql!(
            "-- next_due_draft
            select min(i.issues_at)
            from invoices i
            where i.project_id = ?1
              and i.state = 'draft'
              and i.kind in ('regular', 'adjustment')
              and exists (
                  select 1 from invoice_lines l where l.project_id = i.project_id and l.invoice_id = i.id and not l.released
              )"
        ),
        &[],
        |row| row.get(0),
    )
}

/// Lets a draft that cannot be issued wait until another time.
pub fn postpone(tx: &mut ProjectTx<'_>, id: InvoiceId, until: Instant) -> Result<(), StorageError> {
    tx.execute(
        sql!(
            "-- postpone_draft
            update invoices set issues_at = ?3 where project_id = ?1 and id = ?2 and state = 'draft'"
        ),
        &params![id, until],
    )?;
    Ok(())
}
