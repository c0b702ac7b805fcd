//! Estimates of what a customer used in a range of time: rated from rollups and, where a price looks at them, from single events.

use domain::calendar::{Anchor, RatingWindow};
use domain::charges::commitment::true_ups;
use domain::charges::cut::{CutRules, PeriodPart, PriceCut, cut_price};
use domain::charges::events::{EventsQuery, Naming};
use domain::charges::line::{ChargeLine, LineMaker};
use domain::charges::rate::rate_price;
use domain::charges::usage::{Metered, PriceUsage, SeatLevel, Seats, SpanEvents, SpanGroup, event_properties};
use domain::customers::Customer;
use domain::metering::{DimensionValues, MeteredGroup};
use domain::metrics::Metric;
use domain::pricing::inputs::EventUnits;
use domain::pricing::model::PriceKind;
use domain::refusal::Refusal;
use domain::time::Instant;
use domain::window::{Span, zone};
use storage::ProjectTx;

use super::offer::Offered;
use super::quantities::{check_seats, of_price, seats_missing, unit_label};
use super::{Charges, SeatEntry, Setting, zone_of};
use crate::error::Error;
use crate::metering::{Customers, EventsOf, Question, Spans, Through, measure, priced_events};

/// What is measured.
pub(super) struct Measure<'a> {
    pub range: Span,
    /// Only events that name this subscription.
    pub subscription_key: Option<&'a str>,
    pub seats: &'a [SeatEntry],
    pub now: Instant,
}

/// Counters and events of one price, by the spans of its cut.
#[derive(Default)]
struct Used {
    groups: Vec<(usize, MeteredGroup)>,
    events: Vec<UsedEvents>,
}

struct UsedEvents {
    span: usize,
    property: Option<String>,
    events: Vec<(DimensionValues, EventUnits)>,
}

pub(super) fn charge(tx: &mut ProjectTx<'_>, setting: &Setting, measured: &Measure<'_>) -> Result<Charges, Error> {
    let prices = setting.offer.prices()?;
    check_seats(&prices, measured.seats)?;
    let zone = zone(zone_of(setting.customer.as_ref(), &setting.project));
    let rules = CutRules {
        zone: &zone,
        basis: setting.project.policies.proration_basis,
        anniversary: Anchor::day_of(measured.range.start, &zone),
    };
    let mut lines = Vec::new();
    for offered in &prices {
        let cut = cut_price(offered.price, measured.range, &rules, RatingWindow::Period)?;
        let used = match (offered.metric, &setting.customer) {
            (Some(metric), Some(customer)) => read(tx, offered, metric, customer, &cut, measured)?,
            (_, _) => Used::default(),
        };
        lines.extend(charge_price(setting, offered, (&cut, &rules), &used, measured)?);
    }
    if let Some(commitment) = &setting.offer.plan.minimum_commitment {
        lines.extend(true_ups(commitment, prices[0].item, &lines, measured.range, &rules)?);
    }
    Ok(Charges { lines, notes: Vec::new() })
}

/// What the customer used of one price.
fn read(
    tx: &mut ProjectTx<'_>,
    offered: &Offered<'_>,
    metric: &Metric,
    customer: &Customer,
    cut: &PriceCut,
    measured: &Measure<'_>,
) -> Result<Used, Error> {
    let is_asked = |key: Option<&str>| measured.subscription_key.is_none_or(|asked| key == Some(asked));
    let customers = Customers::One(customer.id);
    let through = Through::Everything;
    let question = Question { metric, customers, spans: Spans::Same(&cut.spans), now: measured.now, through };
    let groups = measure(tx, &question)?.into_iter().filter(|row| is_asked(row.subscription_key.as_deref()));
    let mut used = Used { groups: groups.map(|row| (row.span, row.group)).collect(), events: Vec::new() };
    for property in event_properties(offered.price) {
        let all = priced_events(tx, &EventsOf { metric, customers, span: measured.range, through }, property)?;
        let mut by_span: Vec<Vec<(DimensionValues, EventUnits)>> = vec![Vec::new(); cut.spans.len()];
        for event in all.into_iter().filter(|event| is_asked(event.subscription_key.as_deref())) {
            let span = cut.spans.partition_point(|span| span.end <= event.units.at);
            by_span[span].push((event.values, event.units));
        }
        let property = property.map(str::to_owned);
        let spans = by_span.into_iter().enumerate();
        used.events.extend(spans.map(|(span, events)| UsedEvents { span, property: property.clone(), events }));
    }
    Ok(used)
}

fn charge_price(
    setting: &Setting,
    offered: &Offered<'_>,
    (cut, rules): (&PriceCut, &CutRules<'_>),
    used: &Used,
    measured: &Measure<'_>,
) -> Result<Vec<ChargeLine>, Error> {
    let groups: Vec<SpanGroup<'_>> = used.groups.iter().map(|(span, group)| SpanGroup { span: *span, group }).collect();
    let events = used.events.iter().map(|set| SpanEvents {
        span: set.span,
        property: set.property.as_deref(),
        events: &set.events,
    });
    let events: Vec<SpanEvents<'_>> = events.collect();
    let levels = seat_levels(offered, measured)?;
    let usage = match (offered.price.kind(), offered.metric) {
        (PriceKind::Usage, Some(metric)) => {
            PriceUsage::Metered(Metered { metric: &metric.definition, groups: &groups, events: &events })
        }
        (PriceKind::Seat, _) => PriceUsage::Seats(Seats { levels: &levels, rules: *rules }),
        (PriceKind::Recurring | PriceKind::Usage, _) => PriceUsage::Time,
    };
    let rated = rate_price(offered.price, cut, &usage).map_err(|error| of_price(error.into(), offered))?;
    let maker = LineMaker::new(offered.item, offered.price, unit_label(offered), &setting.offer.assets);
    let lines = cut.parts.iter().zip(0u32..).zip(&rated).map(|((part, number), rated)| {
        let mut line = maker.line(part, number, rated).map_err(|error| of_price(error.into(), offered))?;
        line.events = events_query(offered, setting.customer.as_ref(), part, measured);
        Ok(line)
    });
    lines.collect()
}

/// How many seats of the price are held, from when on.
fn seat_levels(offered: &Offered<'_>, measured: &Measure<'_>) -> Result<Vec<SeatLevel>, Refusal> {
    if offered.price.kind() != PriceKind::Seat {
        return Ok(Vec::new());
    }
    let of_price = measured.seats.iter().filter(|entry| entry.price == offered.reference);
    let level = |entry: &SeatEntry| SeatLevel { from: entry.from.unwrap_or(measured.range.start), seats: entry.seats };
    let mut levels: Vec<SeatLevel> = of_price.map(level).collect();
    levels.sort_by_key(|level| level.from);
    if levels.is_empty() { Err(seats_missing(offered)) } else { Ok(levels) }
}

/// The query that lists exactly the events of a line; `None` where nothing is measured.
fn events_query(
    offered: &Offered<'_>,
    customer: Option<&Customer>,
    part: &PeriodPart,
    measured: &Measure<'_>,
) -> Option<EventsQuery> {
    let (metric, customer) = (offered.metric?, customer?);
    // Events from before the metric is effective are stored and not counted.
    let effective_from = metric.definition.effective_from.unwrap_or(part.part.start);
    Some(EventsQuery {
        metric_key: metric.definition.key.clone(),
        customer_key: customer.external_key.clone(),
        naming: measured.subscription_key.map(Naming::only).unwrap_or_default(),
        from: part.part.start.max(effective_from),
        to: part.part.end,
        dimensions: DimensionValues::new(),
    })
}
