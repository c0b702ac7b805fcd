//! Users in a project and their roles.

use domain::access::Role;
use domain::ids::UserId;
use domain::members::Member;
use domain::time::Instant;

use crate::error::StorageError;
use crate::sql::{Row, params, sql};
use crate::tx::ProjectTx;
use crate::users::read_email;

/// Adds a member: false when the user is one already, and then nothing changed.
pub fn insert(tx: &mut ProjectTx<'_>, user: UserId, role: Role, now: Instant) -> Result<bool, StorageError> {
    let inserted = tx.execute(
        sql!(
            "-- insert_member
            insert into members (project_id, user_id, role, created_at)
            values (?1, ?2, ?3, ?4)
            on conflict (project_id, user_id) do nothing"
        ),
        &params![user, role.as_str(), now],
    )?;
    Ok(inserted == 1)
}

/// What a user is in the project.
pub fn role_of(tx: &mut ProjectTx<'_>, user: UserId) -> Result<Option<Role>, StorageError> {
    tx.query_opt(
        sql!(
            "-- role_of_member
            select role from members where project_id = ?1 and user_id = ?2"
        ),
        &params![user],
        |row| row.named(0, Role::parse),
    )
}

pub fn get(tx: &mut ProjectTx<'_>, user: UserId) -> Result<Option<Member>, StorageError> {
    tx.query_opt(
        sql!(
            "-- get_member
            select m.user_id, u.email, u.name, m.role, m.created_at
            from members m
            join users u on u.id = m.user_id
            where m.project_id = ?1 and m.user_id = ?2"
        ),
        &params![user],
        read,
    )
}

/// Who owns the project; none of them changes until this transaction ends.
pub fn lock_owners(tx: &mut ProjectTx<'_>) -> Result<Vec<UserId>, StorageError> {
    tx.query(
        sql!(
            "-- lock_owners
            select user_id
            from members
            where project_id = ?1 and role = ?2
            order by user_id
            {for_update}"
        ),
        &params![Role::Owner.as_str()],
        |row| row.get(0),
    )
}

pub fn set_role(tx: &mut ProjectTx<'_>, user: UserId, role: Role) -> Result<(), StorageError> {
    tx.execute(
        sql!(
            "-- set_role_of_member
            update members
            set role = ?3
            where project_id = ?1 and user_id = ?2"
        ),
        &params![user, role.as_str()],
    )?;
    Ok(())
}

pub fn remove(tx: &mut ProjectTx<'_>, user: UserId) -> Result<(), StorageError> {
    tx.execute(
        sql!(
            "-- remove_member
            delete from members where project_id = ?1 and user_id = ?2"
        ),
        &params![user],
    )?;
    Ok(())
}

/// In the order of their ids, after the given one.
pub fn page(tx: &mut ProjectTx<'_>, after: Option<UserId>, limit: i64) -> Result<Vec<Member>, StorageError> {
    tx.query(
        sql!(
            "-- page_members
            select m.user_id, u.email, u.name, m.role, m.created_at
            from members m
            join users u on u.id = m.user_id
            where m.project_id = ?1
              and (cast(?2 as {uuid}) is null or m.user_id > ?2)
            order by m.user_id
            limit ?3"
        ),
        &params![after, limit],
        read,
    )
}

fn read(row: &Row<'_>) -> Result<Member, StorageError> {
    Ok(Member {
        user_id: row.get(0)?,
        email: read_email(row, 1)?,
        name: row.get(2)?,
        role: row.named(3, Role::parse)?,
        created_at: row.get(4)?,
    })
}
