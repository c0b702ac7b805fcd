//! Ingest attempts: requests that stored nothing new, kept so that a key can be traced. Rows are added and read, never
//! changed.

use domain::ids::{AccessKeyId, AttemptId, EventId, ProjectId};
use domain::ingest::{Operation, Outcome};
use domain::time::Instant;

use crate::error::StorageError;
use crate::sql::{Row, Value, bulk_sql, params, sql};
use crate::tx::{InstallationTx, ProjectTx};

/// An attempt that is added now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAttempt<'a> {
    pub id: AttemptId,
    pub operation: Operation,
    pub idempotency_key: &'a str,
    pub outcome: Outcome,
    pub event: Option<EventId>,
    pub received_at: Instant,
    pub access_key: Option<AccessKeyId>,
    pub request_id: &'a str,
}

/// A stored attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngestAttempt {
    pub id: AttemptId,
    pub operation: Operation,
    pub idempotency_key: String,
    pub outcome: Outcome,
    pub event: Option<EventId>,
    pub received_at: Instant,
    pub access_key: Option<AccessKeyId>,
    pub request_id: String,
}

pub fn insert_many(tx: &mut InstallationTx<'_>, attempts: &[(ProjectId, NewAttempt<'_>)]) -> Result<(), StorageError> {
    let rows: Vec<[Value<'_>; 9]> = attempts
        .iter()
        .map(|(project, attempt)| {
            params![
                *project,
                attempt.id,
                attempt.operation.as_str(),
                attempt.idempotency_key,
                attempt.outcome.as_str(),
                attempt.event,
                attempt.received_at,
                attempt.access_key,
                attempt.request_id,
            ]
        })
        .collect();
    tx.execute_many(
        bulk_sql!(
            "-- insert_ingest_attempts
            insert into ingest_attempts (project_id, id, operation, idempotency_key, outcome, event_id, received_at,
                access_key_id, request_id)
            {values}",
            [
                project_id: Uuid,
                id: Uuid,
                operation: Text,
                idempotency_key: Text,
                outcome: Text,
                event_id: Uuid,
                received_at: Instant,
                access_key_id: Uuid,
                request_id: Text,
            ]
        ),
        &rows,
    )?;
    Ok(())
}

/// Adds the attempt of one request.
pub fn insert(tx: &mut ProjectTx<'_>, attempt: &NewAttempt<'_>) -> Result<(), StorageError> {
    tx.execute(
        sql!(
            "-- insert_ingest_attempt
            insert into ingest_attempts (project_id, id, operation, idempotency_key, outcome, event_id, received_at,
                access_key_id, request_id)
            values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
        ),
        &params![
            attempt.id,
            attempt.operation.as_str(),
            attempt.idempotency_key,
            attempt.outcome.as_str(),
            attempt.event,
            attempt.received_at,
            attempt.access_key,
            attempt.request_id,
        ],
    )?;
    Ok(())
}

/// The oldest attempts with this key.
pub fn of_key(tx: &mut ProjectTx<'_>, key: &str, limit: i64) -> Result<Vec<IngestAttempt>, StorageError> {
    tx.query(
        sql!(
            "-- ingest_attempts_of_key
            select id, operation, idempotency_key, outcome, event_id, received_at, access_key_id, request_id
            from ingest_attempts
            where project_id = ?1 and idempotency_key = ?2
            order by id
            limit ?3"
        ),
        &params![key, limit],
        read,
    )
}

/// The oldest attempts that met this event, under whatever key.
pub fn of_event(tx: &mut ProjectTx<'_>, event: EventId, limit: i64) -> Result<Vec<IngestAttempt>, StorageError> {
    tx.query(
        sql!(
            "-- ingest_attempts_of_event
            select id, operation, idempotency_key, outcome, event_id, received_at, access_key_id, request_id
            from ingest_attempts
            where project_id = ?1 and event_id = ?2
            order by id
            limit ?3"
        ),
        &params![event, limit],
        read,
    )
}

fn read(row: &Row<'_>) -> Result<IngestAttempt, StorageError> {
    Ok(IngestAttempt {
        id: row.get(0)?,
        operation: row.named(1, Operation::parse)?,
        idempotency_key: row.get(2)?,
        outcome: row.named(3, Outcome::parse)?,
        event: row.get(4)?,
        received_at: row.get(5)?,
        access_key: row.get(6)?,
        request_id: row.get(7)?,
    })
}
