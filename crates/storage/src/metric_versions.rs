//! Versions of metrics: what a metric means, meant, or is about to mean. One is current; at most one more is being built.

use domain::catalog::metric::MetricDefinition;
use domain::ids::{MetricId, ProjectId};
use domain::metrics::{Gap, Metric, MetricVersion, VersionState};
use domain::time::Instant;

use crate::error::StorageError;
use crate::sql::{Row, Value, bulk_sql, params, sql};
use crate::tx::{InstallationTx, ProjectTx};

/// A series into which events are folded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenSeries {
    pub metric: MetricId,
    pub series: i64,
    pub definition: MetricDefinition,
    /// The folded batches that it does not hold, while it is built.
    pub gap: Option<Gap>,
}

/// Adds a version. Its number is free: take it from [`next`] while the metric is locked.
pub fn insert(tx: &mut ProjectTx<'_>, version: &MetricVersion) -> Result<(), StorageError> {
    tx.execute(
        sql!(
            "-- insert_metric_version
            insert into metric_versions (project_id, metric_id, number, series, state, definition, cut_seq, done_seq,
                created_at, activated_at, retired_at)
            values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
        ),
        &params![
            version.metric,
            version.number,
            version.series,
            version.state.as_str(),
            definition_text(&version.definition),
            version.gap.map(|gap| gap.cut_seq),
            version.gap.map(|gap| gap.done_seq),
            version.created_at,
            version.activated_at,
            version.retired_at,
        ],
    )?;
    Ok(())
}

/// The first version of a metric that is made now.
pub(crate) fn insert_first(tx: &mut ProjectTx<'_>, metric: &Metric) -> Result<(), StorageError> {
    let version = MetricVersion {
        metric: metric.id,
        number: metric.version,
        series: metric.series,
        state: VersionState::Current,
        definition: metric.definition.clone(),
        gap: None,
        created_at: metric.created_at,
        activated_at: Some(metric.created_at),
        retired_at: None,
    };
    insert(tx, &version)
}

/// The same for metrics of several projects.
pub(crate) fn insert_first_many(
    tx: &mut InstallationTx<'_>,
    metrics: &[(ProjectId, Metric)],
) -> Result<(), StorageError> {
    let rows: Vec<[Value<'_>; 8]> = metrics
        .iter()
        .map(|(project, metric)| {
            params![
                *project,
                metric.id,
                metric.version,
                metric.series,
                VersionState::Current.as_str(),
                definition_text(&metric.definition),
                metric.created_at,
                metric.created_at,
            ]
        })
        .collect();
    tx.execute_many(
        bulk_sql!(
            "-- insert_first_metric_versions
            insert into metric_versions (project_id, metric_id, number, series, state, definition, created_at,
                activated_at)
            {values}",
            [
                project_id: Uuid,
                metric_id: Uuid,
                number: Int,
                series: Int,
                state: Text,
                definition: Text,
                created_at: Instant,
                activated_at: Instant,
            ]
        ),
        &rows,
    )?;
    Ok(())
}

/// The next free number of a version and of a series of the metric. Hold the metric's lock.
pub fn next(tx: &mut ProjectTx<'_>, metric: MetricId) -> Result<(i64, i64), StorageError> {
    tx.query_one(
        sql!(
            "-- next_metric_version
            select coalesce(max(number), 0) + 1, coalesce(max(series), 0) + 1
            from metric_versions
            where project_id = ?1 and metric_id = ?2"
        ),
        &params![metric],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// Every version of a metric, the first one first.
pub fn of_metric(tx: &mut ProjectTx<'_>, metric: MetricId) -> Result<Vec<MetricVersion>, StorageError> {
    tx.query(
        sql!(
            "-- versions_of_metric
            select metric_id, number, series, state, definition, cut_seq, done_seq, created_at, activated_at, retired_at
            from metric_versions
            where project_id = ?1 and metric_id = ?2
            order by number"
        ),
        &params![metric],
        read,
    )
}

/// The versions of the project that are being built.
pub fn building(tx: &mut ProjectTx<'_>) -> Result<Vec<MetricVersion>, StorageError> {
    tx.query(
        sql!(
            "-- building_metric_versions
            select v.metric_id, v.number, v.series, v.state, v.definition, v.cut_seq, v.done_seq, v.created_at,
                v.activated_at, v.retired_at
            from metrics m
            join metric_versions v on v.project_id = m.project_id and v.metric_id = m.id and v.state = 'building'
            where m.project_id = ?1
            order by v.metric_id"
        ),
        &[],
        read,
    )
}

/// Every series of the project into which events are folded.
pub fn open_series(tx: &mut ProjectTx<'_>) -> Result<Vec<OpenSeries>, StorageError> {
    tx.query(
        sql!(
            "-- open_series
            select metric_id, series, state, definition, cut_seq, done_seq
            from metric_versions
            where project_id = ?1 and state <> 'retired'
            order by metric_id, series"
        ),
        &[],
        |row| {
            Ok(OpenSeries {
                metric: row.get(0)?,
                series: row.get(1)?,
                definition: definition_of(&row.get::<String>(3)?)?,
                gap: read_gap(row, [2, 4, 5])?,
            })
        },
    )
}

/// Notes how far a build has come.
pub fn set_done(tx: &mut ProjectTx<'_>, metric: MetricId, number: i64, done_seq: i64) -> Result<(), StorageError> {
    let updated = tx.execute(
        sql!(
            "-- set_done_of_metric_version
            update metric_versions
            set done_seq = ?4
            where project_id = ?1 and metric_id = ?2 and number = ?3 and state = 'building'"
        ),
        &params![metric, number, done_seq],
    )?;
    assert_eq!(updated, 1, "only a version that is being built makes progress");
    Ok(())
}

/// Makes a version the current one, and retires the one before. When the series changes, the caller holds the project's cursor and begins
/// a new epoch ([`crate::rollup_cursors`]).
pub fn activate(tx: &mut ProjectTx<'_>, metric: MetricId, number: i64, now: Instant) -> Result<(), StorageError> {
    tx.execute(
        sql!(
            "-- retire_current_metric_version
            update metric_versions
            set state = 'retired', retired_at = ?3
            where project_id = ?1 and metric_id = ?2 and state = 'current'"
        ),
        &params![metric, now],
    )?;
    let activated = tx.execute(
        sql!(
            "-- activate_metric_version
            update metric_versions
            set state = 'current', activated_at = ?4
            where project_id = ?1 and metric_id = ?2 and number = ?3 and state = 'building'"
        ),
        &params![metric, number, now],
    )?;
    assert_eq!(activated, 1, "only a version that is being built becomes current");
    tx.execute(
        sql!(
            "-- set_version_of_metric
            update metrics set version = ?3 where project_id = ?1 and id = ?2"
        ),
        &params![metric, number],
    )?;
    Ok(())
}

/// Gives up a version that is being built. The caller holds the project's cursor and begins a new epoch.
pub fn abandon(tx: &mut ProjectTx<'_>, metric: MetricId, number: i64, now: Instant) -> Result<(), StorageError> {
    tx.execute(
        sql!(
            "-- abandon_metric_version
            update metric_versions
            set state = 'retired', retired_at = ?4
            where project_id = ?1 and metric_id = ?2 and number = ?3 and state = 'building'"
        ),
        &params![metric, number, now],
    )?;
    Ok(())
}

fn read(row: &Row<'_>) -> Result<MetricVersion, StorageError> {
    Ok(MetricVersion {
        metric: row.get(0)?,
        number: row.get(1)?,
        series: row.get(2)?,
        state: row.named(3, VersionState::parse)?,
        definition: definition_of(&row.get::<String>(4)?)?,
        gap: read_gap(row, [3, 5, 6])?,
        created_at: row.get(7)?,
        activated_at: row.get(8)?,
        retired_at: row.get(9)?,
    })
}

/// From the columns of the state, the cut and what is done.
fn read_gap(row: &Row<'_>, [state, cut_seq, done_seq]: [usize; 3]) -> Result<Option<Gap>, StorageError> {
    match row.named(state, VersionState::parse)? {
        VersionState::Building => Ok(Some(Gap { cut_seq: row.get(cut_seq)?, done_seq: row.get(done_seq)? })),
        VersionState::Current | VersionState::Retired => Ok(None),
    }
}

/// A definition as its stored text. It is text on both databases: a JSON column would spell the numbers of a schema its own way.
pub(crate) fn definition_text(definition: &MetricDefinition) -> String {
    // Cannot fail: a definition has nothing that JSON cannot hold.
    serde_json::to_string(definition).expect("a definition is JSON")
}

/// # Errors
/// [`StorageError::Corrupt`] when the text is no definition.
pub fn definition_of(text: &str) -> Result<MetricDefinition, StorageError> {
    serde_json::from_str(text).map_err(|_| StorageError::corrupt("the definition of a metric"))
}
