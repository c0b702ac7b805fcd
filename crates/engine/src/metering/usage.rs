//! How much was used: the usage of one metric by window, customer and dimension, and the totals of all metrics.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::access::Permission;
use domain::ids::CustomerId;
use domain::metering::{Counter, DimensionValues};
use domain::metrics::{Aggregation, Metric};
use domain::quantity::QuantitySum;
use domain::refusal::{Code, Refusal};
use domain::time::Instant;
use domain::window::{self, Span, Window};
use serde::Serialize;
use storage::{ProjectTx, customers, metrics, projects};
use utoipa::ToSchema;

use super::{Customers, Measured, Question, Spans, Through, measure, measure_all};
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
    /// The IANA name of the zone in which windows begin; the project's when not given.
    pub time_zone: Option<String>,
    pub by_customer: bool,
    /// The dimensions whose values are told apart.
    pub by_dimensions: Vec<String>,
    pub customer_key: Option<String>,
    pub subscription_key: Option<String>,
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
    /// Windows in which something was used, in the order of time.
    pub data: Vec<UsageRow>,
}

/// The usage of one window, of everybody or of one group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsageRow {
    pub start: Instant,
    /// Exclusive.
    pub end: Instant,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_key: Option<String>,
    /// The values of the dimensions that were asked for; one that the events do not carry is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(inline)]
    pub dimensions: Option<DimensionValues>,
    /// What the aggregation of the metric makes of the events; a `weightedSum` is rounded half-even to six places.
    pub units: QuantitySum,
    /// The number of events.
    pub events: u64,
    /// How many of the events missed the schema of the metric.
    pub warnings: i64,
    /// Whether the window has ended and its late buffer has passed: until then events may be on their way.
    #[serde(rename = "final")]
    pub is_final: bool,
}

/// What was used of one metric in one span.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricTotal {
    pub metric_key: String,
    /// What the aggregation of the metric makes of the events.
    pub units: QuantitySum,
    /// The number of events.
    pub events: u64,
}

impl Engine {
    /// The usage of one metric, by window and, if asked for, by customer and dimension values.
    ///
    /// # Errors
    /// `not_found` for an unknown metric or customer; `invalid_query` when `to` is not after `from`, for a dimension the metric does not
    /// have, or when the answer would be too long; `quantity_out_of_range` when a quantity does not fit.
    pub fn metric_usage(&self, ctx: &Ctx, key: &str, query: &UsageQuery) -> Result<MetricUsage, Error> {
        ctx.require(Permission::MetricsRead)?;
        self.read(ctx.project, "metric_usage", |tx| {
            let metric = metrics::find_by_key(tx, key)?.ok_or_else(Error::not_found)?;
            let project = projects::get(tx)?.ok_or_else(Error::not_found)?;
            let late_buffer = Duration::from_secs(60 * u64::from(project.policies.late_buffer_minutes));
            let time_zone = query.time_zone.clone().unwrap_or(project.time_zone);
            let zone = window::zone(&time_zone);
            let month = window::month_of(ctx.now(), &zone);
            let span = span(query.from.unwrap_or(month.start), query.to.unwrap_or(month.end))?;
            let spans = match query.window {
                Some(window) => span.cut(window, &zone)?,
                None => vec![span],
            };
            let clock = Clock { now: ctx.now(), late_buffer };
            let data = rows(tx, &metric, query, &spans, clock)?;
            Ok(MetricUsage {
                metric_key: metric.definition.key,
                aggregation: metric.definition.aggregation,
                from: span.start,
                to: span.end,
                time_zone,
                data,
            })
        })
    }
}

/// What was used of each metric in the span by one customer, in the order of the metrics' keys.
pub(crate) fn totals(
    tx: &mut ProjectTx<'_>,
    customer: CustomerId,
    span: Span,
    now: Instant,
) -> Result<Vec<MetricTotal>, Error> {
    let metrics = metrics::all(tx)?;
    let spans = [span];
    let (customers, through) = (Customers::One(customer), Through::Everything);
    let question = |metric| Question { metric, customers, spans: Spans::Same(&spans), now, through };
    let questions: Vec<Question<'_>> = metrics.iter().map(question).collect();
    let mut totals = Vec::new();
    for (metric, rows) in metrics.iter().zip(measure_all(tx, &questions)?) {
        if let Some(total) = merged(rows)? {
            let units = units(&total, metric, span)?;
            totals.push(MetricTotal { metric_key: metric.definition.key.clone(), units, events: total.events() });
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

/// When it is asked, and how long events may be on their way.
#[derive(Debug, Clone, Copy)]
struct Clock {
    now: Instant,
    late_buffer: Duration,
}

/// What makes one row of an answer.
type RowKey = (usize, Option<CustomerId>, Option<DimensionValues>);

fn rows(
    tx: &mut ProjectTx<'_>,
    metric: &Metric,
    query: &UsageQuery,
    spans: &[Span],
    clock: Clock,
) -> Result<Vec<UsageRow>, Error> {
    check_dimensions(metric, &query.by_dimensions)?;
    let customers = match query.customer_key.as_deref() {
        Some(key) => Customers::One(customers::find_by_key(tx, key)?.ok_or_else(Error::not_found)?.id),
        None => Customers::All,
    };
    let question =
        Question { metric, customers, spans: Spans::Same(spans), now: clock.now, through: Through::Everything };
    let measured = measure(tx, &question)?;
    let mut groups: BTreeMap<RowKey, (Counter, i64)> = BTreeMap::new();
    for row in measured {
        if query.subscription_key.is_some() && query.subscription_key != row.subscription_key {
            continue;
        }
        let key = (row.span, query.by_customer.then_some(row.customer), grouped(query, row.group.values));
        match groups.get_mut(&key) {
            Some((counter, warnings)) => {
                counter.merge(&row.group.counter).map_err(Refusal::from)?;
                *warnings += row.warnings;
            }
            None => {
                groups.insert(key, (row.group.counter, row.warnings));
            }
        }
    }
    if groups.len() > ROWS_MAX {
        let detail =
            format!("The answer would have {} rows; at most {ROWS_MAX} are given. Ask for less.", groups.len());
        return Err(Error::refused(Code::InvalidQuery, detail));
    }
    tell(tx, metric, groups, spans, clock)
}

fn tell(
    tx: &mut ProjectTx<'_>,
    metric: &Metric,
    groups: BTreeMap<RowKey, (Counter, i64)>,
    spans: &[Span],
    clock: Clock,
) -> Result<Vec<UsageRow>, Error> {
    let mut ids: Vec<CustomerId> = groups.keys().filter_map(|(_, customer, _)| *customer).collect();
    ids.sort_unstable();
    ids.dedup();
    let names: BTreeMap<CustomerId, String> =
        customers::find_by_ids(tx, &ids)?.into_iter().map(|customer| (customer.id, customer.external_key)).collect();
    let mut rows = Vec::with_capacity(groups.len());
    for ((span, customer, dimensions), (counter, warnings)) in groups {
        let span = spans[span];
        rows.push(UsageRow {
            start: span.start,
            end: span.end,
            customer_key: customer.and_then(|id| names.get(&id).cloned()),
            dimensions,
            units: units(&counter, metric, span)?,
            events: counter.events(),
            warnings,
            is_final: span.end.checked_add(clock.late_buffer).is_some_and(|end| end <= clock.now),
        });
    }
    rows.sort_by(|one, other| {
        (one.start, &one.customer_key, &one.dimensions).cmp(&(other.start, &other.customer_key, &other.dimensions))
    });
    Ok(rows)
}

fn check_dimensions(metric: &Metric, asked: &[String]) -> Result<(), Refusal> {
    let known = &metric.definition.dimensions;
    match asked.iter().find(|name| !known.contains(name)) {
        None => Ok(()),
        Some(name) => {
            let mut names = vec!["customer"];
            names.extend(known.iter().map(String::as_str));
            let detail = format!("{name:?} is not one of {}.", names.join(", "));
            Err(Refusal::field(Code::InvalidQuery, "groupBy", detail))
        }
    }
}

/// The values of the dimensions that are told apart.
fn grouped(query: &UsageQuery, mut values: DimensionValues) -> Option<DimensionValues> {
    if query.by_dimensions.is_empty() {
        return None;
    }
    values.retain(|name, _| query.by_dimensions.contains(name));
    Some(values)
}

pub(crate) fn merged(rows: Vec<Measured>) -> Result<Option<Counter>, Refusal> {
    let mut counters = rows.into_iter().map(|row| row.group.counter);
    let Some(mut total) = counters.next() else {
        return Ok(None);
    };
    for counter in counters {
        total.merge(&counter)?;
    }
    Ok(Some(total))
}

/// The quantity of a counter in 10⁻⁶ units, rounded half-even where it is finer.
pub(crate) fn units(counter: &Counter, metric: &Metric, period: Span) -> Result<QuantitySum, Refusal> {
    let exact = counter.quantity(&metric.definition, period)?;
    Ok(QuantitySum::from_micros(exact.round_half_even(6)?))
}
