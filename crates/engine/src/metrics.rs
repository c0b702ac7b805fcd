//! Metrics: declared by a person, or left by an event for a person to declare.

pub(crate) mod backfill;
mod change;
pub mod preview;
mod recompute;
pub mod versions;
mod view;

use domain::access::Permission;
use domain::catalog::metric::{MetricChange, MetricDefinition};
use domain::metrics::{FIRST, Metric, VersionState};
use domain::problems::Problems;
use domain::refusal::{Code, Refusal};
use domain::text;
use serde_json::json;
use storage::{ProjectTx, catalogs, metric_versions, metrics};

use crate::audit::{AuditRecord, Audited};
use crate::catalog;
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;
use crate::page::page_limit;

pub use view::{BuildingView, MetricView};

/// What a person changes about a metric without changing its meaning. `None` leaves it as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpdateMetric {
    pub name: Option<String>,
    /// `Some(None)` takes the label away.
    pub unit_label: Option<Option<String>>,
    /// Whether its events are refused from now on.
    pub archived: Option<bool>,
}

/// Whether a metric was declared now or long ago.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Declaration {
    Declared(MetricView),
    /// It was declared before, in the same way.
    Existing(MetricView),
}

impl Engine {
    /// Declares a metric: a new one, or one that events have named already. Saying the same again changes nothing.
    ///
    /// # Errors
    /// [`Code::MetricConflict`] when it was declared in another way; `invalid_value` for a definition that makes no sense.
    pub fn declare_metric(&self, ctx: &Ctx, definition: &MetricDefinition) -> Result<Declaration, Error> {
        ctx.require(Permission::MetricsManage)?;
        let wanted = checked(definition)?;
        let existing = self.read(ctx.project, "find_metric", |tx| match metrics::find_by_key(tx, &wanted.key)? {
            Some(metric) if metric.declared => same(tx, metric, &wanted).map(Some),
            Some(_) | None => Ok(None),
        })?;
        match existing {
            Some(existing) => Ok(Declaration::Existing(existing)),
            None => {
                let declared = self.command(ctx, "declare_metric", |tx| declare(tx, ctx, &wanted))?;
                self.jobs.announce();
                Ok(Declaration::Declared(declared))
            }
        }
    }

    /// Changes what people call a metric, or archives it: its events are refused then, its usage stays readable.
    ///
    /// # Errors
    /// `not_found`; `invalid_value` for a name nobody could read.
    pub fn update_metric(&self, ctx: &Ctx, key: &str, change: &UpdateMetric) -> Result<MetricView, Error> {
        ctx.require(Permission::MetricsManage)?;
        let name = change.name.as_deref().map(|name| text::name("name", name)).transpose()?;
        let unit_label = change.unit_label.as_ref().map(|label| unit_label(label.as_deref())).transpose()?;
        self.command(ctx, "update_metric", |tx| {
            if change.archived == Some(true) {
                // The catalog before its metrics, as everywhere.
                catalogs::lock(tx, ctx.now())?;
                catalog::metrics::require_unpriced(tx, key)?;
            }
            let before = metrics::find_by_key_for_update(tx, key)?.ok_or_else(Error::not_found)?;
            let mut after = before.clone();
            if let Some(name) = &name {
                after.definition.name.clone_from(name);
            }
            if let Some(unit_label) = &unit_label {
                after.definition.unit_label.clone_from(unit_label);
            }
            after.archived_at = match change.archived {
                Some(true) => before.archived_at.or(Some(ctx.now())),
                Some(false) => None,
                None => before.archived_at,
            };
            metrics::update(tx, &after)?;
            let (before, after) = (view::of(tx, before)?, view::of(tx, after)?);
            let record = AuditRecord::new("metric.updated", after.id).changed(&before, &after)?;
            Ok(Audited::new(after, record))
        })
    }

    /// # Errors
    /// `not_found` when no event and no person has named it.
    pub fn get_metric(&self, ctx: &Ctx, key: &str) -> Result<MetricView, Error> {
        ctx.require(Permission::MetricsRead)?;
        self.read(ctx.project, "get_metric", |tx| {
            let metric = metrics::find_by_key(tx, key)?.ok_or_else(Error::not_found)?;
            view::of(tx, metric)
        })
    }

    /// In the order of their keys, after the given one; `limit` of them at most.
    ///
    /// # Errors
    /// `forbidden` without the permission to read them.
    pub fn list_metrics(&self, ctx: &Ctx, after: Option<&str>, limit: usize) -> Result<Vec<MetricView>, Error> {
        ctx.require(Permission::MetricsRead)?;
        self.read(ctx.project, "list_metrics", |tx| {
            let page = metrics::page(tx, after, page_limit(limit))?;
            view::of_many(tx, page)
        })
    }
}

/// The definition with its texts tidied.
///
/// # Errors
/// `invalid_value` with every mistake.
pub(crate) fn checked(definition: &MetricDefinition) -> Result<MetricDefinition, Refusal> {
    let mut problems = Problems::default();
    definition.check("", &mut problems);
    if let Some(first) = problems.errors().first() {
        let detail = format!("{} {}", first.field, first.detail);
        return Err(Refusal { errors: problems.errors().to_vec(), ..Refusal::new(Code::InvalidValue, detail) });
    }
    Ok(MetricDefinition {
        name: text::name("name", &definition.name)?,
        unit_label: unit_label(definition.unit_label.as_deref())?,
        ..definition.clone()
    })
}

fn unit_label(text: Option<&str>) -> Result<Option<String>, Refusal> {
    text.map(|label| text::name("unitLabel", label)).transpose()
}

/// Declares a metric in a transaction that may do more. The definition was [`checked`].
///
/// # Errors
/// As [`Engine::declare_metric`].
pub(crate) fn declare(
    tx: &mut ProjectTx<'_>,
    ctx: &Ctx,
    wanted: &MetricDefinition,
) -> Result<Audited<MetricView>, Error> {
    let new = Metric {
        id: ctx.new_id(),
        definition: wanted.clone(),
        version: FIRST,
        series: FIRST,
        declared: true,
        archived_at: None,
        created_at: ctx.now(),
    };
    if metrics::insert(tx, &new)? {
        return declared(view::of(tx, new)?);
    }
    let before = metrics::find_by_key_for_update(tx, &wanted.key)?
        .ok_or_else(|| Error::Bug(format!("the metric {:?} is taken but cannot be read", wanted.key)))?;
    if before.declared {
        // Somebody else declared it in between.
        return declared(same(tx, before, wanted)?);
    }
    let mut after = Metric { declared: true, ..before.clone() };
    match before.definition.change_to(wanted) {
        // Nobody relied on what an event made of the key: its first version means from now on what it should.
        MetricChange::Nothing | MetricChange::Words | MetricChange::SameRows => {
            after.definition = wanted.clone();
            metrics::update(tx, &after)?;
        }
        MetricChange::NewRows => {
            metrics::update(tx, &after)?;
            let version = change::begin(tx, &after, wanted, ctx.now())?;
            if version.state == VersionState::Building {
                versions::build_job(tx, ctx, &after, version.number)?;
            }
        }
    }
    let after = metrics::find_by_key(tx, &wanted.key)?.ok_or_else(Error::not_found)?;
    let (before, after) = (view::of(tx, before)?, view::of(tx, after)?);
    let record = AuditRecord::new("metric.declared", after.id).changed(&before, &after)?;
    Ok(Audited::new(after, record))
}

fn declared(metric: MetricView) -> Result<Audited<MetricView>, Error> {
    let record = AuditRecord::new("metric.declared", metric.id).details(json!({ "after": metric }));
    Ok(Audited::new(metric, record))
}

/// The metric as it is, when it means the same or is about to.
fn same(tx: &mut ProjectTx<'_>, existing: Metric, wanted: &MetricDefinition) -> Result<MetricView, Error> {
    let is_same = existing.definition == *wanted
        || metric_versions::building(tx)?
            .iter()
            .any(|version| version.metric == existing.id && version.definition == *wanted);
    if is_same {
        return view::of(tx, existing);
    }
    let detail = format!(
        "The metric {:?} was declared in another way. Change its name and its unit label with PATCH, and what it means with a new version.",
        existing.definition.key
    );
    Err(Error::refused(Code::MetricConflict, detail))
}
