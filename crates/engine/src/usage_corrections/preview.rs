//! What a correction would change, before it is applied: it is applied in a transaction that is undone, so that the figures are those of
//! the code that applies it.

use std::collections::{BTreeMap, BTreeSet};

use domain::access::Permission;
use domain::ids::{CustomerId, MetricId, UsageCorrectionId};
use domain::ingest::UsageEvent;
use domain::metrics::{Aggregation, Metric};
use domain::quantity::QuantitySum;
use domain::refusal::Refusal;
use domain::time::Instant;
use domain::window::{Span, month_of, zone};
use serde::Serialize;
use storage::{
    InstallationTx, ProjectTx, StorageError, metrics, projects, rollup_cursors, usage_corrections, usage_events,
};
use utoipa::ToSchema;

use super::apply::apply;
use super::effect::{self, DraftEffect, IssuedEffect, Money, Place};
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;
use crate::metering::usage::{merged, units};
use crate::metering::{Customers, Question, Spans, Through, measure};

/// How often both halves are worked out until nothing was folded between them.
const ATTEMPTS: u32 = 3;

/// What a correction would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CorrectionPreview {
    /// The usage of each customer, metric and calendar month of the project that would differ.
    pub usage: Vec<UsageEffect>,
    /// What the late desk would make of invoices that are issued.
    pub issued: Vec<IssuedEffect>,
    /// The drafts, of now and of the periods that run, that would come to something else; late usage that goes on the next invoice
    /// included.
    pub drafts: Vec<DraftEffect>,
}

/// The usage of one customer in one month, as it is and as it would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsageEffect {
    pub metric_key: String,
    pub customer_key: String,
    pub from: Instant,
    /// Exclusive.
    pub to: Instant,
    pub before: QuantitySum,
    pub after: QuantitySum,
    /// `after − before`.
    pub difference: QuantitySum,
}

/// Whose usage of what, in which months.
type Months = BTreeMap<(MetricId, CustomerId), BTreeSet<(Instant, Instant)>>;
/// The usage of each of them.
type Usage = BTreeMap<(MetricId, CustomerId, Instant), QuantitySum>;

impl Engine {
    /// Says what a proposed correction would change now. Nothing is kept.
    ///
    /// # Errors
    /// As applying it.
    pub fn preview_usage_correction(&self, ctx: &Ctx, id: UsageCorrectionId) -> Result<CorrectionPreview, Error> {
        ctx.require(Permission::UsageCorrectionsPropose)?;
        self.fold_all(ctx.project)?;
        for _ in 0..ATTEMPTS {
            let without = self.db().rehearse_installation("preview_without_correction", |tx| {
                let tx = &mut tx.in_project(ctx.project);
                // Nobody folds meanwhile.
                rollup_cursors::lock(tx)?;
                usage_corrections::get(tx, id)?.ok_or_else(Error::not_found)?;
                let places = Asked::load(tx, id, ctx.now())?.places;
                effect::money(tx, ctx, &places, None)
            })?;
            let preview =
                self.db().rehearse_installation("preview_usage_correction", |tx| with(tx, ctx, id, &without))?;
            if let Some(preview) = preview {
                return Ok(preview);
            }
        }
        Err(StorageError::Busy { waiting_for: "a moment in which nothing is folded" }.into())
    }
}

/// Applies it and compares; `None` when something was folded since the other half was worked out.
fn with(
    tx: &mut InstallationTx<'_>,
    ctx: &Ctx,
    id: UsageCorrectionId,
    without: &Money,
) -> Result<Option<CorrectionPreview>, Error> {
    let mut project = tx.in_project(ctx.project);
    let asked = Asked::load(&mut project, id, ctx.now())?;
    let before = asked.usage(&mut project)?;
    let (step, planned) = apply(tx, ctx, id)?;
    if step.seq != without.cut + 1 {
        return Ok(None);
    }
    let mut project = tx.in_project(ctx.project);
    let mut keys: BTreeMap<CustomerId, &str> = BTreeMap::new();
    for event in planned.iter().map(|planned| &planned.original) {
        keys.insert(event.customer, &event.customer_key);
    }
    let after = asked.usage(&mut project)?;
    let usage = asked.effects(&before, &after, &keys)?;
    let money = effect::money(&mut project, ctx, &asked.places, Some(without))?;
    let (issued, drafts) = effect::compare(&mut project, without, &money)?;
    Ok(Some(CorrectionPreview { usage, issued, drafts }))
}

/// What is looked at.
struct Asked {
    metrics: Vec<Metric>,
    months: Months,
    places: BTreeSet<Place>,
    now: Instant,
}

impl Asked {
    fn load(tx: &mut ProjectTx<'_>, id: UsageCorrectionId, now: Instant) -> Result<Asked, Error> {
        let project = projects::get(tx)?.ok_or_else(Error::not_found)?;
        let zone = zone(&project.time_zone);
        let items = usage_corrections::items(tx, id)?;
        let ids: Vec<_> = items.iter().map(|item| item.event).collect();
        let events: BTreeMap<_, UsageEvent> =
            usage_events::find_many(tx, &ids)?.into_iter().map(|(event, _)| (event.id, event)).collect();
        let metrics = metrics::all(tx)?;
        let (mut months, mut places) = (Months::new(), BTreeSet::new());
        for item in &items {
            let Some(event) = events.get(&item.event) else { continue };
            let amended = match &item.change {
                domain::ingest::correction::EventChange::Void => None,
                domain::ingest::correction::EventChange::Amend(amendment) => amendment.at,
            };
            let of = months.entry((event.metric, event.customer)).or_default();
            // A level that changes is another one until now.
            let metric = metrics.iter().find(|metric| metric.id == event.metric);
            let is_level = metric.is_some_and(|metric| metric.definition.aggregation == Aggregation::WeightedSum);
            for at in [Some(event.at), amended].into_iter().flatten() {
                let month = month_of(at, &zone);
                of.insert((month.start, month.end));
                for at in [Some(at), is_level.then_some(now)].into_iter().flatten() {
                    places.insert(Place { customer: event.customer, metric_key: event.metric_key.clone(), at });
                }
            }
        }
        Ok(Asked { metrics, months, places, now })
    }

    fn usage(&self, tx: &mut ProjectTx<'_>) -> Result<Usage, Error> {
        let mut usage = Usage::new();
        for ((id, customer), months) in &self.months {
            let Some(metric) = self.metrics.iter().find(|metric| metric.id == *id) else { continue };
            let spans: Vec<Span> = months.iter().map(|(start, end)| Span { start: *start, end: *end }).collect();
            let (customers, through) = (Customers::One(*customer), Through::Everything);
            let question = Question { metric, customers, spans: Spans::Same(&spans), now: self.now, through };
            let mut rows: BTreeMap<usize, Vec<_>> = BTreeMap::new();
            for row in measure(tx, &question)? {
                rows.entry(row.span).or_default().push(row);
            }
            for (span, rows) in rows {
                if let Some(total) = merged(rows)? {
                    usage.insert((*id, *customer, spans[span].start), units(&total, metric, spans[span])?);
                }
            }
        }
        Ok(usage)
    }

    fn effects(
        &self,
        before: &Usage,
        after: &Usage,
        keys: &BTreeMap<CustomerId, &str>,
    ) -> Result<Vec<UsageEffect>, Refusal> {
        let zero = QuantitySum::from_micros(0);
        let mut effects = Vec::new();
        for ((metric, customer), months) in &self.months {
            for (from, to) in months {
                let place = (*metric, *customer, *from);
                let [before, after] = [before, after].map(|usage| usage.get(&place).copied().unwrap_or(zero));
                let difference = after.micros().checked_sub(before.micros()).ok_or(domain::ratio::OutOfRange)?;
                let named = self.metrics.iter().find(|known| known.id == *metric);
                effects.push(UsageEffect {
                    metric_key: named.map(|metric| metric.definition.key.clone()).unwrap_or_default(),
                    customer_key: keys.get(customer).copied().unwrap_or_default().to_owned(),
                    from: *from,
                    to: *to,
                    before,
                    after,
                    difference: QuantitySum::from_micros(difference),
                });
            }
        }
        effects.retain(|effect| effect.difference.micros() != 0);
        effects.sort_by(|one, other| {
            let key = |effect: &UsageEffect| (effect.metric_key.clone(), effect.customer_key.clone(), effect.from);
            key(one).cmp(&key(other))
        });
        Ok(effects)
    }
}
