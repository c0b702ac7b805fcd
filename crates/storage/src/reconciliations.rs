//! Reconciliations of issued invoices: made once each, in the order of their numbers. Rows are added and read, never changed.

use domain::ids::InvoiceId;
use domain::invoices::settings::SeriesName;
use domain::time::Instant;

use crate::error::StorageError;
use crate::issued_invoices::number;
use crate::sql::{Row, Value, bulk_sql, params, sql};
use crate::tx::ProjectTx;

/// A reconciliation as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredReconciliation {
    pub invoice: InvoiceId,
    /// The number of the invoice in its series.
    pub number: u64,
    pub agrees: bool,
    /// JSON, byte for byte.
    pub content: String,
    /// SHA-256 of the content.
    pub digest: [u8; 32],
    pub made_at: Instant,
}

/// Adds reconciliations; those that another transaction made first stay as they are.
pub fn insert_many(tx: &mut ProjectTx<'_>, made: &[StoredReconciliation]) -> Result<(), StorageError> {
    let rows: Vec<[Value<'_>; 6]> = made
        .iter()
        .map(|made| params![made.invoice, number(made.number), made.agrees, &made.content, &made.digest, made.made_at])
        .collect();
    tx.execute_many(
        bulk_sql!(
            "-- insert_reconciliations
            insert into reconciliations (project_id, invoice_id, number, agrees, content, digest, made_at)
            {values}
            on conflict (project_id, invoice_id) do nothing",
            [
                project_id: Uuid,
                invoice_id: Uuid,
                number: Int,
                agrees: Bool,
                content: Text,
                digest: Bytes,
                made_at: Instant,
            ]
        ),
        &rows,
    )?;
    Ok(())
}

pub fn get(tx: &mut ProjectTx<'_>, invoice: InvoiceId) -> Result<Option<StoredReconciliation>, StorageError> {
    tx.query_opt(
        sql!(
            "-- get_reconciliation
            select invoice_id, number, agrees, content, digest, made_at
            from reconciliations
            where project_id = ?1 and invoice_id = ?2"
        ),
        &params![invoice],
        read,
    )
}

/// The invoices with the next numbers after the last one that is reconciled.
pub fn next(tx: &mut ProjectTx<'_>, limit: i64) -> Result<Vec<InvoiceId>, StorageError> {
    tx.query(
        sql!(
            "-- next_to_reconcile
            select invoice_id
            from issued_invoices
            where project_id = ?1
              and series = ?2
              and number > (select coalesce(max(number), 0) from reconciliations where project_id = ?1)
            order by number
            limit ?3"
        ),
        &params![SeriesName::Invoice.as_str(), limit],
        |row| row.get(0),
    )
}

fn read(row: &Row<'_>) -> Result<StoredReconciliation, StorageError> {
    let number: i64 = row.get(1)?;
    Ok(StoredReconciliation {
        invoice: row.get(0)?,
        number: u64::try_from(number).map_err(|_| StorageError::corrupt("the number of a reconciliation"))?,
        agrees: row.get(2)?,
        content: row.get(3)?,
        digest: row.get(4)?,
        made_at: row.get(5)?,
    })
}
