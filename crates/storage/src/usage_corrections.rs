//! Corrections of usage: what was proposed, and the steps that were taken with it. Rows are added and read, never changed.

use domain::ids::{BatchId, UsageCorrectionId};
use domain::ingest::correction::{Amendment, CorrectionAction, CorrectionItem, CorrectionState, EventChange};
use domain::ledger::entry::ActorName;
use domain::ledger::reason::{Reason, ReasonCode};
use domain::time::Instant;

use crate::error::StorageError;
use crate::sql::{Row, Value, bulk_sql, params, sql};
use crate::tx::ProjectTx;

/// What somebody proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageCorrection {
    pub id: UsageCorrectionId,
    /// How many events it is about.
    pub items: i64,
    pub reason: Reason,
    pub created_by: ActorName,
    pub created_at: Instant,
}

/// That it was applied, or taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorrectionStep {
    /// [`CorrectionState::Applied`] or [`CorrectionState::Reverted`].
    pub state: CorrectionState,
    pub batch: BatchId,
    /// Its place in the order of batches.
    pub seq: i64,
    pub reason: Reason,
    pub by: ActorName,
    pub at: Instant,
}

pub fn insert(
    tx: &mut ProjectTx<'_>,
    correction: &UsageCorrection,
    items: &[CorrectionItem],
) -> Result<(), StorageError> {
    tx.execute(
        sql!(
            "-- insert_usage_correction
            insert into usage_corrections (project_id, id, items, reason_code, reason, actor_kind, actor_id, actor_name,
                created_at)
            values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
        ),
        &params![
            correction.id,
            correction.items,
            correction.reason.code.as_str(),
            correction.reason.text.as_deref(),
            &correction.created_by.kind,
            &correction.created_by.id,
            &correction.created_by.name,
            correction.created_at,
        ],
    )?;
    let rows: Vec<[Value<'_>; 7]> = items
        .iter()
        .zip(0i64..)
        .map(|(item, position)| {
            let amendment = match &item.change {
                EventChange::Void => None,
                EventChange::Amend(amendment) => Some(amendment),
            };
            params![
                correction.id,
                position,
                item.event,
                item.change.action().as_str(),
                amendment.and_then(|amendment| amendment.units),
                amendment.and_then(|amendment| amendment.at),
                amendment.and_then(|amendment| amendment.properties.as_deref()),
            ]
        })
        .collect();
    tx.execute_many(
        bulk_sql!(
            "-- insert_usage_correction_items
            insert into usage_correction_items (project_id, correction_id, position, event_id, action, units_micros, at,
                properties)
            {values}",
            [
                project_id: Uuid,
                correction_id: Uuid,
                position: Int,
                event_id: Uuid,
                action: Text,
                units_micros: Int,
                at: Instant,
                properties: Text,
            ]
        ),
        &rows,
    )?;
    Ok(())
}

/// Notes that it was applied or taken back.
///
/// # Errors
/// A violation of `usage_correction_steps_pk` when it was before.
pub fn insert_step(
    tx: &mut ProjectTx<'_>,
    correction: UsageCorrectionId,
    step: &CorrectionStep,
) -> Result<(), StorageError> {
    tx.execute(
        sql!(
            "-- insert_usage_correction_step
            insert into usage_correction_steps (project_id, correction_id, state, batch_id, rollup_seq, reason_code, reason,
                actor_kind, actor_id, actor_name, happened_at)
            values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
        ),
        &params![
            correction,
            step.state.as_str(),
            step.batch,
            step.seq,
            step.reason.code.as_str(),
            step.reason.text.as_deref(),
            &step.by.kind,
            &step.by.id,
            &step.by.name,
            step.at,
        ],
    )?;
    Ok(())
}

pub fn get(tx: &mut ProjectTx<'_>, id: UsageCorrectionId) -> Result<Option<UsageCorrection>, StorageError> {
    tx.query_opt(
        sql!(
            "-- get_usage_correction
            select id, items, reason_code, reason, actor_kind, actor_id, actor_name, created_at
            from usage_corrections
            where project_id = ?1 and id = ?2"
        ),
        &params![id],
        read,
    )
}

/// The newest first, before the given one.
pub fn page(
    tx: &mut ProjectTx<'_>,
    before: Option<UsageCorrectionId>,
    limit: i64,
) -> Result<Vec<UsageCorrection>, StorageError> {
    tx.query(
        sql!(
            "-- page_usage_corrections
            select id, items, reason_code, reason, actor_kind, actor_id, actor_name, created_at
            from usage_corrections
            where project_id = ?1 and (cast(?2 as {uuid}) is null or id < ?2)
            order by id desc
            limit ?3"
        ),
        &params![before, limit],
        read,
    )
}

/// The events it is about, in their order.
pub fn items(tx: &mut ProjectTx<'_>, id: UsageCorrectionId) -> Result<Vec<CorrectionItem>, StorageError> {
    tx.query(
        sql!(
            "-- usage_correction_items
            select event_id, action, units_micros, at, properties
            from usage_correction_items
            where project_id = ?1 and correction_id = ?2
            order by position"
        ),
        &params![id],
        |row| {
            let amendment = Amendment { units: row.get(2)?, at: row.get(3)?, properties: row.get(4)? };
            let change = match row.named(1, CorrectionAction::parse)? {
                CorrectionAction::Void => EventChange::Void,
                CorrectionAction::Amend => EventChange::Amend(amendment),
            };
            Ok(CorrectionItem { event: row.get(0)?, change })
        },
    )
}

/// The steps of these corrections, in the order in which they were taken; name each once.
pub fn steps(
    tx: &mut ProjectTx<'_>,
    corrections: &[UsageCorrectionId],
) -> Result<Vec<(UsageCorrectionId, CorrectionStep)>, StorageError> {
    let rows: Vec<[Value<'_>; 1]> = corrections.iter().map(|id| params![*id]).collect();
    let mut found = tx.query_many(
        bulk_sql!(
            "-- usage_correction_steps
            select s.correction_id, s.state, s.batch_id, s.rollup_seq, s.reason_code, s.reason, s.actor_kind, s.actor_id,
                s.actor_name, s.happened_at
            from {rows}
            join usage_correction_steps s on s.project_id = r.project_id and s.correction_id = r.correction_id",
            [project_id: Uuid, correction_id: Uuid]
        ),
        &rows,
        |row| {
            let step = CorrectionStep {
                state: row.named(1, CorrectionState::parse)?,
                batch: row.get(2)?,
                seq: row.get(3)?,
                reason: Reason { code: row.named(4, ReasonCode::parse)?, text: row.get(5)? },
                by: ActorName { kind: row.get(6)?, id: row.get(7)?, name: row.get(8)? },
                at: row.get(9)?,
            };
            Ok((row.get(0)?, step))
        },
    )?;
    found.sort_by_key(|(correction, step): &(UsageCorrectionId, CorrectionStep)| (*correction, step.seq));
    Ok(found)
}

fn read(row: &Row<'_>) -> Result<UsageCorrection, StorageError> {
    Ok(UsageCorrection {
        id: row.get(0)?,
        items: row.get(1)?,
        reason: Reason { code: row.named(2, ReasonCode::parse)?, text: row.get(3)? },
        created_by: ActorName { kind: row.get(4)?, id: row.get(5)?, name: row.get(6)? },
        created_at: row.get(7)?,
    })
}
