//! What a correction would change, before it is applied: it is applied in a transaction that is undone, so that the figures are those of
//! the code that applies it.

use std::collections::{BTreeMap, BTreeSet};

use domain::access::Permission;
use domain::ids::{CustomerId, MetricId, UsageCorrectionId};
use domain::ingest::UsageEvent;
use domain::metrics::Metric;
use domain::quantity::QuantitySum;
use domain::refusal::Refusal;
use domain::time::Instant;
use domain::window::{Span, month_of, zone};
use serde::Serialize;
use storage::{ProjectTx, metrics, projects, usage_corrections, usage_events};
use utoipa::ToSchema;

use super::apply::apply;
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;
use crate::metering::usage::{merged, units};
use crate::metering::{Customers, Question, Spans, Through, measure};

/// What a correction would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CorrectionPreview {
    /// The usage of each customer, metric and calendar month of the project that would differ.
    pub usage: Vec<UsageEffect>,
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
        self.db().rehearse_installation("preview_usage_correction", |tx| {
            let mut project = tx.in_project(ctx.project);
            usage_corrections::get(&mut project, id)?.ok_or_else(Error::not_found)?;
            let asked = Asked::load(&mut project, id, ctx.now())?;
            let before = asked.usage(&mut project)?;
            let (_, planned) = apply(tx, ctx, id)?;
            let mut project = tx.in_project(ctx.project);
            let mut keys: BTreeMap<CustomerId, &str> = BTreeMap::new();
            for event in planned.iter().map(|planned| &planned.original) {
                keys.insert(event.customer, &event.customer_key);
            }
            let after = asked.usage(&mut project)?;
            Ok(CorrectionPreview { usage: asked.effects(&before, &after, &keys)? })
        })
    }
}

/// What is looked at.
struct Asked {
    metrics: Vec<Metric>,
    months: Months,
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
        let mut months = Months::new();
        for item in &items {
            let Some(event) = events.get(&item.event) else { continue };
            let amended = match &item.change {
                domain::ingest::correction::EventChange::Void => None,
                domain::ingest::correction::EventChange::Amend(amendment) => amendment.at,
            };
            let of = months.entry((event.metric, event.customer)).or_default();
            for at in [Some(event.at), amended].into_iter().flatten() {
                let month = month_of(at, &zone);
                of.insert((month.start, month.end));
            }
        }
        Ok(Asked { metrics: metrics::all(tx)?, months, now })
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
