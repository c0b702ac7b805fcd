//! Plans: made with a first draft, listed, archived and restored. What they say is in `plans::versions`.

pub(crate) mod versions;
mod view;

pub use view::{PlanView, VersionInfo, VersionView};

use domain::access::Permission;
use domain::catalog::plan::{Plan, PlanDefinition};
use domain::idempotency::IdempotencyKey;
use domain::refusal::{Code, Refusal};
use serde_json::json;
use storage::{ProjectTx, catalogs, plan_versions, plans};

use crate::audit::{AuditRecord, Audited};
use crate::catalog;
use crate::command::Answer;
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;
use crate::page::page_limit;

impl Engine {
    /// Makes a plan whose first version is a draft. Saying the same again changes nothing.
    ///
    /// # Errors
    /// [`Code::PlanConflict`] when the plan exists and its first version says something else; `invalid_catalog` for its key.
    pub fn create_plan(
        &self,
        ctx: &Ctx,
        key: Option<IdempotencyKey>,
        definition: &PlanDefinition,
    ) -> Result<Answer, Error> {
        ctx.require(Permission::CatalogManage)?;
        definition.require_key()?;
        let idempotency = catalog::idempotency(key, "createPlan", &definition.key, definition)?;
        let mut existing = None;
        let answer = self.command_answer(ctx, "create_plan", 201, idempotency.as_ref(), |tx| {
            catalogs::lock(tx, ctx.now())?;
            if let Some(plan) = plans::find_by_key(tx, &definition.key)? {
                existing = view::version(tx, &plan, 1)?.filter(|first| first.definition == *definition);
                // Nothing is written; the refusal only ends the transaction.
                return Err(taken(&definition.key).into());
            }
            let plan = insert(tx, ctx, &definition.key)?;
            let draft = versions::draft(tx, ctx, &plan, definition)?;
            let record =
                AuditRecord::new("plan.created", plan.id).details(json!({ "key": plan.key, "after": definition }));
            Ok(Audited::new(view::of_version(tx, &plan, draft)?, record))
        });
        match existing {
            Some(first) => view::existing(&first),
            None => answer,
        }
    }

    /// In the order of their keys, after the given one; `limit` of them at most.
    ///
    /// # Errors
    /// `forbidden` without the permission to read them.
    pub fn list_plans(&self, ctx: &Ctx, after: Option<&str>, limit: usize) -> Result<Vec<PlanView>, Error> {
        ctx.require(Permission::CatalogRead)?;
        self.read(ctx.project, "list_plans", |tx| {
            let plans = plans::page(tx, after, page_limit(limit))?;
            view::of_plans(tx, plans)
        })
    }

    /// # Errors
    /// `not_found`.
    pub fn get_plan(&self, ctx: &Ctx, key: &str) -> Result<PlanView, Error> {
        ctx.require(Permission::CatalogRead)?;
        self.read(ctx.project, "get_plan", |tx| {
            let plan = plans::find_by_key(tx, key)?.ok_or_else(Error::not_found)?;
            view::of_plan(tx, plan)
        })
    }

    /// Takes the plan out of the catalog: nobody new can subscribe. Whoever has one of its versions keeps it.
    ///
    /// # Errors
    /// `not_found`.
    pub fn archive_plan(&self, ctx: &Ctx, key: &str) -> Result<PlanView, Error> {
        ctx.require(Permission::CatalogManage)?;
        let before = self.get_plan(ctx, key)?;
        if before.archived_at.is_some() {
            return Ok(before);
        }
        self.command(ctx, "archive_plan", |tx| {
            catalogs::lock(tx, ctx.now())?;
            let plan = plans::find_by_key(tx, key)?.ok_or_else(Error::not_found)?;
            plans::set_archived_at(tx, plan.id, Some(ctx.now()))?;
            let record = AuditRecord::new("plan.archived", plan.id).details(json!({ "key": key }));
            Ok(Audited::new(view::of_plan(tx, Plan { archived_at: Some(ctx.now()), ..plan })?, record))
        })
    }

    /// Puts an archived plan back into the catalog, if what it says still holds.
    ///
    /// # Errors
    /// `not_found`; `invalid_catalog` when its current version refers to what is gone.
    pub fn restore_plan(&self, ctx: &Ctx, key: &str) -> Result<PlanView, Error> {
        ctx.require(Permission::CatalogManage)?;
        let before = self.get_plan(ctx, key)?;
        if before.archived_at.is_none() {
            return Ok(before);
        }
        self.command(ctx, "restore_plan", |tx| {
            catalogs::lock(tx, ctx.now())?;
            let plan = plans::find_by_key(tx, key)?.ok_or_else(Error::not_found)?;
            if let Some(current) = plan_versions::latest_published(tx, plan.id)? {
                current.problems(&catalog::intended(tx)?.references()).into_result()?;
            }
            plans::set_archived_at(tx, plan.id, None)?;
            let record = AuditRecord::new("plan.restored", plan.id).details(json!({ "key": key }));
            Ok(Audited::new(view::of_plan(tx, Plan { archived_at: None, ..plan })?, record))
        })
    }
}

/// A plan without a version yet. Lock the catalog first.
pub(crate) fn insert(tx: &mut ProjectTx<'_>, ctx: &Ctx, key: &str) -> Result<Plan, Error> {
    let plan = Plan { id: ctx.new_id(), key: key.to_owned(), last_number: 0, created_at: ctx.now(), archived_at: None };
    if plans::insert(tx, &plan)? { Ok(plan) } else { Err(taken(key).into()) }
}

fn taken(key: &str) -> Refusal {
    let detail = format!(
        "A plan with the key {key:?} exists and its first version says something else. Make a new version of it with POST \
         …/plans/{key}/versions, or take another key."
    );
    Refusal::new(Code::PlanConflict, detail)
}
