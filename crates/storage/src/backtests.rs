//! Backtests: what was asked for, how far it is, and what it comes to. The results are in `backtest_results`.

use domain::backtests::{Backtest, BacktestTotals, PlanVersionKey};
use domain::ids::{BacktestId, CustomerId};

use crate::error::StorageError;
use crate::sql::value::JsonText;
use crate::sql::{Row, Value, params, sql};
use crate::tx::ProjectTx;

/// What the job of a backtest goes by, besides the backtest itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BacktestWork {
    pub backtest: Backtest,
    /// The versions it was asked of, as they were then: JSON that the engine writes and reads.
    pub inputs: String,
    /// The last customer that was looked at.
    pub last_customer: Option<CustomerId>,
}

/// Adds a backtest that has no results yet.
pub fn insert(tx: &mut ProjectTx<'_>, backtest: &Backtest, inputs: &str) -> Result<(), StorageError> {
    assert_eq!(backtest.totals, BacktestTotals::NOTHING, "a new backtest has no results");
    let baseline = backtest.baseline.as_ref();
    tx.execute(
        sql!(
            "-- insert_backtest
            insert into backtests (project_id, id, job_id, plan_key, plan_version, baseline_key, baseline_version,
                currency, from_at, to_at, customer_keys, inputs, created_by, created_at, customers, up, down,
                before_micros, after_micros)
            values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, 0, 0, 0, 0, 0)"
        ),
        &params![
            backtest.id,
            backtest.job,
            &backtest.plan.key,
            backtest.plan.version,
            baseline.map(|plan| plan.key.as_str()),
            baseline.map(|plan| plan.version),
            backtest.currency,
            backtest.from,
            backtest.to,
            keys_text(backtest)?,
            inputs,
            &backtest.created_by,
            backtest.created_at,
        ],
    )?;
    Ok(())
}

pub fn get(tx: &mut ProjectTx<'_>, id: BacktestId) -> Result<Option<Backtest>, StorageError> {
    tx.query_opt(
        sql!(
            "-- get_backtest
            select id, job_id, plan_key, plan_version, baseline_key, baseline_version, currency, from_at, to_at,
                customer_keys, created_by, created_at, customers, up, down, before_micros, after_micros
            from backtests
            where project_id = ?1 and id = ?2"
        ),
        &params![id],
        read,
    )
}

/// A backtest with what its job goes by.
pub fn work(tx: &mut ProjectTx<'_>, id: BacktestId) -> Result<Option<BacktestWork>, StorageError> {
    tx.query_opt(
        sql!(
            "-- get_backtest_work
            select id, job_id, plan_key, plan_version, baseline_key, baseline_version, currency, from_at, to_at,
                customer_keys, created_by, created_at, customers, up, down, before_micros, after_micros, inputs,
                last_customer_id
            from backtests
            where project_id = ?1 and id = ?2"
        ),
        &params![id],
        |row| Ok(BacktestWork { backtest: read(row)?, inputs: row.get(17)?, last_customer: row.get(18)? }),
    )
}

/// The newest first.
pub fn page(tx: &mut ProjectTx<'_>, before: Option<BacktestId>, limit: i64) -> Result<Vec<Backtest>, StorageError> {
    tx.query(
        sql!(
            "-- page_backtests
            select id, job_id, plan_key, plan_version, baseline_key, baseline_version, currency, from_at, to_at,
                customer_keys, created_by, created_at, customers, up, down, before_micros, after_micros
            from backtests
            where project_id = ?1
              and (cast(?2 as {uuid}) is null or id < ?2)
            order by id desc
            limit ?3"
        ),
        &params![before, limit],
        read,
    )
}

/// Stores how far a backtest is. The caller holds its job.
pub fn move_on(
    tx: &mut ProjectTx<'_>,
    id: BacktestId,
    last_customer: CustomerId,
    totals: BacktestTotals,
) -> Result<(), StorageError> {
    let updated = tx.execute(
        sql!(
            "-- move_backtest_on
            update backtests
            set last_customer_id = ?3, customers = ?4, up = ?5, down = ?6, before_micros = ?7, after_micros = ?8
            where project_id = ?1 and id = ?2 and (last_customer_id is null or last_customer_id < ?3)"
        ),
        &params![id, last_customer, totals.customers, totals.up, totals.down, totals.before, totals.after],
    )?;
    assert_eq!(updated, 1, "a backtest moves forwards, in the transaction that holds its job");
    Ok(())
}

fn keys_text(backtest: &Backtest) -> Result<Value<'static>, StorageError> {
    let text = backtest.customer_keys.as_ref().map(serde_json::to_string).transpose();
    let text = text.map_err(|error| StorageError::corrupt(error.to_string()))?;
    Ok(Value::from(text.map(JsonText)))
}

fn read(row: &Row<'_>) -> Result<Backtest, StorageError> {
    let baseline_key: Option<String> = row.get(4)?;
    let baseline_version: Option<u32> = row.get(5)?;
    let keys: Option<JsonText> = row.get(9)?;
    let read_keys = |JsonText(text)| {
        serde_json::from_str(&text).map_err(|_| StorageError::corrupt("the customer keys of a backtest"))
    };
    Ok(Backtest {
        id: row.get(0)?,
        job: row.get(1)?,
        plan: PlanVersionKey { key: row.get(2)?, version: row.get(3)? },
        baseline: baseline_key.zip(baseline_version).map(|(key, version)| PlanVersionKey { key, version }),
        currency: row.get(6)?,
        from: row.get(7)?,
        to: row.get(8)?,
        customer_keys: keys.map(read_keys).transpose()?,
        created_by: row.get(10)?,
        created_at: row.get(11)?,
        totals: BacktestTotals {
            customers: row.get(12)?,
            up: row.get(13)?,
            down: row.get(14)?,
            before: row.get(15)?,
            after: row.get(16)?,
        },
    })
}
