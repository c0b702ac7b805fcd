//! `/projects/{projectId}/billing/settings`: who sells, and how numbers look.

use axum::extract::State;
use domain::invoices::settings::BillingSettings;
use engine::Ctx;

use crate::app::App;
use crate::extract::{In, Json};
use crate::failure::Failure;

/// What is printed on documents
///
/// The seller, and how the numbers of invoices and credit notes look. A project that said nothing gets its own name and `INV-000001`.
#[utoipa::path(get, path = "/projects/{projectId}/billing/settings", tag = "billing",
    responses((status = 200, description = "The settings", body = BillingSettings)))]
pub async fn get_billing_settings(State(app): State<App>, In(ctx): In<Ctx>) -> Result<Json<BillingSettings>, Failure> {
    app.run(move |engine| engine.get_billing_settings(&ctx)).await.map(Json)
}

/// Replace what is printed on documents
///
/// As a whole: what is not given is not printed. Documents that were issued keep what was printed on them. A change of a prefix holds
/// for the numbers given later; the count goes on.
#[utoipa::path(put, path = "/projects/{projectId}/billing/settings", tag = "billing", request_body = BillingSettings,
    responses((status = 200, description = "The settings as they are now", body = BillingSettings)))]
pub async fn put_billing_settings(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    Json(body): Json<BillingSettings>,
) -> Result<Json<BillingSettings>, Failure> {
    let settings = body.checked()?;
    app.run(move |engine| engine.put_billing_settings(&ctx, &settings)).await.map(Json)
}
