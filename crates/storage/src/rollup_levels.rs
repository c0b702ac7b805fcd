//! Every change of the level behind a `weightedSum` metric. Of several events at one instant the one with the greatest id is kept.

use domain::ids::{CustomerId, MetricId};
use domain::ingest::rollup::Measurement;
use domain::time::Instant;
use domain::window::Span;

use crate::error::StorageError;
use crate::rollups::{Customers, Group};
use crate::sql::{Row, Value, bulk_sql, params, sql};
use crate::tx::ProjectTx;

/// One change of a level: whose, and the event that made it.
pub type Level = (Group, Measurement);

/// Stores changes. Where one is stored for the same instant, the one with the greater event id stays.
pub fn store_many(tx: &mut ProjectTx<'_>, levels: &[(&Group, Measurement)]) -> Result<(), StorageError> {
    let rows: Vec<[Value<'_>; 8]> = levels
        .iter()
        .map(|(group, change)| {
            let [metric, series, customer, subscription_key, dimensions] = group_values(group);
            let (at, event, units) = (change.at.into(), change.event.into(), change.units.into());
            [metric, series, customer, subscription_key, dimensions, at, event, units]
        })
        .collect();
    tx.execute_many(
        bulk_sql!(
            "-- store_rollup_levels
            insert into rollup_levels (project_id, metric_id, series, customer_id, subscription_key, dimensions, at,
                event_id, units_micros)
            {values}
            on conflict (project_id, metric_id, series, customer_id, subscription_key, dimensions, at) do update
            set event_id = excluded.event_id, units_micros = excluded.units_micros
            where excluded.event_id > rollup_levels.event_id",
            [
                project_id: Uuid,
                metric_id: Uuid,
                series: Int,
                customer_id: Uuid,
                subscription_key: Text,
                dimensions: Text,
                at: Instant,
                event_id: Uuid,
                units_micros: Int,
            ]
        ),
        &rows,
    )?;
    Ok(())
}

/// The latest change of each group before an instant; nothing for a group that has none.
pub fn latest_before(tx: &mut ProjectTx<'_>, groups: &[(&Group, Instant)]) -> Result<Vec<Level>, StorageError> {
    let rows: Vec<[Value<'_>; 6]> = groups
        .iter()
        .map(|(group, before)| {
            let [metric, series, customer, subscription_key, dimensions] = group_values(group);
            [metric, series, customer, subscription_key, dimensions, (*before).into()]
        })
        .collect();
    tx.query_many(
        bulk_sql!(
            "-- latest_rollup_levels
            select c.metric_id, c.series, c.customer_id, c.subscription_key, c.dimensions, c.at, c.event_id, c.units_micros
            from {rows}
            join rollup_levels c on c.project_id = r.project_id and c.metric_id = r.metric_id and c.series = r.series
                and c.customer_id = r.customer_id and c.subscription_key = r.subscription_key
                and c.dimensions = r.dimensions
                and c.at = (
                    select max(l.at)
                    from rollup_levels l
                    where l.project_id = r.project_id and l.metric_id = r.metric_id and l.series = r.series
                      and l.customer_id = r.customer_id and l.subscription_key = r.subscription_key
                      and l.dimensions = r.dimensions and l.at < r.before
                )",
            [
                project_id: Uuid,
                metric_id: Uuid,
                series: Int,
                customer_id: Uuid,
                subscription_key: Text,
                dimensions: Text,
                before: Instant,
            ]
        ),
        &rows,
        read,
    )
}

/// Drops every level of the project.
pub fn delete_all(tx: &mut ProjectTx<'_>) -> Result<(), StorageError> {
    tx.execute(sql!("-- delete_rollup_levels\ndelete from rollup_levels where project_id = ?1"), &[])?;
    Ok(())
}

/// Drops at most `limit` levels of one series, and says how many.
pub fn delete_series(tx: &mut ProjectTx<'_>, metric: MetricId, series: i64, limit: i64) -> Result<u64, StorageError> {
    tx.execute(
        sql!(
            "-- delete_rollup_levels_of_series
            delete from rollup_levels
            where project_id = ?1 and metric_id = ?2 and series = ?3
              and (customer_id, subscription_key, dimensions, at) in (
                  select customer_id, subscription_key, dimensions, at
                  from rollup_levels
                  where project_id = ?1 and metric_id = ?2 and series = ?3
                  limit ?4
              )"
        ),
        &params![metric, series, limit],
    )
}

/// Drops the changes of one customer in the span.
pub fn delete_of_customer(
    tx: &mut ProjectTx<'_>,
    (metric, series): (MetricId, i64),
    customer: CustomerId,
    span: Span,
) -> Result<(), StorageError> {
    tx.execute(
        sql!(
            "-- delete_rollup_levels_of_customer
            delete from rollup_levels
            where project_id = ?1 and metric_id = ?2 and series = ?3 and customer_id = ?4 and at >= ?5 and at < ?6"
        ),
        &params![metric, series, customer, span.start, span.end],
    )?;
    Ok(())
}

/// Hands every change in the span to `each`.
pub fn of_span(
    tx: &mut ProjectTx<'_>,
    (metric, series): (MetricId, i64),
    customers: Customers,
    span: Span,
    mut each: impl FnMut(Group, Measurement),
) -> Result<(), StorageError> {
    let hand_over = |row: &Row<'_>| {
        let (group, change) = read(row)?;
        each(group, change);
        Ok(())
    };
    match customers.range() {
        None => tx.query(
            sql!(
                "-- rollup_levels_of_span
                select c.metric_id, c.series, c.customer_id, c.subscription_key, c.dimensions, c.at, c.event_id, c.units_micros
                from rollup_levels c
                where c.project_id = ?1 and c.metric_id = ?2 and c.series = ?3 and c.at >= ?4 and c.at < ?5"
            ),
            &params![metric, series, span.start, span.end],
            hand_over,
        )?,
        Some((first, last)) => tx.query(
            sql!(
                "-- rollup_levels_of_customers
                select c.metric_id, c.series, c.customer_id, c.subscription_key, c.dimensions, c.at, c.event_id, c.units_micros
                from rollup_levels c
                where c.project_id = ?1 and c.metric_id = ?2 and c.series = ?3
                  and c.customer_id >= ?4 and c.customer_id <= ?5 and c.at >= ?6 and c.at < ?7"
            ),
            &params![metric, series, first, last, span.start, span.end],
            hand_over,
        )?,
    };
    Ok(())
}

/// Hands every change of the project to `each`.
pub fn all(tx: &mut ProjectTx<'_>, mut each: impl FnMut(Group, Measurement)) -> Result<(), StorageError> {
    tx.query(
        sql!(
            "-- all_rollup_levels
            select c.metric_id, c.series, c.customer_id, c.subscription_key, c.dimensions, c.at, c.event_id, c.units_micros
            from rollup_levels c
            where c.project_id = ?1"
        ),
        &[],
        |row| {
            let (group, change) = read(row)?;
            each(group, change);
            Ok(())
        },
    )?;
    Ok(())
}

fn group_values(group: &Group) -> [Value<'_>; 5] {
    let Group { metric, series, customer, subscription_key, dimensions } = group;
    params![*metric, *series, *customer, subscription_key, dimensions]
}

fn read(row: &Row<'_>) -> Result<Level, StorageError> {
    let group = Group {
        metric: row.get(0)?,
        series: row.get(1)?,
        customer: row.get(2)?,
        subscription_key: row.get(3)?,
        dimensions: row.get(4)?,
    };
    Ok((group, Measurement { at: row.get(5)?, event: row.get(6)?, units: row.get(7)? }))
}
