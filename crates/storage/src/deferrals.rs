//! Deferrals: what lines of issued invoices bill for time that lies ahead, and what credit notes took back of it. Rows are added and read,
//! never changed; how far they are earned is in `recognitions`.

use domain::currency::Currency;
use domain::ids::{CustomerId, DeferralId, InvoiceId, SubscriptionId};
use domain::ledger::deferral::{Days, Deferral};
use domain::time::Instant;
use jiff::civil::Date;

use crate::error::StorageError;
use crate::sql::{Row, Value, bulk_sql, params, sql};
use crate::tx::ProjectTx;

/// Whose fees one account of the ledger defers.
pub type DeferredOf = (SubscriptionId, CustomerId, Currency);

/// Adds deferrals.
///
/// # Errors
/// A violation of `deferrals_pk` for one that is there.
pub fn insert_many(tx: &mut ProjectTx<'_>, deferrals: &[Deferral]) -> Result<(), StorageError> {
    let rows: Vec<[Value<'_>; 11]> = deferrals
        .iter()
        .map(|deferral| {
            params![
                deferral.id,
                deferral.invoice,
                deferral.line,
                deferral.credit_note,
                deferral.customer,
                deferral.subscription,
                deferral.currency,
                deferral.amount,
                deferral.days.first.to_string(),
                deferral.days.end.to_string(),
                deferral.starts_on.to_string(),
            ]
        })
        .collect();
    tx.execute_many(
        bulk_sql!(
            "-- insert_deferrals
            insert into deferrals (project_id, id, invoice_id, line, credit_note_id, customer_id, subscription_id, currency,
                amount_micros, first_on, ends_on, starts_on)
            {values}",
            [
                project_id: Uuid,
                id: Uuid,
                invoice_id: Uuid,
                line: Int,
                credit_note_id: Uuid,
                customer_id: Uuid,
                subscription_id: Uuid,
                currency: Text,
                amount_micros: Int,
                first_on: Text,
                ends_on: Text,
                starts_on: Text,
            ]
        ),
        &rows,
    )?;
    Ok(())
}

/// What the lines of an invoice deferred, and what was taken back of it, by line, what was deferred first.
pub fn of_invoice(tx: &mut ProjectTx<'_>, invoice: InvoiceId) -> Result<Vec<Deferral>, StorageError> {
    tx.query(
        sql!(
            "-- deferrals_of_invoice
            select d.id, d.invoice_id, d.line, d.credit_note_id, d.customer_id, d.subscription_id, d.currency, d.amount_micros,
                d.first_on, d.ends_on, d.starts_on
            from deferrals d
            where d.project_id = ?1 and d.invoice_id = ?2
            order by d.line, d.credit_note_id is not null, d.id"
        ),
        &params![invoice],
        read,
    )
}

/// These deferrals, in no order; name each id once.
pub fn find_by_ids(tx: &mut ProjectTx<'_>, ids: &[DeferralId]) -> Result<Vec<Deferral>, StorageError> {
    let rows: Vec<[Value<'_>; 1]> = ids.iter().map(|id| params![*id]).collect();
    tx.query_many(
        bulk_sql!(
            "-- find_deferrals
            select d.id, d.invoice_id, d.line, d.credit_note_id, d.customer_id, d.subscription_id, d.currency, d.amount_micros,
                d.first_on, d.ends_on, d.starts_on
            from {rows}
            join deferrals d on d.project_id = r.project_id and d.id = r.id",
            [project_id: Uuid, id: Uuid]
        ),
        &rows,
        read,
    )
}

/// Which deferrals are asked for.
#[derive(Debug, Clone, Copy)]
pub struct DeferredAsOf {
    /// What is left of them after this day of the books.
    pub day: Date,
    /// The end of that day: what was issued or became void later is of no matter.
    pub end: Instant,
    /// Of this payer only.
    pub customer: Option<CustomerId>,
}

/// The deferrals of which something was left at the end of a day, after the given one by id, with the numbers of their invoices.
pub fn open_as_of(
    tx: &mut ProjectTx<'_>,
    asked: &DeferredAsOf,
    after: Option<DeferralId>,
    limit: i64,
) -> Result<Vec<(Deferral, String)>, StorageError> {
    let next = asked.day.tomorrow().unwrap_or(asked.day);
    tx.query(
        sql!(
            "-- open_deferrals_as_of
            select d.id, d.invoice_id, d.line, d.credit_note_id, d.customer_id, d.subscription_id, d.currency, d.amount_micros,
                d.first_on, d.ends_on, d.starts_on, i.number_text
            from deferrals d
            join issued_invoices i on i.project_id = d.project_id and i.invoice_id = d.invoice_id and i.issued_at < ?4
            join recognitions g on g.project_id = d.project_id and g.deferral_id = d.id
                and (g.voided_at is null or g.voided_at >= ?4)
            left join credit_notes c on c.project_id = d.project_id and c.id = d.credit_note_id
            where d.project_id = ?1
              and (d.starts_on > ?2 or d.ends_on > ?3)
              and (c.id is null or c.issued_at < ?4)
              and (cast(?5 as {uuid}) is null or d.customer_id = ?5)
              and (cast(?6 as {uuid}) is null or d.id > ?6)
            order by d.id
            limit ?7"
        ),
        &params![asked.day.to_string(), next.to_string(), asked.end, asked.customer, after, limit],
        |row| Ok((read(row)?, row.get(11)?)),
    )
}

/// What every deferral of these subscriptions, payers and currencies still holds, deferral by deferral; name each once. Those of void
/// invoices hold nothing.
pub fn held(tx: &mut ProjectTx<'_>, accounts: &[DeferredOf]) -> Result<Vec<(DeferredOf, i128)>, StorageError> {
    let rows: Vec<[Value<'_>; 3]> = accounts
        .iter()
        .map(|(subscription, customer, currency)| params![*subscription, *customer, *currency])
        .collect();
    tx.query_many(
        bulk_sql!(
            "-- held_by_deferrals
            select d.subscription_id, d.customer_id, d.currency, d.amount_micros, g.recognized_micros
            from {rows}
            join deferrals d on d.project_id = r.project_id and d.subscription_id = r.subscription_id
                and d.customer_id = r.customer_id and d.currency = r.currency
            join recognitions g on g.project_id = d.project_id and g.deferral_id = d.id and g.voided_at is null",
            [project_id: Uuid, subscription_id: Uuid, customer_id: Uuid, currency: Text]
        ),
        &rows,
        |row| {
            let (amount, recognized): (i64, i64) = (row.get(3)?, row.get(4)?);
            Ok(((row.get(0)?, row.get(1)?, row.get(2)?), i128::from(amount) - i128::from(recognized)))
        },
    )
}

pub(crate) fn read(row: &Row<'_>) -> Result<Deferral, StorageError> {
    Ok(Deferral {
        id: row.get(0)?,
        invoice: row.get(1)?,
        line: row.get(2)?,
        credit_note: row.get(3)?,
        customer: row.get(4)?,
        subscription: row.get(5)?,
        currency: row.get(6)?,
        amount: row.get(7)?,
        days: Days { first: read_day(row.get(8)?)?, end: read_day(row.get(9)?)? },
        starts_on: read_day(row.get(10)?)?,
    })
}

pub(crate) fn read_day(text: String) -> Result<Date, StorageError> {
    text.parse().map_err(|_| StorageError::corrupt("a day of a deferral"))
}
