//! Questions that find damage in what ingest has stored: each answers with what should not be there.

use domain::ids::{BatchId, EventId};

use crate::error::StorageError;
use crate::sql::{params, sql};
use crate::tx::ProjectTx;
use crate::usage_events::{MeasuredEvent, Properties, read_measured};

/// The same number, counted in four places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventCounts {
    /// What was answered `accepted`, and what took the place of other events.
    pub accepted: i64,
    /// What the batches say they stored.
    pub in_batches: i64,
    pub stored: i64,
    /// Keys under which an event was accepted.
    pub identities: i64,
}

pub fn count_events(tx: &mut ProjectTx<'_>) -> Result<EventCounts, StorageError> {
    tx.query_one(
        sql!(
            "-- count_events
            select (select cast(coalesce(sum(case when operation = 'usage' then accepted else events end), 0) as {int})
                    from ingest_batches
                    where project_id = ?1 and operation <> 'charge'),
                (select cast(coalesce(sum(events), 0) as {int}) from ingest_batches where project_id = ?1),
                (select count(*) from usage_events where project_id = ?1),
                (select count(*) from usage_keys where project_id = ?1 and outcome = 'accepted')"
        ),
        &[],
        |row| {
            Ok(EventCounts {
                accepted: row.get(0)?,
                in_batches: row.get(1)?,
                stored: row.get(2)?,
                identities: row.get(3)?,
            })
        },
    )
}

/// Events whose key does not stand for them.
pub fn events_without_key(tx: &mut ProjectTx<'_>, limit: i64) -> Result<Vec<(EventId, String)>, StorageError> {
    tx.query(
        sql!(
            "-- events_without_key
            select e.id, e.idempotency_key
            from usage_events e
            where e.project_id = ?1
              and not exists (
                  select 1
                  from usage_keys k
                  where k.project_id = e.project_id and k.key = e.idempotency_key and k.event_id = e.id
                    and k.outcome = 'accepted'
              )
            order by e.id
            limit ?2"
        ),
        &params![limit],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// Keys that stand for an event that is not there, accepted or as its duplicate.
pub fn keys_without_event(tx: &mut ProjectTx<'_>, limit: i64) -> Result<Vec<(String, EventId)>, StorageError> {
    tx.query(
        sql!(
            "-- keys_without_event
            select k.key, k.event_id
            from usage_keys k
            where k.project_id = ?1
              and not exists (
                  select 1 from usage_events e where e.project_id = k.project_id and e.id = k.event_id
              )
            order by k.key
            limit ?2"
        ),
        &params![limit],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// Event ids of senders that disagree with the events they stand for, in either direction.
pub fn wrong_event_ids(tx: &mut ProjectTx<'_>, limit: i64) -> Result<Vec<String>, StorageError> {
    tx.query(
        sql!(
            "-- wrong_event_ids
            select i.external_id
            from usage_event_ids i
            where i.project_id = ?1
              and not exists (
                  select 1
                  from usage_events e
                  where e.project_id = i.project_id and e.id = i.event_id and e.external_id = i.external_id
              )
            union
            select e.external_id
            from usage_events e
            where e.project_id = ?1
              and e.external_id is not null
              and not exists (
                  select 1
                  from usage_event_ids i
                  where i.project_id = e.project_id and i.external_id = e.external_id and i.event_id = e.id
              )
            limit ?2"
        ),
        &params![limit],
        |row| row.get(0),
    )
}

/// Batches that say another number of events than there are: id, what it says, what there is.
pub fn wrong_batches(tx: &mut ProjectTx<'_>, limit: i64) -> Result<Vec<(BatchId, i64, i64)>, StorageError> {
    tx.query(
        sql!(
            "-- wrong_batches
            select b.id, b.events, count(e.id)
            from ingest_batches b
            left join usage_events e on e.project_id = b.project_id and e.id >= b.first_event_id
                and e.id <= b.last_event_id and e.batch_id = b.id
            where b.project_id = ?1
            group by b.id, b.events
            having count(e.id) <> b.events
            order by b.id
            limit ?2"
        ),
        &params![limit],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )
}

/// Hands every event whose batch is folded to `each`, with the place of its batch.
pub fn folded_measurements(
    tx: &mut ProjectTx<'_>,
    properties: Properties,
    mut each: impl FnMut(i64, MeasuredEvent),
) -> Result<(), StorageError> {
    tx.query(
        sql!(
            "-- folded_measurements
            select e.metric_id, e.customer_id, e.id, e.at, e.units_micros, e.subscription_key, e.schema_miss,
                case when cast(?2 as {bool}) then e.properties end, e.batch_id, b.rollup_seq
            from usage_events e
            join ingest_batches b on b.project_id = e.project_id and b.id = e.batch_id
            where e.project_id = ?1 and b.rollup_seq is not null"
        ),
        &params![properties == Properties::Read],
        |row| {
            each(row.get(9)?, read_measured(row)?);
            Ok(())
        },
    )?;
    Ok(())
}
