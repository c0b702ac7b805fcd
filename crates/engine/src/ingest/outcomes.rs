//! What became of the requests: counts of the five outcomes, over time and in all.

use domain::access::Permission;
use domain::ingest::rollup::SLICE_MICROS;
use domain::ingest::{Operation, OutcomeCounts};
use domain::time::Instant;
use domain::window::{self, Span, Window};
use serde::Serialize;
use storage::{ProjectTx, outcome_rollups, projects};
use utoipa::ToSchema;

use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;
use crate::metering::usage::span;

/// What is asked about outcomes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutcomeQuery {
    /// The start of the current month when not given.
    pub from: Option<Instant>,
    /// Exclusive; the end of the current month when not given.
    pub to: Option<Instant>,
    /// One window from end to end when not given.
    pub window: Option<Window>,
    /// Usage and charges together when not given.
    pub operation: Option<Operation>,
}

/// Outcomes by the time of receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outcomes {
    /// Rounded down to a quarter of an hour.
    pub from: Instant,
    /// Exclusive; rounded up to a quarter of an hour.
    pub to: Instant,
    /// The zone in which the windows begin.
    #[schema(example = "Europe/Berlin")]
    pub time_zone: String,
    pub total: OutcomeCounts,
    /// Windows with at least one request, in the order of time.
    pub data: Vec<OutcomeRow>,
}

/// The outcomes of one window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OutcomeRow {
    pub start: Instant,
    /// Exclusive.
    pub end: Instant,
    #[serde(flatten)]
    pub counts: OutcomeCounts,
}

impl Engine {
    /// How many requests had each outcome, by window.
    ///
    /// # Errors
    /// `invalid_query` when `to` is not after `from`, or for too many windows.
    pub fn ingest_outcomes(&self, ctx: &Ctx, query: OutcomeQuery) -> Result<Outcomes, Error> {
        ctx.require(Permission::IngestRead)?;
        self.read(ctx.project, "ingest_outcomes", |tx| {
            let project = projects::get(tx)?.ok_or_else(Error::not_found)?;
            let zone = window::zone(&project.time_zone);
            let month = window::month_of(ctx.now(), &zone);
            let asked = span(query.from.unwrap_or(month.start), query.to.unwrap_or(month.end))?;
            let whole = outward(asked);
            let spans = match query.window {
                Some(window) => whole.cut(window, &zone)?,
                None => vec![whole],
            };
            let mut rows: Vec<OutcomeRow> = spans
                .iter()
                .map(|span| OutcomeRow { start: span.start, end: span.end, counts: OutcomeCounts::default() })
                .collect();
            let slices = outcome_rollups::folded(tx, whole)?.into_iter().chain(outcome_rollups::unfolded(tx, whole)?);
            let mut total = OutcomeCounts::default();
            for slice in slices.filter(|slice| query.operation.is_none_or(|asked| slice.operation == asked)) {
                let place = spans.partition_point(|span| span.end <= slice.slice_start);
                rows[place].counts.add(slice.counts);
                total.add(slice.counts);
            }
            rows.retain(|row| row.counts.total() > 0);
            Ok(Outcomes { from: whole.start, to: whole.end, time_zone: project.time_zone, total, data: rows })
        })
    }
}

/// Everything that ever happened in the project.
pub(crate) fn totals(tx: &mut ProjectTx<'_>) -> Result<OutcomeCounts, Error> {
    Ok(outcome_rollups::total(tx)?)
}

/// The quarters of an hour that the span touches: outcomes are counted by them.
fn outward(span: Span) -> Span {
    let start = span.start.slice_start(SLICE_MICROS);
    let floor = span.end.slice_start(SLICE_MICROS);
    let end = if floor == span.end { Some(floor) } else { Instant::from_micros(floor.micros() + SLICE_MICROS).ok() };
    Span { start, end: end.unwrap_or(span.end) }
}
