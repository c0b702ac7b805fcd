//! What one customer used of one price, by the elementary spans of its cut. Given in bulk: nothing is looked up later.

use std::collections::BTreeSet;

use crate::catalog::metric::MetricDefinition;
use crate::catalog::price::Price;
use crate::charges::cut::CutRules;
use crate::metering::{DimensionValues, MeteredGroup};
use crate::pricing::inputs::EventUnits;
use crate::pricing::model::{Model, Reads};
use crate::quantity::Quantity;
use crate::time::Instant;

/// What a price is applied to.
#[derive(Debug, Clone, Copy)]
pub enum PriceUsage<'a> {
    /// Nothing but time, for recurring prices.
    Time,
    /// How many seats were held.
    Seats(Seats<'a>),
    /// What the metric of a usage price measured.
    Metered(Metered<'a>),
}

/// How many seats from when on.
#[derive(Debug, Clone, Copy)]
pub struct Seats<'a> {
    /// In the order of time; before the first there are none.
    pub levels: &'a [SeatLevel],
    /// As the price was cut: stretches of a number of seats are prorated alike.
    pub rules: CutRules<'a>,
}

/// A number of seats that is held until the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeatLevel {
    pub from: Instant,
    pub seats: Quantity,
}

/// What a metric measured for one customer.
#[derive(Debug, Clone, Copy)]
pub struct Metered<'a> {
    pub metric: &'a MetricDefinition,
    /// Counters, in any order; several of one span and the same values are put together.
    pub groups: &'a [SpanGroup<'a>],
    /// Single events, for prices that look at them; see [`event_properties`].
    pub events: &'a [SpanEvents<'a>],
}

/// The counter of one group of dimension values in one span.
#[derive(Debug, Clone, Copy)]
pub struct SpanGroup<'a> {
    /// Index of the span in [`crate::charges::cut::PriceCut::spans`].
    pub span: usize,
    pub group: &'a MeteredGroup,
}

/// The events of one span, each with the amount that it carries in `property`.
#[derive(Debug, Clone, Copy)]
pub struct SpanEvents<'a> {
    /// Index of the span in [`crate::charges::cut::PriceCut::spans`].
    pub span: usize,
    /// One of [`event_properties`].
    pub property: Option<&'a str>,
    pub events: &'a [(DimensionValues, EventUnits)],
}

/// For which properties a price must be given its single events: the one that a `dynamic` model reads, `None` for models that look at
/// the units of each event. Empty when counters are enough.
pub fn event_properties(price: &Price) -> BTreeSet<Option<&str>> {
    let models = price.timeline().flat_map(|(_, terms)| terms.models());
    models.filter(|model| model.reads() == Reads::Events).map(event_property).collect()
}

/// Whether some rate of the price reads counters.
pub fn reads_counters(price: &Price) -> bool {
    let mut models = price.timeline().flat_map(|(_, terms)| terms.models());
    models.any(|model| model.reads() == Reads::Totals)
}

pub(super) fn event_property(model: &Model) -> Option<&str> {
    match model {
        Model::Dynamic(dynamic) => Some(&dynamic.amount_property),
        Model::PerUnit(_)
        | Model::Graduated(_)
        | Model::Volume(_)
        | Model::Package(_)
        | Model::Percentage(_)
        | Model::Recurring(_)
        | Model::Seat(_) => None,
    }
}
