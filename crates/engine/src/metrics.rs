//! Metrics: declared by a person, or left by an event for a person to declare.

use domain::access::Permission;
use domain::metrics::{Aggregation, Metric};
use domain::refusal::{Code, Refusal};
use domain::text;
use serde_json::json;
use storage::{ProjectTx, metrics};

use crate::audit::{AuditRecord, Audited};
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;
use crate::page::page_limit;

/// What a person says a metric is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclareMetric {
    pub key: String,
    /// The key when not given.
    pub name: Option<String>,
    pub aggregation: Aggregation,
    /// What one unit is called, for people.
    pub unit_label: Option<String>,
}

/// What a person changes about a metric. `None` leaves it as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpdateMetric {
    pub name: Option<String>,
    /// `Some(None)` takes the label away.
    pub unit_label: Option<Option<String>>,
}

/// Whether a metric was declared now or long ago.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Declaration {
    Declared(Metric),
    /// It was declared before, in the same way.
    Existing(Metric),
}

impl Engine {
    /// Declares a metric: a new one, or one that events have named already. Saying the same again changes nothing.
    ///
    /// # Errors
    /// [`Code::MetricConflict`] when it was declared in another way; `invalid_value` for a key or a name nobody could read.
    pub fn declare_metric(&self, ctx: &Ctx, command: &DeclareMetric) -> Result<Declaration, Error> {
        ctx.require(Permission::MetricsManage)?;
        let wanted = wanted(ctx, command)?;
        if let Some(existing) =
            self.read(ctx.project, "find_metric", |tx| Ok(metrics::find_by_key(tx, &wanted.key)?))?
            && existing.declared
        {
            return same(existing, &wanted).map(Declaration::Existing);
        }
        self.command(ctx, "declare_metric", |tx| declare(tx, &wanted)).map(Declaration::Declared)
    }

    /// Changes what people call a metric.
    ///
    /// # Errors
    /// `not_found`; `invalid_value` for a name nobody could read.
    pub fn update_metric(&self, ctx: &Ctx, key: &str, change: &UpdateMetric) -> Result<Metric, Error> {
        ctx.require(Permission::MetricsManage)?;
        let name = change.name.as_deref().map(|name| text::name("name", name)).transpose()?;
        let unit_label = change.unit_label.as_ref().map(|label| unit_label(label.as_deref())).transpose()?;
        self.command(ctx, "update_metric", |tx| {
            let before = metrics::find_by_key_for_update(tx, key)?.ok_or_else(Error::not_found)?;
            let after = Metric {
                name: name.clone().unwrap_or_else(|| before.name.clone()),
                unit_label: unit_label.clone().unwrap_or_else(|| before.unit_label.clone()),
                ..before.clone()
            };
            metrics::update(tx, &after)?;
            let record = AuditRecord::new("metric.updated", after.id).changed(&before, &after)?;
            Ok(Audited::new(after, record))
        })
    }

    /// # Errors
    /// `not_found` when no event and no person has named it.
    pub fn get_metric(&self, ctx: &Ctx, key: &str) -> Result<Metric, Error> {
        ctx.require(Permission::MetricsRead)?;
        let found = self.read(ctx.project, "get_metric", |tx| Ok(metrics::find_by_key(tx, key)?))?;
        found.ok_or_else(Error::not_found)
    }

    /// In the order of their keys, after the given one; `limit` of them at most.
    ///
    /// # Errors
    /// `forbidden` without the permission to read them.
    pub fn list_metrics(&self, ctx: &Ctx, after: Option<&str>, limit: usize) -> Result<Vec<Metric>, Error> {
        ctx.require(Permission::MetricsRead)?;
        self.read(ctx.project, "list_metrics", |tx| Ok(metrics::page(tx, after, page_limit(limit))?))
    }
}

fn wanted(ctx: &Ctx, command: &DeclareMetric) -> Result<Metric, Refusal> {
    let key = domain::metrics::key("key", &command.key)?;
    let name = command.name.as_deref().map(|name| text::name("name", name)).transpose()?;
    Ok(Metric {
        id: ctx.new_id(),
        name: name.unwrap_or_else(|| key.clone()),
        key,
        aggregation: command.aggregation,
        unit_label: unit_label(command.unit_label.as_deref())?,
        declared: true,
        created_at: ctx.now(),
    })
}

fn unit_label(text: Option<&str>) -> Result<Option<String>, Refusal> {
    text.map(|label| text::name("unitLabel", label)).transpose()
}

fn declare(tx: &mut ProjectTx<'_>, wanted: &Metric) -> Result<Audited<Metric>, Error> {
    if metrics::insert(tx, wanted)? {
        let record = AuditRecord::new("metric.declared", wanted.id).details(json!({ "after": wanted }));
        return Ok(Audited::new(wanted.clone(), record));
    }
    let before = metrics::find_by_key_for_update(tx, &wanted.key)?
        .ok_or_else(|| Error::Bug(format!("the metric {:?} is taken but cannot be read", wanted.key)))?;
    if before.declared {
        // Somebody else declared it in between.
        let existing = same(before, wanted)?;
        let record = AuditRecord::new("metric.declared", existing.id).details(json!({ "after": existing }));
        return Ok(Audited::new(existing, record));
    }
    let after = Metric { id: before.id, created_at: before.created_at, ..wanted.clone() };
    metrics::update(tx, &after)?;
    let record = AuditRecord::new("metric.declared", after.id).changed(&before, &after)?;
    Ok(Audited::new(after, record))
}

fn same(existing: Metric, wanted: &Metric) -> Result<Metric, Error> {
    let Metric { id: _, key: _, name, aggregation, unit_label, declared: _, created_at: _ } = wanted;
    if (&existing.name, &existing.aggregation, &existing.unit_label) == (name, aggregation, unit_label) {
        return Ok(existing);
    }
    let detail = format!(
        "The metric {:?} was declared in another way. Change its name and its unit label with PATCH; its aggregation stays.",
        existing.key
    );
    Err(Error::refused(Code::MetricConflict, detail))
}
