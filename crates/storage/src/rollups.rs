//! Rollups: the events of a quarter of an hour added up. They hold exactly the batches up to a project's cursor, and can be
//! dropped and rebuilt from the events at any time.

use domain::ids::{CustomerId, MetricId};
use domain::ingest::rollup::{Cell, Measurement};
use domain::time::Instant;
use domain::window::Span;

use crate::error::StorageError;
use crate::sql::{Row, Value, bulk_sql, params, sql};
use crate::tx::ProjectTx;
use crate::usage_events::UsageFilter;

/// Which events one cell adds up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RollupKey {
    pub metric: MetricId,
    pub customer: CustomerId,
    /// Empty for events that name none.
    pub subscription_key: String,
    /// The start of the quarter of an hour.
    pub slice_start: Instant,
}

/// Takes the project's cursor for this transaction: the place of the last batch that was folded. `None` while another
/// transaction holds it.
pub fn lock_cursor(tx: &mut ProjectTx<'_>) -> Result<Option<i64>, StorageError> {
    tx.execute(
        sql!(
            "-- make_rollup_cursor
            insert into rollup_cursors (project_id, last_seq)
            values (?1, 0)
            on conflict (project_id) do nothing"
        ),
        &[],
    )?;
    tx.query_opt(
        sql!(
            "-- lock_rollup_cursor
            select last_seq
            from rollup_cursors
            where project_id = ?1
            {for_update} {skip_locked}"
        ),
        &[],
        |row| row.get(0),
    )
}

/// The place of the last batch that was folded.
pub fn last_seq(tx: &mut ProjectTx<'_>) -> Result<i64, StorageError> {
    let found = tx.query_opt(
        sql!(
            "-- last_rollup_seq
            select last_seq from rollup_cursors where project_id = ?1"
        ),
        &[],
        |row| row.get(0),
    )?;
    Ok(found.unwrap_or_default())
}

pub fn move_cursor(tx: &mut ProjectTx<'_>, last_seq: i64) -> Result<(), StorageError> {
    let updated = tx.execute(
        sql!(
            "-- move_rollup_cursor
            update rollup_cursors set last_seq = ?2 where project_id = ?1 and last_seq <= ?2"
        ),
        &params![last_seq],
    )?;
    assert_eq!(updated, 1, "a cursor moves forwards, in the transaction that holds it");
    Ok(())
}

/// Those of the cells that exist, in no order.
pub fn find_many(tx: &mut ProjectTx<'_>, keys: &[&RollupKey]) -> Result<Vec<(RollupKey, Cell)>, StorageError> {
    let rows: Vec<[Value<'_>; 4]> =
        keys.iter().map(|key| params![key.metric, key.customer, &key.subscription_key, key.slice_start]).collect();
    tx.query_many(
        bulk_sql!(
            "-- find_rollups
            select c.metric_id, c.customer_id, c.subscription_key, c.slice_start, c.events, c.sum_micros, c.min_micros,
                c.max_micros, c.latest_micros, c.latest_at, c.latest_event_id
            from {rows}
            join rollups c on c.project_id = r.project_id and c.metric_id = r.metric_id
                and c.customer_id = r.customer_id and c.subscription_key = r.subscription_key and c.dimensions = ''
                and c.slice_start = r.slice_start",
            [project_id: Uuid, metric_id: Uuid, customer_id: Uuid, subscription_key: Text, slice_start: Instant]
        ),
        &rows,
        |row| Ok((read_key(row)?, read_cell(row)?)),
    )
}

/// Stores cells as they are given, over what was stored before.
pub fn store_many(tx: &mut ProjectTx<'_>, cells: &[(&RollupKey, &Cell)]) -> Result<(), StorageError> {
    let rows: Vec<[Value<'_>; 12]> = cells.iter().map(|(key, cell)| values(key, cell)).collect();
    tx.execute_many(
        bulk_sql!(
            "-- store_rollups
            insert into rollups (project_id, metric_id, customer_id, subscription_key, dimensions, slice_start, events,
                sum_micros, min_micros, max_micros, latest_micros, latest_at, latest_event_id)
            {values}
            on conflict (project_id, metric_id, customer_id, subscription_key, dimensions, slice_start) do update
            set events = excluded.events,
                sum_micros = excluded.sum_micros,
                min_micros = excluded.min_micros,
                max_micros = excluded.max_micros,
                latest_micros = excluded.latest_micros,
                latest_at = excluded.latest_at,
                latest_event_id = excluded.latest_event_id",
            [
                project_id: Uuid,
                metric_id: Uuid,
                customer_id: Uuid,
                subscription_key: Text,
                dimensions: Text,
                slice_start: Instant,
                events: Int,
                sum_micros: Wide,
                min_micros: Int,
                max_micros: Int,
                latest_micros: Int,
                latest_at: Instant,
                latest_event_id: Uuid,
            ]
        ),
        &rows,
    )?;
    Ok(())
}

/// Drops every cell of the project.
pub fn delete_all(tx: &mut ProjectTx<'_>) -> Result<(), StorageError> {
    tx.execute(sql!("-- delete_rollups\ndelete from rollups where project_id = ?1"), &[])?;
    Ok(())
}

/// Hands every cell that begins in the span to `each`.
pub fn cells(
    tx: &mut ProjectTx<'_>,
    filter: UsageFilter,
    span: Span,
    mut each: impl FnMut(RollupKey, Cell),
) -> Result<(), StorageError> {
    tx.query(
        sql!(
            "-- rollups_of_span
            select c.metric_id, c.customer_id, c.subscription_key, c.slice_start, c.events, c.sum_micros, c.min_micros,
                c.max_micros, c.latest_micros, c.latest_at, c.latest_event_id
            from metrics m
            join rollups c on c.project_id = m.project_id and c.metric_id = m.id and c.slice_start >= ?4
                and c.slice_start < ?5
            where m.project_id = ?1
              and (cast(?2 as {uuid}) is null or m.id = ?2)
              and (cast(?3 as {uuid}) is null or c.customer_id = ?3)"
        ),
        &params![filter.metric, filter.customer, span.start, span.end],
        |row| {
            each(read_key(row)?, read_cell(row)?);
            Ok(())
        },
    )?;
    Ok(())
}

/// Hands every cell of the project to `each`.
pub fn all(tx: &mut ProjectTx<'_>, mut each: impl FnMut(RollupKey, Cell)) -> Result<(), StorageError> {
    tx.query(
        sql!(
            "-- all_rollups
            select c.metric_id, c.customer_id, c.subscription_key, c.slice_start, c.events, c.sum_micros, c.min_micros,
                c.max_micros, c.latest_micros, c.latest_at, c.latest_event_id
            from rollups c
            where c.project_id = ?1"
        ),
        &[],
        |row| {
            each(read_key(row)?, read_cell(row)?);
            Ok(())
        },
    )?;
    Ok(())
}

fn values<'a>(key: &'a RollupKey, cell: &Cell) -> [Value<'a>; 12] {
    params![
        key.metric,
        key.customer,
        &key.subscription_key,
        "",
        key.slice_start,
        cell.events,
        cell.sum,
        cell.min,
        cell.max,
        cell.latest.units,
        cell.latest.at,
        cell.latest.event,
    ]
}

fn read_key(row: &Row<'_>) -> Result<RollupKey, StorageError> {
    Ok(RollupKey {
        metric: row.get(0)?,
        customer: row.get(1)?,
        subscription_key: row.get(2)?,
        slice_start: row.get(3)?,
    })
}

fn read_cell(row: &Row<'_>) -> Result<Cell, StorageError> {
    Ok(Cell {
        events: row.get(4)?,
        sum: row.get(5)?,
        min: row.get(6)?,
        max: row.get(7)?,
        latest: Measurement { units: row.get(8)?, at: row.get(9)?, event: row.get(10)? },
    })
}
