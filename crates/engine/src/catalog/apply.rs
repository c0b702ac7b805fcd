//! A whole catalog against the one that is there: the difference, and making it so, in one transaction.

use domain::access::Permission;
use domain::catalog::diff::{Difference, differences};
use domain::catalog::item::{CatalogItem, ItemKind};
use domain::catalog::whole::Rest;
use domain::catalog::{Catalog, References};
use domain::idempotency::IdempotencyKey;
use domain::ledger::reason::Reason;
use domain::refusal::{Code, Refusal};
use serde::Serialize;
use serde_json::json;
use storage::{ProjectTx, catalog_items, catalogs};

use super::{idempotency, intended, items, metrics, plans};
use crate::audit::{AuditRecord, Audited};
use crate::command::Answer;
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;

/// A catalog that shall be there, and how.
#[derive(Debug, Clone)]
pub struct ApplyCatalog {
    pub catalog: Catalog,
    pub rest: Rest,
    pub publication: Publication,
    /// The digest of the catalog that the caller has seen.
    pub expected_digest: Option<String>,
    /// Needed when metrics change and old usage is counted anew.
    pub reason: Option<Reason>,
}

/// What becomes of plans that say something new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publication {
    /// They get a new current version.
    Published,
    /// They get a draft.
    Drafted,
}

/// What applying a catalog would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CatalogDifference {
    /// Of the catalog that is there. Send it back as `expectedDigest`, and nothing else than this difference is applied.
    pub digest: String,
    pub differences: Vec<Difference>,
}

/// What applying a catalog did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CatalogApplied {
    /// Of the catalog that is there now.
    pub digest: String,
    pub differences: Vec<Difference>,
    /// Versions that are current now.
    pub published: Vec<PlanNumber>,
    /// Drafts that were made or found.
    pub drafts: Vec<PlanNumber>,
}

/// A version of a plan by its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PlanNumber {
    pub plan: String,
    pub number: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Something,
    /// Everything was as the file says, or waits in a draft already.
    Nothing,
}

/// The catalog that is there, the one that shall be, and what lies between.
struct Step {
    before: Catalog,
    after: Catalog,
    differences: Vec<Difference>,
}

impl Engine {
    /// What applying this catalog would do. Writes nothing.
    ///
    /// # Errors
    /// [`Code::InvalidCatalog`] with every mistake.
    pub fn plan_catalog(&self, ctx: &Ctx, file: &Catalog, rest: Rest) -> Result<CatalogDifference, Error> {
        ctx.require(Permission::CatalogRead)?;
        self.read(ctx.project, "plan_catalog", |tx| {
            let step = step(tx, file, rest)?;
            Ok(CatalogDifference { digest: step.before.digest(), differences: step.differences })
        })
    }

    /// Makes the catalog say what this one says: all of it, or nothing. Applying it again changes nothing.
    ///
    /// # Errors
    /// [`Code::InvalidCatalog`] with every mistake; [`Code::CatalogChanged`] when the catalog is not as expected; what changing a metric
    /// refuses.
    pub fn apply_catalog(
        &self,
        ctx: &Ctx,
        key: Option<IdempotencyKey>,
        command: &ApplyCatalog,
    ) -> Result<Answer, Error> {
        ctx.require(Permission::CatalogManage)?;
        let flags = format!("{:?} {:?}", command.rest, command.publication);
        let idempotency = idempotency(key, "applyCatalog", &flags, &command.catalog)?;
        let mut unchanged = None;
        let answer = self.command_answer(ctx, "apply_catalog", 200, idempotency.as_ref(), |tx| {
            catalogs::lock(tx, ctx.now())?;
            let step = step(tx, &command.catalog, command.rest)?;
            require_expected(&step.before, command.expected_digest.as_deref())?;
            let (applied, effect) = step.apply(tx, ctx, command)?;
            if effect == Effect::Nothing {
                unchanged = Some(applied);
                // Nothing is written; the refusal only ends the transaction.
                return Err(Error::not_found());
            }
            let details = json!({
                "differences": applied.differences, "published": applied.published, "drafts": applied.drafts,
                "digestBefore": step.before.digest(), "digestAfter": applied.digest,
            });
            let record = AuditRecord::new("catalog.applied", ctx.project).details(details);
            let record = match &command.reason {
                Some(reason) => record.because(reason.code.as_str(), reason.text.clone()),
                None => record,
            };
            let published = applied.published.clone();
            let audited = Audited::new(applied, record);
            Ok(published.iter().fold(audited, |audited, version| {
                audited.announce("planVersion.published", json!({ "plan": version.plan, "number": version.number }))
            }))
        });
        match unchanged {
            Some(applied) => super::answer(&applied),
            None => {
                self.jobs.announce();
                answer
            }
        }
    }
}

fn step(tx: &mut ProjectTx<'_>, file: &Catalog, rest: Rest) -> Result<Step, Error> {
    let before = intended(tx)?;
    let mut file = file.clone();
    for metric in &mut file.metrics {
        // As it is kept; a name that nobody could read is found by the check.
        metric.name = metric.name.trim().to_owned();
        metric.unit_label = metric.unit_label.take().map(|label| label.trim().to_owned());
    }
    let after = file.applied_to(&before, rest);
    file.check_applied(&after).into_result()?;
    let differences = differences(&before, &after);
    Ok(Step { before, after, differences })
}

impl Step {
    fn apply(
        &self,
        tx: &mut ProjectTx<'_>,
        ctx: &Ctx,
        command: &ApplyCatalog,
    ) -> Result<(CatalogApplied, Effect), Error> {
        for metric in self.after.metrics.iter().filter(|metric| !self.before.metrics.contains(metric)) {
            metrics::make(tx, ctx, metric, command.reason.as_ref())?;
        }
        self.put(tx, ctx, &self.after.custom_assets)?;
        self.put(tx, ctx, &self.after.tax_categories)?;
        self.put(tx, ctx, &self.after.tax_rates)?;
        self.put(tx, ctx, &self.after.add_ons)?;
        self.put(tx, ctx, &self.after.coupons)?;
        let known: References = self.after.references();
        let (mut published, mut drafts) = (Vec::new(), Vec::new());
        let is_elsewhere = |difference: &Difference| !difference.path().starts_with("plans[");
        let mut has_effect = self.differences.iter().any(is_elsewhere);
        for plan in self.after.plans.iter().filter(|plan| !self.before.plans.contains(plan)) {
            match command.publication {
                Publication::Published => {
                    published.push(plans::publish(tx, ctx, plan, &known)?);
                    has_effect = true;
                }
                Publication::Drafted => {
                    let (draft, is_new) = plans::leave_draft(tx, ctx, plan)?;
                    drafts.push(draft);
                    has_effect |= is_new;
                }
            }
        }
        has_effect |= self.remove(tx, ctx)?;
        let digest = intended(tx)?.digest();
        let effect = if has_effect { Effect::Something } else { Effect::Nothing };
        Ok((CatalogApplied { digest, differences: self.differences.clone(), published, drafts }, effect))
    }

    fn put<T: CatalogItem>(&self, tx: &mut ProjectTx<'_>, ctx: &Ctx, all: &[T]) -> Result<(), Error> {
        let mut before = self.before.clone();
        let before = T::list(&mut before);
        for item in all.iter().filter(|item| !before.contains(item)) {
            items::put(tx, ctx, item)?;
        }
        Ok(())
    }

    /// Takes away what the file does not have, where that was asked for, and says whether there was any.
    fn remove(&self, tx: &mut ProjectTx<'_>, ctx: &Ctx) -> Result<bool, Error> {
        let mut has_removed = false;
        for plan in self.before.plans.iter().filter(|plan| !self.after.plans.iter().any(|kept| kept.key == plan.key)) {
            plans::archive(tx, ctx, &plan.key)?;
            has_removed = true;
        }
        for kind in ItemKind::ALL {
            let kept = keys(&self.after, *kind);
            for key in keys(&self.before, *kind).into_iter().filter(|key| !kept.contains(key)) {
                let newest = catalog_items::newest(tx, *kind, &key)?
                    .ok_or_else(|| Error::Bug(format!("{kind} {key:?} is in the catalog and not stored")))?;
                items::bury(tx, ctx, newest)?;
                has_removed = true;
            }
        }
        Ok(has_removed)
    }
}

fn keys(catalog: &Catalog, kind: ItemKind) -> Vec<String> {
    match kind {
        ItemKind::AddOn => catalog.add_ons.iter().map(|item| item.key.clone()).collect(),
        ItemKind::Coupon => catalog.coupons.iter().map(|item| item.key.clone()).collect(),
        ItemKind::CustomAsset => catalog.custom_assets.iter().map(|item| item.code.clone()).collect(),
        ItemKind::TaxCategory => catalog.tax_categories.iter().map(|item| item.key.clone()).collect(),
        ItemKind::TaxRate => catalog.tax_rates.iter().map(|item| item.key.clone()).collect(),
    }
}

fn require_expected(before: &Catalog, expected: Option<&str>) -> Result<(), Refusal> {
    let digest = before.digest();
    match expected {
        Some(expected) if expected != digest => {
            let detail =
                format!("The catalog has the digest {digest}: somebody changed it. Look at the difference again.");
            Err(Refusal::field(Code::CatalogChanged, "expectedDigest", detail))
        }
        Some(_) | None => Ok(()),
    }
}
