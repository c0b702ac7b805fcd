//! Versions of a metric: what it meant, means and is about to mean; and changing it, which every front door does here.

use domain::access::Permission;
use domain::catalog::metric::{MetricChange, MetricDefinition};
use domain::ids::{JobId, MetricId};
use domain::jobs::{Job, JobKind, MetricBackfillSubject, Subject};
use domain::ledger::reason::Reason;
use domain::metrics::{Metric, MetricVersion, VersionState};
use domain::refusal::Refusal;
use domain::time::Instant;
use serde::Serialize;
use storage::{ProjectTx, catalogs, jobs, metric_versions, metrics, rollup_cursors};
use utoipa::ToSchema;

use super::{change, checked, recompute};
use crate::audit::{AuditRecord, Audited};
use crate::catalog;
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;
use crate::jobs::queue_job;

/// What somebody wants a metric to mean from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMetricVersion {
    pub wish: MetricWish,
    /// Needed when usage is recomputed that is older than the project's limit.
    pub reason: Option<Reason>,
}

/// A whole definition, but for what people call the metric: that stays unless it is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricWish {
    /// Its key, name and unit label are not looked at.
    pub meaning: MetricDefinition,
    pub name: Option<String>,
    pub unit_label: Option<String>,
}

/// One meaning that a metric has, had or is about to get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MetricVersion)]
pub struct MetricVersionView {
    /// Counted from 1.
    pub version: i64,
    /// `current` answers every question; `building` takes its place once its rows are made.
    pub state: VersionState,
    pub definition: MetricDefinition,
    /// How many batches of events the build has read; absent for a version that needed no rows of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub done: Option<i64>,
    /// How many batches the build reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<i64>,
    /// The job that makes its rows; only in the reply of the request that began the version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<JobId>,
    pub created_at: Instant,
    pub activated_at: Option<Instant>,
    pub retired_at: Option<Instant>,
}

/// What became of a wish to change a metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetricChanged {
    /// It means that already; a version that was being built instead was given up.
    Same(MetricVersionView),
    /// It is called something else.
    Renamed(MetricVersionView),
    /// A new version, current at once.
    Current(MetricVersionView),
    /// A new version that a job makes rows for; until then the old one answers.
    Building(MetricVersionView),
}

impl MetricWish {
    /// The definition that is wished for a metric.
    ///
    /// # Errors
    /// `invalid_value` for one that makes no sense.
    pub(super) fn of(&self, metric: &Metric) -> Result<MetricDefinition, Refusal> {
        let known = &metric.definition;
        checked(&MetricDefinition {
            key: known.key.clone(),
            name: self.name.clone().unwrap_or_else(|| known.name.clone()),
            unit_label: self.unit_label.clone().or_else(|| known.unit_label.clone()),
            ..self.meaning.clone()
        })
    }
}

impl MetricChanged {
    pub fn version(&self) -> &MetricVersionView {
        match self {
            MetricChanged::Same(version)
            | MetricChanged::Renamed(version)
            | MetricChanged::Current(version)
            | MetricChanged::Building(version) => version,
        }
    }
}

impl Engine {
    /// Gives a metric another meaning: at once where its rows fit, else by a job while the old meaning goes on answering.
    ///
    /// # Errors
    /// `not_found`; `invalid_value` for a definition that makes no sense; `recompute_limit` and `forbidden` when older usage is
    /// recomputed than the project allows without a reason.
    pub fn change_metric(&self, ctx: &Ctx, key: &str, wish: &NewMetricVersion) -> Result<MetricChanged, Error> {
        ctx.require(Permission::MetricsManage)?;
        let changed = self.command(ctx, "change_metric", |tx| {
            // The catalog before its metrics, as everywhere.
            catalogs::lock(tx, ctx.now())?;
            let metric = metrics::find_by_key_for_update(tx, key)?.ok_or_else(Error::not_found)?;
            let definition = wish.wish.of(&metric)?;
            catalog::metrics::require_prices_hold(tx, &definition)?;
            change_metric(tx, ctx, &metric, &definition, wish.reason.as_ref())
        })?;
        self.jobs.announce();
        Ok(changed)
    }

    /// The versions of a metric, the newest first, before the given one; `limit` of them at most.
    ///
    /// # Errors
    /// `not_found` for an unknown metric.
    pub fn list_metric_versions(
        &self,
        ctx: &Ctx,
        key: &str,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<MetricVersionView>, Error> {
        ctx.require(Permission::MetricsRead)?;
        self.read(ctx.project, "list_metric_versions", |tx| {
            let metric = metrics::find_by_key(tx, key)?.ok_or_else(Error::not_found)?;
            let versions = metric_versions::of_metric(tx, metric.id)?.into_iter().rev();
            let older = versions.filter(|version| before.is_none_or(|before| version.number < before));
            Ok(older.take(limit).map(MetricVersionView::from).collect())
        })
    }
}

/// Changes a metric in a transaction that may do more. The metric is locked, the definition was [`checked`]; tell the job worker
/// afterwards ([`crate::jobs::Runtime::announce`]).
///
/// # Errors
/// As [`Engine::change_metric`].
pub(crate) fn change_metric(
    tx: &mut ProjectTx<'_>,
    ctx: &Ctx,
    metric: &Metric,
    next: &MetricDefinition,
    reason: Option<&Reason>,
) -> Result<Audited<MetricChanged>, Error> {
    if !metric.declared {
        metrics::update(tx, &Metric { declared: true, ..metric.clone() })?;
    }
    let building =
        metric_versions::of_metric(tx, metric.id)?.into_iter().find(|version| version.state == VersionState::Building);
    if let Some(version) = building.as_ref().filter(|version| version.definition == *next) {
        let job = build_job(tx, ctx, metric, version.number)?;
        return audited(metric, MetricChanged::Building(view(version.clone(), Some(job))), reason);
    }
    match metric.definition.change_to(next) {
        MetricChange::Nothing => {
            give_up(tx, ctx, building.as_ref())?;
            audited(metric, MetricChanged::Same(current(tx, metric.id)?), reason)
        }
        MetricChange::Words => {
            metrics::update(tx, &Metric { definition: next.clone(), declared: true, ..metric.clone() })?;
            audited(metric, MetricChanged::Renamed(current(tx, metric.id)?), reason)
        }
        MetricChange::SameRows | MetricChange::NewRows => {
            recompute::require(tx, ctx, metric, next, reason)?;
            give_up(tx, ctx, building.as_ref())?;
            let version = change::begin(tx, metric, next, ctx.now())?;
            let changed = match version.state {
                VersionState::Building => {
                    let job = build_job(tx, ctx, metric, version.number)?;
                    MetricChanged::Building(view(version, Some(job)))
                }
                VersionState::Current | VersionState::Retired => MetricChanged::Current(view(version, None)),
            };
            audited(metric, changed, reason)
        }
    }
}

/// The job that makes the rows of a version: the one that is at it, or a new one when that gave up.
pub(super) fn build_job(tx: &mut ProjectTx<'_>, ctx: &Ctx, metric: &Metric, version: i64) -> Result<JobId, Error> {
    let metric_key = metric.definition.key.clone();
    let subject = Subject::MetricBackfill(MetricBackfillSubject { metric_id: metric.id, metric_key, version });
    let open = jobs::open_of_kind(tx, JobKind::MetricBackfill)?;
    match open.into_iter().find(|job| job.subject == subject) {
        Some(Job { id, .. }) => Ok(id),
        None => queue_job(tx, ctx, subject),
    }
}

/// Another wish came before the rows were made. Their job finds nothing to build, and takes away what it made.
fn give_up(tx: &mut ProjectTx<'_>, ctx: &Ctx, building: Option<&MetricVersion>) -> Result<(), Error> {
    if let Some(version) = building {
        rollup_cursors::lock(tx)?;
        metric_versions::abandon(tx, version.metric, version.number, ctx.now())?;
        rollup_cursors::begin_epoch(tx)?;
    }
    Ok(())
}

fn current(tx: &mut ProjectTx<'_>, metric: MetricId) -> Result<MetricVersionView, Error> {
    let versions = metric_versions::of_metric(tx, metric)?;
    let current = versions.into_iter().find(|version| version.state == VersionState::Current);
    let missing = || Error::Bug(format!("{metric} has no current version"));
    current.map(MetricVersionView::from).ok_or_else(missing)
}

fn audited(metric: &Metric, changed: MetricChanged, reason: Option<&Reason>) -> Result<Audited<MetricChanged>, Error> {
    let record =
        AuditRecord::new("metric.changed", metric.id).changed(&metric.definition, &changed.version().definition)?;
    let record = match reason {
        Some(reason) => record.because(reason.code.as_str(), reason.text.clone()),
        None => record,
    };
    Ok(Audited::new(changed, record))
}

fn view(version: MetricVersion, job_id: Option<JobId>) -> MetricVersionView {
    MetricVersionView { job_id, ..version.into() }
}

impl From<MetricVersion> for MetricVersionView {
    fn from(version: MetricVersion) -> MetricVersionView {
        MetricVersionView {
            version: version.number,
            state: version.state,
            definition: version.definition,
            done: version.gap.map(|gap| gap.done_seq),
            total: version.gap.map(|gap| gap.cut_seq),
            job_id: None,
            created_at: version.created_at,
            activated_at: version.activated_at,
            retired_at: version.retired_at,
        }
    }
}
