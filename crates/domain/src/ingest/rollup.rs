//! How events add up: the cell of one slice of time, the same whatever the order in which events come.

use crate::ids::EventId;
use crate::metrics::Aggregation;
use crate::named::named;
use crate::quantity::{Quantity, QuantitySum};
use crate::time::Instant;
use crate::window::Span;

/// The width of a slice: 15 minutes of UTC, in microseconds. Every zone in use today is a multiple of it away from UTC.
pub const SLICE_MICROS: i64 = 15 * 60 * 1_000_000;

/// The width of a day: 24 hours of UTC, in microseconds.
pub const DAY_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

named! {
    /// How much time one cell covers. All of them hold the same events; a long question reads wide cells.
    Width {
        /// 15 minutes of UTC.
        Slice = "slice",
        /// One day of UTC.
        Day = "day",
        /// All time: which groups of a level there are, and where each stands.
        Ever = "ever",
    }
}

impl Width {
    /// The start of the cell that holds an event of this time.
    pub fn start(self, at: Instant) -> Instant {
        match self {
            Width::Slice => at.slice_start(SLICE_MICROS),
            Width::Day => at.slice_start(DAY_MICROS),
            Width::Ever => Instant::EPOCH,
        }
    }

    /// The time that the cell with this start covers; `None` for all time.
    pub fn span(self, start: Instant) -> Option<Span> {
        let length = match self {
            Width::Slice => SLICE_MICROS,
            Width::Day => DAY_MICROS,
            Width::Ever => return None,
        };
        let end = Instant::from_micros(start.micros().checked_add(length)?).ok()?;
        Some(Span { start, end })
    }
}

/// One event, as far as sums care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measurement {
    pub event: EventId,
    pub at: Instant,
    pub units: Quantity,
}

/// What is known of the events of one slice, or of any other set of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    pub events: i64,
    pub sum: QuantitySum,
    pub min: Quantity,
    pub max: Quantity,
    /// The measurement with the latest time; of several at one time, the one with the greatest id.
    pub latest: Measurement,
    /// How many of the events missed the schema of their metric and were let through.
    pub warnings: i64,
}

impl Cell {
    pub fn of(one: Measurement) -> Cell {
        let sum = QuantitySum::from_micros(i128::from(one.units.micros()));
        Cell { events: 1, sum, min: one.units, max: one.units, latest: one, warnings: 0 }
    }

    /// Both sets of events together. The order does not matter: each part is a sum, a minimum or a maximum.
    pub fn merge(&mut self, other: &Cell) {
        // Cannot fail: 2^63 events of 2^63 micros each are below 2^126.
        self.sum = self.sum.checked_merge(other.sum).expect("a sum of quantities fits in 128 bits");
        self.events += other.events;
        self.warnings += other.warnings;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        if (other.latest.at, other.latest.event) > (self.latest.at, self.latest.event) {
            self.latest = other.latest;
        }
    }

    /// The one quantity that the metric makes of these events, in 10⁻⁶ units; `None` for the aggregations that keep more than a cell
    /// has ([`crate::aggregation::unique`], [`crate::aggregation::weighted`]).
    pub fn quantity(&self, aggregation: Aggregation) -> Option<QuantitySum> {
        let wide = |units: Quantity| QuantitySum::from_micros(i128::from(units.micros()));
        match aggregation {
            Aggregation::Sum => Some(self.sum),
            Aggregation::Count => Some(QuantitySum::from_micros(i128::from(self.events) * 1_000_000)),
            Aggregation::Max => Some(wide(self.max)),
            Aggregation::Latest => Some(wide(self.latest.units)),
            Aggregation::Unique | Aggregation::WeightedSum => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn measurement() -> impl Strategy<Value = Measurement> {
        (any::<u128>(), 0i64..4, 1i64..i64::MAX).prop_map(|(id, at, units)| Measurement {
            event: EventId::from_uuid(Uuid::from_u128(id)),
            at: Instant::from_micros(at).unwrap(),
            units: Quantity::from_micros(units),
        })
    }

    fn total(events: &[Measurement]) -> Option<Cell> {
        let mut cells = events.iter().copied().map(Cell::of);
        let first = cells.next()?;
        Some(cells.fold(first, |mut sum, cell| {
            sum.merge(&cell);
            sum
        }))
    }

    proptest! {
        #[test]
        fn neither_order_nor_grouping_matters( // checklist 37
            events in prop::collection::vec(measurement(), 1..20).prop_shuffle(),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut sorted = events.clone();
            sorted.sort_by_key(|one| (one.at, one.event));
            let (left, right) = events.split_at(cut.index(events.len()));
            let mut grouped = total(right).unwrap();
            if let Some(left) = total(left) {
                grouped.merge(&left);
            }
            prop_assert_eq!(total(&sorted), Some(grouped));
        }
    }

    #[test]
    fn each_aggregation_reads_its_own_part() {
        let one = |id: u128, at: i64, units: i64| Measurement {
            event: EventId::from_uuid(Uuid::from_u128(id)),
            at: Instant::from_micros(at).unwrap(),
            units: Quantity::from_micros(units),
        };
        let cell = total(&[one(1, 5, 9), one(3, 7, 2), one(2, 7, 4)]).unwrap();
        let read = |aggregation| cell.quantity(aggregation).map(QuantitySum::micros);
        assert_eq!(read(Aggregation::Sum), Some(15));
        assert_eq!(read(Aggregation::Count), Some(3_000_000));
        assert_eq!(read(Aggregation::Max), Some(9));
        assert_eq!(read(Aggregation::Latest), Some(2));
        assert_eq!((read(Aggregation::Unique), read(Aggregation::WeightedSum)), (None, None));
    }
}
