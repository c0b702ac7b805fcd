//! `/projects/{projectId}/ledger`: entries with their postings, accounts, and balances as of any instant.

pub(crate) mod closings;
pub(crate) mod deferred;

use axum::extract::State;
use domain::ids::EntryId;
use domain::ledger::balance::Axis;
use domain::time::Instant;
use engine::Ctx;
use engine::ledger::{AccountBalance, AccountView, BalancesAsOf, EntryView};

use crate::api::transactions::TransactionParams;
use crate::app::App;
use crate::extract::{In, Json, PathPart, Query};
use crate::failure::Failure;
use crate::filter;
use crate::page::{Page, PageQuery};

#[derive(Debug, Clone, Default, serde::Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct AccountParams {
    /// Only the accounts of this customer.
    customer_key: Option<String>,
}

#[derive(Debug, Clone, Default, serde::Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct BalanceParams {
    /// The instant, included; now if not given.
    #[param(value_type = Option<String>, format = DateTime)]
    as_of: Option<String>,
    /// `effective` (when an entry counts; if not given) or `recorded` (when we knew).
    axis: Option<String>,
    /// Only the accounts of this customer.
    customer_key: Option<String>,
}

/// What the accounts held at one instant.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Balances {
    pub as_of: Instant,
    pub axis: Axis,
    pub data: Vec<AccountBalance>,
    /// Where the next page begins; `null` on the last one. Ask for it with the same `asOf`.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
}

/// List journal entries
///
/// The newest first, each with its postings: debits equal credits in every currency.
#[utoipa::path(get, path = "/projects/{projectId}/ledger/entries", tag = "ledger", params(PageQuery, TransactionParams),
    responses((status = 200, description = "A page of entries", body = Page<EntryView>)))]
pub async fn list_entries(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    Query(page): Query<PageQuery>,
    Query(params): Query<TransactionParams>,
) -> Result<Json<Page<EntryView>>, Failure> {
    let (before, fetch, filter) = (page.after()?, page.fetch()?, params.read()?);
    let entries = app.run(move |engine| engine.list_entries(&ctx, &filter, before, fetch)).await?;
    Ok(Json(Page::new(entries, &page, |entry| entry.id)?))
}

/// One journal entry
#[utoipa::path(get, path = "/projects/{projectId}/ledger/entries/{entryId}", tag = "ledger",
    responses((status = 200, description = "The entry with its postings", body = EntryView)))]
pub async fn get_entry(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(id): PathPart<EntryId>,
) -> Result<Json<EntryView>, Failure> {
    app.run(move |engine| engine.get_entry(&ctx, id)).await.map(Json)
}

/// List accounts
///
/// In the order in which they were made, with what they hold now. Positive is the normal side of the account's class.
#[utoipa::path(get, path = "/projects/{projectId}/ledger/accounts", tag = "ledger", params(PageQuery, AccountParams),
    responses((status = 200, description = "A page of accounts", body = Page<AccountView>)))]
pub async fn list_accounts(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    Query(page): Query<PageQuery>,
    Query(params): Query<AccountParams>,
) -> Result<Json<Page<AccountView>>, Failure> {
    let (after, fetch) = (page.after()?, page.fetch()?);
    let accounts =
        app.run(move |engine| engine.list_accounts(&ctx, params.customer_key.as_deref(), after, fetch)).await?;
    Ok(Json(Page::new(accounts, &page, |account| account.id)?))
}

/// Balances as of an instant
///
/// What each account held at `asOf`: by when entries count, or by when we knew.
#[utoipa::path(get, path = "/projects/{projectId}/ledger/balances", tag = "ledger", params(PageQuery, BalanceParams),
    responses((status = 200, description = "A page of balances", body = Balances)))]
pub async fn balances_as_of(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    Query(page): Query<PageQuery>,
    Query(params): Query<BalanceParams>,
) -> Result<Json<Balances>, Failure> {
    let (after, fetch) = (page.after()?, page.fetch()?);
    let as_of = filter::instant("asOf", params.as_of.as_deref())?.unwrap_or(ctx.now());
    let axis = filter::named("axis", params.axis.as_deref(), Axis::ALL, Axis::parse)?.unwrap_or(Axis::Effective);
    let asked = BalancesAsOf { at: as_of, axis, customer_key: params.customer_key };
    let found = app.run(move |engine| engine.balances_as_of(&ctx, &asked, after, fetch)).await?;
    let Page { data, next_cursor } = Page::new(found, &page, |balance| balance.id)?;
    Ok(Json(Balances { as_of, axis, data, next_cursor }))
}
