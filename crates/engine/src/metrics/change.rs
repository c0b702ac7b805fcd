//! Changing what a metric means: a version that is current at once where its rows exist, a version that is built from the stored events
//! where they do not.
//!
//! ```text
//! begin(tx, metric, next, now) -> MetricVersion            // state building, or current when there is nothing to read or no row to make
//! add_batches(tx, version, batches, now) -> Progress       // one chunk of the build, in a transaction of its own; the last one makes it current
//! delete_rows(tx, metric, series, limit) -> u64            // one chunk of the rows that nobody reads any more; 0 when none is left
//! ```
//!
//! Exactly once by construction: a series is opened under the project's cursor, at the place `cut_seq`. The fold adds every batch after it,
//! the build every batch up to it, and each chunk notes in its own transaction how far it came. A crash loses a chunk as a whole.

use domain::catalog::metric::{MetricChange, MetricDefinition};
use domain::ids::MetricId;
use domain::metrics::{Gap, Metric, MetricVersion, VersionState};
use domain::time::Instant;
use storage::{ProjectTx, ingest_batches, metric_versions, rollup_cursors, rollup_levels, rollup_values, rollups};

use crate::error::Error;
use crate::ingest;

/// How far a build has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    pub done_seq: i64,
    pub cut_seq: i64,
    /// Set by the chunk that made the version current: the series that nobody reads any more.
    pub retired_series: Option<i64>,
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

/// Adds the next batches to the series of the version of the metric that is being built; the last of them make it current. `None` when
/// none is being built.
///
/// # Errors
/// Only when the database fails; then nothing of the chunk is stored.
pub fn add_batches(
    tx: &mut ProjectTx<'_>,
    metric: MetricId,
    batches: i64,
    now: Instant,
) -> Result<Option<Progress>, Error> {
    // Whoever adds to rollups holds the cursor: the fold may be adding to the same cells.
    rollup_cursors::lock(tx)?;
    let versions = metric_versions::of_metric(tx, metric)?;
    let Some((version, gap)) = versions.iter().find_map(|version| version.gap.map(|gap| (version, gap))) else {
        return Ok(None);
    };
    let cut_seq = gap.cut_seq;
    let mut page = ingest_batches::folded(tx, gap.done_seq, batches)?;
    page.retain(|batch| batch.rollup_seq.is_some_and(|seq| seq <= cut_seq));
    let done_seq = page.last().and_then(|batch| batch.rollup_seq).unwrap_or(cut_seq);
    ingest::add_to_series(tx, &page, version)?;
    metric_versions::set_done(tx, metric, version.number, done_seq)?;
    let mut retired_series = None;
    if done_seq == cut_seq {
        retired_series = versions.iter().find(|known| known.state == VersionState::Current).map(|known| known.series);
        metric_versions::activate(tx, metric, version.number, now)?;
        rollup_cursors::begin_epoch(tx)?;
    }
    Ok(Some(Progress { done_seq, cut_seq, retired_series }))
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
