//! Looks of platform admins into projects.

use domain::access_grants::AccessGrant;
use domain::ids::AccessGrantId;
use domain::time::Instant;

use crate::error::StorageError;
use crate::sql::{Row, params, sql};
use crate::tx::ProjectTx;

pub fn insert(tx: &mut ProjectTx<'_>, grant: &AccessGrant) -> Result<(), StorageError> {
    assert_eq!(grant.project_id, tx.project(), "a transaction adds grants of its own project");
    tx.execute(
        sql!(
            "-- insert_access_grant
            insert into access_grants (project_id, id, user_id, reason, created_at, expires_at)
            values (?1, ?2, ?3, ?4, ?5, ?6)"
        ),
        &params![grant.id, grant.user_id, &grant.reason, grant.created_at, grant.expires_at],
    )?;
    Ok(())
}

pub fn get(tx: &mut ProjectTx<'_>, id: AccessGrantId) -> Result<Option<AccessGrant>, StorageError> {
    tx.query_opt(
        sql!(
            "-- get_access_grant
            select project_id, id, user_id, reason, created_at, expires_at, closed_at
            from access_grants
            where project_id = ?1 and id = ?2"
        ),
        &params![id],
        read,
    )
}

/// Ends a grant before its time. False when it was closed before, or does not exist.
pub fn close(tx: &mut ProjectTx<'_>, id: AccessGrantId, now: Instant) -> Result<bool, StorageError> {
    let updated = tx.execute(
        sql!(
            "-- close_access_grant
            update access_grants
            set closed_at = ?3
            where project_id = ?1 and id = ?2 and closed_at is null"
        ),
        &params![id, now],
    )?;
    Ok(updated == 1)
}

/// The newest first, before the given one.
pub fn page(
    tx: &mut ProjectTx<'_>,
    before: Option<AccessGrantId>,
    limit: i64,
) -> Result<Vec<AccessGrant>, StorageError> {
    tx.query(
        sql!(
            "-- page_access_grants
            select project_id, id, user_id, reason, created_at, expires_at, closed_at
            from access_grants
            where project_id = ?1
              and (cast(?2 as {uuid}) is null or id < ?2)
            order by id desc
            limit ?3"
        ),
        &params![before, limit],
        read,
    )
}

fn read(row: &Row<'_>) -> Result<AccessGrant, StorageError> {
    Ok(AccessGrant {
        project_id: row.get(0)?,
        id: row.get(1)?,
        user_id: row.get(2)?,
        reason: row.get(3)?,
        created_at: row.get(4)?,
        expires_at: row.get(5)?,
        closed_at: row.get(6)?,
    })
}
