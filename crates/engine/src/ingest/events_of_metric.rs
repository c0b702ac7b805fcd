//! The stored events of one metric, as the people of a project look for them: of a customer, a subscription, a time, dimension values.
//! An estimate and an invoice name such a list for each line.

use std::fmt;
use std::str::FromStr;

use domain::access::Permission;
use domain::charges::events::Naming;
use domain::ids::EventId;
use domain::ingest::{UsageEvent, properties};
use domain::metering::DimensionValues;
use domain::refusal::{Code, Refusal};
use domain::time::Instant;
use storage::usage_events::{EventsOfMetric, page_of_metric};
use storage::{ProjectTx, metrics};
use uuid::Uuid;

use super::events::{UsageEventView, views};
use crate::ctx::Ctx;
use crate::customers;
use crate::engine::Engine;
use crate::error::Error;

/// How many events are read at once where dimension values choose among them.
const CHUNK: usize = 1_000;

/// Which events are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventsFilter {
    pub metric_key: String,
    pub customer_key: Option<String>,
    pub naming: Naming,
    /// From this time on; from the beginning if absent.
    pub from: Option<Instant>,
    /// Up to this time, without it; to the end if absent.
    pub to: Option<Instant>,
    /// Only events that counted at this place in the order of batches: what a charge with this cut counted.
    pub cut: Option<i64>,
    /// All of these are properties of the event.
    pub dimensions: DimensionValues,
}

/// The place of an event in the order of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventPlace {
    pub at: Instant,
    pub id: EventId,
}

impl UsageEventView {
    /// Its place in the order of time.
    pub fn place(&self) -> EventPlace {
        EventPlace { at: self.timestamp, id: self.id }
    }
}

impl Engine {
    /// The latest events first, before the given place; `limit` of them at most.
    ///
    /// # Errors
    /// `unknown_metric` or `unknown_customer` for what the filter names and is not there.
    pub fn list_usage_events_of_metric(
        &self,
        ctx: &Ctx,
        filter: &EventsFilter,
        before: Option<EventPlace>,
        limit: usize,
    ) -> Result<Vec<UsageEventView>, Error> {
        ctx.require(Permission::IngestRead)?;
        self.read(ctx.project, "list_usage_events_of_metric", |tx| {
            let events = page(tx, filter, before, limit)?;
            views(tx, events)
        })
    }
}

fn page(
    tx: &mut ProjectTx<'_>,
    filter: &EventsFilter,
    before: Option<EventPlace>,
    limit: usize,
) -> Result<Vec<UsageEvent>, Error> {
    let unknown = || Refusal::field(Code::UnknownMetric, "metricKey", "names no metric of the project.");
    let metric = metrics::find_by_key(tx, &filter.metric_key)?.ok_or_else(unknown)?;
    let customer = match filter.customer_key.as_deref() {
        Some(key) => Some(customers::existing(tx, Some(key))?.id),
        None => None,
    };
    let (from, naming, cut) = (filter.from, &filter.naming, filter.cut);
    let asked = EventsOfMetric { metric: metric.id, from, customer, naming, cut };
    // No event has this id, so those of the instant `to` are outside.
    let end = filter.to.map(|at| EventPlace { at, id: EventId::from_uuid(Uuid::nil()) });
    let mut before = [before, end].into_iter().flatten().min();
    let mut found = Vec::new();
    let step = if filter.dimensions.is_empty() { limit } else { limit.max(CHUNK) };
    loop {
        let chunk = page_of_metric(tx, &asked, before.map(|place| (place.at, place.id)), step)?;
        let is_last = chunk.len() < step;
        before = chunk.last().map(|event| EventPlace { at: event.at, id: event.id });
        found.extend(chunk.into_iter().filter(|event| has_values(event, &filter.dimensions)));
        if is_last || found.len() >= limit {
            found.truncate(limit);
            return Ok(found);
        }
    }
}

fn has_values(event: &UsageEvent, wanted: &DimensionValues) -> bool {
    let mut found = 0;
    let each = |name: &str, value: &str| {
        let text = properties::text_of(value);
        found += usize::from(wanted.get(name).is_some_and(|wanted| text.as_deref() == Some(wanted.as_str())));
    };
    // What was accepted can be read; what cannot has no properties.
    properties::read(event.properties.as_deref().unwrap_or("{}"), each).is_ok() && found == wanted.len()
}

impl fmt::Display for EventPlace {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.at.micros(), self.id)
    }
}

impl FromStr for EventPlace {
    type Err = ();
    fn from_str(text: &str) -> Result<EventPlace, ()> {
        let (micros, id) = text.split_once('/').ok_or(())?;
        let at = Instant::from_micros(micros.parse().map_err(drop)?).map_err(drop)?;
        Ok(EventPlace { at, id: id.parse().map_err(drop)? })
    }
}
