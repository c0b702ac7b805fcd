//! Rollups: the events of a quarter of an hour, and of a day, added up. They hold exactly the batches up to a project's cursor, and can be
//! dropped and rebuilt from the events at any time.

use domain::ids::{CustomerId, MetricId};
use domain::ingest::rollup::{Cell, Measurement, Width};
use domain::time::Instant;
use domain::window::Span;
use uuid::Uuid;

use crate::error::StorageError;
use crate::sql::{Row, Value, bulk_sql, params, sql};
use crate::tx::ProjectTx;

/// Whose events are added up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Group {
    pub metric: MetricId,
    pub series: i64,
    pub customer: CustomerId,
    /// Empty for events that name none.
    pub subscription_key: String,
    /// In the form of [`domain::ingest::series::encode`].
    pub dimensions: String,
}

/// Which events one cell adds up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RollupKey {
    pub group: Group,
    pub width: Width,
    /// The start of the time that the cell covers.
    pub slice_start: Instant,
}

/// Of which customers rows are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Customers {
    All,
    One(CustomerId),
    /// In the order of their ids, both included.
    Between {
        first: CustomerId,
        last: CustomerId,
    },
}

impl Customers {
    /// The first and the last id; `None` for all.
    pub fn range(self) -> Option<(CustomerId, CustomerId)> {
        match self {
            Customers::All => None,
            Customers::One(id) => Some((id, id)),
            Customers::Between { first, last } => Some((first, last)),
        }
    }

    /// The first and the last id that there can be.
    pub(crate) fn bounds(self) -> (CustomerId, CustomerId) {
        self.range().unwrap_or((CustomerId::from_uuid(Uuid::nil()), CustomerId::from_uuid(Uuid::max())))
    }

    pub fn hold(self, customer: CustomerId) -> bool {
        self.range().is_none_or(|(first, last)| first <= customer && customer <= last)
    }
}

/// Rows of one series that begin in a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    pub metric: MetricId,
    pub series: i64,
    pub width: Width,
    pub customers: Customers,
    pub span: Span,
}

/// Those of the cells that exist, in no order.
pub fn find_many(tx: &mut ProjectTx<'_>, keys: &[&RollupKey]) -> Result<Vec<(RollupKey, Cell)>, StorageError> {
    let rows: Vec<[Value<'_>; 7]> = keys.iter().map(|key| key_values(key)).collect();
    tx.query_many(
        bulk_sql!(
            "-- find_rollups
            select c.metric_id, c.series, c.width, c.customer_id, c.subscription_key, c.dimensions, c.slice_start, c.events, c.warnings,
                c.sum_micros, c.min_micros, c.max_micros, c.latest_micros, c.latest_at, c.latest_event_id
            from {rows}
            join rollups c on c.project_id = r.project_id and c.metric_id = r.metric_id and c.series = r.series
                and c.width = r.width and c.customer_id = r.customer_id and c.subscription_key = r.subscription_key
                and c.dimensions = r.dimensions and c.slice_start = r.slice_start",
            [
                project_id: Uuid,
                metric_id: Uuid,
                series: Int,
                width: Text,
                customer_id: Uuid,
                subscription_key: Text,
                dimensions: Text,
                slice_start: Instant,
            ]
        ),
        &rows,
        read,
    )
}

/// Stores cells as they are given, over what was stored before.
pub fn store_many(tx: &mut ProjectTx<'_>, cells: &[(&RollupKey, &Cell)]) -> Result<(), StorageError> {
    let rows: Vec<[Value<'_>; 15]> = cells.iter().map(|(key, cell)| values(key, cell)).collect();
    tx.execute_many(
        bulk_sql!(
            "-- store_rollups
            insert into rollups (project_id, metric_id, series, width, customer_id, subscription_key, dimensions,
                slice_start, events, warnings, sum_micros, min_micros, max_micros, latest_micros, latest_at,
                latest_event_id)
            {values}
            on conflict (project_id, metric_id, series, width, customer_id, subscription_key, dimensions, slice_start)
            do update
            set events = excluded.events,
                warnings = excluded.warnings,
                sum_micros = excluded.sum_micros,
                min_micros = excluded.min_micros,
                max_micros = excluded.max_micros,
                latest_micros = excluded.latest_micros,
                latest_at = excluded.latest_at,
                latest_event_id = excluded.latest_event_id",
            [
                project_id: Uuid,
                metric_id: Uuid,
                series: Int,
                width: Text,
                customer_id: Uuid,
                subscription_key: Text,
                dimensions: Text,
                slice_start: Instant,
                events: Int,
                warnings: Int,
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

/// Drops at most `limit` cells of one series, and says how many.
pub fn delete_series(tx: &mut ProjectTx<'_>, metric: MetricId, series: i64, limit: i64) -> Result<u64, StorageError> {
    tx.execute(
        sql!(
            "-- delete_rollups_of_series
            delete from rollups
            where project_id = ?1 and metric_id = ?2 and series = ?3
              and (width, customer_id, subscription_key, dimensions, slice_start) in (
                  select width, customer_id, subscription_key, dimensions, slice_start
                  from rollups
                  where project_id = ?1 and metric_id = ?2 and series = ?3
                  limit ?4
              )"
        ),
        &params![metric, series, limit],
    )
}

/// Drops the cells of one customer in the stretch.
pub fn delete_of_customer(tx: &mut ProjectTx<'_>, customer: CustomerId, stretch: &Stretch) -> Result<(), StorageError> {
    let Stretch { metric, series, width, span, .. } = *stretch;
    tx.execute(
        sql!(
            "-- delete_rollups_of_customer
            delete from rollups
            where project_id = ?1 and metric_id = ?2 and series = ?3 and width = ?4 and customer_id = ?5
              and slice_start >= ?6 and slice_start < ?7"
        ),
        &params![metric, series, width.as_str(), customer, span.start, span.end],
    )?;
    Ok(())
}

/// Hands every cell of the stretch to `each`.
pub fn cells(
    tx: &mut ProjectTx<'_>,
    stretch: &Stretch,
    mut each: impl FnMut(RollupKey, Cell),
) -> Result<(), StorageError> {
    let Stretch { metric, series, width, customers, span } = *stretch;
    let hand_over = |row: &Row<'_>| {
        let (key, cell) = read(row)?;
        each(key, cell);
        Ok(())
    };
    match customers.range() {
        None => tx.query(
            sql!(
                "-- rollups_of_span
                select c.metric_id, c.series, c.width, c.customer_id, c.subscription_key, c.dimensions, c.slice_start, c.events,
                    c.warnings, c.sum_micros, c.min_micros, c.max_micros, c.latest_micros, c.latest_at,
                    c.latest_event_id
                from rollups c
                where c.project_id = ?1 and c.metric_id = ?2 and c.series = ?3 and c.width = ?4
                  and c.slice_start >= ?5 and c.slice_start < ?6"
            ),
            &params![metric, series, width.as_str(), span.start, span.end],
            hand_over,
        )?,
        Some((first, last)) => tx.query(
            sql!(
                "-- rollups_of_customers
                select c.metric_id, c.series, c.width, c.customer_id, c.subscription_key, c.dimensions, c.slice_start, c.events,
                    c.warnings, c.sum_micros, c.min_micros, c.max_micros, c.latest_micros, c.latest_at,
                    c.latest_event_id
                from rollups c
                where c.project_id = ?1 and c.metric_id = ?2 and c.series = ?3 and c.width = ?4
                  and c.customer_id >= ?5 and c.customer_id <= ?6 and c.slice_start >= ?7 and c.slice_start < ?8"
            ),
            &params![metric, series, width.as_str(), first, last, span.start, span.end],
            hand_over,
        )?,
    };
    Ok(())
}

/// Hands every cell of the project to `each`.
pub fn all(tx: &mut ProjectTx<'_>, mut each: impl FnMut(RollupKey, Cell)) -> Result<(), StorageError> {
    tx.query(
        sql!(
            "-- all_rollups
            select c.metric_id, c.series, c.width, c.customer_id, c.subscription_key, c.dimensions, c.slice_start, c.events, c.warnings,
                c.sum_micros, c.min_micros, c.max_micros, c.latest_micros, c.latest_at, c.latest_event_id
            from rollups c
            where c.project_id = ?1"
        ),
        &[],
        |row| {
            let (key, cell) = read(row)?;
            each(key, cell);
            Ok(())
        },
    )?;
    Ok(())
}

pub(crate) fn key_values(key: &RollupKey) -> [Value<'_>; 7] {
    let Group { metric, series, customer, subscription_key, dimensions } = &key.group;
    params![*metric, *series, key.width.as_str(), *customer, subscription_key, dimensions, key.slice_start]
}

fn values<'a>(key: &'a RollupKey, cell: &Cell) -> [Value<'a>; 15] {
    let [metric, series, width, customer, subscription_key, dimensions, slice_start] = key_values(key);
    [
        metric,
        series,
        width,
        customer,
        subscription_key,
        dimensions,
        slice_start,
        cell.events.into(),
        cell.warnings.into(),
        cell.sum.into(),
        cell.min.into(),
        cell.max.into(),
        cell.latest.units.into(),
        cell.latest.at.into(),
        cell.latest.event.into(),
    ]
}

pub(crate) fn read_key(row: &Row<'_>) -> Result<RollupKey, StorageError> {
    Ok(RollupKey {
        group: Group {
            metric: row.get(0)?,
            series: row.get(1)?,
            customer: row.get(3)?,
            subscription_key: row.get(4)?,
            dimensions: row.get(5)?,
        },
        width: row.named(2, Width::parse)?,
        slice_start: row.get(6)?,
    })
}

fn read(row: &Row<'_>) -> Result<(RollupKey, Cell), StorageError> {
    let cell = Cell {
        events: row.get(7)?,
        warnings: row.get(8)?,
        sum: row.get(9)?,
        min: row.get(10)?,
        max: row.get(11)?,
        latest: Measurement { units: row.get(12)?, at: row.get(13)?, event: row.get(14)? },
    };
    Ok((read_key(row)?, cell))
}
