//! What the tests have in common: prices and metrics from JSON, usage at points in time.

use jiff::tz::TimeZone;

use crate::calendar::{Anchor, RatingWindow};
use crate::catalog::metric::MetricDefinition;
use crate::catalog::price::Price;
use crate::charges::cut::{CutRules, PriceCut, cut_price};
use crate::charges::line::{ChargeLine, Item, LineMaker};
use crate::charges::rate::{RatedPart, rate_price};
use crate::charges::usage::{Metered, PriceUsage, SpanEvents, SpanGroup, event_properties};
use crate::currency::Currency;
use crate::ids::EventId;
use crate::ingest::rollup::{Cell, Measurement};
use crate::metering::{Counter, DimensionValues, MeteredGroup};
use crate::pricing::inputs::EventUnits;
use crate::proration::TimeBasis;
use crate::quantity::Quantity;
use crate::time::Instant;
use crate::unit_price::UnitPrice;
use crate::window::{Span, zone};

pub fn at(text: &str) -> Instant {
    Instant::parse(text).unwrap()
}

/// `2026-03-01` is midnight of UTC.
pub fn span(from: &str, to: &str) -> Span {
    let instant = |text: &str| if text.len() == 10 { at(&format!("{text}T00:00:00Z")) } else { at(text) };
    Span { start: instant(from), end: instant(to) }
}

/// A monthly price in arrears of the calendar, unless the JSON says otherwise.
pub fn price(json: &str) -> Price {
    let mut value: serde_json::Value = serde_json::from_str(json).unwrap();
    for (field, usual) in [("key", "p"), ("name", "Price"), ("timing", "arrears")] {
        if value.get(field).is_none() {
            value[field] = serde_json::json!(usual);
        }
    }
    if value.get("interval").is_none() {
        value["interval"] = serde_json::json!({ "unit": "month" });
    }
    serde_json::from_value(value).unwrap()
}

pub fn metric(aggregation: &str) -> MetricDefinition {
    serde_json::from_value(serde_json::json!({ "key": "m", "name": "M", "aggregation": aggregation })).unwrap()
}

/// The rules of a customer whose subscription began at the start of the range.
pub fn rules<'a>(zone: &'a TimeZone, range: Span) -> CutRules<'a> {
    CutRules { zone, basis: TimeBasis::Day, anniversary: Anchor::day_of(range.start, zone) }
}

pub fn cut(price: &Price, range: Span, zone_name: &str, window: RatingWindow) -> PriceCut {
    let zone = zone(zone_name);
    cut_price(price, range, &rules(&zone, range), window).unwrap()
}

/// One event of a story: when, how many units, of which region, and what it cost.
#[derive(Debug, Clone, Copy)]
pub struct Used<'a> {
    pub at: &'a str,
    pub units: &'a str,
    pub region: &'a str,
    pub cost: &'a str,
}

pub fn used<'a>(at: &'a str, units: &'a str) -> Used<'a> {
    Used { at, units, region: "", cost: "" }
}

/// Span, property and events.
type OwnedEvents = (usize, Option<String>, Vec<(DimensionValues, EventUnits)>);

/// Groups and events of one price, owned.
pub struct Usage {
    groups: Vec<(usize, MeteredGroup)>,
    events: Vec<OwnedEvents>,
}

/// What a reader of rollups and events answers for the spans of the cut. Cells fit `sum`, `count`, `max` and `latest`.
pub fn measure(price: &Price, cut: &PriceCut, all: &[Used<'_>]) -> Usage {
    let mut usage = Usage { groups: Vec::new(), events: Vec::new() };
    for (id, one) in (1u128..).zip(all) {
        let at = at(one.at);
        let span = cut.spans.iter().position(|span| span.contains(at)).unwrap();
        let (event, units) = (EventId::from_uuid(uuid::Uuid::from_u128(id)), Quantity::parse(one.units).unwrap());
        let region = (!one.region.is_empty()).then(|| ("region".to_owned(), one.region.to_owned()));
        let values: DimensionValues = region.into_iter().collect();
        let counter = Counter::Cell(Cell::of(Measurement { event, at, units }));
        usage.groups.push((span, MeteredGroup { values: values.clone(), counter }));
        for property in event_properties(price) {
            let amount = property.and_then(|_| UnitPrice::parse(one.cost).ok());
            let events = vec![(values.clone(), EventUnits { at, event, units, amount })];
            usage.events.push((span, property.map(str::to_owned), events));
        }
    }
    usage
}

impl Usage {
    /// Hands the usage to a function that rates.
    pub fn of<T>(&self, metric: &MetricDefinition, rate: impl FnOnce(&PriceUsage<'_>) -> T) -> T {
        let groups: Vec<_> = self.groups.iter().map(|(span, group)| SpanGroup { span: *span, group }).collect();
        let events = self.events.iter().map(|(span, property, events)| SpanEvents {
            span: *span,
            property: property.as_deref(),
            events,
        });
        let events: Vec<_> = events.collect();
        rate(&PriceUsage::Metered(Metered { metric, groups: &groups, events: &events }))
    }
}

pub fn rate_used(price: &Price, metric: &MetricDefinition, range: Span, all: &[Used<'_>]) -> Vec<RatedPart> {
    let cut = cut(price, range, "UTC", RatingWindow::Period);
    measure(price, &cut, all).of(metric, |usage| rate_price(price, &cut, usage).unwrap())
}

/// The rounded amounts of the parts.
pub fn amounts(parts: &[RatedPart]) -> Vec<String> {
    parts.iter().map(|part| part.rated.amount.to_string()).collect()
}

pub const TEAM: Item<'static> = Item { key: "team", version: 3, currency: Currency::USD };

/// The lines of a price of the plan `team`.
pub fn lines(price: &Price, cut: &PriceCut, usage: &PriceUsage<'_>) -> Vec<ChargeLine> {
    let maker = LineMaker::new(TEAM, price, Some("calls"), &[]);
    let parts = rate_price(price, cut, usage).unwrap();
    let numbered = cut.parts.iter().zip(0u32..).zip(&parts);
    numbered.map(|((part, number), rated)| maker.line(part, number, rated).unwrap()).collect()
}
