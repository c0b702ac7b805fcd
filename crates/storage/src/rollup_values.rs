//! The different values of a property behind the cells of a `unique` metric, each with the number of its events.

use domain::ids::{CustomerId, MetricId};

use crate::error::StorageError;
use crate::rollups::{RollupKey, Stretch, key_values, read_key};
use crate::sql::{Row, Value, bulk_sql, params, sql};
use crate::tx::ProjectTx;

/// One value in one cell: its canonical JSON, or the hash of a long one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValueKey {
    pub cell: RollupKey,
    pub value: String,
}

/// Adds events to what is stored of each value.
pub fn add_many(tx: &mut ProjectTx<'_>, values: &[(&ValueKey, i64)]) -> Result<(), StorageError> {
    let rows: Vec<[Value<'_>; 9]> = values
        .iter()
        .map(|(key, events)| {
            let [metric, series, width, customer, subscription_key, dimensions, slice_start] = key_values(&key.cell);
            let value = Value::from(&key.value);
            let events = Value::from(*events);
            [metric, series, width, customer, subscription_key, dimensions, slice_start, value, events]
        })
        .collect();
    tx.execute_many(
        bulk_sql!(
            "-- add_rollup_values
            insert into rollup_values (project_id, metric_id, series, width, customer_id, subscription_key, dimensions,
                slice_start, value, events)
            {values}
            on conflict (project_id, metric_id, series, width, customer_id, subscription_key, dimensions, slice_start,
                value)
            do update
            set events = rollup_values.events + excluded.events",
            [
                project_id: Uuid,
                metric_id: Uuid,
                series: Int,
                width: Text,
                customer_id: Uuid,
                subscription_key: Text,
                dimensions: Text,
                slice_start: Instant,
                value: Text,
                events: Int,
            ]
        ),
        &rows,
    )?;
    Ok(())
}

/// Drops every value of the project.
pub fn delete_all(tx: &mut ProjectTx<'_>) -> Result<(), StorageError> {
    tx.execute(sql!("-- delete_rollup_values\ndelete from rollup_values where project_id = ?1"), &[])?;
    Ok(())
}

/// Drops at most `limit` values of one series, and says how many.
pub fn delete_series(tx: &mut ProjectTx<'_>, metric: MetricId, series: i64, limit: i64) -> Result<u64, StorageError> {
    tx.execute(
        sql!(
            "-- delete_rollup_values_of_series
            delete from rollup_values
            where project_id = ?1 and metric_id = ?2 and series = ?3
              and (width, customer_id, subscription_key, dimensions, slice_start, value) in (
                  select width, customer_id, subscription_key, dimensions, slice_start, value
                  from rollup_values
                  where project_id = ?1 and metric_id = ?2 and series = ?3
                  limit ?4
              )"
        ),
        &params![metric, series, limit],
    )
}

/// Drops the values of one customer in the stretch.
pub fn delete_of_customer(tx: &mut ProjectTx<'_>, customer: CustomerId, stretch: &Stretch) -> Result<(), StorageError> {
    let Stretch { metric, series, width, span, .. } = *stretch;
    tx.execute(
        sql!(
            "-- delete_rollup_values_of_customer
            delete from rollup_values
            where project_id = ?1 and metric_id = ?2 and series = ?3 and width = ?4 and customer_id = ?5
              and slice_start >= ?6 and slice_start < ?7"
        ),
        &params![metric, series, width.as_str(), customer, span.start, span.end],
    )?;
    Ok(())
}

/// Hands every value of the stretch to `each`, with the number of its events.
pub fn of_stretch(
    tx: &mut ProjectTx<'_>,
    stretch: &Stretch,
    mut each: impl FnMut(ValueKey, i64),
) -> Result<(), StorageError> {
    let Stretch { metric, series, width, customers, span } = *stretch;
    let hand_over = |row: &Row<'_>| {
        let (key, events) = read(row)?;
        each(key, events);
        Ok(())
    };
    match customers.range() {
        None => tx.query(
            sql!(
                "-- rollup_values_of_span
                select c.metric_id, c.series, c.width, c.customer_id, c.subscription_key, c.dimensions, c.slice_start, c.value,
                    c.events
                from rollup_values c
                where c.project_id = ?1 and c.metric_id = ?2 and c.series = ?3 and c.width = ?4
                  and c.slice_start >= ?5 and c.slice_start < ?6"
            ),
            &params![metric, series, width.as_str(), span.start, span.end],
            hand_over,
        )?,
        Some((first, last)) => tx.query(
            sql!(
                "-- rollup_values_of_customers
                select c.metric_id, c.series, c.width, c.customer_id, c.subscription_key, c.dimensions, c.slice_start, c.value,
                    c.events
                from rollup_values c
                where c.project_id = ?1 and c.metric_id = ?2 and c.series = ?3 and c.width = ?4
                  and c.customer_id >= ?5 and c.customer_id <= ?6 and c.slice_start >= ?7 and c.slice_start < ?8"
            ),
            &params![metric, series, width.as_str(), first, last, span.start, span.end],
            hand_over,
        )?,
    };
    Ok(())
}

/// Hands every value of the project to `each`.
pub fn all(tx: &mut ProjectTx<'_>, mut each: impl FnMut(ValueKey, i64)) -> Result<(), StorageError> {
    tx.query(
        sql!(
            "-- all_rollup_values
            select c.metric_id, c.series, c.width, c.customer_id, c.subscription_key, c.dimensions, c.slice_start, c.value,
                c.events
            from rollup_values c
            where c.project_id = ?1"
        ),
        &[],
        |row| {
            let (key, events) = read(row)?;
            each(key, events);
            Ok(())
        },
    )?;
    Ok(())
}

fn read(row: &Row<'_>) -> Result<(ValueKey, i64), StorageError> {
    Ok((ValueKey { cell: read_key(row)?, value: row.get(7)? }, row.get(8)?))
}
