//! What changing a metric would do, computed from the stored events. Nothing is written.

use std::collections::BTreeMap;

use domain::access::Permission;
use domain::catalog::metric::{MetricChange, MetricDefinition};
use domain::ids::CustomerId;
use domain::metering::Counter;
use domain::metrics::Metric;
use domain::quantity::QuantitySum;
use domain::refusal::{Code, Refusal};
use domain::time::Instant;
use domain::window::Span;
use serde::Serialize;
use storage::{ProjectTx, customers, metrics, rollup_cursors};
use utoipa::ToSchema;

use super::recompute;
use super::versions::MetricWish;
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;
use crate::metering::usage::{merged, span, units};
use crate::metering::{Customers, Measured, Question, Spans, Through, measure, recount};

/// How many customers are listed.
const CUSTOMERS_MAX: usize = 20;
/// The most events that one preview counts anew.
const EVENTS_MAX: u64 = 2_000_000;

/// A definition to try on the events of a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewMetricVersion {
    pub wish: MetricWish,
    pub from: Instant,
    /// Exclusive.
    pub to: Instant,
}

/// What a metric measures and would measure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricPreview {
    pub metric_key: String,
    /// What the change asks for.
    pub effect: MetricChange,
    pub from: Instant,
    /// Exclusive.
    pub to: Instant,
    pub before: PreviewTotal,
    pub after: PreviewTotal,
    /// Events of the range that would not count: older than `effectiveFrom`, or without the value that is counted.
    pub excluded_events: u64,
    /// Those whose usage changes most, the largest change first; 20 at most.
    pub customers: Vec<PreviewCustomer>,
    /// How many batches of events a job would read before the change holds; 0 where it holds at once.
    pub batches: i64,
    /// The oldest event that would count anew, when it lies further back than `recomputeLimitDays` allows: then the change needs a
    /// `reasonCode` and a `reason`.
    pub beyond_limit: Option<Instant>,
}

/// The usage of everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct PreviewTotal {
    pub units: QuantitySum,
    pub events: u64,
}

/// The usage of one customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreviewCustomer {
    pub customer_key: String,
    pub before: QuantitySum,
    pub after: QuantitySum,
    /// `after − before`.
    pub difference: QuantitySum,
}

impl Engine {
    /// Says what a new definition of a metric would make of the events of a range.
    ///
    /// # Errors
    /// `not_found`; `invalid_value` for a definition that makes no sense; `invalid_query` for a range with too many events.
    pub fn preview_metric(&self, ctx: &Ctx, key: &str, wish: &PreviewMetricVersion) -> Result<MetricPreview, Error> {
        ctx.require(Permission::MetricsManage)?;
        let span = span(wish.from, wish.to)?;
        self.read(ctx.project, "preview_metric", |tx| {
            let metric = metrics::find_by_key(tx, key)?.ok_or_else(Error::not_found)?;
            let definition = wish.wish.of(&metric)?;
            preview(tx, ctx, &metric, &definition, span)
        })
    }
}

fn preview(
    tx: &mut ProjectTx<'_>,
    ctx: &Ctx,
    metric: &Metric,
    definition: &MetricDefinition,
    span: Span,
) -> Result<MetricPreview, Error> {
    let next = Metric { definition: definition.clone(), ..metric.clone() };
    let spans = [span];
    let (customers, through) = (Customers::All, Through::Everything);
    let question = |metric| Question { metric, customers, spans: Spans::Same(&spans), now: ctx.now(), through };
    let before = measure(tx, &question(metric))?;
    let events: u64 = before.iter().map(|row| row.group.counter.events()).sum();
    if events > EVENTS_MAX {
        let detail = format!("The range holds {events} events, more than the {EVENTS_MAX} of a preview. Ask for less.");
        return Err(Error::refused(Code::InvalidQuery, detail));
    }
    let after = recount(tx, &question(&next))?;
    let effect = metric.definition.change_to(definition);
    let batches = match effect {
        MetricChange::NewRows => rollup_cursors::get(tx)?.last_seq,
        MetricChange::Nothing | MetricChange::Words | MetricChange::SameRows => 0,
    };
    let customers = differences(tx, (metric, &before), (&next, &after.rows), span)?;
    Ok(MetricPreview {
        metric_key: metric.definition.key.clone(),
        effect,
        from: span.start,
        to: span.end,
        before: total(before, metric, span)?,
        after: total(after.rows, &next, span)?,
        excluded_events: after.excluded,
        customers,
        batches,
        beyond_limit: recompute::beyond_limit(tx, metric, definition, ctx.now())?.map(|beyond| beyond.oldest),
    })
}

fn total(rows: Vec<Measured>, metric: &Metric, span: Span) -> Result<PreviewTotal, Refusal> {
    match merged(rows)? {
        Some(counter) => Ok(PreviewTotal { units: units(&counter, metric, span)?, events: counter.events() }),
        None => Ok(PreviewTotal { units: QuantitySum::from_micros(0), events: 0 }),
    }
}

/// The customers whose usage changes, the largest change first.
fn differences(
    tx: &mut ProjectTx<'_>,
    before: (&Metric, &[Measured]),
    after: (&Metric, &[Measured]),
    span: Span,
) -> Result<Vec<PreviewCustomer>, Error> {
    let (before, after) = (by_customer(before, span)?, by_customer(after, span)?);
    let zero = QuantitySum::from_micros(0);
    let mut ids: Vec<CustomerId> = before.keys().chain(after.keys()).copied().collect();
    ids.sort_unstable();
    ids.dedup();
    let mut changed = Vec::new();
    for id in ids {
        let [before, after] = [&before, &after].map(|usage| usage.get(&id).copied().unwrap_or(zero));
        let difference = after.micros().checked_sub(before.micros()).ok_or(domain::ratio::OutOfRange);
        let difference = difference.map_err(Refusal::from)?;
        if difference != 0 {
            changed.push((id, before, after, QuantitySum::from_micros(difference)));
        }
    }
    changed.sort_by_key(|(id, _, _, difference)| (std::cmp::Reverse(difference.micros().unsigned_abs()), *id));
    changed.truncate(CUSTOMERS_MAX);
    let ids: Vec<CustomerId> = changed.iter().map(|(id, ..)| *id).collect();
    let keys: BTreeMap<CustomerId, String> =
        customers::find_by_ids(tx, &ids)?.into_iter().map(|customer| (customer.id, customer.external_key)).collect();
    let listed = changed.into_iter().filter_map(|(id, before, after, difference)| {
        Some(PreviewCustomer { customer_key: keys.get(&id)?.clone(), before, after, difference })
    });
    Ok(listed.collect())
}

fn by_customer(
    (metric, rows): (&Metric, &[Measured]),
    span: Span,
) -> Result<BTreeMap<CustomerId, QuantitySum>, Refusal> {
    let mut counters: BTreeMap<CustomerId, Counter> = BTreeMap::new();
    for row in rows {
        match counters.get_mut(&row.customer) {
            Some(counter) => counter.merge(&row.group.counter)?,
            None => {
                counters.insert(row.customer, row.group.counter.clone());
            }
        }
    }
    counters.into_iter().map(|(id, counter)| Ok((id, units(&counter, metric, span)?))).collect()
}
