//! Ingest batches: one row for what one transaction did for one project. It is the audit and the announcement of its events,
//! and says whether they are in the rollups.

use domain::ids::{BatchId, EventId, ProjectId};
use domain::ingest::{Operation, OutcomeCounts};
use domain::time::Instant;

use crate::error::StorageError;
use crate::sql::{Row, Value, bulk_sql, params, sql};
use crate::tx::{InstallationTx, ProjectTx};

/// What one transaction did for one project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IngestBatch {
    pub id: BatchId,
    pub operation: Operation,
    pub received_at: Instant,
    /// Events stored by it: all of them lie between the first and the last id, and name this batch.
    pub events: i64,
    pub first_event: Option<EventId>,
    pub last_event: Option<EventId>,
    /// When the first of what it changes happened: of its events, and of those it corrects. `None` when it changes nothing, and for batches
    /// of before this was kept.
    pub earliest_at: Option<Instant>,
    pub counts: OutcomeCounts,
    /// The place in the order in which batches were folded into the rollups; `None` while it is not.
    pub rollup_seq: Option<i64>,
}

/// Adds batches that are not folded yet.
pub fn insert_many(tx: &mut InstallationTx<'_>, batches: &[(ProjectId, IngestBatch)]) -> Result<(), StorageError> {
    let rows: Vec<[Value<'_>; 13]> = batches
        .iter()
        .map(|(project, batch)| {
            params![
                *project,
                batch.id,
                batch.operation.as_str(),
                batch.received_at,
                batch.events,
                batch.first_event,
                batch.last_event,
                batch.earliest_at,
                batch.counts.accepted,
                batch.counts.replayed,
                batch.counts.duplicates,
                batch.counts.conflicts,
                batch.counts.failed,
            ]
        })
        .collect();
    tx.execute_many(
        bulk_sql!(
            "-- insert_ingest_batches
            insert into ingest_batches (project_id, id, operation, received_at, events, first_event_id, last_event_id,
                earliest_at, accepted, replayed, duplicates, conflicts, failed)
            {values}",
            [
                project_id: Uuid,
                id: Uuid,
                operation: Text,
                received_at: Instant,
                events: Int,
                first_event_id: Uuid,
                last_event_id: Uuid,
                earliest_at: Instant,
                accepted: Int,
                replayed: Int,
                duplicates: Int,
                conflicts: Int,
                failed: Int,
            ]
        ),
        &rows,
    )?;
    Ok(())
}

/// Adds one batch without events: the outcome of one request that is no usage.
pub fn insert(tx: &mut ProjectTx<'_>, batch: &IngestBatch) -> Result<(), StorageError> {
    assert_eq!(batch.events, 0, "batches with events are added in bulk");
    tx.execute(
        sql!(
            "-- insert_ingest_batch
            insert into ingest_batches (project_id, id, operation, received_at, events, accepted, replayed, duplicates,
                conflicts, failed)
            values (?1, ?2, ?3, ?4, 0, ?5, ?6, ?7, ?8, ?9)"
        ),
        &params![
            batch.id,
            batch.operation.as_str(),
            batch.received_at,
            batch.counts.accepted,
            batch.counts.replayed,
            batch.counts.duplicates,
            batch.counts.conflicts,
            batch.counts.failed,
        ],
    )?;
    Ok(())
}

pub fn get(tx: &mut ProjectTx<'_>, id: BatchId) -> Result<Option<IngestBatch>, StorageError> {
    tx.query_opt(
        sql!(
            "-- get_ingest_batch
            select id, operation, received_at, events, first_event_id, last_event_id, accepted, replayed, duplicates,
                conflicts, failed, rollup_seq, earliest_at
            from ingest_batches
            where project_id = ?1 and id = ?2"
        ),
        &params![id],
        read,
    )
}

/// The projects that have batches to fold.
pub fn projects_with_unfolded(tx: &mut InstallationTx<'_>) -> Result<Vec<ProjectId>, StorageError> {
    tx.query(
        sql!(
            "-- projects_with_unfolded_batches
            select p.id
            from projects p
            where exists (select 1 from ingest_batches b where b.project_id = p.id and b.rollup_seq is null)
            order by p.id"
        ),
        &[],
        |row| row.get(0),
    )
}

/// The oldest batches that are not folded yet.
pub fn unfolded(tx: &mut ProjectTx<'_>, limit: i64) -> Result<Vec<IngestBatch>, StorageError> {
    tx.query(
        sql!(
            "-- unfolded_ingest_batches
            select id, operation, received_at, events, first_event_id, last_event_id, accepted, replayed, duplicates,
                conflicts, failed, rollup_seq, earliest_at
            from ingest_batches
            where project_id = ?1 and rollup_seq is null
            order by id
            limit ?2"
        ),
        &params![limit],
        read,
    )
}

/// The youngest batch that is not folded yet.
pub fn newest_unfolded(tx: &mut ProjectTx<'_>) -> Result<Option<BatchId>, StorageError> {
    tx.query_opt(
        sql!(
            "-- newest_unfolded_ingest_batch
            select id
            from ingest_batches
            where project_id = ?1 and rollup_seq is null
            order by id desc
            limit 1"
        ),
        &[],
        |row| row.get(0),
    )
}

/// How many of these batches are not folded yet; name each once.
pub fn count_unfolded(tx: &mut ProjectTx<'_>, batches: &[BatchId]) -> Result<usize, StorageError> {
    let rows: Vec<[Value<'_>; 1]> = batches.iter().map(|id| params![*id]).collect();
    let found = tx.query_many(
        bulk_sql!(
            "-- unfolded_among_ingest_batches
            select b.id
            from {rows}
            join ingest_batches b on b.project_id = r.project_id and b.id = r.id
            where b.rollup_seq is null",
            [project_id: Uuid, id: Uuid]
        ),
        &rows,
        |_| Ok(()),
    )?;
    Ok(found.len())
}

/// Batches that are folded, in the order in which they were, after the given place.
pub fn folded(tx: &mut ProjectTx<'_>, after_seq: i64, limit: i64) -> Result<Vec<IngestBatch>, StorageError> {
    tx.query(
        sql!(
            "-- folded_ingest_batches
            select id, operation, received_at, events, first_event_id, last_event_id, accepted, replayed, duplicates,
                conflicts, failed, rollup_seq, earliest_at
            from ingest_batches
            where project_id = ?1 and rollup_seq is not null and rollup_seq > ?2
            order by rollup_seq
            limit ?3"
        ),
        &params![after_seq, limit],
        read,
    )
}

/// Folded batches after a place up to another one in which something happened before an instant, in the order of folding. Batches of which
/// it is not known are among them.
pub fn folded_before(
    tx: &mut ProjectTx<'_>,
    (after_seq, up_to_seq): (i64, i64),
    before: Instant,
    limit: i64,
) -> Result<Vec<IngestBatch>, StorageError> {
    tx.query(
        sql!(
            "-- folded_ingest_batches_before
            select id, operation, received_at, events, first_event_id, last_event_id, accepted, replayed, duplicates,
                conflicts, failed, rollup_seq, earliest_at
            from ingest_batches
            where project_id = ?1 and rollup_seq is not null and rollup_seq > ?2 and rollup_seq <= ?3
              and (earliest_at < ?4 or (earliest_at is null and events > 0))
            order by rollup_seq
            limit ?5"
        ),
        &params![after_seq, up_to_seq, before, limit],
        read,
    )
}

/// Gives batches their place in the order of folding. A batch that has one already keeps it, and is not counted.
pub fn stamp(tx: &mut ProjectTx<'_>, stamps: &[(BatchId, i64)]) -> Result<u64, StorageError> {
    let rows: Vec<[Value<'_>; 2]> = stamps.iter().map(|(id, seq)| params![*id, *seq]).collect();
    tx.execute_many(
        bulk_sql!(
            "-- stamp_ingest_batches
            update ingest_batches
            set rollup_seq = r.rollup_seq
            from {rows}
            where ingest_batches.project_id = r.project_id
              and ingest_batches.id = r.id
              and ingest_batches.rollup_seq is null",
            [project_id: Uuid, id: Uuid, rollup_seq: Int]
        ),
        &rows,
    )
}

fn read(row: &Row<'_>) -> Result<IngestBatch, StorageError> {
    Ok(IngestBatch {
        id: row.get(0)?,
        operation: row.named(1, Operation::parse)?,
        received_at: row.get(2)?,
        events: row.get(3)?,
        first_event: row.get(4)?,
        last_event: row.get(5)?,
        counts: OutcomeCounts {
            accepted: row.get(6)?,
            replayed: row.get(7)?,
            duplicates: row.get(8)?,
            conflicts: row.get(9)?,
            failed: row.get(10)?,
        },
        rollup_seq: row.get(11)?,
        earliest_at: row.get(12)?,
    })
}
