//! Metrics: declared by a person, or made by the first event that names them; never deleted, because events name them.

use domain::ids::ProjectId;
use domain::metrics::{Aggregation, Metric};

use crate::error::StorageError;
use crate::sql::{Row, Value, bulk_sql, params, sql};
use crate::tx::{InstallationTx, ProjectTx};

/// Adds those metrics whose keys are free, and says how many these were. Rows of one project come in the order of their
/// keys, so that two writers never wait for each other.
pub fn insert_missing(tx: &mut InstallationTx<'_>, metrics: &[(ProjectId, Metric)]) -> Result<u64, StorageError> {
    let rows: Vec<[Value<'_>; 8]> = metrics
        .iter()
        .map(|(project, metric)| {
            params![
                *project,
                metric.id,
                &metric.key,
                &metric.name,
                metric.aggregation.as_str(),
                metric.unit_label.as_deref(),
                metric.declared,
                metric.created_at,
            ]
        })
        .collect();
    tx.execute_many(
        bulk_sql!(
            "-- insert_missing_metrics
            insert into metrics (project_id, id, key, name, aggregation, unit_label, declared, created_at)
            {values}
            on conflict (project_id, key) do nothing",
            [
                project_id: Uuid,
                id: Uuid,
                key: Text,
                name: Text,
                aggregation: Text,
                unit_label: Text,
                declared: Bool,
                created_at: Instant,
            ]
        ),
        &rows,
    )
}

/// Adds a metric: false when its key is taken, and then nothing changed.
pub fn insert(tx: &mut ProjectTx<'_>, metric: &Metric) -> Result<bool, StorageError> {
    let inserted = tx.execute(
        sql!(
            "-- insert_metric
            insert into metrics (project_id, id, key, name, aggregation, unit_label, declared, created_at)
            values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
            on conflict (project_id, key) do nothing"
        ),
        &params![
            metric.id,
            &metric.key,
            &metric.name,
            metric.aggregation.as_str(),
            metric.unit_label.as_deref(),
            metric.declared,
            metric.created_at,
        ],
    )?;
    Ok(inserted == 1)
}

/// Stores what may change about a metric: what people call it, how it adds up, whether it is declared.
pub fn update(tx: &mut ProjectTx<'_>, metric: &Metric) -> Result<(), StorageError> {
    tx.execute(
        sql!(
            "-- update_metric
            update metrics
            set name = ?3, aggregation = ?4, unit_label = ?5, declared = ?6
            where project_id = ?1 and id = ?2"
        ),
        &params![metric.id, &metric.name, metric.aggregation.as_str(), metric.unit_label.as_deref(), metric.declared,],
    )?;
    Ok(())
}

/// Those of the keys that are known, in no order; name each key once.
pub fn find_many(
    tx: &mut InstallationTx<'_>,
    keys: &[(ProjectId, &str)],
) -> Result<Vec<(ProjectId, Metric)>, StorageError> {
    let rows: Vec<[Value<'_>; 2]> = keys.iter().map(|(project, key)| params![*project, *key]).collect();
    tx.query_many(
        bulk_sql!(
            "-- find_metrics
            select m.id, m.key, m.name, m.aggregation, m.unit_label, m.declared, m.created_at, m.project_id
            from {rows}
            join metrics m on m.project_id = r.project_id and m.key = r.key",
            [project_id: Uuid, key: Text]
        ),
        &rows,
        |row| Ok((row.get(7)?, read(row)?)),
    )
}

pub fn find_by_key(tx: &mut ProjectTx<'_>, key: &str) -> Result<Option<Metric>, StorageError> {
    tx.query_opt(
        sql!(
            "-- find_metric_by_key
            select id, key, name, aggregation, unit_label, declared, created_at
            from metrics
            where project_id = ?1 and key = ?2"
        ),
        &params![key],
        read,
    )
}

/// As [`find_by_key`], and nobody else changes the metric until this transaction ends.
pub fn find_by_key_for_update(tx: &mut ProjectTx<'_>, key: &str) -> Result<Option<Metric>, StorageError> {
    tx.query_opt(
        sql!(
            "-- find_metric_by_key_for_update
            select id, key, name, aggregation, unit_label, declared, created_at
            from metrics
            where project_id = ?1 and key = ?2
            {for_update}"
        ),
        &params![key],
        read,
    )
}

/// In the order of their keys, after the given one.
pub fn page(tx: &mut ProjectTx<'_>, after: Option<&str>, limit: i64) -> Result<Vec<Metric>, StorageError> {
    tx.query(
        sql!(
            "-- page_metrics
            select id, key, name, aggregation, unit_label, declared, created_at
            from metrics
            where project_id = ?1
              and (cast(?2 as text) is null or key {binary} > ?2)
            order by key {binary}
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
        key: row.get(1)?,
        name: row.get(2)?,
        aggregation: row.named(3, Aggregation::parse)?,
        unit_label: row.get(4)?,
        declared: row.get(5)?,
        created_at: row.get(6)?,
    })
}
