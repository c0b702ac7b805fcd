//! Metering: what was measured, read exactly, in one snapshot, for any customers and stretches of time.
//!
//! ```text
//! measure(tx, &Question { metric, customers, spans, now, through }) -> Result<Vec<Measured>, Error>
//! measure_all(tx, &[question, …]) -> Result<Vec<Vec<Measured>>, Error>        // one answer per question, in their order
//! priced_events(tx, &EventsOf { metric, customers, span, through }, amount_property) -> Result<Vec<PricedEvent>, Error>
//! cut(tx) -> Result<i64, Error>                                               // the place up to which batches are folded
//! recount_at(tx, &question, cut) -> Result<Vec<Measured>, Error>              // slow: the same at an earlier cut
//! ```
//!
//! Every question about usage goes through these: the API, the overview, estimates, backtests, invoices. A stretch is read from cells of
//! days, where an edge cuts a day from cells of quarters of an hour, where it cuts a quarter from single events; batches that are not
//! folded yet are added event by event. So an answer through [`Through::Everything`] holds every event that was accepted before, whatever is
//! folded; one through [`Through::Folded`] holds exactly the batches up to the [`cut`] of its snapshot, so that what was billed can be
//! counted again at any time.

mod levels;
mod priced;
mod reader;
mod recount;
mod sums;
pub mod usage;

use std::sync::Arc;

use domain::ids::CustomerId;
use domain::metering::MeteredGroup;
use domain::metrics::Metric;
use domain::time::Instant;
use domain::window::Span;
pub use storage::rollups::Customers;
use storage::{ProjectTx, rollup_cursors};

pub use priced::{EventsOf, PricedEvent, priced_events};
pub(crate) use recount::recount;
pub use recount::recount_at;

use crate::error::Error;

/// What is asked about a metric, as its current version means it.
#[derive(Clone, Copy)]
pub struct Question<'q> {
    pub metric: &'q Metric,
    pub customers: Customers,
    pub spans: Spans<'q>,
    /// A level stands until here and no longer: what lies ahead is not used yet.
    pub now: Instant,
    pub through: Through,
}

/// Which batches an answer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Through {
    /// All that are committed.
    Everything,
    /// Those that are folded, up to the [`cut`].
    Folded,
}

/// The stretches of time that are told apart: in the order of time, none overlapping another. Gaps between them are not read.
#[derive(Clone, Copy)]
pub enum Spans<'q> {
    Same(&'q [Span]),
    /// Each customer's own, all of them inside `hull`.
    Own {
        hull: Span,
        of: &'q dyn Fn(CustomerId) -> Arc<[Span]>,
    },
}

/// What was measured for one customer, one subscription key and one set of dimension values in one span. Nothing used, no row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    pub customer: CustomerId,
    /// `None` for events that name none.
    pub subscription_key: Option<String>,
    /// Which of the customer's spans.
    pub span: usize,
    pub group: MeteredGroup,
    /// How many of the events missed the schema of the metric and were let through.
    pub warnings: i64,
}

/// What was measured: a row for every customer, subscription key, set of dimension values and span with an event, and for a `weightedSum`
/// also for every span in which its level stood. In the order of customer, subscription key, dimension values, span.
///
/// # Errors
/// `quantity_out_of_range` when an area does not fit; otherwise only when the database fails.
pub fn measure(tx: &mut ProjectTx<'_>, question: &Question<'_>) -> Result<Vec<Measured>, Error> {
    let answers = measure_all(tx, std::slice::from_ref(question))?;
    Ok(answers.into_iter().next().unwrap_or_default())
}

/// The answers to several questions; batches that are not folded yet are read once for all of them.
///
/// # Errors
/// As [`measure`].
pub fn measure_all(tx: &mut ProjectTx<'_>, questions: &[Question<'_>]) -> Result<Vec<Vec<Measured>>, Error> {
    reader::read(tx, questions)
}

/// The place of the last batch that is folded in this snapshot: what [`Through::Folded`] counts holds exactly the batches up to it. 0
/// before the first.
///
/// # Errors
/// Only when the database fails.
pub fn cut(tx: &mut ProjectTx<'_>) -> Result<i64, Error> {
    Ok(rollup_cursors::get(tx)?.last_seq)
}

impl Spans<'_> {
    /// From the first start to the last end; `None` when there are no spans.
    fn hull(&self) -> Option<Span> {
        match self {
            Spans::Same(spans) => Some(Span { start: spans.first()?.start, end: spans.last()?.end }),
            Spans::Own { hull, .. } => Some(*hull),
        }
    }
}
