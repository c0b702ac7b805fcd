//! `GET /projects/{projectId}/trace`: everything that one key, event or transaction touched.

use axum::extract::State;
use engine::Ctx;
use engine::trace::Trace;

use crate::app::App;
use crate::extract::{In, Json, Query};
use crate::failure::Failure;

#[derive(Debug, Clone, serde::Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct TraceParams {
    /// An idempotency key, the id of an event (ours or its sender's) or the id of a transaction.
    #[param(example = "evt_2026_03_17_001")]
    key: String,
}

/// Trace a key
///
/// Every request that used it, the events with their batches and rollups, the ledger entries with their postings.
#[utoipa::path(get, path = "/projects/{projectId}/trace", tag = "ingest views", params(TraceParams),
    responses((status = 200, description = "What it touched", body = Trace)))]
pub async fn trace(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    Query(params): Query<TraceParams>,
) -> Result<Json<Trace>, Failure> {
    app.run(move |engine| engine.trace(&ctx, &params.key)).await.map(Json)
}
