//! How far the books of a project are closed. Closes are added and read, never changed; the latest stands with the project.

use domain::ids::ClosingId;
use domain::ledger::closing::{Closing, ClosingRecord};
use domain::ledger::entry::ActorName;

use crate::error::StorageError;
use crate::sql::{Row, params, sql};
use crate::subscription_changes::read_reason;
use crate::tx::ProjectTx;

/// How far the books are closed. Nobody closes them further until this transaction ends, so that an entry counts where it was told to:
/// whoever posts shares the lock, as the reference of an entry to its project does anyway.
pub fn shared(tx: &mut ProjectTx<'_>) -> Result<Closing, StorageError> {
    let open_from = tx.query_one(
        sql!(
            "-- share_closing
            select open_from
            from projects
            where id = ?1
            {for_key_share}"
        ),
        &[],
        |row| row.get(0),
    )?;
    Ok(Closing { open_from })
}

/// As [`shared`], and nobody posts until this transaction ends: it waits for those who do.
pub fn for_update(tx: &mut ProjectTx<'_>) -> Result<Closing, StorageError> {
    let open_from = tx.query_one(
        sql!(
            "-- lock_closing
            select open_from
            from projects
            where id = ?1
            {for_update}"
        ),
        &[],
        |row| row.get(0),
    )?;
    Ok(Closing { open_from })
}

/// Closes the books. The caller holds the lock.
pub fn insert(tx: &mut ProjectTx<'_>, closing: &ClosingRecord) -> Result<(), StorageError> {
    tx.execute(
        sql!(
            "-- insert_closing
            insert into ledger_closings (project_id, id, open_from, closed_at, actor_kind, actor_id, actor_name,
                reason_code, reason)
            values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
        ),
        &params![
            closing.id,
            closing.open_from,
            closing.closed_at,
            &closing.actor.kind,
            &closing.actor.id,
            &closing.actor.name,
            closing.reason.code.as_str(),
            closing.reason.text.as_deref(),
        ],
    )?;
    tx.execute(
        sql!(
            "-- close_books
            update projects
            set open_from = ?2
            where id = ?1"
        ),
        &params![closing.open_from],
    )?;
    Ok(())
}

/// The newest first, made before the given one.
pub fn page(tx: &mut ProjectTx<'_>, before: Option<ClosingId>, limit: i64) -> Result<Vec<ClosingRecord>, StorageError> {
    tx.query(
        sql!(
            "-- page_closings
            select id, open_from, closed_at, actor_kind, actor_id, actor_name, reason_code, reason
            from ledger_closings
            where project_id = ?1
              and (cast(?2 as {uuid}) is null or id < ?2)
            order by id desc
            limit ?3"
        ),
        &params![before, limit],
        read,
    )
}

fn read(row: &Row<'_>) -> Result<ClosingRecord, StorageError> {
    Ok(ClosingRecord {
        id: row.get(0)?,
        open_from: row.get(1)?,
        closed_at: row.get(2)?,
        actor: ActorName { kind: row.get(3)?, id: row.get(4)?, name: row.get(5)? },
        reason: read_reason(row, 6)?.ok_or_else(|| StorageError::corrupt("a close of the books has no reason"))?,
    })
}
