//! Rejections: refused payloads, kept until a person has seen to them.

use domain::ids::{AccessKeyId, EventId, ProjectId, RejectionId};
use domain::ingest::{Operation, Outcome};
use domain::refusal::Code;
use domain::time::Instant;

use crate::error::StorageError;
use crate::sql::{Row, Value, bulk_sql, params, sql};
use crate::tx::{InstallationTx, ProjectTx};

/// A refused request that is kept now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRejection<'a> {
    pub id: RejectionId,
    pub operation: Operation,
    /// [`Outcome::Failed`] or [`Outcome::Conflict`].
    pub outcome: Outcome,
    pub code: Code,
    pub field: Option<String>,
    pub detail: String,
    pub idempotency_key: Option<&'a str>,
    /// The door it came through.
    pub source: &'a str,
    pub payload: &'a str,
    pub received_at: Instant,
    pub access_key: Option<AccessKeyId>,
    pub request_id: &'a str,
}

/// A kept refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    pub id: RejectionId,
    pub operation: Operation,
    pub outcome: Outcome,
    pub code: String,
    pub field: Option<String>,
    pub detail: String,
    pub idempotency_key: Option<String>,
    pub source: String,
    pub payload: String,
    pub received_at: Instant,
    pub access_key: Option<AccessKeyId>,
    pub request_id: String,
    pub resolved_at: Option<Instant>,
    pub resolved_by: Option<String>,
    pub resolution: Option<String>,
    /// The event that an operator made of it.
    pub event: Option<EventId>,
}

/// What a page is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct RejectionFilter {
    pub outcome: Option<Outcome>,
    pub code: Option<String>,
    pub idempotency_key: Option<String>,
    pub resolved: Option<bool>,
    /// Only rejections before this one.
    pub before: Option<RejectionId>,
}

pub fn insert_many(
    tx: &mut InstallationTx<'_>,
    rejections: &[(ProjectId, NewRejection<'_>)],
) -> Result<(), StorageError> {
    let rows: Vec<[Value<'_>; 13]> = rejections
        .iter()
        .map(|(project, new)| {
            params![
                *project,
                new.id,
                new.operation.as_str(),
                new.outcome.as_str(),
                new.code.as_str(),
                new.field.as_deref(),
                &new.detail,
                new.idempotency_key,
                new.source,
                new.payload,
                new.received_at,
                new.access_key,
                new.request_id,
            ]
        })
        .collect();
    tx.execute_many(
        bulk_sql!(
            "-- insert_rejections
            insert into rejections (project_id, id, operation, outcome, code, field, detail, idempotency_key, source,
                payload, received_at, access_key_id, request_id)
            {values}",
            [
                project_id: Uuid,
                id: Uuid,
                operation: Text,
                outcome: Text,
                code: Text,
                field: Text,
                detail: Text,
                idempotency_key: Text,
                source: Text,
                payload: Text,
                received_at: Instant,
                access_key_id: Uuid,
                request_id: Text,
            ]
        ),
        &rows,
    )?;
    Ok(())
}

/// Keeps one refused request.
pub fn insert(tx: &mut ProjectTx<'_>, new: &NewRejection<'_>) -> Result<(), StorageError> {
    tx.execute(
        sql!(
            "-- insert_rejection
            insert into rejections (project_id, id, operation, outcome, code, field, detail, idempotency_key, source,
                payload, received_at, access_key_id, request_id)
            values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"
        ),
        &params![
            new.id,
            new.operation.as_str(),
            new.outcome.as_str(),
            new.code.as_str(),
            new.field.as_deref(),
            &new.detail,
            new.idempotency_key,
            new.source,
            new.payload,
            new.received_at,
            new.access_key,
            new.request_id,
        ],
    )?;
    Ok(())
}

pub fn get(tx: &mut ProjectTx<'_>, id: RejectionId) -> Result<Option<Rejection>, StorageError> {
    tx.query_opt(
        sql!(
            "-- get_rejection
            select id, operation, outcome, code, field, detail, idempotency_key, source, payload, received_at,
                access_key_id, request_id, resolved_at, resolved_by, resolution, event_id
            from rejections
            where project_id = ?1 and id = ?2"
        ),
        &params![id],
        read,
    )
}

/// As [`get`], and nobody else changes the rejection until this transaction ends.
pub fn get_for_update(tx: &mut ProjectTx<'_>, id: RejectionId) -> Result<Option<Rejection>, StorageError> {
    tx.query_opt(
        sql!(
            "-- get_rejection_for_update
            select id, operation, outcome, code, field, detail, idempotency_key, source, payload, received_at,
                access_key_id, request_id, resolved_at, resolved_by, resolution, event_id
            from rejections
            where project_id = ?1 and id = ?2
            {for_update}"
        ),
        &params![id],
        read,
    )
}

/// The newest first.
pub fn page(tx: &mut ProjectTx<'_>, filter: &RejectionFilter, limit: i64) -> Result<Vec<Rejection>, StorageError> {
    tx.query(
        sql!(
            "-- page_rejections
            select id, operation, outcome, code, field, detail, idempotency_key, source, payload, received_at,
                access_key_id, request_id, resolved_at, resolved_by, resolution, event_id
            from rejections
            where project_id = ?1
              and (cast(?2 as text) is null or outcome = ?2)
              and (cast(?3 as text) is null or code = ?3)
              and (cast(?4 as text) is null or idempotency_key = ?4)
              and (cast(?5 as {bool}) is null or (resolved_at is not null) = ?5)
              and (cast(?6 as {uuid}) is null or id < ?6)
            order by id desc
            limit ?7"
        ),
        &params![
            filter.outcome.map(Outcome::as_str),
            filter.code.as_deref(),
            filter.idempotency_key.as_deref(),
            filter.resolved,
            filter.before,
            limit,
        ],
        read,
    )
}

/// The oldest rejections with this key.
pub fn of_key(tx: &mut ProjectTx<'_>, key: &str, limit: i64) -> Result<Vec<Rejection>, StorageError> {
    tx.query(
        sql!(
            "-- rejections_of_key
            select id, operation, outcome, code, field, detail, idempotency_key, source, payload, received_at,
                access_key_id, request_id, resolved_at, resolved_by, resolution, event_id
            from rejections
            where project_id = ?1 and idempotency_key = ?2
            order by id
            limit ?3"
        ),
        &params![key, limit],
        read,
    )
}

/// Remembers who saw to a rejection, how, and which event came of it. A rejection is resolved once.
pub fn resolve(
    tx: &mut ProjectTx<'_>,
    id: RejectionId,
    now: Instant,
    by: &str,
    resolution: &str,
    event: EventId,
) -> Result<(), StorageError> {
    let updated = tx.execute(
        sql!(
            "-- resolve_rejection
            update rejections
            set resolved_at = ?3, resolved_by = ?4, resolution = ?5, event_id = ?6
            where project_id = ?1 and id = ?2 and resolved_at is null"
        ),
        &params![id, now, by, resolution, event],
    )?;
    assert_eq!(updated, 1, "a rejection is resolved once, by the transaction that holds it");
    Ok(())
}

fn read(row: &Row<'_>) -> Result<Rejection, StorageError> {
    Ok(Rejection {
        id: row.get(0)?,
        operation: row.named(1, Operation::parse)?,
        outcome: row.named(2, Outcome::parse)?,
        code: row.get(3)?,
        field: row.get(4)?,
        detail: row.get(5)?,
        idempotency_key: row.get(6)?,
        source: row.get(7)?,
        payload: row.get(8)?,
        received_at: row.get(9)?,
        access_key: row.get(10)?,
        request_id: row.get(11)?,
        resolved_at: row.get(12)?,
        resolved_by: row.get(13)?,
        resolution: row.get(14)?,
        event: row.get(15)?,
    })
}
