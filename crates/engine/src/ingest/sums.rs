//! What the batches of this node add up to, kept in memory from their commit until they are folded, so that their events
//! are not read back. It may forget at any time: what is not here is read from the events.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::ids::BatchId;
use domain::ingest::rollup::{Cell, Measurement};
use storage::rollups::RollupKey;
use storage::usage_events::{MeasuredEvent, NewEvent};

use super::fold::Delta;

/// The most cells that are kept. Batches that another node folds are never asked for; when these fill the room, everything
/// is forgotten.
const CELLS_MAX: usize = 200_000;

/// The cells of one batch.
pub(crate) type BatchSums = HashMap<RollupKey, Cell>;

#[derive(Debug, Default)]
pub(crate) struct Sums {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    batches: HashMap<BatchId, BatchSums>,
    cells: usize,
}

/// Adds up the events of each batch.
pub(crate) fn of_events(events: &[NewEvent<'_>]) -> HashMap<BatchId, BatchSums> {
    let mut sums: HashMap<BatchId, Delta> = HashMap::new();
    for event in events {
        let measurement = Measurement { event: event.id, at: event.at, units: event.units };
        let measured = MeasuredEvent { metric: event.metric, customer: event.customer, measurement };
        sums.entry(event.batch).or_default().add_event(measured, event.subscription_key.map(str::to_owned));
    }
    sums.into_iter().map(|(batch, delta)| (batch, delta.cells)).collect()
}

impl Sums {
    /// Keeps what was committed.
    pub fn keep(&self, batches: HashMap<BatchId, BatchSums>) {
        let mut kept = self.lock();
        let cells: usize = batches.values().map(HashMap::len).sum();
        if kept.cells + cells > CELLS_MAX {
            *kept = Kept::default();
        }
        if cells <= CELLS_MAX {
            kept.cells += cells;
            kept.batches.extend(batches);
        }
    }

    /// What a batch adds up to, if it is remembered; it is not afterwards.
    pub fn take(&self, batch: BatchId) -> Option<BatchSums> {
        let mut kept = self.lock();
        let sums = kept.batches.remove(&batch)?;
        kept.cells -= sums.len();
        Some(sums)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // The state is whole between any two statements of this file, so a panic elsewhere does not harm it.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use domain::ids::{CustomerId, MetricId};
    use domain::quantity::Quantity;
    use domain::time::Instant;
    use uuid::Uuid;

    use super::*;

    fn batch(number: u128) -> BatchId {
        BatchId::from_uuid(Uuid::from_u128(number))
    }

    /// A batch with this many cells.
    fn cells(count: usize) -> BatchSums {
        let id = Uuid::from_u128(1);
        (0..count)
            .map(|number| {
                let at = Instant::from_micros(i64::try_from(number).unwrap()).unwrap();
                let key = RollupKey {
                    metric: MetricId::from_uuid(id),
                    customer: CustomerId::from_uuid(id),
                    subscription_key: String::new(),
                    slice_start: at,
                };
                let units = Quantity::from_micros(1);
                (key, Cell::of(Measurement { event: domain::ids::EventId::from_uuid(id), at, units }))
            })
            .collect()
    }

    #[test]
    fn a_batch_is_remembered_until_it_is_taken() {
        let sums = Sums::default();
        sums.keep(HashMap::from([(batch(1), cells(2)), (batch(2), cells(3))]));
        assert_eq!(sums.take(batch(1)), Some(cells(2)));
        assert_eq!(sums.take(batch(1)), None);
        assert_eq!(sums.lock().cells, 3);
    }

    #[test]
    fn memory_is_bounded() {
        let sums = Sums::default();
        sums.keep(HashMap::from([(batch(1), cells(CELLS_MAX - 1))]));
        sums.keep(HashMap::from([(batch(2), cells(2))]));
        assert_eq!((sums.take(batch(1)), sums.lock().cells), (None, 2));
        sums.keep(HashMap::from([(batch(3), cells(CELLS_MAX + 1))]));
        assert_eq!((sums.take(batch(3)), sums.lock().cells), (None, 0));
    }
}
