//! People who log in, with the stored form of their passwords.

use domain::ids::UserId;
use domain::time::Instant;
use domain::users::{Email, User};

use crate::error::StorageError;
use crate::sql::{Row, params, sql};
use crate::tx::InstallationTx;

/// A user and the hash of the password. Debug output does not show the hash.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredUser {
    pub user: User,
    /// argon2id in its PHC text form.
    pub password_hash: String,
}

impl std::fmt::Debug for StoredUser {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("StoredUser").field("user", &self.user).finish_non_exhaustive()
    }
}

/// Adds a user: false when the email is taken, and then nothing changed.
pub fn insert(tx: &mut InstallationTx<'_>, stored: &StoredUser) -> Result<bool, StorageError> {
    let StoredUser { user, password_hash } = stored;
    let inserted = tx.execute(
        sql!(
            "-- insert_user
            insert into users (id, email, name, password_hash, platform_admin, created_at, password_changed_at,
                disabled_at)
            values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
            on conflict (email) do nothing"
        ),
        &params![
            user.id,
            user.email.as_str(),
            &user.name,
            password_hash,
            user.platform_admin,
            user.created_at,
            user.created_at,
            user.disabled_at,
        ],
    )?;
    Ok(inserted == 1)
}

pub fn find_by_email(tx: &mut InstallationTx<'_>, email: &Email) -> Result<Option<StoredUser>, StorageError> {
    tx.query_opt(
        sql!(
            "-- find_user_by_email
            select id, email, name, platform_admin, created_at, disabled_at, password_hash
            from users
            where email = ?1"
        ),
        &params![email.as_str()],
        read,
    )
}

pub fn get(tx: &mut InstallationTx<'_>, id: UserId) -> Result<Option<StoredUser>, StorageError> {
    tx.query_opt(
        sql!(
            "-- get_user
            select id, email, name, platform_admin, created_at, disabled_at, password_hash
            from users
            where id = ?1"
        ),
        &params![id],
        read,
    )
}

/// Replaces the password, if it is still the one that was read: false when somebody else changed it meanwhile.
pub fn replace_password(
    tx: &mut InstallationTx<'_>,
    before: &StoredUser,
    password_hash: &str,
    now: Instant,
) -> Result<bool, StorageError> {
    let updated = tx.execute(
        sql!(
            "-- replace_password
            update users
            set password_hash = ?3, password_changed_at = ?4
            where id = ?1 and password_hash = ?2"
        ),
        &params![before.user.id, &before.password_hash, password_hash, now],
    )?;
    Ok(updated == 1)
}

/// Whether there is any user at all.
pub fn any(tx: &mut InstallationTx<'_>) -> Result<bool, StorageError> {
    let first = tx.query_opt(
        sql!(
            "-- any_user
            select id from users limit 1"
        ),
        &[],
        |row| row.get::<UserId>(0),
    )?;
    Ok(first.is_some())
}

fn read(row: &Row<'_>) -> Result<StoredUser, StorageError> {
    Ok(StoredUser { user: read_user(row, 0)?, password_hash: row.get(6)? })
}

/// A user from the columns id, email, name, platform_admin, created_at, disabled_at, beginning with `first`.
pub(crate) fn read_user(row: &Row<'_>, first: usize) -> Result<User, StorageError> {
    Ok(User {
        id: row.get(first)?,
        email: read_email(row, first + 1)?,
        name: row.get(first + 2)?,
        platform_admin: row.get(first + 3)?,
        created_at: row.get(first + 4)?,
        disabled_at: row.get(first + 5)?,
    })
}

pub(crate) fn read_email(row: &Row<'_>, index: usize) -> Result<Email, StorageError> {
    row.named(index, |text| Email::parse("email", text).ok())
}
