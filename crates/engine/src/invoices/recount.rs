//! What is stored of the usage that lines of issued invoices bill, counted anew from single events: one pass over the events of a metric
//! for all lines that counted up to the same place.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use domain::charges::events::EventsQuery;
use domain::ids::{CustomerId, MetricId};
use domain::metrics::{Aggregation, Metric};
use domain::pricing::inputs::{Inputs, Usage};
use domain::ratio::Ratio;
use domain::refusal::Refusal;
use domain::window::Span;
use serde::Deserialize;
use storage::ProjectTx;

use super::reconcile::CountedUsage;
use crate::error::Error;
use crate::metering::{Customers, Measured, Question, Spans, Through, recount_at};

/// What of the content of a charge says what was counted.
#[derive(Debug, Deserialize)]
pub(super) struct Content {
    #[serde(default)]
    pub stretches: Vec<Stretch>,
    pub events: Option<EventsQuery>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Stretch {
    at_start: Option<Inputs>,
    at_end: Inputs,
}

/// The usage of one line.
pub(super) struct Counted<'a> {
    pub metric: &'a Metric,
    pub customer: CustomerId,
    pub events: &'a EventsQuery,
    /// Up to which place in the order of batches the line counted.
    pub cut: i64,
}

/// The spans of one question, by customer, each with the lines that ask for it; none of one customer overlaps another.
type Slot = BTreeMap<CustomerId, Vec<(Span, Vec<usize>)>>;

impl Counted<'_> {
    const fn span(&self) -> Span {
        Span { start: self.events.from, end: self.events.to }
    }

    fn holds(&self, row: &Measured) -> bool {
        let has_values = |(name, value): (&String, &String)| row.group.values.get(name) == Some(value);
        self.events.naming.holds(row.subscription_key.as_deref()) && self.events.dimensions.iter().all(has_values)
    }
}

/// Whether units of a metric sum to what was counted. What is rounded by rate, or does not add up, is compared by its events alone.
pub(super) fn adds_up(metric: &Metric) -> bool {
    let is_sum = matches!(metric.definition.aggregation, Aggregation::Sum | Aggregation::Count);
    is_sum && metric.definition.rounding.is_none()
}

/// What is stored of each, in their order.
///
/// # Errors
/// Only when the database fails or a sum does not fit.
pub(super) fn count_anew(tx: &mut ProjectTx<'_>, lines: &[Counted<'_>]) -> Result<Vec<CountedUsage>, Error> {
    let nothing = |line: &Counted<'_>| CountedUsage { events: 0, units: adds_up(line.metric).then_some(Ratio::ZERO) };
    let mut counted: Vec<CountedUsage> = lines.iter().map(nothing).collect();
    let mut together: BTreeMap<(MetricId, i64), Vec<usize>> = BTreeMap::new();
    for (index, line) in lines.iter().enumerate() {
        together.entry((line.metric.id, line.cut)).or_default().push(index);
    }
    for ((_, cut), indexes) in together {
        for slot in slots(lines, &indexes) {
            count_slot(tx, lines, &slot, cut, &mut counted)?;
        }
    }
    Ok(counted)
}

/// Lays out who is asked for when, so that spans of one customer never overlap in one question.
fn slots(lines: &[Counted<'_>], indexes: &[usize]) -> Vec<Slot> {
    let mut sorted = indexes.to_vec();
    sorted.sort_by_key(|index| (lines[*index].customer, lines[*index].events.from, lines[*index].events.to));
    let mut slots: Vec<Slot> = Vec::new();
    for index in sorted {
        let (customer, span) = (lines[index].customer, lines[index].span());
        let mut left = Some(index);
        for slot in &mut slots {
            let spans = slot.entry(customer).or_default();
            match spans.last_mut() {
                Some((last, own)) if *last == span => own.extend(left.take()),
                Some((last, _)) if last.end > span.start => continue,
                _ => spans.extend(left.take().map(|index| (span, vec![index]))),
            }
            break;
        }
        slots.extend(left.map(|index| Slot::from([(customer, vec![(span, vec![index])])])));
    }
    slots
}

fn count_slot(
    tx: &mut ProjectTx<'_>,
    lines: &[Counted<'_>],
    slot: &Slot,
    cut: i64,
    counted: &mut [CountedUsage],
) -> Result<(), Error> {
    let all = || slot.values().flatten().map(|(span, _)| *span);
    let (start, end) = (all().map(|span| span.start).min(), all().map(|span| span.end).max());
    let (first, last) = (slot.keys().next().copied(), slot.keys().next_back().copied());
    let (Some(hull), Some((first, last)), Some((_, asked))) =
        (start.zip(end).map(|(start, end)| Span { start, end }), first.zip(last), slot.values().flatten().next())
    else {
        return Ok(());
    };
    let metric = lines[asked[0]].metric;
    let nothing: Arc<[Span]> = Arc::from([]);
    let spans: HashMap<CustomerId, Arc<[Span]>> =
        slot.iter().map(|(customer, own)| (*customer, own.iter().map(|(span, _)| *span).collect())).collect();
    let of = |customer: CustomerId| spans.get(&customer).unwrap_or(&nothing).clone();
    let question = Question {
        metric,
        customers: Customers::Between { first, last },
        spans: Spans::Own { hull, of: &of },
        now: hull.end,
        through: Through::Folded,
    };
    for row in recount_at(tx, &question, cut)? {
        let Some((span, asked)) = slot.get(&row.customer).and_then(|own| own.get(row.span)) else { continue };
        for index in asked.iter().filter(|index| lines[**index].holds(&row)) {
            let counted = &mut counted[*index];
            counted.events += row.group.counter.events();
            if let Some(sum) = counted.units {
                let units = row.group.counter.quantity(&metric.definition, *span).and_then(|units| sum.plus(units));
                counted.units = Some(units.map_err(Refusal::from)?);
            }
        }
    }
    Ok(())
}

/// The inputs of all stretches; where counters go on, less what they began with.
pub(super) fn rated_from(stretches: &[Stretch], adds_up: bool) -> Result<CountedUsage, Error> {
    let (mut events, mut units) = (0_i128, Ratio::ZERO);
    for stretch in stretches {
        let (end_events, end_units) = totals(&stretch.at_end)?;
        let (start_events, start_units) = stretch.at_start.as_ref().map_or(Ok((0, Ratio::ZERO)), totals)?;
        events += i128::from(end_events) - i128::from(start_events);
        let own = end_units.minus(start_units).and_then(|own| units.plus(own));
        units = own.map_err(Refusal::from)?;
    }
    let events = u64::try_from(events).map_err(|_| Error::Bug("counters of a charge run backwards".to_owned()))?;
    Ok(CountedUsage { events, units: adds_up.then_some(units) })
}

fn totals(inputs: &Inputs) -> Result<(u64, Ratio), Error> {
    let (mut events, mut units) = (0, Ratio::ZERO);
    for part in &inputs.parts {
        if let Usage::Total(total) = &part.usage {
            events += total.events;
            units = units.plus(total.units).map_err(Refusal::from)?;
        }
    }
    Ok((events, units))
}
