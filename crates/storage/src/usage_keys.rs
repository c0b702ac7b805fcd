//! The permanent identity of usage: which key stands for which event, and which event id of a sender is taken.
//! Rows are added and read, never changed.

use std::borrow::Cow;
use std::collections::HashMap;

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
    let used = find_uses(tx, keys)?;
    let events: Vec<(ProjectId, EventId)> = used.iter().map(|one| (one.project, one.event)).collect();
    let receipts = receipts(tx, &events)?;
    let known = used.into_iter().map(|one| {
        Ok(KnownKey {
            project: one.project,
            outcome: one.outcome,
            fingerprint: one.fingerprint,
            receipt: receipt_of(&receipts, one.project, one.event)?,
            key: one.key,
        })
    });
    known.collect()
}

/// Those of the event ids that are taken, in no order.
pub fn find_event_ids(
    tx: &mut InstallationTx<'_>,
    external_ids: &[(ProjectId, &str)],
) -> Result<Vec<KnownEventId>, StorageError> {
    let taken = find_taken(tx, external_ids)?;
    let events: Vec<(ProjectId, EventId)> = taken.iter().map(|(project, _, event)| (*project, *event)).collect();
    let receipts = receipts(tx, &events)?;
    let keys: Vec<(ProjectId, &str)> =
        receipts.iter().map(|((project, _), receipt)| (*project, &*receipt.idempotency_key)).collect();
    let fingerprints: HashMap<(ProjectId, EventId), Fingerprint> =
        find_uses(tx, &keys)?.into_iter().map(|one| ((one.project, one.event), one.fingerprint)).collect();
    let known = taken.into_iter().map(|(project, external_id, event)| {
        let fingerprint = fingerprints.get(&(project, event)).copied();
        Ok(KnownEventId {
            project,
            fingerprint: fingerprint.ok_or_else(|| StorageError::corrupt(format!("the key of the event {event}")))?,
            receipt: receipt_of(&receipts, project, event)?,
            external_id,
        })
    });
    known.collect()
}

/// A row of `usage_keys`.
struct KeyUse {
    project: ProjectId,
    key: String,
    outcome: Outcome,
    event: EventId,
    fingerprint: Fingerprint,
}

/// One table per statement: most keys are new, and then there is nothing to join.
fn find_uses(tx: &mut InstallationTx<'_>, keys: &[(ProjectId, &str)]) -> Result<Vec<KeyUse>, StorageError> {
    let rows: Vec<[Value<'_>; 2]> = keys.iter().map(|(project, key)| params![*project, *key]).collect();
    tx.query_many(
        bulk_sql!(
            "-- find_usage_keys
            select k.project_id, k.key, k.outcome, k.event_id, k.fingerprint
            from {rows}
            join usage_keys k on k.project_id = r.project_id and k.key = r.key",
            [project_id: Uuid, key: Text]
        ),
        &rows,
        |row| {
            Ok(KeyUse {
                project: row.get(0)?,
                key: row.get(1)?,
                outcome: row.named(2, Outcome::parse)?,
                event: row.get(3)?,
                fingerprint: Fingerprint(row.get(4)?),
            })
        },
    )
}

fn find_taken(
    tx: &mut InstallationTx<'_>,
    external_ids: &[(ProjectId, &str)],
) -> Result<Vec<(ProjectId, String, EventId)>, StorageError> {
    let rows: Vec<[Value<'_>; 2]> = external_ids.iter().map(|(project, id)| params![*project, *id]).collect();
    tx.query_many(
        bulk_sql!(
            "-- find_usage_event_ids
            select i.project_id, i.external_id, i.event_id
            from {rows}
            join usage_event_ids i on i.project_id = r.project_id and i.external_id = r.external_id",
            [project_id: Uuid, external_id: Text]
        ),
        &rows,
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )
}

type Receipts = HashMap<(ProjectId, EventId), Receipt<'static>>;

/// What the senders of these events were told.
fn receipts(tx: &mut InstallationTx<'_>, events: &[(ProjectId, EventId)]) -> Result<Receipts, StorageError> {
    if events.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<[Value<'_>; 2]> = events.iter().map(|(project, event)| params![*project, *event]).collect();
    let found = tx.query_many(
        bulk_sql!(
            "-- find_receipts
            select e.project_id, e.id, e.external_id, e.idempotency_key, e.metric_key, e.units_micros, e.at,
                e.received_at, e.customer_key, e.late
            from {rows}
            join usage_events e on e.project_id = r.project_id and e.id = r.id",
            [project_id: Uuid, id: Uuid]
        ),
        &rows,
        |row| Ok(((row.get(0)?, row.get(1)?), read_receipt(row)?)),
    )?;
    Ok(found.into_iter().collect())
}

fn receipt_of(receipts: &Receipts, project: ProjectId, event: EventId) -> Result<Receipt<'static>, StorageError> {
    let found = receipts.get(&(project, event)).cloned();
    found.ok_or_else(|| StorageError::corrupt(format!("a key stands for the event {event}, which is not stored")))
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

fn read_receipt(row: &Row<'_>) -> Result<Receipt<'static>, StorageError> {
    let text = |index| row.get::<String>(index).map(Cow::Owned);
    Ok(Receipt {
        event: row.get(1)?,
        external_id: row.get::<Option<String>>(2)?.map(Cow::Owned),
        idempotency_key: text(3)?,
        metric_key: text(4)?,
        units: row.get(5)?,
        at: row.get(6)?,
        received_at: row.get(7)?,
        customer_key: text(8)?,
        late: row.get(9)?,
    })
}
