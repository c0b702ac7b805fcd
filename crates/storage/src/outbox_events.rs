//! The transactional outbox: what is announced to others, written in the transaction that makes it true.

use domain::ids::OutboxId;
use domain::time::Instant;

use crate::error::StorageError;
use crate::sql::{Value, bulk_sql, params, sql};
use crate::tx::ProjectTx;

/// One announced change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxEvent {
    pub id: OutboxId,
    /// `noun.verb`: `transaction.created`.
    pub kind: String,
    pub happened_at: Instant,
    pub body: serde_json::Value,
}

pub fn insert(tx: &mut ProjectTx<'_>, event: &OutboxEvent) -> Result<(), StorageError> {
    tx.execute(
        sql!(
            "-- insert_outbox_event
            insert into outbox_events (project_id, id, kind, happened_at, body)
            values (?1, ?2, ?3, ?4, ?5)"
        ),
        &params![event.id, &event.kind, event.happened_at, &event.body],
    )?;
    Ok(())
}

/// Announces many changes, in their order.
pub fn insert_many(tx: &mut ProjectTx<'_>, events: &[OutboxEvent]) -> Result<(), StorageError> {
    let rows: Vec<[Value<'_>; 4]> =
        events.iter().map(|event| params![event.id, &event.kind, event.happened_at, &event.body]).collect();
    tx.execute_many(
        bulk_sql!(
            "-- insert_outbox_events
            insert into outbox_events (project_id, id, kind, happened_at, body)
            {values}",
            [project_id: Uuid, id: Uuid, kind: Text, happened_at: Instant, body: Json]
        ),
        &rows,
    )?;
    Ok(())
}

/// How many changes of this kind were announced.
pub fn count(tx: &mut ProjectTx<'_>, kind: &str) -> Result<i64, StorageError> {
    tx.query_one(
        sql!(
            "-- count_outbox_events
            select count(*) from outbox_events where project_id = ?1 and kind = ?2"
        ),
        &params![kind],
        |row| row.get(0),
    )
}
