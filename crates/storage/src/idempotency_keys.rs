//! Idempotency records: which key was used for which request, and what was answered.

use domain::idempotency::{Family, Fingerprint};
use domain::time::Instant;

use crate::error::StorageError;
use crate::sql::{params, sql};
use crate::tx::ProjectTx;

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyRecord {
    pub operation: String,
    pub fingerprint: Fingerprint,
    /// HTTP status of the stored answer.
    pub status: u16,
    /// Body of the stored answer, byte for byte.
    pub reply: String,
    pub created_at: Instant,
}

/// Takes a key for this transaction: true when it was free.
///
/// A concurrent transaction that holds the key is waited for; false then means that it committed.
pub fn reserve(
    tx: &mut ProjectTx<'_>,
    family: Family,
    key: &str,
    operation: &str,
    fingerprint: Fingerprint,
    now: Instant,
) -> Result<bool, StorageError> {
    let inserted = tx.execute(
        sql!(
            "-- reserve_idempotency_key
            insert into idempotency_keys (project_id, family, key, operation, fingerprint, status, reply, created_at)
            values (?1, ?2, ?3, ?4, ?5, null, null, ?6)
            on conflict do nothing"
        ),
        &params![family.as_str(), key, operation, &fingerprint.0, now],
    )?;
    Ok(inserted == 1)
}

/// Stores the answer of the transaction that reserved the key.
pub fn complete(
    tx: &mut ProjectTx<'_>,
    family: Family,
    key: &str,
    status: u16,
    reply: &str,
) -> Result<(), StorageError> {
    let updated = tx.execute(
        sql!(
            "-- complete_idempotency_key
            update idempotency_keys
            set status = ?4, reply = ?5
            where project_id = ?1 and family = ?2 and key = ?3 and status is null"
        ),
        &params![family.as_str(), key, status, reply],
    )?;
    assert_eq!(updated, 1, "a key is completed once, by the transaction that reserved it");
    Ok(())
}

/// The record of a key, once its transaction committed.
pub fn find(tx: &mut ProjectTx<'_>, family: Family, key: &str) -> Result<Option<IdempotencyRecord>, StorageError> {
    tx.query_opt(
        sql!(
            "-- find_idempotency_key
            select operation, fingerprint, status, reply, created_at
            from idempotency_keys
            where project_id = ?1 and family = ?2 and key = ?3"
        ),
        &params![family.as_str(), key],
        |row| {
            let status: i64 = row.get(2)?;
            Ok(IdempotencyRecord {
                operation: row.get(0)?,
                fingerprint: Fingerprint(row.get(1)?),
                status: u16::try_from(status).map_err(|_| StorageError::corrupt("an HTTP status out of range"))?,
                reply: row.get(3)?,
                created_at: row.get(4)?,
            })
        },
    )
}
