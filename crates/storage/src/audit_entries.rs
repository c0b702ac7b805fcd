//! The audit trail: who did what, when and why. Rows are added and read, never changed.

use domain::ids::AuditId;
use domain::time::Instant;

use crate::error::StorageError;
use crate::sql::{Row, Value, bulk_sql, params, sql};
use crate::tx::{InstallationTx, ProjectTx};

/// One audited action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    pub id: AuditId,
    pub happened_at: Instant,
    pub actor_kind: String,
    pub actor_id: String,
    pub actor_name: String,
    pub action: String,
    pub target: String,
    pub reason_code: Option<String>,
    pub reason: Option<String>,
    pub request_id: String,
    /// Before and after, or what else explains the action.
    pub details: serde_json::Value,
}

/// What a page of the trail is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    pub action: Option<String>,
    pub target: Option<String>,
    /// Only entries before this one.
    pub before: Option<AuditId>,
}

/// Adds an entry to the trail of a project.
pub fn insert(tx: &mut ProjectTx<'_>, entry: &AuditEntry) -> Result<(), StorageError> {
    tx.execute(
        sql!(
            "-- insert_audit_entry
            insert into audit_entries (project_id, id, happened_at, actor_kind, actor_id, actor_name, action, target,
                reason_code, reason, request_id, details)
            values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
        ),
        &values(entry),
    )?;
    Ok(())
}

/// Adds many entries to the trail of a project.
pub fn insert_many(tx: &mut ProjectTx<'_>, entries: &[AuditEntry]) -> Result<(), StorageError> {
    let rows: Vec<[Value<'_>; 11]> = entries.iter().map(values).collect();
    tx.execute_many(
        bulk_sql!(
            "-- insert_audit_entries
            insert into audit_entries (project_id, id, happened_at, actor_kind, actor_id, actor_name, action, target,
                reason_code, reason, request_id, details)
            {values}",
            [
                project_id: Uuid,
                id: Uuid,
                happened_at: Instant,
                actor_kind: Text,
                actor_id: Text,
                actor_name: Text,
                action: Text,
                target: Text,
                reason_code: Text,
                reason: Text,
                request_id: Text,
                details: Json,
            ]
        ),
        &rows,
    )?;
    Ok(())
}

/// Adds an entry about something that belongs to no project.
pub fn insert_installation(tx: &mut InstallationTx<'_>, entry: &AuditEntry) -> Result<(), StorageError> {
    tx.execute(
        sql!(
            "-- insert_installation_audit_entry
            insert into installation_audit_entries (id, happened_at, actor_kind, actor_id, actor_name, action, target,
                reason_code, reason, request_id, details)
            values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
        ),
        &values(entry),
    )?;
    Ok(())
}

/// The newest entries first.
pub fn page(tx: &mut ProjectTx<'_>, filter: &AuditFilter, limit: i64) -> Result<Vec<AuditEntry>, StorageError> {
    tx.query(
        sql!(
            "-- page_audit_entries
            select id, happened_at, actor_kind, actor_id, actor_name, action, target, reason_code, reason, request_id,
                details
            from audit_entries
            where project_id = ?1
              and (cast(?2 as text) is null or action = ?2)
              and (cast(?3 as text) is null or target = ?3)
              and (cast(?4 as {uuid}) is null or id < ?4)
            order by id desc
            limit ?5"
        ),
        &params![filter.action.as_deref(), filter.target.as_deref(), filter.before, limit],
        read,
    )
}

/// The newest entries first, of those that belong to no project.
pub fn page_installation(
    tx: &mut InstallationTx<'_>,
    filter: &AuditFilter,
    limit: i64,
) -> Result<Vec<AuditEntry>, StorageError> {
    tx.query(
        sql!(
            "-- page_installation_audit_entries
            select id, happened_at, actor_kind, actor_id, actor_name, action, target, reason_code, reason, request_id,
                details
            from installation_audit_entries
            where (cast(?1 as text) is null or action = ?1)
              and (cast(?2 as text) is null or target = ?2)
              and (cast(?3 as {uuid}) is null or id < ?3)
            order by id desc
            limit ?4"
        ),
        &params![filter.action.as_deref(), filter.target.as_deref(), filter.before, limit],
        read,
    )
}

fn values(entry: &AuditEntry) -> [Value<'_>; 11] {
    params![
        entry.id,
        entry.happened_at,
        &entry.actor_kind,
        &entry.actor_id,
        &entry.actor_name,
        &entry.action,
        &entry.target,
        entry.reason_code.as_deref(),
        entry.reason.as_deref(),
        &entry.request_id,
        &entry.details,
    ]
}

fn read(row: &Row<'_>) -> Result<AuditEntry, StorageError> {
    Ok(AuditEntry {
        id: row.get(0)?,
        happened_at: row.get(1)?,
        actor_kind: row.get(2)?,
        actor_id: row.get(3)?,
        actor_name: row.get(4)?,
        action: row.get(5)?,
        target: row.get(6)?,
        reason_code: row.get(7)?,
        reason: row.get(8)?,
        request_id: row.get(9)?,
        details: row.get(10)?,
    })
}
