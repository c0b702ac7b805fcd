//! What the batches of this node add up to, kept in memory from their commit until they are folded, so that their events
//! are not read back. It may forget at any time: what is not here is read from the events.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::ids::BatchId;
use storage::usage_events::NewEvent;

use super::additions::Additions;
use super::meaning::OpenRules;

/// The most rows that are kept. Batches that another node folds are never asked for; when these fill the room, everything
/// is forgotten.
const ROWS_MAX: usize = 200_000;

/// What one batch adds up to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct BatchSums {
    pub additions: Additions,
    /// The set of series it was made for: under another one it is worth nothing.
    pub metrics_epoch: i64,
}

#[derive(Debug, Default)]
pub(crate) struct Sums {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    batches: HashMap<BatchId, BatchSums>,
    rows: usize,
}

/// Adds up the events of each batch.
pub(crate) fn of_events(
    events: &[NewEvent<'_>],
    rules: &OpenRules,
    epoch: impl Fn(&NewEvent<'_>) -> i64,
) -> HashMap<BatchId, BatchSums> {
    let mut sums: HashMap<BatchId, BatchSums> = HashMap::new();
    for event in events {
        let sum = sums
            .entry(event.batch)
            .or_insert_with(|| BatchSums { additions: Additions::default(), metrics_epoch: epoch(event) });
        sum.additions.add(event.into(), rules.of(event.metric));
    }
    sums
}

impl Sums {
    /// Keeps what was committed.
    pub fn keep(&self, batches: HashMap<BatchId, BatchSums>) {
        let mut kept = self.lock();
        let rows: usize = batches.values().map(|sums| sums.additions.len()).sum();
        if kept.rows + rows > ROWS_MAX {
            *kept = Kept::default();
        }
        if rows <= ROWS_MAX {
            kept.rows += rows;
            kept.batches.extend(batches);
        }
    }

    /// What a batch adds up to, if it is remembered and was added up for this set of series; it is not remembered afterwards.
    pub fn take(&self, batch: BatchId, metrics_epoch: i64) -> Option<Additions> {
        let mut kept = self.lock();
        let sums = kept.batches.remove(&batch)?;
        kept.rows -= sums.additions.len();
        drop(kept);
        // The planted fault: sums that an older set of series made are stored, and the newer series lack them.
        let forgets = cfg!(feature = "mutant_fold_forgets_epoch");
        (forgets || sums.metrics_epoch == metrics_epoch).then_some(sums.additions)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // The state is whole between any two statements of this file, so a panic elsewhere does not harm it.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use domain::ids::{CustomerId, EventId, MetricId};
    use domain::ingest::rollup::{Measurement, SLICE_MICROS};
    use domain::quantity::Quantity;
    use domain::time::Instant;
    use uuid::Uuid;

    use super::super::additions::Event;
    use super::*;

    fn batch(number: u128) -> BatchId {
        BatchId::from_uuid(Uuid::from_u128(number))
    }

    /// A batch with this many cells.
    fn cells(count: usize) -> BatchSums {
        let id = Uuid::from_u128(1);
        let rules = OpenRules::new();
        let mut sums = BatchSums { additions: Additions::default(), metrics_epoch: 7 };
        for number in 0..count {
            let at = Instant::from_micros(i64::try_from(number).unwrap() * SLICE_MICROS).unwrap();
            let event = Event {
                metric: MetricId::from_uuid(id),
                customer: CustomerId::from_uuid(id),
                subscription_key: None,
                measurement: Measurement { event: EventId::from_uuid(id), at, units: Quantity::from_micros(1) },
                schema_miss: false,
                properties: None,
            };
            sums.additions.add(event, rules.of(event.metric));
        }
        sums
    }

    #[test]
    fn a_batch_is_remembered_until_it_is_taken() {
        let sums = Sums::default();
        sums.keep(HashMap::from([(batch(1), cells(2)), (batch(2), cells(3))]));
        assert_eq!(sums.take(batch(1), 7), Some(cells(2).additions));
        assert_eq!(sums.take(batch(1), 7), None);
        assert_eq!(sums.lock().rows, 3);
    }

    #[test]
    fn sums_of_another_set_of_series_are_forgotten() {
        let sums = Sums::default();
        sums.keep(HashMap::from([(batch(1), cells(2))]));
        assert_eq!((sums.take(batch(1), 8), sums.lock().rows), (None, 0));
    }

    #[test]
    fn memory_is_bounded() {
        let sums = Sums::default();
        sums.keep(HashMap::from([(batch(1), cells(ROWS_MAX - 1))]));
        sums.keep(HashMap::from([(batch(2), cells(2))]));
        assert_eq!((sums.take(batch(1), 7), sums.lock().rows), (None, 2));
        sums.keep(HashMap::from([(batch(3), cells(ROWS_MAX + 1))]));
        assert_eq!((sums.take(batch(3), 7), sums.lock().rows), (None, 0));
    }
}
