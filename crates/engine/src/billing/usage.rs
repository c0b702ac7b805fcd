//! What was used of the prices of many subscriptions, read at once: one question for each metric, with each customer's own spans.
//!
//! Where spans of one customer and metric overlap (two subscriptions, one of them only for events that name it), they are asked for in
//! several questions: the spans of one question never overlap.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use domain::billing::wanted::UsagePart;
use domain::charges::usage::{Metered, PriceUsage, SpanEvents, SpanGroup, event_properties};
use domain::ids::CustomerId;
use domain::metering::{DimensionValues, MeteredGroup};
use domain::metrics::Metric;
use domain::pricing::inputs::EventUnits;
use domain::refusal::Refusal;
use domain::time::Instant;
use domain::window::Span;
use storage::{ProjectTx, customers};

use crate::error::Error;
use crate::metering::{Customers, EventsOf, Question, Spans, Through, measure_all, priced_events};

/// A part of an item whose usage is wanted.
pub(super) struct Wish<'a> {
    pub customer: CustomerId,
    pub metric: &'a Metric,
    pub part: &'a UsagePart<'a>,
}

/// What was used of one part.
#[derive(Default)]
pub(super) struct Used {
    groups: Vec<Counted>,
    events: Vec<EventSet>,
}

struct Counted {
    span: usize,
    subscription_key: Option<String>,
    group: MeteredGroup,
}

struct EventSet {
    span: usize,
    property: Option<String>,
    events: Vec<(Option<String>, DimensionValues, EventUnits)>,
}

/// The spans of one question, by customer, and whose they are.
#[derive(Default)]
struct Slot {
    spans: BTreeMap<CustomerId, Vec<(Span, usize, usize)>>,
}

/// The counters that are handed to rating: those of events that count.
pub(super) struct Handed<'u> {
    groups: Vec<SpanGroup<'u>>,
    events: Vec<HandedEvents<'u>>,
}

struct HandedEvents<'u> {
    span: usize,
    property: Option<&'u str>,
    events: Vec<(DimensionValues, EventUnits)>,
}

impl Used {
    /// What counts for a subscription.
    pub fn counted(&self, counts: impl Fn(Option<&str>) -> bool) -> Handed<'_> {
        let groups = self.groups.iter().filter(|row| counts(row.subscription_key.as_deref()));
        let groups = groups.map(|row| SpanGroup { span: row.span, group: &row.group }).collect();
        let events = self.events.iter().map(|set| {
            let own = set.events.iter().filter(|(key, _, _)| counts(key.as_deref()));
            let events = own.map(|(_, values, units)| (values.clone(), *units)).collect();
            HandedEvents { span: set.span, property: set.property.as_deref(), events }
        });
        Handed { groups, events: events.collect() }
    }
}

impl Handed<'_> {
    /// Rates with it.
    pub fn rate<T>(&self, metric: &Metric, rate: impl FnOnce(&PriceUsage<'_>) -> T) -> T {
        let events: Vec<SpanEvents<'_>> = self
            .events
            .iter()
            .map(|set| SpanEvents { span: set.span, property: set.property, events: &set.events })
            .collect();
        let metered = Metered { metric: &metric.definition, groups: &self.groups, events: &events };
        rate(&PriceUsage::Metered(metered))
    }
}

/// What was used of each part, in their order, up to the cut of this snapshot, or why that cannot be said: an area that does not fit.
/// Levels stand until `now`.
///
/// # Errors
/// Only when the database fails.
pub(super) fn read(
    tx: &mut ProjectTx<'_>,
    wishes: &[Wish<'_>],
    now: Instant,
) -> Result<Vec<Result<Used, Refusal>>, Error> {
    match read_together(tx, wishes, now) {
        Ok(used) => Ok(used.into_iter().map(Ok).collect()),
        // One of them: each is read by itself, so that it holds up nobody else.
        Err(Error::Refused(_)) => wishes.iter().map(|wish| read_alone(tx, wish, now)).collect(),
        Err(error) => Err(error),
    }
}

fn read_alone(tx: &mut ProjectTx<'_>, wish: &Wish<'_>, now: Instant) -> Result<Result<Used, Refusal>, Error> {
    match read_together(tx, std::slice::from_ref(wish), now) {
        Ok(mut used) => Ok(Ok(used.remove(0))),
        Err(Error::Refused(refusal)) => Ok(Err(refusal)),
        Err(error) => Err(error),
    }
}

fn read_together(tx: &mut ProjectTx<'_>, wishes: &[Wish<'_>], now: Instant) -> Result<Vec<Used>, Error> {
    let mut used: Vec<Used> = wishes.iter().map(|_| Used::default()).collect();
    let mut by_metric: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, wish) in wishes.iter().enumerate() {
        by_metric.entry(wish.metric.definition.key.as_str()).or_default().push(index);
    }
    let slots: Vec<(&Metric, Slot)> = by_metric
        .into_values()
        .flat_map(|indexes| slots(wishes, &indexes).into_iter().map(move |slot| (wishes[indexes[0]].metric, slot)))
        .collect();
    for customers in ranges(tx, wishes)? {
        read_counters(tx, &slots, customers, now, &mut used)?;
    }
    for (wish, used) in wishes.iter().zip(&mut used) {
        read_events(tx, wish, used)?;
    }
    Ok(used)
}

/// Lays the spans of parts out so that none overlaps with another of its customer.
fn slots(wishes: &[Wish<'_>], indexes: &[usize]) -> Vec<Slot> {
    let mut sorted = indexes.to_vec();
    sorted.sort_by_key(|index| {
        (wishes[*index].customer, wishes[*index].part.wanted_spans().first().map(|span| span.start))
    });
    let mut slots: Vec<Slot> = Vec::new();
    for index in sorted {
        let Wish { customer, part, .. } = &wishes[index];
        let Some(first) = part.wanted_spans().first() else { continue };
        let is_free = |slot: &&mut Slot| {
            let last = slot.spans.get(customer).and_then(|spans| spans.last());
            last.is_none_or(|(span, _, _)| span.end <= first.start)
        };
        let spans = part.wanted_spans().iter().enumerate().map(|(local, span)| (*span, index, local));
        match slots.iter_mut().find(is_free) {
            Some(slot) => slot.spans.entry(*customer).or_default().extend(spans),
            None => slots.push(Slot { spans: BTreeMap::from([(*customer, spans.collect())]) }),
        }
    }
    slots
}

/// Neighbours are read in one go, others one by one: between scattered customers there may be many that nobody asked for.
fn ranges(tx: &mut ProjectTx<'_>, wishes: &[Wish<'_>]) -> Result<Vec<Customers>, Error> {
    let mut ids: Vec<CustomerId> = wishes.iter().map(|wish| wish.customer).collect();
    ids.sort();
    ids.dedup();
    let (Some(first), Some(last)) = (ids.first().copied(), ids.last().copied()) else { return Ok(Vec::new()) };
    if !customers::exceed_between(tx, first, last, ids.len() * 2)? {
        return Ok(vec![Customers::Between { first, last }]);
    }
    Ok(ids.into_iter().map(Customers::One).collect())
}

fn read_counters(
    tx: &mut ProjectTx<'_>,
    slots: &[(&Metric, Slot)],
    customers: Customers,
    now: Instant,
    used: &mut [Used],
) -> Result<(), Error> {
    let nothing: Arc<[Span]> = Arc::from([]);
    let spans: Vec<HashMap<CustomerId, Arc<[Span]>>> = slots
        .iter()
        .map(|(_, slot)| {
            let own = slot.spans.iter().filter(|(customer, _)| customers.hold(**customer));
            own.map(|(customer, spans)| (*customer, spans.iter().map(|(span, _, _)| *span).collect())).collect()
        })
        .collect();
    let of: Vec<_> = spans
        .iter()
        .map(|spans| {
            let nothing = nothing.clone();
            move |customer: CustomerId| spans.get(&customer).cloned().unwrap_or_else(|| nothing.clone())
        })
        .collect();
    let mut questions = Vec::new();
    let mut asked = Vec::new();
    for (((metric, slot), spans), of) in slots.iter().zip(&spans).zip(&of) {
        let starts = spans.values().filter_map(|spans| spans.first()).map(|span| span.start).min();
        let ends = spans.values().filter_map(|spans| spans.last()).map(|span| span.end).max();
        if let Some((start, end)) = starts.zip(ends) {
            let spans = Spans::Own { hull: Span { start, end }, of };
            questions.push(Question { metric, customers, spans, now, through: Through::Folded });
            asked.push(slot);
        }
    }
    for (slot, rows) in asked.into_iter().zip(measure_all(tx, &questions)?) {
        for row in rows {
            let place = slot.spans.get(&row.customer).and_then(|spans| spans.get(row.span));
            let unasked = || Error::Bug(format!("{} was not asked for, but answered", row.customer));
            let (_, index, local) = place.ok_or_else(unasked)?;
            let (span, subscription_key) = (*local, row.subscription_key);
            used[*index].groups.push(Counted { span, subscription_key, group: row.group });
        }
    }
    Ok(())
}

/// The single events of a part whose price looks at them.
fn read_events(tx: &mut ProjectTx<'_>, wish: &Wish<'_>, used: &mut Used) -> Result<(), Error> {
    let spans = wish.part.wanted_spans();
    for property in event_properties(&wish.part.price) {
        for (number, span) in spans.iter().enumerate() {
            let wanted = EventsOf {
                metric: wish.metric,
                customers: Customers::One(wish.customer),
                span: *span,
                through: Through::Folded,
            };
            let events = priced_events(tx, &wanted, property)?;
            let events = events.into_iter().map(|event| (event.subscription_key, event.values, event.units)).collect();
            used.events.push(EventSet { span: number, property: property.map(str::to_owned), events });
        }
    }
    Ok(())
}
