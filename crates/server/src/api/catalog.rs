//! `/projects/{projectId}/catalog`: metrics, plans, add-ons, coupons, taxes and custom assets as one document.

pub(crate) mod items;

use axum::extract::State;
use domain::catalog::Catalog;
use engine::Ctx;

use crate::app::App;
use crate::extract::{In, Json};
use crate::failure::Failure;

/// The whole catalog
///
/// As it is now: of each plan the latest published version.
#[utoipa::path(get, path = "/projects/{projectId}/catalog", tag = "catalog",
    responses((status = 200, description = "The catalog", body = Catalog)))]
pub async fn get_catalog(State(app): State<App>, In(ctx): In<Ctx>) -> Result<Json<Catalog>, Failure> {
    app.run(move |engine| engine.get_catalog(&ctx)).await.map(Json)
}
