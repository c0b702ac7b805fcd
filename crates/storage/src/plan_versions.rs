//! Versions of plans: drafts in one table, where they can change; published ones in another, where the database refuses it.

use domain::catalog::plan::{PlanDefinition, PlanState, PlanVersion};
use domain::currency::Currency;
use domain::ids::PlanId;
use domain::time::Instant;

use crate::error::StorageError;
use crate::sql::value::JsonText;
use crate::sql::{Row, Value, bulk_sql, params, sql};
use crate::tx::ProjectTx;

/// A version without what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionSummary {
    pub plan: PlanId,
    pub number: u32,
    pub name: String,
    pub currency: Currency,
    /// `None` for a draft.
    pub published_at: Option<Instant>,
}

/// Adds a draft, or replaces what it says.
pub fn put_draft(
    tx: &mut ProjectTx<'_>,
    plan: PlanId,
    version: &PlanVersion,
    now: Instant,
) -> Result<(), StorageError> {
    assert_eq!(version.state, PlanState::Draft, "only drafts can be put");
    tx.execute(
        sql!(
            "-- put_plan_draft
            insert into plan_drafts (project_id, plan_id, number, name, currency, definition, created_at, changed_at)
            values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)
            on conflict (project_id, plan_id, number)
            do update set name = excluded.name, currency = excluded.currency, definition = excluded.definition,
                changed_at = excluded.changed_at"
        ),
        &params![
            plan,
            version.number,
            &version.definition.name,
            version.definition.currency,
            written(&version.definition)?,
            now,
        ],
    )?;
    Ok(())
}

/// False when there was no such draft.
pub fn delete_draft(tx: &mut ProjectTx<'_>, plan: PlanId, number: u32) -> Result<bool, StorageError> {
    let deleted = tx.execute(
        sql!(
            "-- delete_plan_draft
            delete from plan_drafts
            where project_id = ?1 and plan_id = ?2 and number = ?3"
        ),
        &params![plan, number],
    )?;
    Ok(deleted == 1)
}

/// Adds a published version; from now on it is as it is.
pub fn insert_published(tx: &mut ProjectTx<'_>, plan: PlanId, version: &PlanVersion) -> Result<(), StorageError> {
    let published_at = version
        .published_at
        .filter(|_| version.state == PlanState::Published)
        .ok_or_else(|| StorageError::corrupt(format!("version {} of {plan} is not published", version.number)))?;
    tx.execute(
        sql!(
            "-- insert_plan_version
            insert into plan_versions (project_id, plan_id, number, name, currency, definition, published_at)
            values (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
        ),
        &params![
            plan,
            version.number,
            &version.definition.name,
            version.definition.currency,
            written(&version.definition)?,
            published_at,
        ],
    )?;
    Ok(())
}

/// One version, published or draft.
pub fn get(tx: &mut ProjectTx<'_>, plan: PlanId, number: u32) -> Result<Option<PlanVersion>, StorageError> {
    tx.query_opt(
        sql!(
            "-- get_plan_version
            select number, definition, published_at
            from plan_versions
            where project_id = ?1 and plan_id = ?2 and number = ?3
            union all
            select number, definition, cast(null as {instant})
            from plan_drafts
            where project_id = ?1 and plan_id = ?2 and number = ?3"
        ),
        &params![plan, number],
        read,
    )
}

/// The drafts of a plan by number.
pub fn drafts(tx: &mut ProjectTx<'_>, plan: PlanId) -> Result<Vec<PlanVersion>, StorageError> {
    tx.query(
        sql!(
            "-- drafts_of_plan
            select number, definition, cast(null as {instant})
            from plan_drafts
            where project_id = ?1 and plan_id = ?2
            order by number"
        ),
        &params![plan],
        read,
    )
}

/// What lists show of each version of these plans, by plan and number.
pub fn summaries(tx: &mut ProjectTx<'_>, plans: &[PlanId]) -> Result<Vec<VersionSummary>, StorageError> {
    let rows: Vec<[Value<'_>; 1]> = plans.iter().map(|plan| params![*plan]).collect();
    let mut found = tx.query_many(
        bulk_sql!(
            "-- summaries_of_plan_versions
            select v.plan_id, v.number, v.name, v.currency, v.published_at
            from {rows}
            join plan_versions v on v.project_id = r.project_id and v.plan_id = r.plan_id",
            [project_id: Uuid, plan_id: Uuid]
        ),
        &rows,
        summary,
    )?;
    found.extend(tx.query_many(
        bulk_sql!(
            "-- summaries_of_plan_drafts
            select d.plan_id, d.number, d.name, d.currency, cast(null as {instant})
            from {rows}
            join plan_drafts d on d.project_id = r.project_id and d.plan_id = r.plan_id",
            [project_id: Uuid, plan_id: Uuid]
        ),
        &rows,
        summary,
    )?);
    found.sort_by_key(|version| (version.plan, version.number));
    Ok(found)
}

fn summary(row: &Row<'_>) -> Result<VersionSummary, StorageError> {
    Ok(VersionSummary {
        plan: row.get(0)?,
        number: row.get(1)?,
        name: row.get(2)?,
        currency: row.get(3)?,
        published_at: row.get(4)?,
    })
}

/// The published version with the greatest number.
pub fn latest_published(tx: &mut ProjectTx<'_>, plan: PlanId) -> Result<Option<PlanVersion>, StorageError> {
    tx.query_opt(
        sql!(
            "-- latest_plan_version
            select number, definition, published_at
            from plan_versions
            where project_id = ?1 and plan_id = ?2
            order by number desc
            limit 1"
        ),
        &params![plan],
        read,
    )
}

/// The latest published version of every plan that is not archived, in the order of the keys.
pub fn current(tx: &mut ProjectTx<'_>) -> Result<Vec<PlanVersion>, StorageError> {
    tx.query(
        sql!(
            "-- current_plan_versions
            select v.number, v.definition, v.published_at
            from plans p
            join plan_versions v on v.project_id = p.project_id and v.plan_id = p.id
            where p.project_id = ?1
              and p.archived_at is null
              and v.number = (
                select max(n.number)
                from plan_versions n
                where n.project_id = ?1 and n.plan_id = p.id
              )
            order by p.key {binary}"
        ),
        &params![],
        read,
    )
}

fn written(definition: &PlanDefinition) -> Result<JsonText, StorageError> {
    serde_json::to_string(definition).map(JsonText).map_err(StorageError::driver)
}

fn read(row: &Row<'_>) -> Result<PlanVersion, StorageError> {
    let text: JsonText = row.get(1)?;
    let number: u32 = row.get(0)?;
    let definition = serde_json::from_str(&text.0)
        .map_err(|error| StorageError::corrupt(format!("version {number} of a plan: {error}")))?;
    let published_at: Option<Instant> = row.get(2)?;
    let state = if published_at.is_some() { PlanState::Published } else { PlanState::Draft };
    Ok(PlanVersion { number, state, definition, published_at })
}
