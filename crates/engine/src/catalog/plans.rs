//! Plans of a catalog file: a new version where the file says something new, archived where it says nothing.

use domain::catalog::References;
use domain::catalog::plan::{Plan, PlanDefinition, PlanVersion};
use storage::{ProjectTx, plan_versions, plans};

use super::apply::PlanNumber;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::plans as plan_cases;
use crate::plans::versions::{self, Publication};

/// Makes what the file says the current version. The catalog is locked.
pub(super) fn publish(
    tx: &mut ProjectTx<'_>,
    ctx: &Ctx,
    definition: &PlanDefinition,
    known: &References,
) -> Result<PlanNumber, Error> {
    let mut plan = found_or_new(tx, ctx, &definition.key)?;
    if plan.archived_at.take().is_some() {
        plans::set_archived_at(tx, plan.id, None)?;
    }
    let current = plan_versions::latest_published(tx, plan.id)?;
    if let Some(same) = current.as_ref().filter(|current| current.definition == *definition) {
        // It was only archived.
        return Ok(PlanNumber { plan: plan.key, number: same.number });
    }
    let after = current.map_or(0, |current| current.number);
    let draft = draft_of(tx, ctx, &plan, definition, after)?;
    let published = versions::publish(tx, &plan, draft, &Publication { known, at: ctx.now() })?;
    Ok(PlanNumber { plan: plan.key, number: published.number })
}

/// Leaves what the file says as a draft, and says whether it is a new one. The catalog is locked.
pub(super) fn leave_draft(
    tx: &mut ProjectTx<'_>,
    ctx: &Ctx,
    definition: &PlanDefinition,
) -> Result<(PlanNumber, bool), Error> {
    let plan = found_or_new(tx, ctx, &definition.key)?;
    let after = plan_versions::latest_published(tx, plan.id)?.map_or(0, |current| current.number);
    let draft = draft_of(tx, ctx, &plan, definition, after)?;
    let is_new = draft.number > plan.last_number;
    Ok((PlanNumber { plan: plan.key, number: draft.number }, is_new))
}

/// Nobody new can subscribe to it. The catalog is locked.
pub(super) fn archive(tx: &mut ProjectTx<'_>, ctx: &Ctx, key: &str) -> Result<(), Error> {
    let plan = plans::find_by_key(tx, key)?
        .ok_or_else(|| Error::Bug(format!("the plan {key:?} is in the catalog and not stored")))?;
    Ok(plans::set_archived_at(tx, plan.id, Some(ctx.now()))?)
}

fn found_or_new(tx: &mut ProjectTx<'_>, ctx: &Ctx, key: &str) -> Result<Plan, Error> {
    match plans::find_by_key(tx, key)? {
        Some(plan) => Ok(plan),
        None => plan_cases::insert(tx, ctx, key),
    }
}

/// A draft after this number that says the same, or a new one.
fn draft_of(
    tx: &mut ProjectTx<'_>,
    ctx: &Ctx,
    plan: &Plan,
    definition: &PlanDefinition,
    after: u32,
) -> Result<PlanVersion, Error> {
    let drafts = plan_versions::drafts(tx, plan.id)?;
    match drafts.into_iter().find(|draft| draft.number > after && draft.definition == *definition) {
        Some(draft) => Ok(draft),
        None => versions::draft(tx, ctx, plan, definition),
    }
}
