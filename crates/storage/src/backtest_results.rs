//! What customers would have been charged: one row per backtest and customer, written once.

use domain::amount::Amount;
use domain::backtests::BacktestResult;
use domain::currency::Currency;
use domain::ids::BacktestId;

use crate::error::StorageError;
use crate::sql::{Row, Value, bulk_sql, params, sql};
use crate::tx::ProjectTx;

/// A place in the list by difference: the largest increase first, then by the customer's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub difference: Amount,
    pub customer_key: String,
}

/// Adds results; a customer that has one already is an error.
pub fn insert_many(
    tx: &mut ProjectTx<'_>,
    backtest: BacktestId,
    currency: Currency,
    results: &[BacktestResult],
) -> Result<(), StorageError> {
    let row = |result: &BacktestResult| -> [Value<'static>; 7] {
        params![
            backtest,
            result.customer,
            result.customer_key.clone(),
            currency,
            result.before,
            result.after,
            result.difference,
        ]
    };
    let rows: Vec<_> = results.iter().map(row).collect();
    tx.execute_many(
        bulk_sql!(
            "-- insert_backtest_results
            insert into backtest_results (project_id, backtest_id, customer_id, customer_key, currency, before_micros,
                after_micros, difference_micros)
            {values}",
            [
                project_id: Uuid,
                backtest_id: Uuid,
                customer_id: Uuid,
                customer_key: Text,
                currency: Text,
                before_micros: Int,
                after_micros: Int,
                difference_micros: Int,
            ]
        ),
        &rows,
    )?;
    Ok(())
}

/// The largest increases first, after the given place.
pub fn page_from_increase(
    tx: &mut ProjectTx<'_>,
    backtest: BacktestId,
    after: Option<&Place>,
    limit: i64,
) -> Result<Vec<BacktestResult>, StorageError> {
    tx.query(
        sql!(
            "-- page_backtest_results_from_increase
            select customer_id, customer_key, before_micros, after_micros, difference_micros
            from backtest_results
            where project_id = ?1 and backtest_id = ?2
              and (cast(?3 as {int}) is null or difference_micros <= ?3)
              and (cast(?3 as {int}) is null or difference_micros < ?3 or customer_key {binary} > ?4)
            order by difference_micros desc, customer_key {binary}
            limit ?5"
        ),
        &place(backtest, after, limit),
        read,
    )
}

/// The largest decreases first, after the given place: [`page_from_increase`] from its other end.
pub fn page_from_decrease(
    tx: &mut ProjectTx<'_>,
    backtest: BacktestId,
    after: Option<&Place>,
    limit: i64,
) -> Result<Vec<BacktestResult>, StorageError> {
    tx.query(
        sql!(
            "-- page_backtest_results_from_decrease
            select customer_id, customer_key, before_micros, after_micros, difference_micros
            from backtest_results
            where project_id = ?1 and backtest_id = ?2
              and (cast(?3 as {int}) is null or difference_micros >= ?3)
              and (cast(?3 as {int}) is null or difference_micros > ?3 or customer_key {binary} < ?4)
            order by difference_micros, customer_key {binary} desc
            limit ?5"
        ),
        &place(backtest, after, limit),
        read,
    )
}

/// By the customers' keys, after the given one.
pub fn page_by_key(
    tx: &mut ProjectTx<'_>,
    backtest: BacktestId,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<BacktestResult>, StorageError> {
    tx.query(
        sql!(
            "-- page_backtest_results_by_key
            select customer_id, customer_key, before_micros, after_micros, difference_micros
            from backtest_results
            where project_id = ?1 and backtest_id = ?2
              and (cast(?3 as text) is null or customer_key {binary} > ?3)
            order by customer_key {binary}
            limit ?4"
        ),
        &params![backtest, after, limit],
        read,
    )
}

fn place(backtest: BacktestId, after: Option<&Place>, limit: i64) -> [Value<'_>; 4] {
    params![backtest, after.map(|place| place.difference), after.map(|place| place.customer_key.as_str()), limit]
}

fn read(row: &Row<'_>) -> Result<BacktestResult, StorageError> {
    Ok(BacktestResult {
        customer: row.get(0)?,
        customer_key: row.get(1)?,
        before: row.get(2)?,
        after: row.get(3)?,
        difference: row.get(4)?,
    })
}
