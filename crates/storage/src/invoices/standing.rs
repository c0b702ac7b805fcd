//! How invoices stand: read under their locks, and stored anew when something happened to them.

use domain::ids::{ChargeId, InvoiceId};
use domain::invoices::record::InvoiceRecord;

use super::read;
use crate::error::StorageError;
use crate::sql::{Value, bulk_sql, params, sql};
use crate::tx::ProjectTx;

pub fn get(tx: &mut ProjectTx<'_>, id: InvoiceId) -> Result<Option<InvoiceRecord>, StorageError> {
    Ok(find_by_ids(tx, &[id])?.pop())
}

/// Those of the invoices that exist, by their ids; name each once.
pub fn find_by_ids(tx: &mut ProjectTx<'_>, ids: &[InvoiceId]) -> Result<Vec<InvoiceRecord>, StorageError> {
    let rows: Vec<[Value<'_>; 1]> = ids.iter().map(|id| params![*id]).collect();
    let mut found = tx.query_many(
        bulk_sql!(
            "-- find_invoices_by_ids
            select i.id, i.customer_id, i.currency, i.kind, i.bills_on, i.part, i.state, i.issues_at, i.due_at, i.total_micros,
                i.outstanding_micros, i.paid_micros, i.credited_micros, i.given_up_micros, i.replaces_id, i.run_id, i.created_at,
                i.issued_at, i.voided_at
            from {rows}
            join invoices i on i.project_id = r.project_id and i.id = r.id",
            [project_id: Uuid, id: Uuid]
        ),
        &rows,
        read,
    )?;
    found.sort_by_key(|invoice| invoice.id);
    Ok(found)
}

/// As [`find_by_ids`], locked in the order of their ids until the transaction ends. Lock their customers before.
pub fn lock_many(tx: &mut ProjectTx<'_>, ids: &[InvoiceId]) -> Result<Vec<InvoiceRecord>, StorageError> {
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    let rows: Vec<[Value<'_>; 1]> = sorted.iter().map(|id| params![*id]).collect();
    tx.query_many(
        bulk_sql!(
            "-- lock_invoices
            select i.id
            from {rows}
            join invoices i on i.project_id = r.project_id and i.id = r.id
            order by i.id
            {for_update}",
            [project_id: Uuid, id: Uuid]
        ),
        &rows,
        |row| row.get::<InvoiceId>(0),
    )?;
    find_by_ids(tx, ids)
}

/// Stores how invoices stand now. The caller holds their locks.
pub fn store_many(tx: &mut ProjectTx<'_>, invoices: &[InvoiceRecord]) -> Result<(), StorageError> {
    let rows: Vec<[Value<'_>; 10]> = invoices.iter().map(standing_values).collect();
    tx.execute_many(
        bulk_sql!(
            "-- store_invoice_standings
            update invoices
            set state = r.state, due_at = r.due_at, total_micros = r.total_micros, outstanding_micros = r.outstanding_micros,
                paid_micros = r.paid_micros, credited_micros = r.credited_micros, given_up_micros = r.given_up_micros,
                issued_at = r.issued_at, voided_at = r.voided_at
            from {rows}
            where invoices.project_id = r.project_id and invoices.id = r.id",
            [
                project_id: Uuid,
                id: Uuid,
                state: Text,
                due_at: Instant,
                total_micros: Int,
                outstanding_micros: Int,
                paid_micros: Int,
                credited_micros: Int,
                given_up_micros: Int,
                issued_at: Instant,
                voided_at: Instant,
            ]
        ),
        &rows,
    )?;
    Ok(())
}

/// Lets the charges of a void invoice go: they are billed by another one.
pub fn release_lines(tx: &mut ProjectTx<'_>, invoice: InvoiceId) -> Result<(), StorageError> {
    tx.execute(
        sql!(
            "-- release_invoice_lines
            update invoice_lines
            set released = ?3
            where project_id = ?1 and invoice_id = ?2"
        ),
        &params![invoice, true],
    )?;
    Ok(())
}

/// On which invoices charges are, void ones too, in no order.
pub fn of_charges(tx: &mut ProjectTx<'_>, charges: &[ChargeId]) -> Result<Vec<(ChargeId, InvoiceId)>, StorageError> {
    let rows: Vec<[Value<'_>; 1]> = charges.iter().map(|id| params![*id]).collect();
    tx.query_many(
        bulk_sql!(
            "-- invoices_of_charges
            select l.charge_id, l.invoice_id
            from {rows}
            join invoice_lines l on l.project_id = r.project_id and l.charge_id = r.charge_id and not l.released
            union all
            select l.charge_id, l.invoice_id
            from {rows}
            join invoice_lines l on l.project_id = r.project_id and l.charge_id = r.charge_id and l.released",
            [project_id: Uuid, charge_id: Uuid]
        ),
        &rows,
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

fn standing_values(invoice: &InvoiceRecord) -> [Value<'_>; 10] {
    let standing = &invoice.standing;
    params![
        invoice.id,
        standing.state.as_str(),
        standing.due_at,
        standing.total,
        standing.outstanding,
        standing.paid,
        standing.credited,
        standing.given_up,
        invoice.issued_at,
        invoice.voided_at,
    ]
}
