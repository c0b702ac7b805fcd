//! Logins of users: which refresh token is next, and whether the login was revoked.

use domain::ids::{SessionId, UserId};
use domain::time::Instant;
use domain::users::{Session, User};

use crate::error::StorageError;
use crate::sql::{Row, params, sql};
use crate::tx::InstallationTx;
use crate::users::read_user;

pub fn insert(tx: &mut InstallationTx<'_>, session: &Session) -> Result<(), StorageError> {
    tx.execute(
        sql!(
            "-- insert_session
            insert into sessions (id, user_id, generation, created_at, refreshed_at, expires_at)
            values (?1, ?2, ?3, ?4, ?5, ?6)"
        ),
        &params![
            session.id,
            session.user,
            session.generation,
            session.created_at,
            session.refreshed_at,
            session.expires_at,
        ],
    )?;
    Ok(())
}

/// The session and its user.
pub fn find_with_user(tx: &mut InstallationTx<'_>, id: SessionId) -> Result<Option<(Session, User)>, StorageError> {
    tx.query_opt(
        sql!(
            "-- find_session_with_user
            select s.id, s.user_id, s.generation, s.created_at, s.refreshed_at, s.expires_at, s.revoked_at,
                u.id, u.email, u.name, u.platform_admin, u.created_at, u.disabled_at
            from sessions s
            join users u on u.id = s.user_id
            where s.id = ?1"
        ),
        &params![id],
        |row| Ok((read(row)?, read_user(row, 7)?)),
    )
}

/// The session; nobody else changes it until this transaction ends.
pub fn get_for_update(tx: &mut InstallationTx<'_>, id: SessionId) -> Result<Option<Session>, StorageError> {
    tx.query_opt(
        sql!(
            "-- get_session_for_update
            select id, user_id, generation, created_at, refreshed_at, expires_at, revoked_at
            from sessions
            where id = ?1
            {for_update}"
        ),
        &params![id],
        read,
    )
}

/// Uses up the current refresh token: the next one has `generation`.
pub fn advance(tx: &mut InstallationTx<'_>, id: SessionId, generation: i64, now: Instant) -> Result<(), StorageError> {
    tx.execute(
        sql!(
            "-- advance_session
            update sessions
            set generation = ?2, refreshed_at = ?3
            where id = ?1"
        ),
        &params![id, generation, now],
    )?;
    Ok(())
}

/// Ends a session. False when it was revoked before.
pub fn revoke(tx: &mut InstallationTx<'_>, id: SessionId, now: Instant, because: &str) -> Result<bool, StorageError> {
    let updated = tx.execute(
        sql!(
            "-- revoke_session
            update sessions
            set revoked_at = ?2, revoked_because = ?3
            where id = ?1 and revoked_at is null"
        ),
        &params![id, now, because],
    )?;
    Ok(updated == 1)
}

/// Ends every session of a user, and says how many these were.
pub fn revoke_all_of(
    tx: &mut InstallationTx<'_>,
    user: UserId,
    now: Instant,
    because: &str,
) -> Result<u64, StorageError> {
    tx.execute(
        sql!(
            "-- revoke_sessions_of_user
            update sessions
            set revoked_at = ?2, revoked_because = ?3
            where user_id = ?1 and revoked_at is null"
        ),
        &params![user, now, because],
    )
}

fn read(row: &Row<'_>) -> Result<Session, StorageError> {
    Ok(Session {
        id: row.get(0)?,
        user: row.get(1)?,
        generation: row.get(2)?,
        created_at: row.get(3)?,
        refreshed_at: row.get(4)?,
        expires_at: row.get(5)?,
        revoked_at: row.get(6)?,
    })
}
