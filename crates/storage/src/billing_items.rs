//! Planned items: what became of each, and the cut up to which its usage was counted.

use domain::billing::run::{BillingItem, ItemState};
use domain::ids::{BillingItemId, BillingRunId, CustomerId};
use domain::subscriptions::due::ItemKind;
use domain::time::Instant;
use domain::window::Span;

use crate::error::StorageError;
use crate::sql::{Row, Value, bulk_sql, params, sql};
use crate::tx::ProjectTx;

/// Stores items; those that are there get their new outcome, and keep their invoice where nothing new was charged.
pub fn store_many(tx: &mut ProjectTx<'_>, items: &[BillingItem]) -> Result<(), StorageError> {
    let rows: Vec<[Value<'_>; 16]> = items.iter().map(values).collect();
    tx.execute_many(
        bulk_sql!(
            "-- store_billing_items
            insert into billing_items (project_id, id, subscription_id, customer_id, price, rhythm, period_start, period_end,
                kind, at, due_at, state, reason, cut, as_of, invoice_id, run_id)
            {values}
            on conflict (project_id, id) do update
            set state = excluded.state,
                reason = excluded.reason,
                cut = excluded.cut,
                as_of = excluded.as_of,
                invoice_id = coalesce(excluded.invoice_id, billing_items.invoice_id),
                run_id = excluded.run_id",
            [
                project_id: Uuid,
                id: Uuid,
                subscription_id: Uuid,
                customer_id: Uuid,
                price: Text,
                rhythm: Text,
                period_start: Instant,
                period_end: Instant,
                kind: Text,
                at: Instant,
                due_at: Instant,
                state: Text,
                reason: Text,
                cut: Int,
                as_of: Instant,
                invoice_id: Uuid,
                run_id: Uuid,
            ]
        ),
        &rows,
    )?;
    Ok(())
}

/// Those of these that are stored, in no order; name each once.
pub fn find_many(tx: &mut ProjectTx<'_>, ids: &[BillingItemId]) -> Result<Vec<BillingItem>, StorageError> {
    let rows: Vec<[Value<'_>; 1]> = ids.iter().map(|id| params![*id]).collect();
    tx.query_many(
        bulk_sql!(
            "-- find_billing_items
            select i.id, i.subscription_id, i.customer_id, i.price, i.rhythm, i.period_start, i.period_end, i.kind, i.at, i.due_at,
                i.state, i.reason, i.cut, i.as_of, i.invoice_id, i.run_id
            from {rows}
            join billing_items i on i.project_id = r.project_id and i.id = r.id",
            [project_id: Uuid, id: Uuid]
        ),
        &rows,
        read,
    )
}

/// Those that a run stored last, in the order of their ids, after one.
pub fn page_of_run(
    tx: &mut ProjectTx<'_>,
    run: BillingRunId,
    state: Option<ItemState>,
    after: Option<BillingItemId>,
    limit: i64,
) -> Result<Vec<BillingItem>, StorageError> {
    tx.query(
        sql!(
            "-- page_billing_items_of_run
            select id, subscription_id, customer_id, price, rhythm, period_start, period_end, kind, at, due_at, state, reason, cut,
                as_of, invoice_id, run_id
            from billing_items
            where project_id = ?1
              and run_id = ?2
              and (cast(?3 as text) is null or state = ?3)
              and (cast(?4 as {uuid}) is null or id > ?4)
            order by id
            limit ?5"
        ),
        &params![run, state.map(ItemState::as_str), after, limit],
        read,
    )
}

/// How many items another run planned as of an instant.
pub fn count_planned(
    tx: &mut ProjectTx<'_>,
    as_of: Instant,
    but: BillingRunId,
    customer: Option<CustomerId>,
) -> Result<i64, StorageError> {
    tx.query_one(
        sql!(
            "-- count_planned_items
            select count(*)
            from billing_items
            where project_id = ?1
              and as_of = ?2
              and run_id <> ?3
              and (cast(?4 as {uuid}) is null or customer_id = ?4)"
        ),
        &params![as_of, but, customer],
        |row| row.get(0),
    )
}

pub(crate) fn values(item: &BillingItem) -> [Value<'_>; 16] {
    params![
        item.id,
        item.subscription,
        item.customer,
        &item.price,
        &item.rhythm,
        item.period.start,
        item.period.end,
        item.kind.as_str(),
        item.at,
        item.due_at,
        item.state.as_str(),
        item.reason.as_deref(),
        item.cut,
        item.as_of,
        item.invoice,
        item.run,
    ]
}

pub(crate) fn read(row: &Row<'_>) -> Result<BillingItem, StorageError> {
    Ok(BillingItem {
        id: row.get(0)?,
        subscription: row.get(1)?,
        customer: row.get(2)?,
        price: row.get(3)?,
        rhythm: row.get(4)?,
        period: Span { start: row.get(5)?, end: row.get(6)? },
        kind: row.named(7, ItemKind::parse)?,
        at: row.get(8)?,
        due_at: row.get(9)?,
        state: row.named(10, ItemState::parse)?,
        reason: row.get(11)?,
        cut: row.get(12)?,
        as_of: row.get(13)?,
        invoice: row.get(14)?,
        run: row.get(15)?,
    })
}
