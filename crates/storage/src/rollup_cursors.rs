//! The cursor of a project: up to which batch its rollups hold the events, and which set of series they are folded into.
//!
//! Whoever changes rollups or the set of open series holds the cursor until the transaction ends.

use crate::error::StorageError;
use crate::sql::{Row, params, sql};
use crate::tx::ProjectTx;

/// Where the folding of a project stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cursor {
    /// The place of the last batch that was folded; 0 before the first.
    pub last_seq: i64,
    /// Grows whenever a series of a metric with events is opened or closed: sums made under another epoch are not to be stored.
    pub metrics_epoch: i64,
}

/// Takes the cursor for this transaction; `None` while another transaction holds it.
pub fn try_lock(tx: &mut ProjectTx<'_>) -> Result<Option<Cursor>, StorageError> {
    make(tx)?;
    tx.query_opt(
        sql!(
            "-- try_lock_rollup_cursor
            select last_seq, metrics_epoch
            from rollup_cursors
            where project_id = ?1
            {for_update} {skip_locked}"
        ),
        &[],
        read,
    )
}

/// Takes the cursor for this transaction, and waits for whoever holds it.
pub fn lock(tx: &mut ProjectTx<'_>) -> Result<Cursor, StorageError> {
    make(tx)?;
    tx.query_one(
        sql!(
            "-- lock_rollup_cursor
            select last_seq, metrics_epoch
            from rollup_cursors
            where project_id = ?1
            {for_update}"
        ),
        &[],
        read,
    )
}

/// Where the folding stands in this snapshot.
pub fn get(tx: &mut ProjectTx<'_>) -> Result<Cursor, StorageError> {
    let found = tx.query_opt(
        sql!(
            "-- get_rollup_cursor
            select last_seq, metrics_epoch from rollup_cursors where project_id = ?1"
        ),
        &[],
        read,
    )?;
    Ok(found.unwrap_or_default())
}

/// Moves the cursor to the last batch that is folded now.
pub fn advance(tx: &mut ProjectTx<'_>, last_seq: i64) -> Result<(), StorageError> {
    let updated = tx.execute(
        sql!(
            "-- advance_rollup_cursor
            update rollup_cursors set last_seq = ?2 where project_id = ?1 and last_seq <= ?2"
        ),
        &params![last_seq],
    )?;
    assert_eq!(updated, 1, "a cursor moves forwards, in the transaction that holds it");
    Ok(())
}

/// Begins a new epoch: a series was opened or closed in this transaction, which holds the cursor.
pub fn begin_epoch(tx: &mut ProjectTx<'_>) -> Result<(), StorageError> {
    let updated = tx.execute(
        sql!(
            "-- begin_metrics_epoch
            update rollup_cursors set metrics_epoch = metrics_epoch + 1 where project_id = ?1"
        ),
        &[],
    )?;
    assert_eq!(updated, 1, "an epoch begins in the transaction that holds the cursor");
    Ok(())
}

fn make(tx: &mut ProjectTx<'_>) -> Result<(), StorageError> {
    tx.execute(
        sql!(
            "-- make_rollup_cursor
            insert into rollup_cursors (project_id, last_seq, metrics_epoch)
            values (?1, 0, 0)
            on conflict (project_id) do nothing"
        ),
        &[],
    )?;
    Ok(())
}

fn read(row: &Row<'_>) -> Result<Cursor, StorageError> {
    Ok(Cursor { last_seq: row.get(0)?, metrics_epoch: row.get(1)? })
}
