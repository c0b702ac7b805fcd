//! Plans. What they say is in their drafts and versions: see `plan_versions`.

use domain::catalog::plan::{Plan, PlanVersion};
use domain::ids::PlanId;
use domain::time::Instant;

use crate::error::StorageError;
use crate::plan_versions;
use crate::sql::{Row, params, sql};
use crate::tx::ProjectTx;

/// Adds a plan: false when its key is taken, and then nothing changed.
pub fn insert(tx: &mut ProjectTx<'_>, plan: &Plan) -> Result<bool, StorageError> {
    let inserted = tx.execute(
        sql!(
            "-- insert_plan
            insert into plans (project_id, id, key, last_number, created_at, archived_at)
            values (?1, ?2, ?3, ?4, ?5, ?6)
            on conflict (project_id, key) do nothing"
        ),
        &params![plan.id, &plan.key, plan.last_number, plan.created_at, plan.archived_at],
    )?;
    Ok(inserted == 1)
}

pub fn find_by_key(tx: &mut ProjectTx<'_>, key: &str) -> Result<Option<Plan>, StorageError> {
    tx.query_opt(
        sql!(
            "-- find_plan_by_key
            select id, key, last_number, created_at, archived_at
            from plans
            where project_id = ?1 and key = ?2"
        ),
        &params![key],
        read,
    )
}

/// A version of a plan, published or draft; without a number the latest published one.
pub fn get_version(
    tx: &mut ProjectTx<'_>,
    key: &str,
    number: Option<u32>,
) -> Result<Option<(Plan, PlanVersion)>, StorageError> {
    let Some(plan) = find_by_key(tx, key)? else {
        return Ok(None);
    };
    let version = match number {
        Some(number) => plan_versions::get(tx, plan.id, number)?,
        None => plan_versions::latest_published(tx, plan.id)?,
    };
    Ok(version.map(|version| (plan, version)))
}

/// Archived ones too, in the order of their keys, after the given one.
pub fn page(tx: &mut ProjectTx<'_>, after: Option<&str>, limit: i64) -> Result<Vec<Plan>, StorageError> {
    tx.query(
        sql!(
            "-- page_plans
            select id, key, last_number, created_at, archived_at
            from plans
            where project_id = ?1
              and (cast(?2 as text) is null or key {binary} > ?2)
            order by key {binary}
            limit ?3"
        ),
        &params![after, limit],
        read,
    )
}

/// Remembers the greatest number of a version.
pub fn set_last_number(tx: &mut ProjectTx<'_>, id: PlanId, number: u32) -> Result<(), StorageError> {
    tx.execute(
        sql!(
            "-- set_last_number_of_plan
            update plans
            set last_number = ?3
            where project_id = ?1 and id = ?2"
        ),
        &params![id, number],
    )?;
    Ok(())
}

/// Says since when nobody new can subscribe, or that everybody can again.
pub fn set_archived_at(tx: &mut ProjectTx<'_>, id: PlanId, at: Option<Instant>) -> Result<(), StorageError> {
    tx.execute(
        sql!(
            "-- set_archived_at_of_plan
            update plans
            set archived_at = ?3
            where project_id = ?1 and id = ?2"
        ),
        &params![id, at],
    )?;
    Ok(())
}

fn read(row: &Row<'_>) -> Result<Plan, StorageError> {
    Ok(Plan {
        id: row.get(0)?,
        key: row.get(1)?,
        last_number: row.get(2)?,
        created_at: row.get(3)?,
        archived_at: row.get(4)?,
    })
}
