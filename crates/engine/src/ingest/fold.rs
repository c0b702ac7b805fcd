//! Folding: adding the events of whole batches to the rollups, once each. What a batch adds never changes, so it is added up
//! before the transaction that stores it; the project's cursor is held while it is stored, so no other node folds meanwhile.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use domain::ids::BatchId;
use domain::ingest::rollup::SLICE_MICROS;
use domain::ingest::{Operation, OutcomeCounts};
use domain::metrics::MetricVersion;
use domain::time::Instant;
use storage::ingest_batches::{self, IngestBatch};
use storage::outcome_rollups::{self, OutcomeSlice};
use storage::usage_events::{self, MeasuredEvent, Properties};
use storage::{
    ProjectTx, StorageError, ingest_checks, rollup_cursors, rollup_levels, rollup_values, rollups, usage_voids,
};

use super::additions::{Additions, Rows};
use super::meaning::{Meaning, Open, OpenRules};
use super::recompute::all_time;
use super::sums::Sums;

/// The most batches of one transaction.
const BATCHES_MAX: i64 = 500;
/// About the most events of one transaction; a larger single batch is folded alone.
const EVENTS_MAX: i64 = 50_000;

/// Rows and counts that are to be added.
#[derive(Debug, Default)]
pub(crate) struct Delta {
    rows: Rows,
    outcomes: Outcomes,
    batches: Vec<BatchId>,
    /// The set of series it was made for.
    metrics_epoch: i64,
}

/// What batches were answered, by quarters of an hour.
#[derive(Debug, Default)]
struct Outcomes(BTreeMap<(Operation, Instant), OutcomeCounts>);

/// What a node does when another one folds the project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    Waits,
    GoesOn,
}

/// What came of an attempt to fold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Folded {
    Stored,
    /// Another node folds this project at this moment.
    HeldByAnother,
    /// Another node folded some of the batches in between, or a series was opened or closed.
    Overtaken,
}

impl Outcomes {
    fn add(&mut self, batch: &IngestBatch) {
        if batch.counts.total() == 0 {
            // A correction: nobody asked, nobody was answered.
            return;
        }
        let slice = batch.received_at.slice_start(SLICE_MICROS);
        self.0.entry((batch.operation, slice)).or_default().add(batch.counts);
    }

    fn slices(&self) -> Vec<OutcomeSlice> {
        let slices = self.0.iter();
        slices
            .map(|((operation, slice_start), counts)| OutcomeSlice {
                operation: *operation,
                slice_start: *slice_start,
                counts: *counts,
            })
            .collect()
    }
}

/// Adds up the oldest batches that are not folded, up to the given one; `None` when there are none.
pub(crate) fn collect(
    tx: &mut ProjectTx<'_>,
    sums: &Sums,
    newest: Option<BatchId>,
) -> Result<Option<Delta>, StorageError> {
    let mut batches = ingest_batches::unfolded(tx, BATCHES_MAX)?;
    batches.retain(|batch| newest.is_none_or(|newest| batch.id <= newest));
    let mut events = 0;
    let fitting = batches.iter().take_while(|batch| {
        events += batch.events;
        events <= EVENTS_MAX
    });
    batches.truncate(fitting.count().max(1));
    if batches.is_empty() {
        return Ok(None);
    }
    let metrics_epoch = rollup_cursors::get(tx)?.metrics_epoch;
    let mut delta = Delta { metrics_epoch, ..Delta::default() };
    for batch in &batches {
        delta.outcomes.add(batch);
        delta.batches.push(batch.id);
    }
    let mut additions = Additions::default();
    batches.retain(|batch| match sums.take(batch.id, metrics_epoch) {
        Some(sums) => {
            additions.merge(sums);
            false
        }
        None => batch.events > 0,
    });
    if !batches.is_empty() {
        let rules = OpenRules::load(tx)?;
        let properties = if rules.read_properties() { Properties::Read } else { Properties::Skip };
        events_of(tx, &batches, properties, |event| additions.add((&event).into(), rules.of(event.metric)))?;
    }
    delta.rows = additions.rows();
    Ok(Some(delta))
}

/// Hands every event of these batches to `each`. The ids of neighbouring batches are one stretch of the table, in which
/// few events belong to others.
pub(crate) fn events_of(
    tx: &mut ProjectTx<'_>,
    batches: &[IngestBatch],
    properties: Properties,
    mut each: impl FnMut(MeasuredEvent),
) -> Result<(), StorageError> {
    let wanted: HashSet<BatchId> = batches.iter().map(|batch| batch.id).collect();
    let first = batches.iter().filter_map(|batch| batch.first_event).min();
    let last = batches.iter().filter_map(|batch| batch.last_event).max();
    let (Some(first), Some(last)) = (first, last) else {
        return Ok(());
    };
    usage_events::measurements_of_ids(tx, first, last, properties, |event| {
        if wanted.contains(&event.batch) {
            each(event);
        }
    })
}

/// What the events of folded batches add to the series of one version.
pub(crate) fn rows_of_series(
    tx: &mut ProjectTx<'_>,
    batches: &[IngestBatch],
    version: &MetricVersion,
) -> Result<Rows, StorageError> {
    let meaning = Arc::new(Meaning::of(&version.definition));
    let series = [Open { series: version.series, meaning: Arc::clone(&meaning), gap: None }];
    let properties = if meaning.rule.reads_properties() { Properties::Read } else { Properties::Skip };
    let mut additions = Additions::default();
    let void = usage_voids::of_metric(tx, version.metric, all_time(), i64::MAX)?;
    events_of(tx, batches, properties, |event| {
        if event.metric == version.metric && !void.contains(&event.measurement.event) {
            additions.add((&event).into(), &series);
        }
    })?;
    Ok(additions.rows())
}

/// Stores what was added up, and gives the batches their places, in one transaction.
pub(crate) fn store(tx: &mut ProjectTx<'_>, delta: &Delta, patience: Patience) -> Result<Folded, StorageError> {
    let cursor = match patience {
        Patience::Waits => Some(rollup_cursors::lock(tx)?),
        Patience::GoesOn => rollup_cursors::try_lock(tx)?,
    };
    let Some(cursor) = cursor else {
        return Ok(Folded::HeldByAnother);
    };
    let last_seq = cursor.last_seq;
    let stamps: Vec<(BatchId, i64)> = delta.batches.iter().copied().zip(last_seq + 1..).collect();
    // From here on nobody else can fold or change the series; what was done before shows now, and then nothing is written.
    if cursor.metrics_epoch != delta.metrics_epoch {
        return Ok(Folded::Overtaken);
    }
    if ingest_batches::count_unfolded(tx, &delta.batches)? != stamps.len() {
        return Ok(Folded::Overtaken);
    }
    delta.rows.add_to(tx)?;
    outcome_rollups::add_many(tx, &delta.outcomes.slices())?;
    ingest_batches::stamp(tx, &stamps)?;
    rollup_cursors::advance(tx, last_seq + i64::try_from(stamps.len()).map_err(too_many)?)?;
    Ok(Folded::Stored)
}

/// Drops the rollups of a project and makes them again from the events of the batches that are folded. A series that is being built gets
/// exactly the batches that it had.
pub(crate) fn rebuild(tx: &mut ProjectTx<'_>) -> Result<(), StorageError> {
    if rollup_cursors::try_lock(tx)?.is_none() {
        return Err(StorageError::Busy { waiting_for: "another node that folds the project" });
    }
    let rules = OpenRules::load(tx)?;
    let rows = expected_rows(tx, &rules)?;
    let mut outcomes = Outcomes::default();
    let mut after = 0;
    loop {
        let page = ingest_batches::folded(tx, after, BATCHES_MAX)?;
        let Some(last) = page.last() else { break };
        after = last.rollup_seq.unwrap_or(i64::MAX);
        page.iter().for_each(|batch| outcomes.add(batch));
    }
    rollups::delete_all(tx)?;
    rollup_values::delete_all(tx)?;
    rollup_levels::delete_all(tx)?;
    outcome_rollups::delete_all(tx)?;
    rows.store(tx)?;
    outcome_rollups::add_many(tx, &outcomes.slices())
}

/// What the rollups of open series should be, from the events of the batches that are folded.
pub(crate) fn expected_rows(tx: &mut ProjectTx<'_>, rules: &OpenRules) -> Result<Rows, StorageError> {
    let properties = if rules.read_properties() { Properties::Read } else { Properties::Skip };
    let void = usage_voids::all(tx)?;
    let mut expected = Additions::default();
    ingest_checks::folded_measurements(tx, properties, |seq, event| {
        if !void.contains(&event.measurement.event) {
            expected.add_folded((&event).into(), seq, rules.of(event.metric));
        }
    })?;
    Ok(expected.rows())
}

fn too_many(_: std::num::TryFromIntError) -> StorageError {
    StorageError::Corrupt { what: "the number of folded batches".to_owned() }
}
