//! Backtests: past usage of all customers under another version of a plan, beside what they are compared with. The figures are made by
//! the code that makes estimates and invoices (`domain::charges`), from rollups, by a job in chunks of customers.

mod inputs;
mod rate;
pub(crate) mod run;
mod start;
mod usage;

use domain::access::Permission;
use domain::amount::Amount;
use domain::backtests::{Backtest, BacktestResult, PlanVersionKey, ResultOrder};
use domain::currency::Currency;
use domain::ids::{BacktestId, CustomerId, JobId};
use domain::jobs::{Job, JobState};
use domain::refusal::Refusal;
use domain::time::Instant;
use serde::Serialize;
use storage::backtest_results::{self, Place};
use storage::{ProjectTx, backtests, jobs};
use utoipa::ToSchema;

use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;
use crate::page::page_limit;

pub use start::StartBacktest;

/// What customers would have been charged, and how far the counting is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Backtest)]
pub struct BacktestView {
    pub id: BacktestId,
    pub state: JobState,
    pub progress: BacktestProgress,
    /// Why it failed, or what went wrong last.
    pub error: Option<String>,
    pub plan: PlanVersionKey,
    /// What it is compared with; `null`: before is zero.
    pub baseline: Option<PlanVersionKey>,
    pub currency: Currency,
    pub from: Instant,
    /// Exclusive.
    pub to: Instant,
    /// Only these customers; `null`: all that used something.
    pub customer_keys: Option<Vec<String>>,
    /// Of the customers so far.
    pub totals: BacktestTotalsView,
    pub customers: BacktestCustomers,
    pub job_id: JobId,
    pub created_by: String,
    pub created_at: Instant,
    pub started_at: Option<Instant>,
    pub ended_at: Option<Instant>,
}

/// How many customers were looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct BacktestProgress {
    pub done: i64,
    pub total: i64,
}

/// What all customers together come to, before coupons and tax.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = BacktestTotals)]
pub struct BacktestTotalsView {
    pub before: Amount,
    pub after: Amount,
    /// `after − before`.
    pub difference: Amount,
}

/// How many customers count, and how they fare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct BacktestCustomers {
    pub counted: i64,
    /// Would have paid more.
    pub up: i64,
    /// Would have paid less.
    pub down: i64,
    pub same: i64,
}

/// What one customer would have been charged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BacktestResult)]
pub struct BacktestResultView {
    pub customer_id: CustomerId,
    pub customer_key: String,
    pub before: Amount,
    pub after: Amount,
    /// `after − before`.
    pub difference: Amount,
}

/// Which results are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultQuery {
    pub order: ResultOrder,
    /// The difference and the key of the last customer of the page before.
    pub after: Option<(Amount, String)>,
}

impl Engine {
    /// The newest backtests first; `limit` of them at most.
    ///
    /// # Errors
    /// `forbidden` without the permission to see them.
    pub fn list_backtests(
        &self,
        ctx: &Ctx,
        before: Option<BacktestId>,
        limit: usize,
    ) -> Result<Vec<BacktestView>, Error> {
        ctx.require(Permission::BillingRead)?;
        self.read(ctx.project, "list_backtests", |tx| {
            let page = backtests::page(tx, before, page_limit(limit))?;
            views(tx, page)
        })
    }

    /// One backtest, with what it comes to so far.
    ///
    /// # Errors
    /// `not_found`; `forbidden` without the permission to see it.
    pub fn get_backtest(&self, ctx: &Ctx, id: BacktestId) -> Result<BacktestView, Error> {
        ctx.require(Permission::BillingRead)?;
        self.read(ctx.project, "get_backtest", |tx| {
            let backtest = backtests::get(tx, id)?.ok_or_else(Error::not_found)?;
            view(tx, backtest)
        })
    }

    /// The results of a backtest, those of the customers so far; `limit` of them at most.
    ///
    /// # Errors
    /// `not_found`; `forbidden` without the permission to see them.
    pub fn list_backtest_results(
        &self,
        ctx: &Ctx,
        id: BacktestId,
        query: &ResultQuery,
        limit: usize,
    ) -> Result<Vec<BacktestResultView>, Error> {
        ctx.require(Permission::BillingRead)?;
        let limit = page_limit(limit);
        let place = query.after.clone().map(|(difference, customer_key)| Place { difference, customer_key });
        let page = self.read(ctx.project, "list_backtest_results", |tx| {
            backtests::get(tx, id)?.ok_or_else(Error::not_found)?;
            Ok(match query.order {
                ResultOrder::Increase => backtest_results::page_from_increase(tx, id, place.as_ref(), limit)?,
                ResultOrder::Decrease => backtest_results::page_from_decrease(tx, id, place.as_ref(), limit)?,
                ResultOrder::Customer => {
                    let after = place.as_ref().map(|place| place.customer_key.as_str());
                    backtest_results::page_by_key(tx, id, after, limit)?
                }
            })
        })?;
        Ok(page.into_iter().map(BacktestResultView::from).collect())
    }
}

fn view(tx: &mut ProjectTx<'_>, backtest: Backtest) -> Result<BacktestView, Error> {
    let views = views(tx, vec![backtest])?;
    views.into_iter().next().ok_or_else(|| Error::Bug("a backtest has no view".to_owned()))
}

fn views(tx: &mut ProjectTx<'_>, page: Vec<Backtest>) -> Result<Vec<BacktestView>, Error> {
    let ids: Vec<JobId> = page.iter().map(|backtest| backtest.job).collect();
    let found = jobs::find_many(tx, &ids)?;
    let views = page.into_iter().map(|backtest| {
        let job = found.iter().find(|job| job.id == backtest.job);
        let job = job.ok_or_else(|| Error::Bug(format!("the job of {} is gone", backtest.id)))?;
        Ok(view_of(backtest, job)?)
    });
    views.collect()
}

fn view_of(backtest: Backtest, job: &Job) -> Result<BacktestView, Refusal> {
    let Backtest { id, job: job_id, plan, baseline, currency, from, to, customer_keys, totals, created_by, created_at } =
        backtest;
    Ok(BacktestView {
        id,
        state: job.state,
        progress: BacktestProgress { done: job.done, total: job.total },
        error: job.error.clone(),
        plan,
        baseline,
        currency,
        from,
        to,
        customer_keys,
        totals: BacktestTotalsView { before: totals.before, after: totals.after, difference: totals.difference()? },
        customers: BacktestCustomers {
            counted: totals.customers,
            up: totals.up,
            down: totals.down,
            same: totals.same(),
        },
        job_id,
        created_by,
        created_at,
        started_at: job.started_at,
        ended_at: job.ended_at,
    })
}

impl From<BacktestResult> for BacktestResultView {
    fn from(result: BacktestResult) -> BacktestResultView {
        let BacktestResult { customer, customer_key, before, after, difference } = result;
        BacktestResultView { customer_id: customer, customer_key, before, after, difference }
    }
}
