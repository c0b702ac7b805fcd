//! Plans and their versions as callers see them.

use std::collections::BTreeMap;

use domain::catalog::plan::{Plan, PlanDefinition, PlanState, PlanVersion};
use domain::currency::Currency;
use domain::ids::PlanId;
use domain::refusal::FieldError;
use domain::time::Instant;
use serde::Serialize;
use storage::ProjectTx;
use storage::plan_versions::{self, VersionSummary};

use crate::catalog;
use crate::command::Answer;
use crate::error::Error;

/// A plan with a list of its versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Plan)]
pub struct PlanView {
    pub id: PlanId,
    pub key: String,
    /// As the current version says it, or else the newest draft.
    pub name: Option<String>,
    pub currency: Option<Currency>,
    /// The number of the latest published version.
    pub current_version: Option<u32>,
    pub versions: Vec<VersionInfo>,
    pub created_at: Instant,
    /// Since when nobody new can subscribe to it.
    pub archived_at: Option<Instant>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PlanVersionInfo)]
pub struct VersionInfo {
    pub number: u32,
    pub state: PlanState,
    pub published_at: Option<Instant>,
}

/// One version and what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PlanVersion)]
pub struct VersionView {
    pub plan: String,
    /// From 1, counted per plan; never used twice.
    pub number: u32,
    pub state: PlanState,
    pub published_at: Option<Instant>,
    pub definition: PlanDefinition,
    /// What stands in the way of publishing a draft.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<FieldError>,
}

pub(super) fn of_plan(tx: &mut ProjectTx<'_>, plan: Plan) -> Result<PlanView, Error> {
    let versions = plan_versions::summaries(tx, &[plan.id])?;
    Ok(plan_view(plan, &versions))
}

pub(super) fn of_plans(tx: &mut ProjectTx<'_>, plans: Vec<Plan>) -> Result<Vec<PlanView>, Error> {
    let ids: Vec<PlanId> = plans.iter().map(|plan| plan.id).collect();
    let mut versions: BTreeMap<PlanId, Vec<VersionSummary>> = BTreeMap::new();
    for version in plan_versions::summaries(tx, &ids)? {
        versions.entry(version.plan).or_default().push(version);
    }
    let of = |plan: Plan| {
        let own = versions.remove(&plan.id).unwrap_or_default();
        plan_view(plan, &own)
    };
    Ok(plans.into_iter().map(of).collect())
}

fn plan_view(plan: Plan, versions: &[VersionSummary]) -> PlanView {
    let published = versions.iter().rfind(|version| version.published_at.is_some());
    let shown = published.or(versions.last());
    PlanView {
        id: plan.id,
        key: plan.key,
        name: shown.map(|version| version.name.clone()),
        currency: shown.map(|version| version.currency),
        current_version: published.map(|version| version.number),
        versions: versions.iter().map(info).collect(),
        created_at: plan.created_at,
        archived_at: plan.archived_at,
    }
}

fn info(version: &VersionSummary) -> VersionInfo {
    let state = if version.published_at.is_some() { PlanState::Published } else { PlanState::Draft };
    VersionInfo { number: version.number, state, published_at: version.published_at }
}

/// A version by its number, if it is there.
pub(super) fn version(tx: &mut ProjectTx<'_>, plan: &Plan, number: u32) -> Result<Option<VersionView>, Error> {
    match plan_versions::get(tx, plan.id, number)? {
        Some(version) => of_version(tx, plan, version).map(Some),
        None => Ok(None),
    }
}

pub(super) fn of_version(tx: &mut ProjectTx<'_>, plan: &Plan, version: PlanVersion) -> Result<VersionView, Error> {
    let problems = match version.state {
        PlanState::Draft => version.problems(&catalog::intended(tx)?.references()).errors().to_vec(),
        PlanState::Published => Vec::new(),
    };
    let PlanVersion { number, state, definition, published_at } = version;
    Ok(VersionView { plan: plan.key.clone(), number, state, published_at, definition, problems })
}

/// What is there already, for a request that was not the first.
pub(super) fn existing(version: &VersionView) -> Result<Answer, Error> {
    let body = serde_json::to_string(version)
        .map_err(|error| Error::Bug(format!("a version cannot be written as JSON: {error}")))?;
    Ok(Answer { status: 200, body, replayed: false })
}
