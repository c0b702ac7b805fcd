//! The counters of invoice numbers. Whoever gives numbers holds the row until the end of the transaction, so that none is left out or
//! given twice.

use domain::invoices::settings::SeriesName;

use crate::error::StorageError;
use crate::issued_invoices::number;
use crate::sql::{params, sql};
use crate::tx::ProjectTx;

/// The number that is given next, locked until the transaction ends; a series of which nothing was given begins with 1.
pub fn lock(tx: &mut ProjectTx<'_>, series: SeriesName) -> Result<u64, StorageError> {
    tx.execute(
        sql!(
            "-- begin_invoice_series
            insert into invoice_series (project_id, series, next)
            values (?1, ?2, 1)
            on conflict (project_id, series) do nothing"
        ),
        &params![series.as_str()],
    )?;
    let next: i64 = tx.query_one(
        sql!(
            "-- lock_invoice_series
            select next
            from invoice_series
            where project_id = ?1 and series = ?2
            {for_update}"
        ),
        &params![series.as_str()],
        |row| row.get(0),
    )?;
    u64::try_from(next).map_err(|_| StorageError::corrupt("the next number of a series"))
}

/// Stores which number is given next. The caller holds the lock.
pub fn store(tx: &mut ProjectTx<'_>, series: SeriesName, next: u64) -> Result<(), StorageError> {
    tx.execute(
        sql!(
            "-- store_invoice_series
            update invoice_series
            set next = ?3
            where project_id = ?1 and series = ?2"
        ),
        &params![series.as_str(), number(next)],
    )?;
    Ok(())
}

/// Each series with the number that it gives next.
pub fn all(tx: &mut ProjectTx<'_>) -> Result<Vec<(SeriesName, u64)>, StorageError> {
    tx.query(
        sql!(
            "-- list_invoice_series
            select series, next
            from invoice_series
            where project_id = ?1
            order by series"
        ),
        &[],
        |row| {
            let next: i64 = row.get(1)?;
            let next = u64::try_from(next).map_err(|_| StorageError::corrupt("the next number of a series"))?;
            Ok((row.named(0, SeriesName::parse)?, next))
        },
    )
}

/// Every number that was given in a series, in no order: by invoices or by credit notes.
pub fn given(tx: &mut ProjectTx<'_>, series: SeriesName) -> Result<Vec<u64>, StorageError> {
    let statement = match series {
        SeriesName::Invoice => sql!(
            "-- given_invoice_numbers
            select number
            from issued_invoices
            where project_id = ?1 and series = ?2"
        ),
        SeriesName::CreditNote => sql!(
            "-- given_credit_note_numbers
            select number
            from credit_notes
            where project_id = ?1 and series = ?2"
        ),
    };
    tx.query(statement, &params![series.as_str()], |row| {
        let number: i64 = row.get(0)?;
        u64::try_from(number).map_err(|_| StorageError::corrupt("a number of a series"))
    })
}
