//! How much was used: rollups, and what is not folded yet, and single events where an edge cuts a quarter of an hour. Exact
//! at once, read in one snapshot.

use std::collections::{BTreeMap, BTreeSet};

use domain::access::Permission;
use domain::ids::{CustomerId, MetricId};
use domain::ingest::rollup::{Cell, SLICE_MICROS};
use domain::metrics::{Aggregation, Metric};
use domain::quantity::QuantitySum;
use domain::refusal::{Code, Refusal};
use domain::time::Instant;
use domain::window::{self, Span, Window};
use serde::Serialize;
use storage::usage_events::{self, MeasuredEvent, UsageFilter};
use storage::{ProjectTx, customers, ingest_batches, metrics, projects, rollups};
use utoipa::ToSchema;

use super::fold;
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;

/// The most rows of one answer.
const ROWS_MAX: usize = 20_000;

/// What is asked about the usage of one metric.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UsageQuery {
    /// The start of the current month when not given.
    pub from: Option<Instant>,
    /// Exclusive; the end of the current month when not given.
    pub to: Option<Instant>,
    /// One window from end to end when not given.
    pub window: Option<Window>,
    pub by_customer: bool,
    pub customer_key: Option<String>,
}

/// The usage of one metric.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricUsage {
    pub metric_key: String,
    pub aggregation: Aggregation,
    pub from: Instant,
    /// Exclusive.
    pub to: Instant,
    /// The zone in which the windows begin.
    #[schema(example = "Europe/Berlin")]
    pub time_zone: String,
    /// Windows with at least one event, in the order of time.
    pub data: Vec<UsageRow>,
}

/// The usage of one window, of everybody or of one customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsageRow {
    pub start: Instant,
    /// Exclusive.
    pub end: Instant,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_key: Option<String>,
    /// What the aggregation of the metric makes of the events.
    pub units: QuantitySum,
    /// The number of events.
    pub events: i64,
}

/// What was used of one metric in one span.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricTotal {
    pub metric_key: String,
    /// What the aggregation of the metric makes of the events.
    pub units: QuantitySum,
    /// The number of events.
    pub events: i64,
}

impl Engine {
    /// The usage of one metric, by window and, if asked for, by customer.
    ///
    /// # Errors
    /// `not_found` for an unknown metric; `invalid_query` when `to` is not after `from` or the answer would be too long.
    pub fn metric_usage(&self, ctx: &Ctx, key: &str, query: &UsageQuery) -> Result<MetricUsage, Error> {
        ctx.require(Permission::MetricsRead)?;
        self.read(ctx.project, "metric_usage", |tx| {
            let metric = metrics::find_by_key(tx, key)?.ok_or_else(Error::not_found)?;
            let project = projects::get(tx)?.ok_or_else(Error::not_found)?;
            let zone = window::zone(&project.time_zone);
            let month = window::month_of(ctx.now(), &zone);
            let span = span(query.from.unwrap_or(month.start), query.to.unwrap_or(month.end))?;
            let spans = match query.window {
                Some(window) => span.cut(window, &zone)?,
                None => vec![span],
            };
            let data = rows(tx, &metric, query, &spans)?;
            Ok(MetricUsage {
                metric_key: metric.key,
                aggregation: metric.aggregation,
                from: span.start,
                to: span.end,
                time_zone: project.time_zone,
                data,
            })
        })
    }
}

/// What was used of each metric in the span, by one customer or by all, in the order of the metrics' keys.
pub(crate) fn totals(
    tx: &mut ProjectTx<'_>,
    customer: Option<CustomerId>,
    span: Span,
) -> Result<Vec<MetricTotal>, Error> {
    let filter = UsageFilter { metric: None, customer };
    let measured = measure(tx, filter, &[span], false)?;
    let mut totals = Vec::new();
    for metric in metrics::all(tx)? {
        if let Some(cell) = measured.get(&Place { metric: metric.id, customer: None, span: 0 }) {
            let units = quantity(cell, &metric)?;
            totals.push(MetricTotal { metric_key: metric.key, units, events: cell.events });
        }
    }
    Ok(totals)
}

/// # Errors
/// [`Code::InvalidQuery`] unless the end comes after the start.
pub(crate) fn span(start: Instant, end: Instant) -> Result<Span, Refusal> {
    if start < end {
        return Ok(Span { start, end });
    }
    Err(Refusal::field(Code::InvalidQuery, "to", format!("must come after `from` ({start}).")))
}

fn rows(tx: &mut ProjectTx<'_>, metric: &Metric, query: &UsageQuery, spans: &[Span]) -> Result<Vec<UsageRow>, Error> {
    let customer = match query.customer_key.as_deref() {
        Some(key) => Some(customers::find_by_key(tx, key)?.ok_or_else(Error::not_found)?.id),
        None => None,
    };
    let filter = UsageFilter { metric: Some(metric.id), customer };
    let measured = measure(tx, filter, spans, query.by_customer)?;
    if measured.len() > ROWS_MAX {
        let detail =
            format!("The answer would have {} rows; at most {ROWS_MAX} are given. Ask for less.", measured.len());
        return Err(Error::refused(Code::InvalidQuery, detail));
    }
    let ids: BTreeSet<CustomerId> = measured.keys().filter_map(|place| place.customer).collect();
    let ids: Vec<CustomerId> = ids.into_iter().collect();
    let names: BTreeMap<CustomerId, String> =
        customers::find_by_ids(tx, &ids)?.into_iter().map(|customer| (customer.id, customer.external_key)).collect();
    let mut rows = Vec::with_capacity(measured.len());
    for (place, cell) in measured {
        rows.push(UsageRow {
            start: spans[place.span].start,
            end: spans[place.span].end,
            customer_key: place.customer.and_then(|id| names.get(&id).cloned()),
            units: quantity(&cell, metric)?,
            events: cell.events,
        });
    }
    rows.sort_by(|one, other| (one.start, &one.customer_key).cmp(&(other.start, &other.customer_key)));
    Ok(rows)
}

/// What a cell says of its metric. Metrics whose aggregation a cell cannot answer are refused when they are made.
fn quantity(cell: &Cell, metric: &Metric) -> Result<QuantitySum, Error> {
    let aggregation = metric.aggregation;
    cell.quantity(aggregation).ok_or_else(|| Error::Bug(format!("a cell cannot answer the aggregation {aggregation}")))
}

/// Where an event counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    metric: MetricId,
    customer: Option<CustomerId>,
    /// Index of the span.
    span: usize,
}

/// Adds up the events of each span. Spans are given in order and touch each other.
fn measure(
    tx: &mut ProjectTx<'_>,
    filter: UsageFilter,
    spans: &[Span],
    by_customer: bool,
) -> Result<BTreeMap<Place, Cell>, Error> {
    let (Some(first), Some(last)) = (spans.first(), spans.last()) else {
        return Ok(BTreeMap::new());
    };
    let whole = Span { start: first.start, end: last.end };
    let cut = cut_slices(spans);
    let mut sums: BTreeMap<Place, Cell> = BTreeMap::new();
    let mut add = |metric: MetricId, customer: CustomerId, at: Instant, cell: &Cell| {
        let span = spans.partition_point(|span| span.end <= at);
        let place = Place { metric, customer: by_customer.then_some(customer), span };
        sums.entry(place).and_modify(|sum| sum.merge(cell)).or_insert(*cell);
    };
    rollups::cells(tx, filter, whole, |key, cell| {
        if !cut.contains(&key.slice_start) {
            add(key.metric, key.customer, key.slice_start, &cell);
        }
    })?;
    let mut add_event = |event: MeasuredEvent| {
        add(event.metric, event.customer, event.measurement.at, &Cell::of(event.measurement));
    };
    let unfolded = ingest_batches::unfolded(tx, i64::MAX)?;
    fold::events_of(tx, &unfolded, |event, _| {
        let at = event.measurement.at;
        if filter.lets_through(&event) && whole.contains(at) && !cut.contains(&at.slice_start(SLICE_MICROS)) {
            add_event(event);
        }
    })?;
    // A quarter that an edge cuts is read event by event, whether its batches are folded or not.
    for slice in &cut {
        let end = Instant::from_micros(slice.micros() + SLICE_MICROS).unwrap_or(whole.end);
        let part = Span { start: whole.start.max(*slice), end: whole.end.min(end) };
        usage_events::measurements(tx, filter, part, &mut add_event)?;
    }
    Ok(sums)
}

/// The quarters of an hour that an edge of a span cuts in two.
fn cut_slices(spans: &[Span]) -> BTreeSet<Instant> {
    let edges = spans.iter().flat_map(|span| [span.start, span.end]);
    edges
        .map(|edge| (edge, edge.slice_start(SLICE_MICROS)))
        .filter(|(edge, slice)| edge != slice)
        .map(|(_, slice)| slice)
        .collect()
}
