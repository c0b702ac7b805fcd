//! `/projects/{projectId}/backtests`: past usage under another version of a plan.

use std::fmt;
use std::str::FromStr;

use axum::extract::State;
use domain::amount::Amount;
use domain::backtests::{PlanVersionKey, ResultOrder};
use domain::ids::BacktestId;
use domain::refusal::{Code, Refusal};
use domain::time::Instant;
use engine::Ctx;
use engine::backtests::{BacktestResultView, BacktestView, ResultQuery, StartBacktest};

use crate::answer::{Reply, answer};
use crate::app::App;
use crate::extract::{In, Json, MaybeIdempotent, OptionalIdempotencyHeader, PathPart, Query};
use crate::failure::Failure;
use crate::filter;
use crate::page::{Page, PageQuery};

#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StartBacktestRequest {
    /// A version of a plan, draft or published.
    plan: PlanVersionKey,
    /// What it is compared with; the latest published version of the same plan if not given, and nothing if there is none.
    baseline: Option<PlanVersionKey>,
    /// RFC 3339.
    #[schema(value_type = String, format = DateTime, example = "2025-01-01T00:00:00.000Z")]
    from: String,
    /// RFC 3339, exclusive; not later than now.
    #[schema(value_type = String, format = DateTime, example = "2026-01-01T00:00:00.000Z")]
    to: String,
    /// Only these customers, 200 at most; all that used something if not given.
    customer_keys: Option<Vec<String>>,
}

#[derive(Debug, Clone, Default, serde::Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct ResultParams {
    /// `increase` (the largest increase first), `decrease` or `customer` (by key); `increase` if not given.
    order: Option<String>,
}

/// Start a backtest
///
/// Rates what customers used in a past range under a version of a plan, and under another one for comparison. Before coupons and tax.
/// The work is done by a job: ask again for its progress and its results.
#[utoipa::path(post, path = "/projects/{projectId}/backtests", tag = "backtests",
    params(OptionalIdempotencyHeader), request_body = StartBacktestRequest,
    responses((status = 202, description = "The backtest, and the job that makes its results", body = BacktestView)))]
pub async fn start_backtest(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    MaybeIdempotent(key): MaybeIdempotent,
    Json(body): Json<StartBacktestRequest>,
) -> Reply {
    let command = StartBacktest {
        plan: body.plan,
        baseline: body.baseline,
        from: instant("from", &body.from)?,
        to: instant("to", &body.to)?,
        customer_keys: body.customer_keys,
    };
    app.run(move |engine| engine.start_backtest(&ctx, key, &command)).await.map(answer)
}

/// List the backtests
///
/// The newest first.
#[utoipa::path(get, path = "/projects/{projectId}/backtests", tag = "backtests", params(PageQuery),
    responses((status = 200, description = "A page of backtests", body = Page<BacktestView>)))]
pub async fn list_backtests(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<BacktestView>>, Failure> {
    let (before, fetch) = (page.after()?, page.fetch()?);
    let found = app.run(move |engine| engine.list_backtests(&ctx, before, fetch)).await?;
    Ok(Json(Page::new(found, &page, |backtest| backtest.id)?))
}

/// One backtest
///
/// `progress` says how many customers were looked at; `totals` and `customers` are those of the customers so far.
#[utoipa::path(get, path = "/projects/{projectId}/backtests/{backtestId}", tag = "backtests",
    responses((status = 200, description = "The backtest", body = BacktestView)))]
pub async fn get_backtest(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(id): PathPart<BacktestId>,
) -> Result<Json<BacktestView>, Failure> {
    app.run(move |engine| engine.get_backtest(&ctx, id)).await.map(Json)
}

/// List the results of a backtest
///
/// What each customer would have been charged before and after.
#[utoipa::path(get, path = "/projects/{projectId}/backtests/{backtestId}/results", tag = "backtests",
    params(PageQuery, ResultParams),
    responses((status = 200, description = "A page of results", body = Page<BacktestResultView>)))]
pub async fn list_backtest_results(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(id): PathPart<BacktestId>,
    Query(page): Query<PageQuery>,
    Query(params): Query<ResultParams>,
) -> Result<Json<Page<BacktestResultView>>, Failure> {
    let order = filter::named("order", params.order.as_deref(), ResultOrder::ALL, ResultOrder::parse)?;
    let after = page.after::<Place>()?.map(|place| (place.difference, place.customer_key));
    let query = ResultQuery { order: order.unwrap_or(ResultOrder::Increase), after };
    let fetch = page.fetch()?;
    let results = app.run(move |engine| engine.list_backtest_results(&ctx, id, &query, fetch)).await?;
    let place = |result: &BacktestResultView| Place {
        difference: result.difference,
        customer_key: result.customer_key.clone(),
    };
    Ok(Json(Page::new(results, &page, place)?))
}

/// Where a page of results ends, in any order.
struct Place {
    difference: Amount,
    customer_key: String,
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.difference.micros(), self.customer_key)
    }
}

impl FromStr for Place {
    type Err = ();
    fn from_str(text: &str) -> Result<Place, ()> {
        let (micros, key) = text.split_once(':').ok_or(())?;
        let micros = micros.parse().map_err(|_| ())?;
        Ok(Place { difference: Amount::from_micros(micros), customer_key: key.to_owned() })
    }
}

fn instant(field: &str, text: &str) -> Result<Instant, Refusal> {
    Instant::parse(text).map_err(|error| Refusal::field(Code::InvalidTimestamp, field, format!("{error}.")))
}
