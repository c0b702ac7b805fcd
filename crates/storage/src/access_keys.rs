//! Access keys of projects. Only a keyed hash of the key's text is stored.

use domain::access::Scope;
use domain::access_keys::AccessKey;
use domain::ids::{AccessKeyId, ProjectId};
use domain::time::Instant;

use crate::error::StorageError;
use crate::sql::{Row, Value, bulk_sql, params, sql};
use crate::tx::{InstallationTx, ProjectTx};

/// Adds a key with the hash of its text.
pub fn insert(tx: &mut ProjectTx<'_>, key: &AccessKey, secret_hash: &[u8; 32]) -> Result<(), StorageError> {
    assert_eq!(key.project, tx.project(), "a transaction adds keys of its own project");
    tx.execute(
        sql!(
            "-- insert_access_key
            insert into access_keys (project_id, id, name, public_id, secret_hash, scopes, created_by, created_at,
                expires_at, replaces_id)
            values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
        ),
        &params![
            key.id,
            &key.name,
            &key.public_id,
            secret_hash,
            write_scopes(&key.scopes),
            key.created_by,
            key.created_at,
            key.expires_at,
            key.replaces,
        ],
    )?;
    Ok(())
}

/// The key with this public part, of whatever project, with the hash its text must have.
pub fn find_by_public_id(
    tx: &mut InstallationTx<'_>,
    public_id: &str,
) -> Result<Option<(AccessKey, [u8; 32])>, StorageError> {
    tx.query_opt(
        sql!(
            "-- find_access_key_by_public_id
            select project_id, id, name, public_id, scopes, created_by, created_at, expires_at, last_used_at, revoked_at,
                replaces_id, secret_hash
            from access_keys
            where public_id = ?1"
        ),
        &params![public_id],
        |row| Ok((read(row)?, row.get(11)?)),
    )
}

/// The key; nobody else changes it until this transaction ends.
pub fn get_for_update(tx: &mut ProjectTx<'_>, id: AccessKeyId) -> Result<Option<AccessKey>, StorageError> {
    tx.query_opt(
        sql!(
            "-- get_access_key_for_update
            select project_id, id, name, public_id, scopes, created_by, created_at, expires_at, last_used_at, revoked_at,
                replaces_id
            from access_keys
            where project_id = ?1 and id = ?2
            {for_update}"
        ),
        &params![id],
        read,
    )
}

/// The oldest first, after the given one; revoked and expired ones too.
pub fn page(tx: &mut ProjectTx<'_>, after: Option<AccessKeyId>, limit: i64) -> Result<Vec<AccessKey>, StorageError> {
    tx.query(
        sql!(
            "-- page_access_keys
            select project_id, id, name, public_id, scopes, created_by, created_at, expires_at, last_used_at, revoked_at,
                replaces_id
            from access_keys
            where project_id = ?1
              and (cast(?2 as {uuid}) is null or id > ?2)
            order by id
            limit ?3"
        ),
        &params![after, limit],
        read,
    )
}

pub fn revoke(tx: &mut ProjectTx<'_>, id: AccessKeyId, now: Instant) -> Result<(), StorageError> {
    tx.execute(
        sql!(
            "-- revoke_access_key
            update access_keys
            set revoked_at = ?3
            where project_id = ?1 and id = ?2 and revoked_at is null"
        ),
        &params![id, now],
    )?;
    Ok(())
}

/// Lets a key end at this moment.
pub fn set_expiry(tx: &mut ProjectTx<'_>, id: AccessKeyId, expires_at: Instant) -> Result<(), StorageError> {
    tx.execute(
        sql!(
            "-- set_access_key_expiry
            update access_keys
            set expires_at = ?3
            where project_id = ?1 and id = ?2"
        ),
        &params![id, expires_at],
    )?;
    Ok(())
}

/// Remembers that the key was used, unless a use at or after `unless_since` is remembered already.
pub fn note_use(
    tx: &mut ProjectTx<'_>,
    id: AccessKeyId,
    used_at: Instant,
    unless_since: Instant,
) -> Result<(), StorageError> {
    tx.execute(
        sql!(
            "-- note_use_of_access_key
            update access_keys
            set last_used_at = ?3
            where project_id = ?1 and id = ?2 and (last_used_at is null or last_used_at < ?4)"
        ),
        &params![id, used_at, unless_since],
    )?;
    Ok(())
}

/// Those of the keys that do not work at this moment: revoked, expired, or not there. Name each key once.
///
/// The others stay as they are until this transaction ends, so that a revocation that was answered is never followed
/// by a write that still took the key.
pub fn dead_among(
    tx: &mut InstallationTx<'_>,
    keys: &[(ProjectId, AccessKeyId)],
    now: Instant,
) -> Result<Vec<AccessKeyId>, StorageError> {
    let rows: Vec<[Value<'_>; 3]> = keys.iter().map(|(project, id)| params![*project, *id, now]).collect();
    let alive = tx.query_many(
        bulk_sql!(
            "-- alive_access_keys
            select k.id
            from {rows}
            join access_keys k on k.project_id = r.project_id and k.id = r.id
            where k.revoked_at is null and (k.expires_at is null or k.expires_at > r.at)
            {for_share}",
            [project_id: Uuid, id: Uuid, at: Instant]
        ),
        &rows,
        |row| row.get::<AccessKeyId>(0),
    )?;
    Ok(keys.iter().map(|(_, id)| *id).filter(|id| !alive.contains(id)).collect())
}

/// Whether the key works at this moment; if so it stays as it is until this transaction ends.
pub fn is_alive(tx: &mut ProjectTx<'_>, id: AccessKeyId, now: Instant) -> Result<bool, StorageError> {
    let found = tx.query_opt(
        sql!(
            "-- is_access_key_alive
            select id
            from access_keys
            where project_id = ?1 and id = ?2 and revoked_at is null and (expires_at is null or expires_at > ?3)
            {for_share}"
        ),
        &params![id, now],
        |row| row.get::<AccessKeyId>(0),
    )?;
    Ok(found.is_some())
}

/// Scopes in one column, with spaces between: `ingest:usage ingest:charge`.
fn write_scopes(scopes: &[Scope]) -> String {
    let names: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
    names.join(" ")
}

fn read_scopes(text: &str) -> Option<Vec<Scope>> {
    text.split_whitespace().map(Scope::parse).collect()
}

fn read(row: &Row<'_>) -> Result<AccessKey, StorageError> {
    Ok(AccessKey {
        project: row.get(0)?,
        id: row.get(1)?,
        name: row.get(2)?,
        public_id: row.get(3)?,
        scopes: row.named(4, read_scopes)?,
        created_by: row.get(5)?,
        created_at: row.get(6)?,
        expires_at: row.get(7)?,
        last_used_at: row.get(8)?,
        revoked_at: row.get(9)?,
        replaces: row.get(10)?,
    })
}
