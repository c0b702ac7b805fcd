//! `/projects/{projectId}/ledger/deferred`: what fees in advance still have to earn.

use axum::extract::State;
use engine::Ctx;
use engine::ledger::{DeferredFee, DeferredFees};

use crate::app::App;
use crate::extract::{In, Json, Query};
use crate::failure::Failure;
use crate::page::{Page, PageQuery};

#[derive(Debug, Clone, Default, serde::Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct DeferredParams {
    /// A day of the books, at its end; the last one that is over if not given. One that lies ahead tells what will be left then.
    #[param(value_type = Option<String>, format = Date, example = "2026-03-31")]
    as_of: Option<String>,
    /// Only what this customer pays.
    customer_key: Option<String>,
}

/// What was left of fees in advance at the end of a day.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeferredFees)]
pub struct DeferredAsOf {
    #[schema(value_type = String, format = Date)]
    pub as_of: String,
    pub data: Vec<DeferredFee>,
    /// Where the next page begins; `null` on the last one. Ask for it with the same `asOf`.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
}

/// Deferred fees
///
/// The lines of issued invoices that bill time which lies ahead, and what credit notes took back of them: what is earned of each at the end of
/// a day, and what is left. What is left of a subscription is the balance of its account `deferred`.
#[utoipa::path(get, path = "/projects/{projectId}/ledger/deferred", tag = "ledger", params(PageQuery, DeferredParams),
    responses((status = 200, description = "A page of fees", body = DeferredAsOf)))]
pub async fn deferred_fees(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    Query(page): Query<PageQuery>,
    Query(params): Query<DeferredParams>,
) -> Result<Json<DeferredAsOf>, Failure> {
    let (after, fetch) = (page.after()?, page.fetch()?);
    let found = app
        .run(move |engine| {
            engine.deferred_fees(&ctx, params.as_of.as_deref(), params.customer_key.as_deref(), (after, fetch))
        })
        .await?;
    let DeferredFees { as_of, fees } = found;
    let Page { data, next_cursor } = Page::new(fees, &page, |fee| fee.id)?;
    Ok(Json(DeferredAsOf { as_of: as_of.to_string(), data, next_cursor }))
}
