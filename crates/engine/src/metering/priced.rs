//! Single events, for prices that look at each: `dynamic`, and `percentage` with limits per event.

use std::collections::BTreeMap;

use domain::ids::CustomerId;
use domain::ingest::properties;
use domain::ingest::series::{SeriesRule, decode};
use domain::metering::DimensionValues;
use domain::metrics::Metric;
use domain::pricing::inputs::EventUnits;
use domain::unit_price::UnitPrice;
use domain::window::Span;
use storage::ProjectTx;
use storage::rollups::Customers;
use storage::usage_events::{self, MeasuredEvent, Properties};

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

/// Every event of the metric that counts in the span, folded or not, in the order of customer, time and id. `amount_property` names the
/// property that a `dynamic` price reads; an event whose property is no decimal number with at most 12 places has no amount.
///
/// # Errors
/// Only when the database fails.
pub fn priced_events(
    tx: &mut ProjectTx<'_>,
    metric: &Metric,
    customers: Customers,
    span: Span,
    amount_property: Option<&str>,
) -> Result<Vec<PricedEvent>, Error> {
    let rule = SeriesRule::of(&metric.definition);
    let reads = rule.reads_properties() || amount_property.is_some();
    let properties = if reads { Properties::Read } else { Properties::Skip };
    let mut events = BTreeMap::new();
    usage_events::measurements(tx, metric.id, customers, span, properties, |event| {
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
