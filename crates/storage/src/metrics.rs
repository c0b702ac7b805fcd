//! Metrics: declared by a person, or made by the first event that names them; never deleted, because events name them.

use domain::ids::{MetricId, ProjectId};
use domain::metrics::{FIRST, Metric, VersionState};
use domain::time::Instant;

use crate::error::StorageError;
use crate::metric_versions::{self, definition_of, definition_text};
use crate::sql::{Row, Value, bulk_sql, params, sql};
use crate::tx::{InstallationTx, ProjectTx};

/// One open version of a metric, as ingest needs it. The definition is its stored text, so that it is read only when it is new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenMetric {
    pub id: MetricId,
    pub key: String,
    pub is_archived: bool,
    /// Current or building.
    pub state: VersionState,
    pub series: i64,
    pub definition: String,
}

/// Adds those metrics whose keys are free, each with its first version, and says how many these were. When it is fewer than all, nothing
/// that was added can stay: the transaction must be given up. Rows of one project come in the order of their keys, so that two writers
/// never wait for each other.
pub fn insert_missing(tx: &mut InstallationTx<'_>, metrics: &[(ProjectId, Metric)]) -> Result<u64, StorageError> {
    let rows: Vec<[Value<'_>; 7]> = metrics
        .iter()
        .map(|(project, metric)| {
            params![
                *project,
                metric.id,
                &metric.definition.key,
                metric.version,
                metric.declared,
                metric.archived_at,
                metric.created_at,
            ]
        })
        .collect();
    let inserted = tx.execute_many(
        bulk_sql!(
            "-- insert_missing_metrics
            insert into metrics (project_id, id, key, version, declared, archived_at, created_at)
            {values}
            on conflict (project_id, key) do nothing",
            [
                project_id: Uuid,
                id: Uuid,
                key: Text,
                version: Int,
                declared: Bool,
                archived_at: Instant,
                created_at: Instant,
            ]
        ),
        &rows,
    )?;
    if u64::try_from(metrics.len()).is_ok_and(|all| all == inserted) {
        metric_versions::insert_first_many(tx, metrics)?;
    }
    Ok(inserted)
}

/// Adds a metric with its first version: false when its key is taken, and then nothing changed.
pub fn insert(tx: &mut ProjectTx<'_>, metric: &Metric) -> Result<bool, StorageError> {
    assert_eq!((metric.version, metric.series), (FIRST, FIRST), "a new metric begins with its first version");
    let inserted = tx.execute(
        sql!(
            "-- insert_metric
            insert into metrics (project_id, id, key, version, declared, archived_at, created_at)
            values (?1, ?2, ?3, ?4, ?5, ?6, ?7)
            on conflict (project_id, key) do nothing"
        ),
        &params![
            metric.id,
            &metric.definition.key,
            metric.version,
            metric.declared,
            metric.archived_at,
            metric.created_at,
        ],
    )?;
    if inserted == 1 {
        metric_versions::insert_first(tx, metric)?;
    }
    Ok(inserted == 1)
}

/// Stores what may change about a metric besides its versions: whether it is declared or archived, and the words of the current version.
pub fn update(tx: &mut ProjectTx<'_>, metric: &Metric) -> Result<(), StorageError> {
    tx.execute(
        sql!(
            "-- update_metric
            update metrics
            set declared = ?3, archived_at = ?4
            where project_id = ?1 and id = ?2"
        ),
        &params![metric.id, metric.declared, metric.archived_at],
    )?;
    tx.execute(
        sql!(
            "-- update_definition_of_metric
            update metric_versions
            set definition = ?4
            where project_id = ?1 and metric_id = ?2 and number = ?3"
        ),
        &params![metric.id, metric.version, definition_text(&metric.definition)],
    )?;
    Ok(())
}

/// The open versions of those of the keys that are known, in no order; name each key once.
pub fn find_open(
    tx: &mut InstallationTx<'_>,
    keys: &[(ProjectId, &str)],
) -> Result<Vec<(ProjectId, OpenMetric)>, StorageError> {
    let rows: Vec<[Value<'_>; 2]> = keys.iter().map(|(project, key)| params![*project, *key]).collect();
    tx.query_many(
        bulk_sql!(
            "-- find_open_metrics
            select m.project_id, m.id, m.key, m.archived_at, v.state, v.series, v.definition
            from {rows}
            join metrics m on m.project_id = r.project_id and m.key = r.key
            join metric_versions v on v.project_id = m.project_id and v.metric_id = m.id
            where v.state <> 'retired'",
            [project_id: Uuid, key: Text]
        ),
        &rows,
        |row| {
            let metric = OpenMetric {
                id: row.get(1)?,
                key: row.get(2)?,
                is_archived: row.get::<Option<Instant>>(3)?.is_some(),
                state: row.named(4, VersionState::parse)?,
                series: row.get(5)?,
                definition: row.get(6)?,
            };
            Ok((row.get(0)?, metric))
        },
    )
}

pub fn find_by_key(tx: &mut ProjectTx<'_>, key: &str) -> Result<Option<Metric>, StorageError> {
    tx.query_opt(
        sql!(
            "-- find_metric_by_key
            select m.id, m.version, m.declared, m.archived_at, m.created_at, v.series, v.definition
            from metrics m
            join metric_versions v on v.project_id = m.project_id and v.metric_id = m.id and v.number = m.version
            where m.project_id = ?1 and m.key = ?2"
        ),
        &params![key],
        read,
    )
}

/// As [`find_by_key`], and nobody else changes the metric or its versions until this transaction ends.
pub fn find_by_key_for_update(tx: &mut ProjectTx<'_>, key: &str) -> Result<Option<Metric>, StorageError> {
    let locked = tx.query_opt(
        sql!(
            "-- lock_metric_by_key
            select id
            from metrics
            where project_id = ?1 and key = ?2
            {for_update}"
        ),
        &params![key],
        |row| row.get::<MetricId>(0),
    )?;
    // Read after the lock is held: the version may have changed while it was waited for.
    match locked {
        Some(_) => find_by_key(tx, key),
        None => Ok(None),
    }
}

/// In the order of their keys, after the given one.
pub fn page(tx: &mut ProjectTx<'_>, after: Option<&str>, limit: i64) -> Result<Vec<Metric>, StorageError> {
    tx.query(
        sql!(
            "-- page_metrics
            select m.id, m.version, m.declared, m.archived_at, m.created_at, v.series, v.definition
            from metrics m
            join metric_versions v on v.project_id = m.project_id and v.metric_id = m.id and v.number = m.version
            where m.project_id = ?1
              and (cast(?2 as text) is null or m.key {binary} > ?2)
            order by m.key {binary}
            limit ?3"
        ),
        &params![after, limit],
        read,
    )
}

/// Every metric of the project.
pub fn all(tx: &mut ProjectTx<'_>) -> Result<Vec<Metric>, StorageError> {
    page(tx, None, i64::MAX)
}

fn read(row: &Row<'_>) -> Result<Metric, StorageError> {
    Ok(Metric {
        id: row.get(0)?,
        version: row.get(1)?,
        declared: row.get(2)?,
        archived_at: row.get(3)?,
        created_at: row.get(4)?,
        series: row.get(5)?,
        definition: definition_of(&row.get::<String>(6)?)?,
    })
}
