//! The permanent identity of usage: which key stands for which event, and which event id of a sender is taken.
//! Rows are added and read, never changed.

use std::borrow::Cow;

use domain::idempotency::Fingerprint;
use domain::ids::{EventId, ProjectId};
use domain::ingest::{Outcome, Receipt};

use crate::error::StorageError;
use crate::sql::{Row, Value, bulk_sql, params, sql};
use crate::tx::{InstallationTx, ProjectTx};

/// What is known of a used key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownKey {
    pub project: ProjectId,
    pub key: String,
    /// [`Outcome::Accepted`] or [`Outcome::Duplicate`]: what the first request with this key was answered.
    pub outcome: Outcome,
    pub fingerprint: Fingerprint,
    pub receipt: Receipt<'static>,
}

/// What is known of an event id that a sender gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownEventId {
    pub project: ProjectId,
    pub external_id: String,
    /// Of the request that was accepted.
    pub fingerprint: Fingerprint,
    pub receipt: Receipt<'static>,
}

/// A key that is used now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey<'a> {
    pub project: ProjectId,
    pub key: &'a str,
    pub outcome: Outcome,
    pub event: EventId,
    pub fingerprint: &'a Fingerprint,
}

/// An event id of a sender that is taken now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEventId<'a> {
    pub project: ProjectId,
    pub external_id: &'a str,
    pub event: EventId,
}

/// Those of the keys that were used before, in no order.
pub fn find_many(tx: &mut InstallationTx<'_>, keys: &[(ProjectId, &str)]) -> Result<Vec<KnownKey>, StorageError> {
    let rows: Vec<[Value<'_>; 2]> = keys.iter().map(|(project, key)| params![*project, *key]).collect();
    tx.query_many(
        bulk_sql!(
            "-- find_usage_keys
            select e.id, e.external_id, e.idempotency_key, e.metric_key, e.units_micros, e.at, e.received_at,
                e.customer_key, e.late, k.project_id, k.key, k.outcome, k.fingerprint
            from {rows}
            join usage_keys k on k.project_id = r.project_id and k.key = r.key
            join usage_events e on e.project_id = k.project_id and e.id = k.event_id",
            [project_id: Uuid, key: Text]
        ),
        &rows,
        |row| {
            Ok(KnownKey {
                project: row.get(9)?,
                key: row.get(10)?,
                outcome: row.named(11, Outcome::parse)?,
                fingerprint: Fingerprint(row.get(12)?),
                receipt: read_receipt(row)?,
            })
        },
    )
}

/// Those of the event ids that are taken, in no order.
pub fn find_event_ids(
    tx: &mut InstallationTx<'_>,
    external_ids: &[(ProjectId, &str)],
) -> Result<Vec<KnownEventId>, StorageError> {
    let rows: Vec<[Value<'_>; 2]> = external_ids.iter().map(|(project, id)| params![*project, *id]).collect();
    tx.query_many(
        bulk_sql!(
            "-- find_usage_event_ids
            select e.id, e.external_id, e.idempotency_key, e.metric_key, e.units_micros, e.at, e.received_at,
                e.customer_key, e.late, i.project_id, i.external_id, k.fingerprint
            from {rows}
            join usage_event_ids i on i.project_id = r.project_id and i.external_id = r.external_id
            join usage_events e on e.project_id = i.project_id and e.id = i.event_id
            join usage_keys k on k.project_id = e.project_id and k.key = e.idempotency_key",
            [project_id: Uuid, external_id: Text]
        ),
        &rows,
        |row| {
            Ok(KnownEventId {
                project: row.get(9)?,
                external_id: row.get(10)?,
                fingerprint: Fingerprint(row.get(11)?),
                receipt: read_receipt(row)?,
            })
        },
    )
}

/// Takes those of the keys that are free, and says how many these were. Sorted by project and key, so that two writers
/// never wait for each other.
pub fn insert_many(tx: &mut InstallationTx<'_>, keys: &[NewKey<'_>]) -> Result<u64, StorageError> {
    let rows: Vec<[Value<'_>; 5]> = keys
        .iter()
        .map(|new| params![new.project, new.key, new.outcome.as_str(), new.event, &new.fingerprint.0])
        .collect();
    tx.execute_many(
        bulk_sql!(
            "-- insert_usage_keys
            insert into usage_keys (project_id, key, outcome, event_id, fingerprint)
            {values}
            on conflict (project_id, key) do nothing",
            [project_id: Uuid, key: Text, outcome: Text, event_id: Uuid, fingerprint: Bytes]
        ),
        &rows,
    )
}

/// Takes those of the event ids that are free, and says how many these were. Sorted by project and id.
pub fn insert_event_ids(tx: &mut InstallationTx<'_>, ids: &[NewEventId<'_>]) -> Result<u64, StorageError> {
    let rows: Vec<[Value<'_>; 3]> = ids.iter().map(|new| params![new.project, new.external_id, new.event]).collect();
    tx.execute_many(
        bulk_sql!(
            "-- insert_usage_event_ids
            insert into usage_event_ids (project_id, external_id, event_id)
            {values}
            on conflict (project_id, external_id) do nothing",
            [project_id: Uuid, external_id: Text, event_id: Uuid]
        ),
        &rows,
    )
}

/// The event a sender's event id stands for.
pub fn find_event_by_external_id(tx: &mut ProjectTx<'_>, external_id: &str) -> Result<Option<EventId>, StorageError> {
    tx.query_opt(
        sql!(
            "-- find_event_by_external_id
            select event_id from usage_event_ids where project_id = ?1 and external_id = ?2"
        ),
        &params![external_id],
        |row| row.get(0),
    )
}

/// The event a key stands for, and whether it was accepted under it or is its duplicate.
pub fn find_event_by_key(tx: &mut ProjectTx<'_>, key: &str) -> Result<Option<(EventId, Outcome)>, StorageError> {
    tx.query_opt(
        sql!(
            "-- find_event_by_usage_key
            select event_id, outcome from usage_keys where project_id = ?1 and key = ?2"
        ),
        &params![key],
        |row| Ok((row.get(0)?, row.named(1, Outcome::parse)?)),
    )
}

/// The first nine columns of the statements above.
fn read_receipt(row: &Row<'_>) -> Result<Receipt<'static>, StorageError> {
    let text = |index| row.get::<String>(index).map(Cow::Owned);
    Ok(Receipt {
        event: row.get(0)?,
        external_id: row.get::<Option<String>>(1)?.map(Cow::Owned),
        idempotency_key: text(2)?,
        metric_key: text(3)?,
        units: row.get(4)?,
        at: row.get(5)?,
        received_at: row.get(6)?,
        customer_key: text(7)?,
        late: row.get(8)?,
    })
}
