//! What customers used of the prices of a backtest, read for all of them at once: one question for each metric and way of cutting the
//! range, and the single events where a price looks at them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use domain::calendar::{Anchor, RatingWindow};
use domain::charges::cut::{CutRules, PriceCut, cut_price};
use domain::charges::usage::{SpanEvents, event_properties};
use domain::customers::Customer;
use domain::ids::CustomerId;
use domain::metering::DimensionValues;
use domain::pricing::inputs::EventUnits;
use domain::proration::TimeBasis;
use domain::window::{Span, zone};
use jiff::tz::TimeZone;
use storage::ProjectTx;

use super::rate::Rating;
use crate::error::Error;
use crate::metering::{
    Customers, EventsOf, Measured, PricedEvent, Question, Spans, Through, measure_all, priced_events,
};

/// About the most single events of one chunk; a customer with more is rated alone.
const EVENTS_MAX: u64 = 200_000;

/// The prices of both versions, cut in one zone.
pub(super) struct ZoneCuts {
    pub zone: TimeZone,
    pub anniversary: Anchor,
    /// By the place of the price.
    pub cuts: Vec<PriceCut>,
}

/// What some customers used.
pub(super) struct Used<'i> {
    /// Of how many of the customers it is, from the first on.
    pub customers: usize,
    zones: BTreeMap<String, ZoneCuts>,
    time_zone: &'i str,
    questions: Vec<Asked>,
    answers: Vec<Rows<Measured>>,
    events: BTreeMap<EventKey, Rows<PricedEvent>>,
    /// By the place of the price; nothing for those that measure nothing.
    prices: Vec<Option<Reads>>,
}

/// The place of a metric, and the property of its events in which a price looks.
type EventKey = (usize, Option<String>);
/// The spans of each customer.
type SpansOf<'u> = Box<dyn Fn(CustomerId) -> Arc<[Span]> + 'u>;

/// What a usage price reads.
struct Reads {
    /// The place of the question about its counters.
    question: usize,
    events: Vec<EventKey>,
}

/// One question about one metric: spans by zone.
#[derive(PartialEq, Eq)]
struct Asked {
    metric: usize,
    spans: BTreeMap<String, Arc<[Span]>>,
}

/// Rows in the order of customers, and where those of each are.
struct Rows<T> {
    rows: Vec<T>,
    of: HashMap<CustomerId, Range<usize>>,
}

/// The events of one customer by the spans of a price, for each property that it looks at.
pub(super) struct EventsBySpan<'u> {
    sets: Vec<EventSet<'u>>,
}

struct EventSet<'u> {
    span: usize,
    property: Option<&'u str>,
    events: Vec<(DimensionValues, EventUnits)>,
}

impl<'i> Used<'i> {
    /// What was used by customers that follow one another, read in one go. Where that is too many events, it is that of the first of
    /// them only: [`Used::customers`] says how many.
    ///
    /// # Errors
    /// As [`Rating::of_all`].
    pub fn read_neighbours(
        tx: &mut ProjectTx<'_>,
        rating: &Rating<'i>,
        customers: &[Customer],
    ) -> Result<Used<'i>, Error> {
        let mut used = Used::prepare(rating, customers)?;
        let between = |customers: &[Customer]| match customers {
            [] => None,
            [first, .., last] => Some(Customers::Between { first: first.id, last: last.id }),
            [only] => Some(Customers::One(only.id)),
        };
        if let Some(all) = between(customers) {
            used.read_counters(tx, rating, customers, all)?;
        }
        used.customers = fitting(customers.iter().map(|customer| used.events_of(customer.id)));
        if let Some(fitting) = between(&customers[..used.customers]) {
            used.read_events(tx, rating, fitting)?;
        }
        Ok(used)
    }

    /// What was used by customers anywhere, read one by one.
    ///
    /// # Errors
    /// As [`Rating::of_all`].
    pub fn read_each(tx: &mut ProjectTx<'_>, rating: &Rating<'i>, customers: &[Customer]) -> Result<Used<'i>, Error> {
        let mut used = Used::prepare(rating, customers)?;
        for customer in customers {
            used.read_counters(tx, rating, customers, Customers::One(customer.id))?;
        }
        used.customers = fitting(customers.iter().map(|customer| used.events_of(customer.id)));
        for customer in &customers[..used.customers] {
            used.read_events(tx, rating, Customers::One(customer.id))?;
        }
        Ok(used)
    }

    /// How many single events of the customer are read.
    fn events_of(&self, customer: CustomerId) -> u64 {
        let metrics: BTreeSet<usize> = self.events.keys().map(|(metric, _)| *metric).collect();
        let questions =
            metrics.iter().filter_map(|metric| self.questions.iter().position(|asked| asked.metric == *metric));
        let rows = questions.flat_map(|question| self.answers[question].of(customer));
        rows.map(|row| row.group.counter.events()).fold(0, u64::saturating_add)
    }

    fn prepare(rating: &Rating<'i>, customers: &[Customer]) -> Result<Used<'i>, Error> {
        let time_zone = rating.inputs.time_zone.as_str();
        let mut zones = BTreeMap::new();
        for name in customers.iter().map(|customer| zone_name(customer, time_zone)) {
            if !zones.contains_key(name) {
                zones.insert(name.to_owned(), ZoneCuts::new(rating, name)?);
            }
        }
        let mut questions: Vec<Asked> = Vec::new();
        let mut events = BTreeMap::new();
        let mut prices = Vec::with_capacity(rating.prices.len());
        for (number, rated) in rating.prices.iter().enumerate() {
            let Some(metric) = rated.metric else {
                prices.push(None);
                continue;
            };
            let spans =
                |(name, cuts): (&String, &ZoneCuts)| (name.clone(), Arc::from(cuts.cuts[number].spans.as_slice()));
            let asked = Asked { metric, spans: zones.iter().map(spans).collect() };
            let place = questions.iter().position(|known| *known == asked).unwrap_or_else(|| {
                questions.push(asked);
                questions.len() - 1
            });
            let properties = event_properties(rated.price).into_iter();
            let looks_at: Vec<_> = properties.map(|property| (metric, property.map(str::to_owned))).collect();
            events.extend(looks_at.iter().map(|key| (key.clone(), Rows::default())));
            prices.push(Some(Reads { question: place, events: looks_at }));
        }
        let answers = questions.iter().map(|_| Rows::default()).collect();
        Ok(Used { customers: customers.len(), zones, time_zone, questions, answers, events, prices })
    }

    fn read_counters(
        &mut self,
        tx: &mut ProjectTx<'_>,
        rating: &Rating<'_>,
        listed: &[Customer],
        customers: Customers,
    ) -> Result<(), Error> {
        let zone_of: HashMap<CustomerId, &str> =
            listed.iter().map(|customer| (customer.id, zone_name(customer, self.time_zone))).collect();
        let spans_of: Vec<SpansOf<'_>> = self
            .questions
            .iter()
            .map(|asked| {
                let zone_of = &zone_of;
                let of = move |customer: CustomerId| {
                    let spans = zone_of.get(&customer).and_then(|zone| asked.spans.get(*zone));
                    spans.map_or_else(|| Arc::from([]), Arc::clone)
                };
                Box::new(of) as SpansOf<'_>
            })
            .collect();
        let questions = self.questions.iter().zip(&spans_of).map(|(asked, of)| {
            let spans = match asked.spans.first_key_value().filter(|_| asked.spans.len() == 1) {
                Some((_, spans)) => Spans::Same(spans),
                None => Spans::Own { hull: rating.range, of },
            };
            Question {
                metric: &rating.metrics[asked.metric],
                customers,
                spans,
                now: rating.now,
                through: Through::Everything,
            }
        });
        let questions: Vec<Question<'_>> = questions.collect();
        for (rows, answer) in self.answers.iter_mut().zip(measure_all(tx, &questions)?) {
            rows.add(answer, |row| row.customer);
        }
        Ok(())
    }

    fn read_events(&mut self, tx: &mut ProjectTx<'_>, rating: &Rating<'_>, customers: Customers) -> Result<(), Error> {
        for ((metric, property), rows) in &mut self.events {
            let metric = &rating.metrics[*metric];
            let wanted = EventsOf { metric, customers, span: rating.range, through: Through::Everything };
            let found = priced_events(tx, &wanted, property.as_deref())?;
            rows.add(found, |event| event.customer);
        }
        Ok(())
    }

    /// Whether anything was measured for the customer.
    pub fn is_used_by(&self, customer: CustomerId) -> bool {
        self.answers.iter().any(|rows| rows.of.contains_key(&customer))
            || self.events.values().any(|rows| rows.of.contains_key(&customer))
    }

    pub fn cuts_of(&self, customer: &Customer) -> &ZoneCuts {
        // Every customer whose usage was read has its zone here.
        &self.zones[zone_name(customer, self.time_zone)]
    }

    /// What a customer used of a price: counters, and events by the spans of its cut.
    pub fn of_price(&self, number: usize, customer: CustomerId, cut: &PriceCut) -> (&[Measured], EventsBySpan<'_>) {
        let Some(Reads { question, events }) = &self.prices[number] else {
            return (&[], EventsBySpan { sets: Vec::new() });
        };
        let mut sets = Vec::new();
        for key in events {
            let mut by_span = vec![Vec::new(); cut.spans.len()];
            for event in self.events.get(key).map_or(&[] as &[PricedEvent], |rows| rows.of(customer)) {
                let span = cut.spans.partition_point(|span| span.end <= event.units.at);
                by_span[span].push((event.values.clone(), event.units));
            }
            let spans = by_span.into_iter().enumerate();
            sets.extend(spans.map(|(span, events)| EventSet { span, property: key.1.as_deref(), events }));
        }
        (self.answers[*question].of(customer), EventsBySpan { sets })
    }
}

impl EventsBySpan<'_> {
    pub fn spans(&self) -> Vec<SpanEvents<'_>> {
        let sets = self.sets.iter();
        sets.map(|set| SpanEvents { span: set.span, property: set.property, events: &set.events }).collect()
    }
}

impl ZoneCuts {
    fn new(rating: &Rating<'_>, name: &str) -> Result<ZoneCuts, Error> {
        let zone = zone(name);
        let anniversary = Anchor::day_of(rating.range.start, &zone);
        let rules = CutRules { zone: &zone, basis: rating.inputs.basis, anniversary };
        let cut = |price| cut_price(price, rating.range, &rules, RatingWindow::Period);
        let cuts = rating.prices.iter().map(|rated| cut(rated.price)).collect::<Result<_, _>>()?;
        Ok(ZoneCuts { zone, anniversary, cuts })
    }

    /// The rules by which periods are counted in the zone.
    pub fn rules(&self, basis: TimeBasis) -> CutRules<'_> {
        CutRules { zone: &self.zone, basis, anniversary: self.anniversary }
    }
}

impl<T> Default for Rows<T> {
    fn default() -> Rows<T> {
        Rows { rows: Vec::new(), of: HashMap::new() }
    }
}

impl<T> Rows<T> {
    /// Adds rows in the order of customers, of whom none has rows yet.
    fn add(&mut self, rows: Vec<T>, customer_of: impl Fn(&T) -> CustomerId) {
        let offset = self.rows.len();
        for (place, row) in (offset..).zip(&rows) {
            self.of.entry(customer_of(row)).or_insert(place..place).end = place + 1;
        }
        self.rows.extend(rows);
    }

    fn of(&self, customer: CustomerId) -> &[T] {
        self.of.get(&customer).map_or(&[], |range| &self.rows[range.clone()])
    }
}

/// How many of the first customers have few enough events together; one at least, if there is one.
fn fitting(events: impl ExactSizeIterator<Item = u64>) -> usize {
    let (customers, mut sum) = (events.len(), 0_u64);
    let fitting = events.take_while(|events| {
        sum = sum.saturating_add(*events);
        sum <= EVENTS_MAX
    });
    fitting.count().max(1).min(customers)
}

fn zone_name<'a>(customer: &'a Customer, time_zone: &'a str) -> &'a str {
    customer.time_zone.as_deref().unwrap_or(time_zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_takes_customers_while_their_events_fit_and_always_one() {
        let few = [EVENTS_MAX / 2; 5];
        assert_eq!(fitting(few.into_iter()), 2);
        assert_eq!(fitting([EVENTS_MAX + 1, 1].into_iter()), 1);
        assert_eq!(fitting([0, 0, EVENTS_MAX].into_iter()), 3);
        assert_eq!(fitting([u64::MAX, u64::MAX].into_iter()), 1);
        assert_eq!(fitting([].into_iter()), 0);
    }
}
