//! Which events count no more, or again, and from which place in the order of batches on. Rows are added and read, never changed.

use std::collections::{HashMap, HashSet};

use domain::ids::{CustomerId, EventId, MetricId, UsageCorrectionId};
use domain::time::Instant;
use domain::window::Span;

use crate::error::StorageError;
use crate::sql::{Row, Value, bulk_sql, params, sql};
use crate::tx::ProjectTx;

/// A turn in the life of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageVoid {
    pub event: EventId,
    /// The place of the correction, or of its reversion, in the order of batches.
    pub seq: i64,
    pub correction: UsageCorrectionId,
    /// Whether it counts no more from there on, or again.
    pub is_void: bool,
    /// The event that counts in its place.
    pub replacement: Option<EventId>,
    pub metric: MetricId,
    pub customer: CustomerId,
    /// When the event happened.
    pub at: Instant,
}

/// Adds turns.
///
/// # Errors
/// A violation of `usage_voids_pk` when an event has a turn at this place.
pub fn insert_many(tx: &mut ProjectTx<'_>, voids: &[UsageVoid]) -> Result<(), StorageError> {
    let rows: Vec<[Value<'_>; 8]> = voids
        .iter()
        .map(|turn| {
            params![
                turn.event,
                turn.seq,
                turn.correction,
                turn.is_void,
                turn.replacement,
                turn.metric,
                turn.customer,
                turn.at
            ]
        })
        .collect();
    tx.execute_many(
        bulk_sql!(
            "-- insert_usage_voids
            insert into usage_voids (project_id, event_id, rollup_seq, correction_id, is_void, replacement_id, metric_id,
                customer_id, at)
            {values}",
            [
                project_id: Uuid,
                event_id: Uuid,
                rollup_seq: Int,
                correction_id: Uuid,
                is_void: Bool,
                replacement_id: Uuid,
                metric_id: Uuid,
                customer_id: Uuid,
                at: Instant,
            ]
        ),
        &rows,
    )?;
    Ok(())
}

/// The events of a metric in a span that do not count as of a place in the order of batches.
pub fn of_metric(
    tx: &mut ProjectTx<'_>,
    metric: MetricId,
    span: Span,
    cut: i64,
) -> Result<HashSet<EventId>, StorageError> {
    let turns = tx.query(
        sql!(
            "-- usage_voids_of_metric
            select event_id, rollup_seq, is_void
            from usage_voids
            where project_id = ?1 and metric_id = ?2 and at >= ?3 and at < ?4 and rollup_seq <= ?5"
        ),
        &params![metric, span.start, span.end, cut],
        read_turn,
    )?;
    Ok(void(turns))
}

/// The events of the project that do not count now.
pub fn all(tx: &mut ProjectTx<'_>) -> Result<HashSet<EventId>, StorageError> {
    let turns = tx.query(
        sql!(
            "-- all_usage_voids
            select event_id, rollup_seq, is_void from usage_voids where project_id = ?1"
        ),
        &[],
        read_turn,
    )?;
    Ok(void(turns))
}

/// The last turn of each of these events that had one; name each once.
pub fn last_of_events(tx: &mut ProjectTx<'_>, events: &[EventId]) -> Result<HashMap<EventId, UsageVoid>, StorageError> {
    let rows: Vec<[Value<'_>; 1]> = events.iter().map(|id| params![*id]).collect();
    let turns = tx.query_many(
        bulk_sql!(
            "-- last_usage_voids
            -- By the event alone, which few were done to: one batch may void many.
            select v.event_id, v.rollup_seq, v.correction_id, v.is_void, v.replacement_id, v.metric_id, v.customer_id, v.at
            from {rows}
            join usage_voids v on v.project_id = r.project_id and v.event_id = r.event_id
                and v.rollup_seq + 0 = (
                    select max(l.rollup_seq)
                    from usage_voids l
                    where l.project_id = r.project_id and l.event_id = r.event_id
                )",
            [project_id: Uuid, event_id: Uuid]
        ),
        &rows,
        read,
    )?;
    Ok(turns.into_iter().map(|turn| (turn.event, turn)).collect())
}

/// Which events these took the place of; name each once.
pub fn replaced_by(tx: &mut ProjectTx<'_>, events: &[EventId]) -> Result<HashMap<EventId, EventId>, StorageError> {
    let rows: Vec<[Value<'_>; 1]> = events.iter().map(|id| params![*id]).collect();
    let found = tx.query_many(
        bulk_sql!(
            "-- replaced_usage_events
            select distinct v.replacement_id, v.event_id
            from {rows}
            join usage_voids v on v.project_id = r.project_id and v.replacement_id = r.replacement_id",
            [project_id: Uuid, replacement_id: Uuid]
        ),
        &rows,
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok(found.into_iter().collect())
}

/// The turns of the batches after a place up to another one, by place and event.
pub fn between(tx: &mut ProjectTx<'_>, after_seq: i64, up_to_seq: i64) -> Result<Vec<UsageVoid>, StorageError> {
    tx.query(
        sql!(
            "-- usage_voids_between
            select v.event_id, v.rollup_seq, v.correction_id, v.is_void, v.replacement_id, v.metric_id, v.customer_id, v.at
            from usage_voids v
            where v.project_id = ?1 and v.rollup_seq > ?2 and v.rollup_seq <= ?3
            order by v.rollup_seq, v.event_id"
        ),
        &params![after_seq, up_to_seq],
        read,
    )
}

fn read(row: &Row<'_>) -> Result<UsageVoid, StorageError> {
    Ok(UsageVoid {
        event: row.get(0)?,
        seq: row.get(1)?,
        correction: row.get(2)?,
        is_void: row.get(3)?,
        replacement: row.get(4)?,
        metric: row.get(5)?,
        customer: row.get(6)?,
        at: row.get(7)?,
    })
}

type Turn = (EventId, i64, bool);

fn read_turn(row: &Row<'_>) -> Result<Turn, StorageError> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
}

/// Those whose last turn is that they do not count.
fn void(turns: Vec<Turn>) -> HashSet<EventId> {
    let mut last: HashMap<EventId, (i64, bool)> = HashMap::new();
    for (event, seq, is_void) in turns {
        let known = last.entry(event).or_insert((seq, is_void));
        if seq > known.0 {
            *known = (seq, is_void);
        }
    }
    last.into_iter().filter(|(_, (_, is_void))| *is_void).map(|(event, _)| event).collect()
}
