//! What was issued, as it was issued. Rows are added and read, never changed: the database refuses it.

use domain::ids::InvoiceId;
use domain::invoices::issued::{GivenNumber, IssuedInvoice};
use domain::invoices::settings::SeriesName;

use crate::error::StorageError;
use crate::sql::{Row, Value, bulk_sql, params, sql};
use crate::tx::ProjectTx;

/// What other documents call an issued invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedNumber {
    pub invoice: InvoiceId,
    pub number: GivenNumber,
}

/// Adds issued invoices.
///
/// # Errors
/// A violation of `issued_invoices_number` when a number was given already: whoever gives numbers holds the row of the series.
pub fn insert_many(tx: &mut ProjectTx<'_>, issued: &[IssuedInvoice]) -> Result<(), StorageError> {
    let rows: Vec<[Value<'_>; 10]> = issued
        .iter()
        .map(|issued| {
            params![
                issued.invoice,
                issued.number.series.as_str(),
                number(issued.number.number),
                &issued.number.text,
                issued.entry,
                issued.due,
                issued.currency,
                &issued.document,
                &issued.digest,
                issued.issued_at,
            ]
        })
        .collect();
    tx.execute_many(
        bulk_sql!(
            "-- insert_issued_invoices
            insert into issued_invoices (project_id, invoice_id, series, number, number_text, entry_id, total_micros, currency,
                document, digest, issued_at)
            {values}",
            [
                project_id: Uuid,
                invoice_id: Uuid,
                series: Text,
                number: Int,
                number_text: Text,
                entry_id: Uuid,
                total_micros: Int,
                currency: Text,
                document: Text,
                digest: Bytes,
                issued_at: Instant,
            ]
        ),
        &rows,
    )?;
    Ok(())
}

pub fn get(tx: &mut ProjectTx<'_>, invoice: InvoiceId) -> Result<Option<IssuedInvoice>, StorageError> {
    tx.query_opt(
        sql!(
            "-- get_issued_invoice
            select invoice_id, series, number, number_text, entry_id, total_micros, currency, document, digest, issued_at
            from issued_invoices
            where project_id = ?1 and invoice_id = ?2"
        ),
        &params![invoice],
        read,
    )
}

/// Those of these invoices that are issued, in the order of their numbers; name each once.
pub fn find_many(tx: &mut ProjectTx<'_>, invoices: &[InvoiceId]) -> Result<Vec<IssuedInvoice>, StorageError> {
    let rows: Vec<[Value<'_>; 1]> = invoices.iter().map(|id| params![*id]).collect();
    let mut found = tx.query_many(
        bulk_sql!(
            "-- find_issued_invoices
            select i.invoice_id, i.series, i.number, i.number_text, i.entry_id, i.total_micros, i.currency, i.document, i.digest,
                i.issued_at
            from {rows}
            join issued_invoices i on i.project_id = r.project_id and i.invoice_id = r.invoice_id",
            [project_id: Uuid, invoice_id: Uuid]
        ),
        &rows,
        read,
    )?;
    found.sort_by_key(|issued| (issued.number.series, issued.number.number));
    Ok(found)
}

/// Those issued after the given one by their ids, with their documents; for checks that look at all of them.
pub fn page(tx: &mut ProjectTx<'_>, after: Option<InvoiceId>, limit: i64) -> Result<Vec<IssuedInvoice>, StorageError> {
    tx.query(
        sql!(
            "-- page_issued_invoices
            select invoice_id, series, number, number_text, entry_id, total_micros, currency, document, digest, issued_at
            from issued_invoices
            where project_id = ?1
              and (cast(?2 as {uuid}) is null or invoice_id > ?2)
            order by invoice_id
            limit ?3"
        ),
        &params![after, limit],
        read,
    )
}

/// The invoices with this printed number: one per series at most.
pub fn find_by_number(tx: &mut ProjectTx<'_>, text: &str) -> Result<Vec<InvoiceId>, StorageError> {
    tx.query(
        sql!(
            "-- find_issued_invoices_by_number
            select invoice_id
            from issued_invoices
            where project_id = ?1 and number_text = ?2"
        ),
        &params![text],
        |row| row.get(0),
    )
}

/// The numbers of those of the invoices that are issued, in no order; name each invoice once.
pub fn numbers(tx: &mut ProjectTx<'_>, invoices: &[InvoiceId]) -> Result<Vec<IssuedNumber>, StorageError> {
    let rows: Vec<[Value<'_>; 1]> = invoices.iter().map(|id| params![*id]).collect();
    tx.query_many(
        bulk_sql!(
            "-- numbers_of_invoices
            select i.invoice_id, i.series, i.number, i.number_text
            from {rows}
            join issued_invoices i on i.project_id = r.project_id and i.invoice_id = r.invoice_id",
            [project_id: Uuid, invoice_id: Uuid]
        ),
        &rows,
        |row| Ok(IssuedNumber { invoice: row.get(0)?, number: read_number(row, 1)? }),
    )
}

/// A number that was given, from three columns.
pub(crate) fn read_number(row: &Row<'_>, index: usize) -> Result<GivenNumber, StorageError> {
    let number: i64 = row.get(index + 1)?;
    Ok(GivenNumber {
        series: row.named(index, SeriesName::parse)?,
        number: u64::try_from(number).map_err(|_| StorageError::corrupt("the number of an invoice"))?,
        text: row.get(index + 2)?,
    })
}

/// A number as it is stored.
pub(crate) fn number(number: u64) -> i64 {
    // Cannot fail: nobody issues so many invoices.
    i64::try_from(number).expect("numbers of a series stay below 2^63")
}

fn read(row: &Row<'_>) -> Result<IssuedInvoice, StorageError> {
    Ok(IssuedInvoice {
        invoice: row.get(0)?,
        number: read_number(row, 1)?,
        entry: row.get(4)?,
        due: row.get(5)?,
        currency: row.get(6)?,
        document: row.get(7)?,
        digest: row.get(8)?,
        issued_at: row.get(9)?,
    })
}
