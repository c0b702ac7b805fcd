//! Folding: adding the events of whole batches to the rollups, once each. What a batch adds never changes, so it is added up
//! before the transaction that stores it; the project's cursor is held while it is stored, so no other node folds meanwhile.

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::ids::BatchId;
use domain::ingest::rollup::{Cell, SLICE_MICROS};
use domain::ingest::{Operation, OutcomeCounts};
use domain::time::Instant;
use storage::ingest_batches::{self, IngestBatch};
use storage::outcome_rollups::{self, OutcomeSlice};
use storage::rollups::{self, RollupKey};
use storage::usage_events::{self, MeasuredEvent};
use storage::{ProjectTx, StorageError, ingest_checks};

/// The most batches of one transaction.
const BATCHES_MAX: i64 = 500;
/// About the most events of one transaction; a larger single batch is folded alone.
const EVENTS_MAX: i64 = 50_000;

/// Cells and counts that are to be added.
#[derive(Debug, Default)]
pub(crate) struct Delta {
    pub cells: HashMap<RollupKey, Cell>,
    outcomes: BTreeMap<(Operation, Instant), OutcomeCounts>,
    batches: Vec<BatchId>,
}

/// What came of an attempt to fold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Folded {
    Stored,
    /// Another node folds this project at this moment.
    HeldByAnother,
    /// Another node folded some of the batches in between.
    Overtaken,
}

impl Delta {
    /// Adds one event to its cell.
    pub fn add_event(&mut self, event: MeasuredEvent, subscription: Option<String>) {
        let key = RollupKey {
            metric: event.metric,
            customer: event.customer,
            subscription_key: subscription.unwrap_or_default(),
            slice_start: event.measurement.at.slice_start(SLICE_MICROS),
        };
        let cell = Cell::of(event.measurement);
        self.cells.entry(key).and_modify(|known| known.merge(&cell)).or_insert(cell);
    }

    /// Adds what a batch was answered.
    fn add_outcomes(&mut self, batch: &IngestBatch) {
        let slice = batch.received_at.slice_start(SLICE_MICROS);
        self.outcomes.entry((batch.operation, slice)).or_default().add(batch.counts);
    }

    fn slices(&self) -> Vec<OutcomeSlice> {
        let slices = self.outcomes.iter();
        slices
            .map(|((operation, slice_start), counts)| OutcomeSlice {
                operation: *operation,
                slice_start: *slice_start,
                counts: *counts,
            })
            .collect()
    }

    /// The cells in the order of their keys, so that the database writes neighbours together.
    fn sorted(&self) -> Vec<(&RollupKey, &Cell)> {
        let mut cells: Vec<(&RollupKey, &Cell)> = self.cells.iter().collect();
        cells.sort_unstable_by_key(|(key, _)| *key);
        cells
    }
}

/// Adds up the oldest batches that are not folded; `None` when there are none.
pub(crate) fn collect(tx: &mut ProjectTx<'_>) -> Result<Option<Delta>, StorageError> {
    let mut batches = ingest_batches::unfolded(tx, BATCHES_MAX)?;
    let mut events = 0;
    let fitting = batches.iter().take_while(|batch| {
        events += batch.events;
        events <= EVENTS_MAX
    });
    batches.truncate(fitting.count().max(1));
    if batches.is_empty() {
        return Ok(None);
    }
    let mut delta = Delta::default();
    for batch in &batches {
        delta.add_outcomes(batch);
        delta.batches.push(batch.id);
    }
    events_of(tx, &batches, |event, subscription| delta.add_event(event, subscription))?;
    Ok(Some(delta))
}

/// Hands every event of these batches to `each`, with its subscription. Batches that are not folded are the newest: their
/// ids are one stretch of the table, in which few events belong to others.
pub(crate) fn events_of(
    tx: &mut ProjectTx<'_>,
    batches: &[IngestBatch],
    mut each: impl FnMut(MeasuredEvent, Option<String>),
) -> Result<(), StorageError> {
    let wanted: HashSet<BatchId> = batches.iter().map(|batch| batch.id).collect();
    let first = batches.iter().filter_map(|batch| batch.first_event).min();
    let last = batches.iter().filter_map(|batch| batch.last_event).max();
    let (Some(first), Some(last)) = (first, last) else {
        return Ok(());
    };
    usage_events::measurements_of_ids(tx, first, last, |batch, event, subscription| {
        if wanted.contains(&batch) {
            each(event, subscription);
        }
    })
}

/// Stores what was added up, and gives the batches their places, in one transaction.
pub(crate) fn store(tx: &mut ProjectTx<'_>, delta: &Delta) -> Result<Folded, StorageError> {
    let Some(last_seq) = rollups::lock_cursor(tx)? else {
        return Ok(Folded::HeldByAnother);
    };
    let stamps: Vec<(BatchId, i64)> = delta.batches.iter().copied().zip(last_seq + 1..).collect();
    // From here on nobody else can fold; what was folded before shows now, and then nothing is written.
    if ingest_batches::count_unfolded(tx, &delta.batches)? != stamps.len() {
        return Ok(Folded::Overtaken);
    }
    let cells = delta.sorted();
    let keys: Vec<&RollupKey> = cells.iter().map(|(key, _)| *key).collect();
    let mut stored: HashMap<RollupKey, Cell> = rollups::find_many(tx, &keys)?.into_iter().collect();
    for (key, cell) in &cells {
        stored.entry(RollupKey::clone(key)).and_modify(|known| known.merge(cell)).or_insert(**cell);
    }
    let merged: Vec<(&RollupKey, &Cell)> = keys.iter().filter_map(|key| stored.get_key_value(*key)).collect();
    rollups::store_many(tx, &merged)?;
    outcome_rollups::add_many(tx, &delta.slices())?;
    ingest_batches::stamp(tx, &stamps)?;
    rollups::move_cursor(tx, last_seq + i64::try_from(stamps.len()).map_err(too_many)?)?;
    Ok(Folded::Stored)
}

/// Drops the rollups of a project and makes them again from the events of the batches that are folded.
pub(crate) fn rebuild(tx: &mut ProjectTx<'_>) -> Result<(), StorageError> {
    if rollups::lock_cursor(tx)?.is_none() {
        return Err(StorageError::Busy { waiting_for: "another node that folds the project" });
    }
    let mut delta = Delta::default();
    ingest_checks::folded_measurements(tx, |event, subscription| delta.add_event(event, subscription))?;
    let mut after = 0;
    loop {
        let page = ingest_batches::folded(tx, after, BATCHES_MAX)?;
        let Some(last) = page.last() else { break };
        after = last.rollup_seq.unwrap_or(i64::MAX);
        for batch in &page {
            delta.add_outcomes(batch);
        }
    }
    rollups::delete_all(tx)?;
    outcome_rollups::delete_all(tx)?;
    rollups::store_many(tx, &delta.sorted())?;
    outcome_rollups::add_many(tx, &delta.slices())
}

fn too_many(_: std::num::TryFromIntError) -> StorageError {
    StorageError::Corrupt { what: "the number of folded batches".to_owned() }
}
