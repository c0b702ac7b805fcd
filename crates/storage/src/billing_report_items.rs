//! The items that dry runs planned. Rows are added and read, never changed: the database refuses it.

use domain::billing::report::ItemReason;
use domain::billing::run::{BillingItem, BillingRun, ItemState, RunMode};
use domain::ids::{BillingItemId, BillingRunId};

use crate::billing_items::{read, values};
use crate::error::StorageError;
use crate::sql::{Row, Value, bulk_sql, params, sql};
use crate::tx::ProjectTx;

/// Adds items, each of the run that it names.
pub fn insert_many(tx: &mut ProjectTx<'_>, items: &[BillingItem]) -> Result<(), StorageError> {
    let rows: Vec<[Value<'_>; 16]> = items.iter().map(values).collect();
    tx.execute_many(
        bulk_sql!(
            "-- insert_billing_report_items
            insert into billing_report_items (project_id, id, subscription_id, customer_id, price, rhythm, period_start,
                period_end, kind, at, due_at, state, reason, cut, as_of, invoice_id, run_id)
            {values}",
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

/// Those of a run, in the order of their ids, after one.
pub fn page(
    tx: &mut ProjectTx<'_>,
    run: BillingRunId,
    state: Option<ItemState>,
    after: Option<BillingItemId>,
    limit: i64,
) -> Result<Vec<BillingItem>, StorageError> {
    tx.query(
        sql!(
            "-- page_billing_report_items
            select id, subscription_id, customer_id, price, rhythm, period_start, period_end, kind, at, due_at, state, reason, cut,
                as_of, invoice_id, run_id
            from billing_report_items
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

/// Why items of a run were not charged, the most frequent reasons first; `limit` of them at most.
pub fn reasons(tx: &mut ProjectTx<'_>, run: &BillingRun, limit: i64) -> Result<Vec<ItemReason>, StorageError> {
    let statement = match run.mode {
        RunMode::DryRun => sql!(
            "-- reasons_of_dry_run
            select state, reason, count(*)
            from billing_report_items
            where project_id = ?1
              and run_id = ?2
              and reason is not null
            group by state, reason
            order by count(*) desc, state, reason
            limit ?3"
        ),
        RunMode::Bill => sql!(
            "-- reasons_of_run
            select state, reason, count(*)
            from billing_items
            where project_id = ?1
              and run_id = ?2
              and reason is not null
            group by state, reason
            order by count(*) desc, state, reason
            limit ?3"
        ),
    };
    tx.query(statement, &params![run.id, limit], read_reason)
}

fn read_reason(row: &Row<'_>) -> Result<ItemReason, StorageError> {
    Ok(ItemReason { state: row.named(0, ItemState::parse)?, reason: row.get(1)?, items: row.get(2)? })
}
