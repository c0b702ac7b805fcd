//! Versions of plans: drafts change and go away, published ones stay for ever as they are.

use domain::access::Permission;
use domain::catalog::References;
use domain::catalog::diff::differences_between;
use domain::catalog::plan::{Plan, PlanDefinition, PlanState, PlanVersion};
use domain::idempotency::IdempotencyKey;
use domain::refusal::{Code, Refusal};
use domain::time::Instant;
use serde_json::{Value, json};
use storage::{ProjectTx, catalogs, plan_versions, plans};

use super::view::{self, VersionView};
use crate::audit::{AuditRecord, Audited};
use crate::catalog;
use crate::command::Answer;
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;

/// What publishing needs to know besides the draft.
pub(crate) struct Publication<'a> {
    /// What the version may refer to.
    pub known: &'a References,
    pub at: Instant,
}

impl Engine {
    /// Makes the next version of a plan as a draft. A draft that says the same already is found again.
    ///
    /// # Errors
    /// `not_found`; [`Code::InvalidValue`] when the definition names another plan.
    pub fn draft_plan_version(
        &self,
        ctx: &Ctx,
        idempotency_key: Option<IdempotencyKey>,
        key: &str,
        definition: &PlanDefinition,
    ) -> Result<Answer, Error> {
        ctx.require(Permission::CatalogManage)?;
        let idempotency = catalog::idempotency(idempotency_key, "draftPlanVersion", key, definition)?;
        let mut existing = None;
        let answer = self.command_answer(ctx, "draft_plan_version", 201, idempotency.as_ref(), |tx| {
            catalogs::lock(tx, ctx.now())?;
            let plan = found_plan(tx, key)?;
            require_own_key(&plan, definition)?;
            let same = plan_versions::drafts(tx, plan.id)?.into_iter().find(|draft| draft.definition == *definition);
            if let Some(draft) = same {
                existing = Some(view::of_version(tx, &plan, draft)?);
                // Nothing is written; the refusal only ends the transaction.
                return Err(Error::not_found());
            }
            let draft = draft(tx, ctx, &plan, definition)?;
            let details = json!({ "key": key, "number": draft.number, "after": definition });
            let record = AuditRecord::new("planVersion.drafted", plan.id).details(details);
            Ok(Audited::new(view::of_version(tx, &plan, draft)?, record))
        });
        match existing {
            Some(draft) => view::existing(&draft),
            None => answer,
        }
    }

    /// # Errors
    /// `not_found`.
    pub fn get_plan_version(&self, ctx: &Ctx, key: &str, number: u32) -> Result<VersionView, Error> {
        ctx.require(Permission::CatalogRead)?;
        self.read(ctx.project, "get_plan_version", |tx| {
            let (plan, version) = plans::get_version(tx, key, Some(number))?.ok_or_else(Error::not_found)?;
            view::of_version(tx, &plan, version)
        })
    }

    /// Replaces what a draft says.
    ///
    /// # Errors
    /// [`Code::PlanVersionPublished`]; `not_found`; [`Code::InvalidValue`] when the definition names another plan.
    pub fn change_plan_draft(
        &self,
        ctx: &Ctx,
        key: &str,
        number: u32,
        definition: &PlanDefinition,
    ) -> Result<VersionView, Error> {
        ctx.require(Permission::CatalogManage)?;
        let before = self.get_plan_version(ctx, key, number)?;
        if before.state == PlanState::Draft && before.definition == *definition {
            return Ok(before);
        }
        self.command(ctx, "change_plan_draft", |tx| {
            catalogs::lock(tx, ctx.now())?;
            let (plan, before) = plans::get_version(tx, key, Some(number))?.ok_or_else(Error::not_found)?;
            let after = before.clone().redraft(definition.clone())?;
            require_own_key(&plan, definition)?;
            plan_versions::put_draft(tx, plan.id, &after, ctx.now())?;
            let details = change(key, number, Some(&before.definition), &after.definition)?;
            let record = AuditRecord::new("planVersion.changed", plan.id).details(details);
            Ok(Audited::new(view::of_version(tx, &plan, after)?, record))
        })
    }

    /// Throws a draft away; its number is not used again.
    ///
    /// # Errors
    /// [`Code::PlanVersionPublished`]; `not_found`.
    pub fn delete_plan_draft(&self, ctx: &Ctx, key: &str, number: u32) -> Result<(), Error> {
        ctx.require(Permission::CatalogManage)?;
        self.command(ctx, "delete_plan_draft", |tx| {
            catalogs::lock(tx, ctx.now())?;
            let (plan, draft) = plans::get_version(tx, key, Some(number))?.ok_or_else(Error::not_found)?;
            draft.require_draft()?;
            plan_versions::delete_draft(tx, plan.id, number)?;
            let details = json!({ "key": key, "number": number, "before": draft.definition });
            Ok(Audited::new((), AuditRecord::new("planVersion.deleted", plan.id).details(details)))
        })
    }

    /// Makes a draft the current version of its plan. From now on it never changes.
    ///
    /// # Errors
    /// [`Code::InvalidCatalog`] with every mistake; [`Code::PlanVersionPublished`]; [`Code::PlanVersionSuperseded`];
    /// [`Code::PlanArchived`]; `not_found`.
    pub fn publish_plan_version(
        &self,
        ctx: &Ctx,
        idempotency_key: Option<IdempotencyKey>,
        key: &str,
        number: u32,
    ) -> Result<Answer, Error> {
        ctx.require(Permission::CatalogManage)?;
        let idempotency = catalog::idempotency(idempotency_key, "publishPlanVersion", key, &number)?;
        self.command_answer(ctx, "publish_plan_version", 200, idempotency.as_ref(), |tx| {
            catalogs::lock(tx, ctx.now())?;
            let (plan, draft) = plans::get_version(tx, key, Some(number))?.ok_or_else(Error::not_found)?;
            let before = plan_versions::latest_published(tx, plan.id)?;
            let known = catalog::intended(tx)?.references();
            let after = publish(tx, &plan, draft, &Publication { known: &known, at: ctx.now() })?;
            let before = before.map(|version| version.definition);
            let details = change(key, number, before.as_ref(), &after.definition)?;
            let record = AuditRecord::new("planVersion.published", plan.id).details(details);
            let announced = json!({ "plan": key, "number": number });
            Ok(Audited::new(view::of_version(tx, &plan, after)?, record).announce("planVersion.published", announced))
        })
    }
}

/// Adds the next draft. Lock the catalog first.
pub(crate) fn draft(
    tx: &mut ProjectTx<'_>,
    ctx: &Ctx,
    plan: &Plan,
    definition: &PlanDefinition,
) -> Result<PlanVersion, Error> {
    let draft = PlanVersion::draft(plan.last_number + 1, definition.clone());
    plans::set_last_number(tx, plan.id, draft.number)?;
    plan_versions::put_draft(tx, plan.id, &draft, ctx.now())?;
    Ok(draft)
}

/// Moves a draft to where nothing can change it. Lock the catalog first.
pub(crate) fn publish(
    tx: &mut ProjectTx<'_>,
    plan: &Plan,
    draft: PlanVersion,
    publication: &Publication<'_>,
) -> Result<PlanVersion, Error> {
    draft.require_draft()?;
    if plan.archived_at.is_some() {
        let detail = format!("The plan {:?} is archived. Restore it with POST …/plans/{}/restore.", plan.key, plan.key);
        return Err(Error::refused(Code::PlanArchived, detail));
    }
    let later = plan_versions::latest_published(tx, plan.id)?.filter(|current| current.number > draft.number);
    if let Some(later) = later {
        let detail = format!(
            "Version {} is published, and version {} would come before it. Make a new draft with the same content.",
            later.number, draft.number
        );
        return Err(Error::refused(Code::PlanVersionSuperseded, detail));
    }
    let published = draft.publish(publication.known, publication.at)?;
    plan_versions::delete_draft(tx, plan.id, published.number)?;
    plan_versions::insert_published(tx, plan.id, &published)?;
    Ok(published)
}

/// What the audit trail keeps of a new state of a plan: the fields that changed, and each difference by its path.
pub(crate) fn change(
    key: &str,
    number: u32,
    before: Option<&PlanDefinition>,
    after: &PlanDefinition,
) -> Result<Value, Error> {
    let Some(before) = before else {
        return Ok(json!({ "key": key, "number": number, "after": after }));
    };
    let mut details = AuditRecord::new("planVersion.published", key).changed(before, after)?.details;
    details["key"] = json!(key);
    details["number"] = json!(number);
    details["differences"] = json!(differences_between(before, after));
    Ok(details)
}

fn found_plan(tx: &mut ProjectTx<'_>, key: &str) -> Result<Plan, Error> {
    plans::find_by_key(tx, key)?.ok_or_else(Error::not_found)
}

fn require_own_key(plan: &Plan, definition: &PlanDefinition) -> Result<(), Refusal> {
    if definition.key == plan.key {
        return Ok(());
    }
    let detail = format!("must be {:?}, the key of the plan.", plan.key);
    Err(Refusal::field(Code::InvalidValue, "key", detail))
}
