//! The job of a backtest: chunks of customers in the order of their ids. A chunk is rated in a read of its own; one transaction then
//! stores its results together with how far the backtest is, so that each customer has one result, whatever dies in between.

use domain::backtests::BacktestResult;
use domain::customers::Customer;
use domain::ids::BacktestId;
use domain::jobs::Progress;
use domain::refusal::Refusal;
use domain::window::Span;
use storage::backtests::BacktestWork;
use storage::{ProjectTx, backtest_results, backtests, customers, metrics};

use super::inputs::Inputs;
use super::rate::Rating;
use crate::engine::Engine;
use crate::error::Error;
use crate::jobs::{Chunk, HeldJob};

/// The most customers of one chunk.
const CUSTOMERS_MAX: usize = 500;

/// What one chunk stores.
struct Part {
    work: BacktestWork,
    /// Customers that were looked at; not all of them count.
    customers: Vec<Customer>,
    results: Vec<BacktestResult>,
    /// How many customers the backtest looks at.
    total: i64,
    is_last: bool,
}

/// One chunk of the job.
pub(crate) fn chunk(engine: &Engine, held: &mut HeldJob, id: BacktestId) -> Result<Chunk, Error> {
    let counted = held.job.total;
    let part = engine.read(held.project, "rate_backtest", |tx| rate(tx, id, counted))?;
    let mut totals = part.work.backtest.totals;
    for result in &part.results {
        totals = totals.with(result).map_err(Refusal::from)?;
    }
    let currency = part.work.backtest.currency;
    held.chunk(engine, "store_backtest", |tx, job| {
        backtest_results::insert_many(tx, id, currency, &part.results)?;
        if let Some(last) = part.customers.last() {
            backtests::move_on(tx, id, last.id, totals)?;
        }
        let looked_at = i64::try_from(part.customers.len()).map_err(|_| Error::Bug("a chunk has an end".to_owned()))?;
        let done = job.done + looked_at;
        // Customers may have been added meanwhile.
        let total = part.total.max(done);
        Ok(if part.is_last { Progress::Complete { total: done } } else { Progress::More { done, total } })
    })
}

fn rate(tx: &mut ProjectTx<'_>, id: BacktestId, counted: i64) -> Result<Part, Error> {
    let work = backtests::work(tx, id)?.ok_or_else(|| Error::Bug(format!("{id} is gone")))?;
    let inputs = Inputs::from_text(&work.inputs)?;
    let metrics = inputs.current(&metrics::all(tx)?)?;
    let range = Span { start: work.backtest.from, end: work.backtest.to };
    let rating = Rating::new(&inputs, &metrics, range, work.backtest.created_at);
    let (mut customers, total) = next_customers(tx, &work, counted, CUSTOMERS_MAX)?;
    let rated = match &work.backtest.customer_keys {
        Some(_) => rating.of_named(tx, &customers)?,
        None => rating.of_all(tx, &customers)?,
    };
    let is_last = customers.len() < CUSTOMERS_MAX && customers.len() == rated.customers;
    customers.truncate(rated.customers);
    Ok(Part { work, customers, results: rated.results, total, is_last })
}

/// The customers after the last one that was looked at, and how many there are in all.
fn next_customers(
    tx: &mut ProjectTx<'_>,
    work: &BacktestWork,
    counted: i64,
    chunk: usize,
) -> Result<(Vec<Customer>, i64), Error> {
    let too_many = |_| Error::Bug("a chunk has an end".to_owned());
    match &work.backtest.customer_keys {
        Some(keys) => {
            let names: Vec<&str> = keys.iter().map(String::as_str).collect();
            let mut named = customers::find_by_keys(tx, &names)?;
            named.sort_by_key(|customer| customer.id);
            let total = i64::try_from(named.len()).map_err(too_many)?;
            named.retain(|customer| work.last_customer.is_none_or(|last| customer.id > last));
            named.truncate(chunk);
            Ok((named, total))
        }
        None => {
            let page = customers::page(tx, work.last_customer, i64::try_from(chunk).map_err(too_many)?)?;
            let total = if counted == 0 { customers::count(tx)? } else { counted };
            Ok((page, total))
        }
    }
}
