//! The job that makes the rows of a new version of a metric from the stored events, and takes away the rows that nobody reads any
//! more.
//!
//! What batches add never changes, so it is added up before the transaction that stores it. That one shows the fence of the job, holds
//! the project's cursor, adds the rows and notes how far the build came; the last one makes the version current. Readers see the old
//! rows until then, and the new ones from then on.

use domain::jobs::{MetricBackfillSubject, Progress};
use domain::metrics::{MetricVersion, VersionState};
use storage::{ProjectTx, metric_versions, metrics, rollup_cursors};

use super::change::{self, Collected};
use crate::engine::Engine;
use crate::error::Error;
use crate::jobs::{Chunk, HeldJob};

/// The most rows of each kind that one chunk deletes.
const DELETED_MAX: i64 = 10_000;

/// One chunk of the job.
pub(crate) fn chunk(engine: &Engine, held: &mut HeldJob, subject: &MetricBackfillSubject) -> Result<Chunk, Error> {
    let project = held.project;
    let collected = engine.read(project, "collect_backfill", |tx| {
        let version = find(tx, subject)?;
        if version.state == VersionState::Building { change::collect(tx, &version).map(Some) } else { Ok(None) }
    })?;
    match collected {
        Some(collected) => build(engine, held, subject, &collected),
        None => clean(engine, held, subject),
    }
}

fn build(
    engine: &Engine,
    held: &mut HeldJob,
    subject: &MetricBackfillSubject,
    collected: &Collected,
) -> Result<Chunk, Error> {
    let now = engine.now();
    held.chunk(engine, "backfill_metric", |tx, job| {
        // In the order of everybody who changes a metric: first the metric, then the cursor.
        metrics::find_by_key_for_update(tx, &subject.metric_key)?;
        let cursor = rollup_cursors::lock(tx)?;
        let version = find(tx, subject)?;
        if version.state != VersionState::Building || cursor.metrics_epoch != collected.metrics_epoch {
            // Given up meanwhile, and the next chunk cleans; or events were corrected, and the next chunk adds up again.
            return Ok(Progress::More { done: job.done, total: job.total });
        }
        let progress = change::store(tx, &version, collected, now)?;
        Ok(Progress::More { done: progress.done_seq, total: progress.cut_seq })
    })
}

/// Deletes rows of series that no version reads: those that were replaced, and those of a build that was given up.
fn clean(engine: &Engine, held: &mut HeldJob, subject: &MetricBackfillSubject) -> Result<Chunk, Error> {
    held.chunk(engine, "clean_up_series", |tx, job| {
        for series in change::closed_series(tx, subject.metric_id)? {
            if change::delete_rows(tx, subject.metric_id, series, DELETED_MAX)? > 0 {
                return Ok(Progress::More { done: job.done, total: job.total });
            }
        }
        Ok(Progress::Complete { total: job.total })
    })
}

fn find(tx: &mut ProjectTx<'_>, subject: &MetricBackfillSubject) -> Result<MetricVersion, Error> {
    let versions = metric_versions::of_metric(tx, subject.metric_id)?;
    let found = versions.into_iter().find(|version| version.number == subject.version);
    found.ok_or_else(|| Error::Bug(format!("version {} of {} is gone", subject.version, subject.metric_id)))
}
