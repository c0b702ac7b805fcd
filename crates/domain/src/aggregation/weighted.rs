//! The aggregation `weightedSum`: a level that stands until the next event changes it, weighted by how long it stood.
//!
//! `area = Σ level × seconds it stood`; the quantity is `area / seconds of a chosen unit of time`: per hour for GPU-hours, per period for
//! an average over the period. Times are exact to the microsecond and nothing is rounded. Before the first event the level is what was
//! carried in, which is zero for a customer who never had one.
//!
//! 10 GB for 12 hours and 20 GB for 12 hours are 15 GB on average:
//! ```
//! use domain::aggregation::weighted::WeightedCell;
//! use domain::ids::{EventId, TypedId};
//! use domain::ingest::rollup::Measurement;
//! use domain::{quantity::Quantity, time::Instant, window::Span};
//! let at = |text: &str| Instant::parse(text).unwrap();
//! let units = |text: &str| Quantity::parse(text).unwrap();
//! let day = Span { start: at("2026-03-01T00:00:00Z"), end: at("2026-03-02T00:00:00Z") };
//! let mut cell = WeightedCell::default();
//! cell.add(Measurement { event: EventId::from_uuid(uuid::Uuid::nil()), at: at("2026-03-01T12:00:00Z"), units: units("20") });
//! let area = cell.area(day, units("10")).unwrap();
//! assert_eq!(area.average(day).unwrap().to_string(), "15");
//! ```

use std::collections::BTreeMap;

use crate::ids::EventId;
use crate::ingest::rollup::Measurement;
use crate::quantity::Quantity;
use crate::ratio::{OutOfRange, Ratio};
use crate::time::Instant;
use crate::window::Span;

/// Every change of the level in a set of events. Of several events at one instant the one with the greatest id counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WeightedCell {
    levels: BTreeMap<Instant, (EventId, Quantity)>,
}

/// A level over time, in 10⁻¹² unit-seconds (micros of units × microseconds).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Area(i128);

impl WeightedCell {
    /// Folds one event in.
    pub fn add(&mut self, one: Measurement) {
        let level = self.levels.entry(one.at).or_insert((one.event, one.units));
        if one.event >= level.0 {
            *level = (one.event, one.units);
        }
    }

    /// Both sets of events together.
    pub fn merge(&mut self, other: &WeightedCell) {
        for change in other.changes() {
            self.add(change);
        }
    }

    /// The changes of the level in the order of time: what is stored, and folded in again.
    pub fn changes(&self) -> impl Iterator<Item = Measurement> {
        self.levels.iter().map(|(at, (event, units))| Measurement { event: *event, at: *at, units: *units })
    }

    /// The level after all events before `at`; `carried` when there was none.
    pub fn level_before(&self, at: Instant, carried: Quantity) -> Quantity {
        self.levels.range(..at).next_back().map_or(carried, |(_, (_, units))| *units)
    }

    /// The level over the span, with the level `carried` into its start. Events outside the span do not count.
    ///
    /// # Errors
    /// [`OutOfRange`] for more than 2¹²⁷ micro-unit-microseconds: a petabyte in bytes fits for five thousand years.
    pub fn area(&self, span: Span, carried: Quantity) -> Result<Area, OutOfRange> {
        let (mut area, mut since, mut level) = (0i128, span.start, carried);
        let end = span.end.max(span.start);
        let changes = self.levels.range(span.start..end).map(|(at, (_, units))| (*at, *units));
        for (at, units) in changes.chain([(end, carried)]) {
            let stood = i128::from(at.micros()) - i128::from(since.micros());
            let part = i128::from(level.micros()).checked_mul(stood).ok_or(OutOfRange)?;
            area = area.checked_add(part).ok_or(OutOfRange)?;
            (since, level) = (at, units);
        }
        Ok(Area(area))
    }
}

impl Area {
    /// In 10⁻¹² unit-seconds.
    pub const fn pico_unit_seconds(self) -> i128 {
        self.0
    }

    pub const fn from_pico_unit_seconds(count: i128) -> Area {
        Area(count)
    }

    /// Areas of spans that follow one another, together.
    ///
    /// # Errors
    /// [`OutOfRange`] beyond 128 bits.
    pub fn plus(self, other: Area) -> Result<Area, OutOfRange> {
        self.0.checked_add(other.0).map(Area).ok_or(OutOfRange)
    }

    /// Unit-seconds divided by a unit of time in seconds: 3,600 gives unit-hours.
    ///
    /// # Errors
    /// [`OutOfRange`] for a unit of zero seconds.
    pub fn per_seconds(self, seconds: i64) -> Result<Ratio, OutOfRange> {
        Ratio::decimal(self.0, 12)?.over(Ratio::whole(seconds))
    }

    /// The average level over a span, to the microsecond.
    ///
    /// # Errors
    /// [`OutOfRange`] for a span without a moment.
    pub fn average(self, span: Span) -> Result<Ratio, OutOfRange> {
        let micros = i128::from(span.end.micros()) - i128::from(span.start.micros());
        Ratio::decimal(self.0, 6)?.over(Ratio::new(micros, 1)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn measurement() -> impl Strategy<Value = Measurement> {
        (0u128..9, 0i64..1_000, 0i64..1_000_000).prop_map(|(id, at, units)| Measurement {
            event: EventId::from_uuid(uuid::Uuid::from_u128(id)),
            at: Instant::from_micros(at).unwrap(),
            units: Quantity::from_micros(units),
        })
    }

    fn fold(events: &[Measurement]) -> WeightedCell {
        let mut cell = WeightedCell::default();
        events.iter().for_each(|event| cell.add(*event));
        cell
    }

    fn span(start: i64, end: i64) -> Span {
        Span { start: Instant::from_micros(start).unwrap(), end: Instant::from_micros(end).unwrap() }
    }

    #[test]
    fn a_petabyte_over_a_year_is_exact() {
        let year = span(0, 31_536_000_000_000);
        let area = WeightedCell::default().area(year, Quantity::parse("9000000000000").unwrap()).unwrap();
        assert_eq!(area.average(year).unwrap().to_string(), "9000000000000");
        assert_eq!(area.per_seconds(3_600).unwrap().to_string(), "78840000000000000");
        assert_eq!(area.average(span(5, 5)), Err(OutOfRange));
        assert_eq!(area.per_seconds(0), Err(OutOfRange));
        assert_eq!(Area::from_pico_unit_seconds(i128::MAX).plus(area), Err(OutOfRange));
    }

    #[test]
    fn of_two_levels_at_one_instant_the_greater_id_stands() {
        let one = |id: u128, units: i64| Measurement {
            event: EventId::from_uuid(uuid::Uuid::from_u128(id)),
            at: Instant::from_micros(5).unwrap(),
            units: Quantity::from_micros(units),
        };
        let cell = fold(&[one(2, 7), one(1, 9)]);
        assert_eq!(cell.changes().map(|change| change.units.micros()).collect::<Vec<_>>(), [7]);
    }

    proptest! {
        #[test]
        fn neither_order_nor_grouping_matters( // checklist 37
            // One event has one id, time and level.
            events in prop::collection::btree_map((0u128..9, 0i64..1_000), 0i64..1_000_000, 0..30),
            cut in any::<prop::sample::Index>(),
        ) {
            let events: Vec<Measurement> = events.into_iter().map(|((id, at), units)| Measurement {
                event: EventId::from_uuid(uuid::Uuid::from_u128(id)),
                at: Instant::from_micros(at).unwrap(),
                units: Quantity::from_micros(units),
            }).collect();
            let mut reversed = events.clone();
            reversed.reverse();
            let (left, right) = reversed.split_at(cut.index(events.len() + 1));
            let mut merged = fold(right);
            merged.merge(&fold(left));
            prop_assert_eq!(merged, fold(&events));
        }

        #[test]
        fn spans_that_follow_one_another_sum_to_the_whole(
            events in prop::collection::vec(measurement(), 0..30), carried in 0i64..1_000_000, middle in 0i64..=1_000,
        ) {
            let (cell, carried) = (fold(&events), Quantity::from_micros(carried));
            let left = cell.area(span(0, middle), carried).unwrap();
            let level = cell.level_before(Instant::from_micros(middle).unwrap(), carried);
            let right = cell.area(span(middle, 1_000), level).unwrap();
            prop_assert_eq!(left.plus(right), cell.area(span(0, 1_000), carried));
        }
    }
}
