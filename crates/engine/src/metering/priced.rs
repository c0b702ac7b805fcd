//! Single events, for prices that look at each: `dynamic`, and `percentage` with limits per event.

use std::collections::{BTreeMap, HashSet};

use domain::ids::CustomerId;
use domain::ingest::properties;
use domain::ingest::series::{SeriesRule, decode};
use domain::metering::DimensionValues;
use domain::metrics::Metric;
use domain::pricing::inputs::EventUnits;
use domain::unit_price::UnitPrice;
use domain::window::Span;
use storage::rollups::Customers;
use storage::usage_events::{self, MeasuredEvent, Properties};
use storage::{ProjectTx, ingest_batches, usage_voids};

use super::Through;
use crate::error::Error;

/// One event with whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PricedEvent {
    pub customer: CustomerId,
    /// `None` when it names none.
    pub subscription_key: Option<String>,
    pub values: DimensionValues,
    pub units: EventUnits,
}

/// Which events are wanted.
#[derive(Clone, Copy)]
pub struct EventsOf<'q> {
    pub metric: &'q Metric,
    pub customers: Customers,
    pub span: Span,
    pub through: Through,
}

/// Every event of the metric that counts in the span, in the order of customer, time and id. `amount_property` names the property that a `dynamic` price reads; an event whose property is no decimal number with at most 12 places has no amount.
///
/// # Errors
/// Only when the database fails.
pub fn priced_events(
    tx: &mut ProjectTx<'_>,
    wanted: &EventsOf<'_>,
    amount_property: Option<&str>,
) -> Result<Vec<PricedEvent>, Error> {
    let EventsOf { metric, customers, span, through } = *wanted;
    let rule = SeriesRule::of(&metric.definition);
    let reads = rule.reads_properties() || amount_property.is_some();
    let properties = if reads { Properties::Read } else { Properties::Skip };
    let unfolded = match through {
        Through::Everything => HashSet::new(),
        Through::Folded => ingest_batches::unfolded(tx, i64::MAX)?.into_iter().map(|batch| batch.id).collect(),
    };
    let void = usage_voids::of_metric(tx, metric.id, span, i64::MAX)?;
    let mut events = BTreeMap::new();
    usage_events::measurements(tx, metric.id, customers, span, properties, |event| {
        if void.contains(&event.measurement.event) || !through.holds(&unfolded, event.batch) {
            return;
        }
        if let Some(priced) = priced(&rule, &event, amount_property) {
            events.insert((priced.customer, priced.units.at, priced.units.event), priced);
        }
    })?;
    Ok(events.into_values().collect())
}

fn priced(rule: &SeriesRule, event: &MeasuredEvent, amount_property: Option<&str>) -> Option<PricedEvent> {
    let measurement = event.measurement;
    let place = rule.place(measurement.at, event.properties.as_deref())?;
    let amount = amount_property.and_then(|name| amount(event.properties.as_deref()?, name));
    let units = EventUnits { at: measurement.at, event: measurement.event, units: measurement.units, amount };
    Some(PricedEvent {
        customer: event.customer,
        subscription_key: event.subscription_key.clone(),
        values: decode(&place.dimensions)?,
        units,
    })
}

fn amount(object: &str, name: &str) -> Option<UnitPrice> {
    let mut found = None;
    let each = |known: &str, value: &str| {
        if known == name {
            found = properties::text_of(value).and_then(|text| UnitPrice::parse(&text).ok());
        }
    };
    properties::read(object, each).ok()?;
    found
}
