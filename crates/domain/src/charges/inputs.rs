//! The inputs of rating from what was used: groups by the rates of the terms, quantities by the metric, seats by the share they stood.

use std::ops::Range;

use crate::charges::usage::{Metered, Seats, SpanGroup, event_property};
use crate::metering::Counter;
use crate::pricing::inputs::{EventUnits, Part, SeatStretch, Total, Usage};
use crate::pricing::model::{Model, Reads};
use crate::pricing::terms::Terms;
use crate::proration::share;
use crate::quantity::Quantity;
use crate::ratio::{OutOfRange, Ratio};
use crate::window::Span;

/// Whether anything was measured in the spans.
pub(super) fn is_used(usage: &Metered<'_>, spans: &Range<usize>) -> bool {
    usage.groups.iter().any(|group| spans.contains(&group.span))
        || usage.events.iter().any(|events| spans.contains(&events.span) && !events.events.is_empty())
}

/// One part for each rate of the terms that has usage in the spans; nothing used is a part without units.
pub(super) fn parts(
    terms: &Terms,
    usage: &Metered<'_>,
    spans: &Range<usize>,
    period: Span,
) -> Result<Vec<Part>, OutOfRange> {
    let mut parts = Vec::new();
    for (rate, counter) in counters(terms, usage, spans)? {
        parts.push(Part { rate, usage: total(&counter, usage, period)? });
    }
    for (model, rate) in terms.models().zip(0u32..) {
        if model.reads() == Reads::Events {
            let events = events_of(terms, usage, spans, (rate, event_property(model)));
            if rate == 0 || !events.is_empty() {
                parts.push(Part { rate, usage: Usage::Events(events) });
            }
        }
    }
    if parts.is_empty() {
        parts.push(Part { rate: 0, usage: Usage::total(Ratio::ZERO, 0) });
    }
    Ok(parts)
}

/// The counters of the spans, put together by the rates that read counters.
fn counters(terms: &Terms, usage: &Metered<'_>, spans: &Range<usize>) -> Result<Vec<(u32, Counter)>, OutOfRange> {
    let reads: Vec<Reads> = terms.models().map(Model::reads).collect();
    let mut counters: Vec<(u32, Counter)> = Vec::new();
    for SpanGroup { group, .. } in usage.groups.iter().filter(|group| spans.contains(&group.span)) {
        let rate = terms.rate_for(&group.values);
        let model_reads = usize::try_from(rate).ok().and_then(|index| reads.get(index));
        if model_reads != Some(&Reads::Totals) {
            continue;
        }
        match counters.iter_mut().find(|(known, _)| *known == rate) {
            Some((_, sum)) => sum.merge(&group.counter)?,
            None => counters.push((rate, group.counter.clone())),
        }
    }
    Ok(counters)
}

/// The quantity of a counter, rounded as the metric says.
fn total(counter: &Counter, usage: &Metered<'_>, period: Span) -> Result<Usage, OutOfRange> {
    let exact = counter.quantity(usage.metric, period)?;
    let units = usage.metric.rounding.map_or(Ok(exact), |rounding| rounding.round(exact))?;
    Ok(Usage::Total(Total { units, events: counter.events() }))
}

fn events_of(
    terms: &Terms,
    usage: &Metered<'_>,
    spans: &Range<usize>,
    (rate, property): (u32, Option<&str>),
) -> Vec<EventUnits> {
    let sets = usage.events.iter().filter(|set| spans.contains(&set.span) && set.property == property);
    let events = sets.flat_map(|set| set.events).filter(|(values, _)| terms.rate_for(values) == rate);
    events.map(|(_, event)| *event).collect()
}

/// The seats held in a span, each number for its share of the period.
pub(super) fn seats(seats: &Seats<'_>, period: Span, span: Span) -> Result<Vec<SeatStretch>, OutOfRange> {
    let (levels, rules) = (seats.levels, seats.rules);
    let before = levels.iter().rev().find(|level| level.from <= span.start);
    let mut changes = vec![(span.start, before.map_or(Quantity::ZERO, |level| level.seats))];
    let inside = levels.iter().filter(|level| span.start < level.from && level.from < span.end);
    changes.extend(inside.map(|level| (level.from, level.seats)));
    let ends = changes.iter().skip(1).map(|(at, _)| *at).chain([span.end]).collect::<Vec<_>>();
    let stretches = changes.iter().zip(ends).map(|((start, seats), end)| {
        let share = share(period, Span { start: *start, end }, rules.basis, rules.zone)?;
        Ok(SeatStretch { seats: *seats, share })
    });
    stretches.collect()
}
