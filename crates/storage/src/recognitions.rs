//! Recognitions: how far each deferral is earned in the books, and which day of it comes next.

use std::collections::BTreeMap;

use domain::amount::Amount;
use domain::ids::{DeferralId, InvoiceId};
use domain::ledger::deferral::Deferral;
use domain::ledger::recognition::Progress;
use domain::time::Instant;
use jiff::civil::Date;

use crate::deferrals::{self, read_day};
use crate::error::StorageError;
use crate::sql::{Row, Value, bulk_sql, params, sql};
use crate::tx::ProjectTx;

/// A deferral with how far it is earned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recognition {
    /// What comes next is absent for a void invoice.
    pub progress: Progress,
    /// When the invoice became void; nothing of it is deferred any more.
    pub voided_at: Option<Instant>,
}

/// Begins with deferrals that were added before.
pub fn insert_many(tx: &mut ProjectTx<'_>, begun: &[Progress]) -> Result<(), StorageError> {
    let rows: Vec<[Value<'_>; 3]> = begun
        .iter()
        .map(|progress| params![progress.deferral.id, progress.next_on.map(|day| day.to_string()), progress.recognized])
        .collect();
    tx.execute_many(
        bulk_sql!(
            "-- insert_recognitions
            insert into recognitions (project_id, deferral_id, next_on, recognized_micros)
            {values}",
            [project_id: Uuid, deferral_id: Uuid, next_on: Text, recognized_micros: Int]
        ),
        &rows,
    )?;
    Ok(())
}

/// Whether something of a deferral is to be earned with the entry of a day up to this one.
pub fn is_due(tx: &mut ProjectTx<'_>, through: Date) -> Result<bool, StorageError> {
    let next = tx.query_opt(
        sql!(
            "-- next_recognition
            select next_on
            from recognitions
            where project_id = ?1 and next_on <= ?2
            order by next_on
            limit 1"
        ),
        &params![through.to_string()],
        |row| row.get::<String>(0),
    )?;
    Ok(next.is_some())
}

/// Takes deferrals for this transaction that have days up to this one to be earned, those with the earliest first; what another
/// transaction went on with meanwhile is left out.
pub fn lock_due(tx: &mut ProjectTx<'_>, through: Date, limit: i64) -> Result<Vec<Progress>, StorageError> {
    // The mutant books days that it does not hold: the race test notices.
    let statement = if cfg!(feature = "mutant_fees_not_locked") {
        sql!(
            "-- find_due_recognitions
            select deferral_id, next_on, recognized_micros
            from recognitions
            where project_id = ?1 and next_on <= ?2
            order by next_on, deferral_id
            limit ?3"
        )
    } else {
        sql!(
            "-- lock_due_recognitions
            select deferral_id, next_on, recognized_micros
            from recognitions
            where project_id = ?1 and next_on <= ?2
            order by next_on, deferral_id
            limit ?3
            {for_update}"
        )
    };
    let due: Vec<(DeferralId, Option<String>, Amount)> =
        tx.query(statement, &params![through.to_string(), limit], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    with_deferrals(tx, due)
}

/// Goes on: from the day that was the next to what comes then.
///
/// # Panics
/// When one of them went on in another transaction: a day is earned once.
pub fn store_many(tx: &mut ProjectTx<'_>, steps: &[(Progress, Progress)]) -> Result<(), StorageError> {
    let day = |progress: &Progress| progress.next_on.map(|day| day.to_string());
    let rows: Vec<[Value<'_>; 4]> = steps
        .iter()
        .map(|(before, after)| params![before.deferral.id, day(before), day(after), after.recognized])
        .collect();
    let updated = tx.execute_many(
        bulk_sql!(
            "-- store_recognitions
            update recognitions
            set next_on = r.next_on, recognized_micros = r.recognized_micros
            from {rows}
            where recognitions.project_id = r.project_id
              and recognitions.deferral_id = r.deferral_id
              and recognitions.next_on = r.was_on",
            [project_id: Uuid, deferral_id: Uuid, was_on: Text, next_on: Text, recognized_micros: Int]
        ),
        &rows,
    )?;
    assert_eq!(usize::try_from(updated), Ok(steps.len()), "each day of a deferral is earned once");
    Ok(())
}

/// Ends the deferrals of a void invoice, and says how far they were.
pub fn void(tx: &mut ProjectTx<'_>, invoice: InvoiceId, at: Instant) -> Result<Vec<Progress>, StorageError> {
    tx.execute(
        sql!(
            "-- void_recognitions
            update recognitions
            set next_on = null, voided_at = ?3
            where project_id = ?1
              and deferral_id in (select d.id from deferrals d where d.project_id = ?1 and d.invoice_id = ?2)"
        ),
        &params![invoice, at],
    )?;
    let found = tx.query(
        sql!(
            "-- recognitions_of_invoice
            select d.id, d.invoice_id, d.line, d.credit_note_id, d.customer_id, d.subscription_id, d.currency, d.amount_micros,
                d.first_on, d.ends_on, d.starts_on, g.next_on, g.recognized_micros, g.voided_at
            from deferrals d
            join recognitions g on g.project_id = d.project_id and g.deferral_id = d.id
            where d.project_id = ?1 and d.invoice_id = ?2
            order by d.line, d.id"
        ),
        &params![invoice],
        read,
    )?;
    Ok(found.into_iter().map(|found| found.progress).collect())
}

/// The deferrals after this one, by id, with how far each is; absent where that is missing.
pub fn page(
    tx: &mut ProjectTx<'_>,
    after: Option<DeferralId>,
    limit: i64,
) -> Result<Vec<(Deferral, Option<Recognition>)>, StorageError> {
    tx.query(
        sql!(
            "-- page_recognitions
            select d.id, d.invoice_id, d.line, d.credit_note_id, d.customer_id, d.subscription_id, d.currency, d.amount_micros,
                d.first_on, d.ends_on, d.starts_on, g.next_on, g.recognized_micros, g.voided_at
            from deferrals d
            left join recognitions g on g.project_id = d.project_id and g.deferral_id = d.id
            where d.project_id = ?1 and (cast(?2 as {uuid}) is null or d.id > ?2)
            order by d.id
            limit ?3"
        ),
        &params![after, limit],
        |row| {
            let is_known = row.get::<Option<i64>>(12)?.is_some();
            Ok((deferrals::read(row)?, if is_known { Some(read(row)?) } else { None }))
        },
    )
}

fn with_deferrals(
    tx: &mut ProjectTx<'_>,
    due: Vec<(DeferralId, Option<String>, Amount)>,
) -> Result<Vec<Progress>, StorageError> {
    let ids: Vec<DeferralId> = due.iter().map(|(id, ..)| *id).collect();
    let mut found: BTreeMap<DeferralId, Deferral> =
        deferrals::find_by_ids(tx, &ids)?.into_iter().map(|deferral| (deferral.id, deferral)).collect();
    let each = due.into_iter().map(|(id, next_on, recognized)| {
        let deferral = found.remove(&id).ok_or_else(|| StorageError::corrupt("a recognition of no deferral"))?;
        Ok(Progress { deferral, next_on: next_on.map(read_day).transpose()?, recognized })
    });
    each.collect()
}

fn read(row: &Row<'_>) -> Result<Recognition, StorageError> {
    let next_on: Option<String> = row.get(11)?;
    let progress = Progress {
        deferral: deferrals::read(row)?,
        next_on: next_on.map(read_day).transpose()?,
        recognized: row.get(12)?,
    };
    Ok(Recognition { progress, voided_at: row.get(13)? })
}
