//! `/projects/{projectId}/billing/overview`: how a customer stands.

use axum::extract::State;
use engine::Ctx;
use engine::overview::BillingOverview;

use crate::app::App;
use crate::extract::{In, Json, Query};
use crate::failure::Failure;

#[derive(Debug, Clone, Default, serde::Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct OverviewParams {
    /// The customer whose figures are shown; the project itself if not given.
    customer_key: Option<String>,
}

/// Billing overview
///
/// Wallets, usage of the current calendar month, recent transactions and ingest outcomes, in one snapshot. It reflects every
/// write that was answered before it was asked. Charges of usage are zero until usage is rated, invoices until they are made.
#[utoipa::path(get, path = "/projects/{projectId}/billing/overview", tag = "billing", params(OverviewParams),
    responses((status = 200, description = "How the customer stands", body = BillingOverview)))]
pub async fn billing_overview(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    Query(params): Query<OverviewParams>,
) -> Result<Json<BillingOverview>, Failure> {
    app.run(move |engine| engine.billing_overview(&ctx, params.customer_key.as_deref())).await.map(Json)
}
