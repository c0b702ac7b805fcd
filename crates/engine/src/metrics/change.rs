//! Changing what a metric means: a version that is current at once where its rows exist, a version that is built from the stored events
//! where they do not.
//!
//! [`begin`] opens it, [`collect`] and [`store`] are one chunk of its build, [`delete_rows`] takes away what nobody reads any more.
//!
//! Exactly once by construction: a series is opened under the project's cursor, at the place `cut_seq`. The fold adds every batch after it,
//! the build every batch up to it, and each chunk notes in its own transaction how far it came. A crash loses a chunk as a whole.

use std::collections::BTreeSet;

use domain::catalog::metric::{MetricChange, MetricDefinition};
use domain::ids::MetricId;
use domain::metrics::{Gap, Metric, MetricVersion, VersionState};
use domain::time::Instant;
use storage::{ProjectTx, ingest_batches, metric_versions, rollup_cursors, rollup_levels, rollup_values, rollups};

use crate::error::Error;
use crate::ingest;

/// The most batches of one chunk of a build.
const BATCHES_MAX: i64 = 100;
/// About the most events of one chunk; a larger single batch is added alone.
const EVENTS_MAX: i64 = 20_000;

/// How far a build has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BuildProgress {
    pub done_seq: i64,
    pub cut_seq: i64,
}

/// What the next batches of a build add.
#[derive(Debug)]
pub(super) struct Collected {
    rows: ingest::Rows,
    /// What was added up under another epoch may hold events that do not count any more.
    pub metrics_epoch: i64,
    /// The place of the last batch before them.
    after_seq: i64,
    /// The place of the last of them.
    done_seq: i64,
}

/// Begins a version that means `next`. The metric is locked; no other version of it is being built.
///
/// # Errors
/// Only when the database fails.
pub fn begin(
    tx: &mut ProjectTx<'_>,
    metric: &Metric,
    next: &MetricDefinition,
    now: Instant,
) -> Result<MetricVersion, Error> {
    let (number, series) = metric_versions::next(tx, metric.id)?;
    let mut version = MetricVersion {
        metric: metric.id,
        number,
        series: metric.series,
        state: VersionState::Building,
        definition: next.clone(),
        gap: None,
        created_at: now,
        activated_at: None,
        retired_at: None,
    };
    match metric.definition.change_to(next) {
        MetricChange::Nothing | MetricChange::Words | MetricChange::SameRows => {
            version.gap = Some(Gap { done_seq: 0, cut_seq: 0 });
            metric_versions::insert(tx, &version)?;
            metric_versions::activate(tx, metric.id, number, now)?;
        }
        MetricChange::NewRows => {
            let cursor = rollup_cursors::lock(tx)?;
            version = MetricVersion { series, gap: Some(Gap { done_seq: 0, cut_seq: cursor.last_seq }), ..version };
            metric_versions::insert(tx, &version)?;
            if cursor.last_seq == 0 {
                metric_versions::activate(tx, metric.id, number, now)?;
            }
            rollup_cursors::begin_epoch(tx)?;
        }
    }
    let versions = metric_versions::of_metric(tx, metric.id)?;
    let begun = versions.into_iter().find(|known| known.number == number);
    begun.ok_or_else(|| Error::Bug("a version that was begun is not stored".to_owned()))
}

/// Adds up the next batches of a version that is being built.
///
/// # Errors
/// Only when the database fails.
pub(super) fn collect(tx: &mut ProjectTx<'_>, version: &MetricVersion) -> Result<Collected, Error> {
    let Gap { done_seq: after_seq, cut_seq } = gap_of(version)?;
    let mut page = ingest_batches::folded(tx, after_seq, BATCHES_MAX)?;
    page.retain(|batch| batch.rollup_seq.is_some_and(|seq| seq <= cut_seq));
    let mut events = 0;
    let fitting = page.iter().take_while(|batch| {
        events += batch.events;
        events <= EVENTS_MAX
    });
    page.truncate(fitting.count().max(1));
    let done_seq = page.last().and_then(|batch| batch.rollup_seq).unwrap_or(cut_seq);
    let metrics_epoch = rollup_cursors::get(tx)?.metrics_epoch;
    Ok(Collected { rows: ingest::rows_of_series(tx, &page, version)?, metrics_epoch, after_seq, done_seq })
}

/// Stores what was added up; the last of it makes the version current. The metric and the project's cursor are held, the version was
/// read after that, and nobody else builds it.
///
/// # Errors
/// Only when the database fails; then nothing of the chunk is stored.
pub(super) fn store(
    tx: &mut ProjectTx<'_>,
    version: &MetricVersion,
    collected: &Collected,
    now: Instant,
) -> Result<BuildProgress, Error> {
    let Gap { done_seq: after_seq, cut_seq } = gap_of(version)?;
    assert_eq!(after_seq, collected.after_seq, "a chunk follows the one before it");
    let done_seq = collected.done_seq;
    collected.rows.add_to(tx)?;
    metric_versions::set_done(tx, version.metric, version.number, done_seq)?;
    if done_seq == cut_seq {
        metric_versions::activate(tx, version.metric, version.number, now)?;
        rollup_cursors::begin_epoch(tx)?;
    }
    Ok(BuildProgress { done_seq, cut_seq })
}

fn gap_of(version: &MetricVersion) -> Result<Gap, Error> {
    version
        .gap
        .ok_or_else(|| Error::Bug(format!("version {} of {} is not being built", version.number, version.metric)))
}

/// The series of a metric that no open version reads.
///
/// # Errors
/// Only when the database fails.
pub(super) fn closed_series(tx: &mut ProjectTx<'_>, metric: MetricId) -> Result<Vec<i64>, Error> {
    let versions = metric_versions::of_metric(tx, metric)?;
    let open: BTreeSet<i64> =
        versions.iter().filter(|version| is_open(version)).map(|version| version.series).collect();
    let all: BTreeSet<i64> = versions.iter().map(|version| version.series).collect();
    Ok(all.difference(&open).copied().collect())
}

fn is_open(version: &MetricVersion) -> bool {
    match version.state {
        VersionState::Building | VersionState::Current => true,
        VersionState::Retired => false,
    }
}

/// Deletes at most `limit` rows of each kind of a series that no open version reads, and says how many.
///
/// # Errors
/// A bug when the series is open; otherwise only when the database fails.
pub fn delete_rows(tx: &mut ProjectTx<'_>, metric: MetricId, series: i64, limit: i64) -> Result<u64, Error> {
    let open = metric_versions::open_series(tx)?;
    if open.iter().any(|open| open.metric == metric && open.series == series) {
        return Err(Error::Bug(format!("the series {series} of {metric} is still read")));
    }
    let cells = rollups::delete_series(tx, metric, series, limit)?;
    let values = rollup_values::delete_series(tx, metric, series, limit)?;
    let levels = rollup_levels::delete_series(tx, metric, series, limit)?;
    Ok(cells + values + levels)
}
