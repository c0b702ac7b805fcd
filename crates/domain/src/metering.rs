//! Counters: what one metric measured for one customer in one stretch of time, kept so that stretches can be put together exactly.
//!
//! A counter of a longer stretch is the merge of the counters of its parts, in any order: nothing is lost between a quarter of an hour
//! and a year. [`Counter::quantity`] makes one exact number of it; how rollups and events become counters is decided elsewhere.

use std::collections::BTreeMap;

use crate::aggregation::unique::UniqueCell;
use crate::aggregation::weighted::Area;
use crate::catalog::metric::{MetricDefinition, WeightedUnit};
use crate::ingest::rollup::Cell;
use crate::ratio::{OutOfRange, Ratio};
use crate::window::Span;

/// The values of a metric's dimensions, by name. A dimension that the event does not carry is absent.
pub type DimensionValues = BTreeMap<String, String>;

/// What is kept of a set of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Counter {
    /// For `sum`, `count`, `max` and `latest`.
    Cell(Cell),
    /// For `unique`: the values, and the number of events that had one.
    Unique { events: u64, values: UniqueCell },
    /// For `weightedSum`: the area under the level, and the number of events in the stretch. A level that was only carried through has
    /// an area and no events.
    Weighted { events: u64, area: Area },
}

/// The counter of the events with the same dimension values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeteredGroup {
    pub values: DimensionValues,
    pub counter: Counter,
}

impl Counter {
    /// Both stretches, or both groups, together.
    ///
    /// # Errors
    /// [`OutOfRange`] when areas or numbers of events do not fit, or when the two are not of the same aggregation.
    pub fn merge(&mut self, other: &Counter) -> Result<(), OutOfRange> {
        match (self, other) {
            (Counter::Cell(cell), Counter::Cell(other)) => cell.merge(other),
            (Counter::Unique { events, values }, Counter::Unique { events: more, values: others }) => {
                *events = events.checked_add(*more).ok_or(OutOfRange)?;
                values.merge(others);
            }
            (Counter::Weighted { events, area }, Counter::Weighted { events: more, area: other }) => {
                *events = events.checked_add(*more).ok_or(OutOfRange)?;
                *area = area.plus(*other)?;
            }
            (Counter::Cell(_) | Counter::Unique { .. } | Counter::Weighted { .. }, _) => return Err(OutOfRange),
        }
        Ok(())
    }

    /// The number of events behind it.
    pub fn events(&self) -> u64 {
        match self {
            // Cannot fail: a cell counts up from one.
            Counter::Cell(cell) => u64::try_from(cell.events).expect("a cell has events"),
            Counter::Unique { events, .. } | Counter::Weighted { events, .. } => *events,
        }
    }

    /// The one exact quantity that the metric makes of the counter, in units. `period` is the billing period (or the window of a
    /// question) by whose length a `weightedSum` per period is divided; it may be longer than the stretch that was counted.
    ///
    /// # Errors
    /// [`OutOfRange`] when the quantity does not fit, or when the counter is not of the metric's aggregation.
    pub fn quantity(&self, metric: &MetricDefinition, period: Span) -> Result<Ratio, OutOfRange> {
        match self {
            Counter::Cell(cell) => cell.quantity(metric.aggregation).map(Ratio::from).ok_or(OutOfRange),
            Counter::Unique { values, .. } => Ok(values.quantity().into()),
            Counter::Weighted { area, .. } => match metric.weighted_unit.unwrap_or(WeightedUnit::Period).seconds() {
                Some(seconds) => area.per_seconds(seconds),
                None => area.average(period),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::EventId;
    use crate::ingest::rollup::Measurement;
    use crate::quantity::Quantity;
    use crate::time::Instant;

    fn metric(text: &str) -> MetricDefinition {
        serde_json::from_str(text).unwrap()
    }

    fn cell(id: u128, micros: i64) -> Counter {
        Counter::Cell(Cell::of(Measurement {
            event: EventId::from_uuid(uuid::Uuid::from_u128(id)),
            at: Instant::from_micros(7).unwrap(),
            units: Quantity::from_micros(micros),
        }))
    }

    fn hours(count: i64) -> Span {
        Span { start: Instant::from_micros(0).unwrap(), end: Instant::from_micros(count * 3_600_000_000).unwrap() }
    }

    #[test]
    fn a_counter_answers_in_the_aggregation_of_its_metric() {
        let mut counter = cell(1, 2_000_000);
        counter.merge(&cell(2, 500_000)).unwrap();
        let ask = |aggregation: &str| {
            let metric = metric(&format!(r#"{{"key":"m","name":"M","aggregation":"{aggregation}"}}"#));
            counter.quantity(&metric, hours(1)).map(|quantity| quantity.to_string())
        };
        assert_eq!(
            (ask("sum").unwrap(), ask("count").unwrap(), ask("max").unwrap()),
            ("2.5".into(), "2".into(), "2".into())
        );
        assert_eq!(ask("unique"), Err(OutOfRange));
        assert_eq!(counter.events(), 2);
    }

    #[test]
    fn a_level_is_divided_by_its_unit_or_by_the_period() {
        // A level of 6 for one hour.
        let mut counter =
            Counter::Weighted { events: 1, area: Area::from_pico_unit_seconds(6 * 3_600 * 1_000_000_000_000) };
        let ask = |counter: &Counter, unit: &str, period: Span| {
            let metric =
                metric(&format!(r#"{{"key":"m","name":"M","aggregation":"weightedSum","weightedUnit":"{unit}"}}"#));
            counter.quantity(&metric, period).unwrap().to_string()
        };
        assert_eq!(ask(&counter, "hour", hours(2)), "6");
        assert_eq!(ask(&counter, "period", hours(2)), "3");
        counter.merge(&counter.clone()).unwrap();
        assert_eq!(ask(&counter, "period", hours(2)), "6");
    }

    #[test]
    fn counters_of_different_aggregations_are_never_put_together() {
        let mut unique = Counter::Unique { events: 0, values: UniqueCell::default() };
        assert_eq!(unique.merge(&cell(1, 1)), Err(OutOfRange));
    }
}
