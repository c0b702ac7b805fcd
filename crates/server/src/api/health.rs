//! `/health`: whether the process lives, and whether it can serve.

use axum::extract::State;
use axum::response::Response;
use engine::readiness::Readiness;
use http::StatusCode;

use crate::answer::{Reply, json};
use crate::app::App;
use crate::extract::Json;

/// What a probe is told.
#[derive(serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// `ok`, or why requests cannot be served.
    #[schema(example = "ok")]
    status: &'static str,
    /// Migrations that are not applied yet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pending_migrations: Vec<&'static str>,
}

/// Is the process alive
///
/// Answers without asking the database: a failing probe means that the process should be restarted.
#[utoipa::path(get, path = "/health/live", tag = "health", responses((status = 200, description = "It is alive", body = Health)))]
pub async fn live() -> Json<Health> {
    Json(Health { status: "ok", pending_migrations: Vec::new() })
}

/// Can it serve requests
///
/// Fails while the database cannot be reached or migrations are pending: no requests should be sent here.
#[utoipa::path(get, path = "/health/ready", tag = "health", responses(
    (status = 200, description = "It serves", body = Health),
    (status = 503, description = "It cannot serve; `status` says why", body = Health),
))]
pub async fn ready(State(app): State<App>) -> Reply {
    app.run(|engine| Ok(engine.readiness())).await.map(render)
}

fn render(readiness: Readiness) -> Response {
    let (status, pending_migrations) = match readiness {
        Readiness::Ready => ("ok", Vec::new()),
        Readiness::MigrationsPending(names) => ("migrations pending", names),
        Readiness::SchemaUnknown(_) => ("schema unknown", Vec::new()),
        Readiness::DatabaseUnreachable => ("database unreachable", Vec::new()),
    };
    let code = if status == "ok" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    json(code, &Health { status, pending_migrations })
}
