//! `/projects/{projectId}/wallets`: what customers have prepaid, and how far they may be overdrawn.

use axum::extract::State;
use domain::ledger::reason::Reason;
use domain::ledger::request;
use domain::refusal::Refusal;
use engine::Ctx;
use engine::wallets::{SetOverdraftLimit, WalletFilter, WalletView};

use crate::api::transactions::requests::{currency, customer_key};
use crate::app::App;
use crate::extract::{In, Json, Query};
use crate::failure::Failure;
use crate::page::{Page, PageQuery};

#[derive(Debug, Clone, Default, serde::Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct WalletParams {
    /// Only the wallets of this customer.
    customer_key: Option<String>,
}

#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetOverdraftLimitRequest {
    /// Not negative, at most six places.
    #[schema(example = "50.000000")]
    overdraft_limit: String,
    /// ISO 4217; the project's currency if not given.
    currency: Option<String>,
    /// The project itself if not given.
    customer_key: Option<String>,
    /// Required: one of the reason codes of the documentation.
    #[schema(example = "contract")]
    reason_code: Option<String>,
    reason: Option<String>,
}

/// List wallets
///
/// One per customer and currency in which something was booked, with the lots that hold something in draw order.
#[utoipa::path(get, path = "/projects/{projectId}/wallets", tag = "wallets", params(PageQuery, WalletParams),
    responses((status = 200, description = "A page of wallets", body = Page<WalletView>)))]
pub async fn list_wallets(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    Query(page): Query<PageQuery>,
    Query(params): Query<WalletParams>,
) -> Result<Json<Page<WalletView>>, Failure> {
    let (after, fetch) = (page.after()?, page.fetch()?);
    let filter = WalletFilter { customer_key: params.customer_key };
    let wallets = app.run(move |engine| engine.list_wallets(&ctx, &filter, after, fetch)).await?;
    Ok(Json(Page::new(wallets, &page, WalletView::position)?))
}

/// Set an overdraft limit
///
/// How far a wallet may be charged beyond what it holds. Needs a reason code; never below what is overdrawn already.
#[utoipa::path(patch, path = "/projects/{projectId}/wallets", tag = "wallets", request_body = SetOverdraftLimitRequest,
    responses((status = 200, description = "The wallet as it is now", body = WalletView)))]
pub async fn set_overdraft_limit(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    Json(body): Json<SetOverdraftLimitRequest>,
) -> Result<Json<WalletView>, Failure> {
    let command = body.read()?;
    app.run(move |engine| engine.set_overdraft_limit(&ctx, &command)).await.map(Json)
}

impl SetOverdraftLimitRequest {
    fn read(&self) -> Result<SetOverdraftLimit, Refusal> {
        Ok(SetOverdraftLimit {
            customer_key: customer_key(self.customer_key.as_deref())?,
            currency: currency(self.currency.as_deref())?,
            limit: request::limit("overdraftLimit", &self.overdraft_limit)?,
            reason: Reason::required(self.reason_code.as_deref(), self.reason.as_deref())?,
        })
    }
}
