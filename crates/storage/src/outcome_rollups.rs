//! Outcomes of ingest requests, counted per quarter of an hour: what is folded, and what is not folded yet.

use domain::ingest::{Operation, OutcomeCounts};
use domain::time::Instant;
use domain::window::Span;

use crate::error::StorageError;
use crate::sql::{Row, Value, bulk_sql, params, sql};
use crate::tx::ProjectTx;

/// The outcomes of one operation in one quarter of an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutcomeSlice {
    pub operation: Operation,
    pub slice_start: Instant,
    pub counts: OutcomeCounts,
}

/// Adds counts to what is stored.
pub fn add_many(tx: &mut ProjectTx<'_>, slices: &[OutcomeSlice]) -> Result<(), StorageError> {
    let rows: Vec<[Value<'_>; 7]> = slices.iter().map(values).collect();
    tx.execute_many(
        bulk_sql!(
            "-- add_outcome_rollups
            insert into outcome_rollups (project_id, operation, slice_start, accepted, replayed, duplicates, conflicts,
                failed)
            {values}
            on conflict (project_id, operation, slice_start) do update
            set accepted = outcome_rollups.accepted + excluded.accepted,
                replayed = outcome_rollups.replayed + excluded.replayed,
                duplicates = outcome_rollups.duplicates + excluded.duplicates,
                conflicts = outcome_rollups.conflicts + excluded.conflicts,
                failed = outcome_rollups.failed + excluded.failed",
            [
                project_id: Uuid,
                operation: Text,
                slice_start: Instant,
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

/// Drops every count of the project.
pub fn delete_all(tx: &mut ProjectTx<'_>) -> Result<(), StorageError> {
    tx.execute(sql!("-- delete_outcome_rollups\ndelete from outcome_rollups where project_id = ?1"), &[])?;
    Ok(())
}

/// What is folded for the quarters that begin in the span.
pub fn folded(tx: &mut ProjectTx<'_>, span: Span) -> Result<Vec<OutcomeSlice>, StorageError> {
    tx.query(
        sql!(
            "-- folded_outcomes_of_span
            select operation, slice_start, accepted, replayed, duplicates, conflicts, failed
            from outcome_rollups
            where project_id = ?1 and slice_start >= ?2 and slice_start < ?3"
        ),
        &params![span.start, span.end],
        read,
    )
}

/// What is not folded yet, with the time of each batch in the place of its slice.
pub fn unfolded(tx: &mut ProjectTx<'_>, span: Span) -> Result<Vec<OutcomeSlice>, StorageError> {
    tx.query(
        sql!(
            "-- unfolded_outcomes_of_span
            select operation, received_at, accepted, replayed, duplicates, conflicts, failed
            from ingest_batches
            where project_id = ?1 and rollup_seq is null and received_at >= ?2 and received_at < ?3"
        ),
        &params![span.start, span.end],
        read,
    )
}

/// Everything that ever happened in the project.
pub fn total(tx: &mut ProjectTx<'_>) -> Result<OutcomeCounts, StorageError> {
    tx.query_one(
        sql!(
            "-- total_outcomes
            select cast(coalesce(sum(accepted), 0) as {int}), cast(coalesce(sum(replayed), 0) as {int}),
                cast(coalesce(sum(duplicates), 0) as {int}), cast(coalesce(sum(conflicts), 0) as {int}),
                cast(coalesce(sum(failed), 0) as {int})
            from (
                select accepted, replayed, duplicates, conflicts, failed
                from outcome_rollups
                where project_id = ?1
                union all
                select accepted, replayed, duplicates, conflicts, failed
                from ingest_batches
                where project_id = ?1 and rollup_seq is null
            ) counts"
        ),
        &[],
        |row| read_counts(row, 0),
    )
}

fn values(slice: &OutcomeSlice) -> [Value<'static>; 7] {
    params![
        slice.operation.as_str(),
        slice.slice_start,
        slice.counts.accepted,
        slice.counts.replayed,
        slice.counts.duplicates,
        slice.counts.conflicts,
        slice.counts.failed,
    ]
}

fn read(row: &Row<'_>) -> Result<OutcomeSlice, StorageError> {
    Ok(OutcomeSlice {
        operation: row.named(0, Operation::parse)?,
        slice_start: row.get(1)?,
        counts: read_counts(row, 2)?,
    })
}

fn read_counts(row: &Row<'_>, first: usize) -> Result<OutcomeCounts, StorageError> {
    Ok(OutcomeCounts {
        accepted: row.get(first)?,
        replayed: row.get(first + 1)?,
        duplicates: row.get(first + 2)?,
        conflicts: row.get(first + 3)?,
        failed: row.get(first + 4)?,
    })
}
