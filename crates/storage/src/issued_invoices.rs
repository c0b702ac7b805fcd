//! What was issued, as it was issued. Rows are added and read, never changed: the database refuses it.

use std::collections::BTreeMap;

use domain::amount::Amount;
use domain::currency::Currency;
use domain::ids::{CustomerId, InvoiceId};
use domain::invoices::issued::{GivenNumber, IssuedInvoice};
use domain::invoices::settings::SeriesName;
use jiff::ToSpan;
use jiff::civil::Date;

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
    let rows: Vec<[Value<'_>; 11]> = issued
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
                issued.billed,
            ]
        })
        .collect();
    tx.execute_many(
        bulk_sql!(
            "-- insert_issued_invoices
            insert into issued_invoices (project_id, invoice_id, series, number, number_text, entry_id, total_micros, currency,
                document, digest, issued_at, billed_micros)
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
                billed_micros: Int,
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
            select invoice_id, series, number, number_text, entry_id, total_micros, currency, document, digest, issued_at,
                billed_micros
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
                i.issued_at, i.billed_micros
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
            select invoice_id, series, number, number_text, entry_id, total_micros, currency, document, digest, issued_at,
                billed_micros
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

/// Whose invoices before which day are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlaceInHistory {
    pub payer: CustomerId,
    pub currency: Currency,
    pub day: Date,
}

/// The totals of the regular invoices that stand from the year before these days, the newest first; name each place once.
pub fn totals_before(
    tx: &mut ProjectTx<'_>,
    places: &[PlaceInHistory],
) -> Result<BTreeMap<PlaceInHistory, Vec<Amount>>, StorageError> {
    let days: Vec<(String, String)> =
        places.iter().map(|place| (place.day.saturating_sub(1.year()).to_string(), place.day.to_string())).collect();
    let rows: Vec<[Value<'_>; 5]> = (0_i64..)
        .zip(places.iter().zip(&days))
        .map(|(index, (place, (from, day)))| params![place.payer, place.currency, from, day, index])
        .collect();
    let mut found: Vec<(i64, (String, InvoiceId), Amount)> = tx.query_many(
        bulk_sql!(
            "-- invoice_totals_before
            -- By the customer, who has few; the index of days looks as good until there are statistics.
            select r.place, i.bills_on, i.id, s.billed_micros
            from {rows}
            join invoices i on i.project_id = r.project_id and i.customer_id = r.customer_id
                and i.bills_on || '' >= r.from_day and i.bills_on || '' < r.day
            join issued_invoices s on s.project_id = i.project_id and s.invoice_id = i.id
            where i.currency = r.currency and i.kind = 'regular' and i.state <> 'void' and s.billed_micros is not null",
            [project_id: Uuid, customer_id: Uuid, currency: Text, from_day: Text, day: Text, place: Int]
        ),
        &rows,
        |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?), row.get(3)?)),
    )?;
    found.sort_by(|(_, one, _), (_, other, _)| other.cmp(one));
    let mut totals: BTreeMap<PlaceInHistory, Vec<Amount>> = BTreeMap::new();
    for (index, _, total) in found {
        let place = usize::try_from(index).ok().and_then(|index| places.get(index));
        let place = place.ok_or_else(|| StorageError::corrupt("a history that nobody asked for"))?;
        totals.entry(*place).or_default().push(total);
    }
    Ok(totals)
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
        billed: row.get(10)?,
    })
}
