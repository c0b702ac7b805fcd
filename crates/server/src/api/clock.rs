//! `/projects/{projectId}/clock`: what time it is in a project, and moving it forward in a sandbox.

use axum::extract::State;
use domain::clock::ClockTarget;
use engine::Ctx;
use engine::clock::ClockView;

use crate::app::App;
use crate::extract::{In, Json};
use crate::failure::Failure;

/// One of the two.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AdvanceClockRequest {
    /// RFC 3339: what the clock shall show.
    #[schema(format = DateTime)]
    to: Option<String>,
    /// An ISO 8601 duration, by the calendar of the project's zone.
    #[schema(example = "P1M")]
    by: Option<String>,
}

/// The project's time
///
/// A live project has the time of the world; a sandbox is as far ahead as it was moved.
#[utoipa::path(get, path = "/projects/{projectId}/clock", tag = "projects",
    responses((status = 200, description = "The clock", body = ClockView)))]
pub async fn get_clock(State(app): State<App>, In(ctx): In<Ctx>) -> Result<Json<ClockView>, Failure> {
    app.run(move |engine| engine.get_clock(&ctx)).await.map(Json)
}

/// Move the clock of a sandbox forward
///
/// Everything that becomes due on the way is done, in calendar order, each at its time. What was done is stored step by step: if the
/// request breaks off, send it again with the same `to`. A clock never goes back.
#[utoipa::path(post, path = "/projects/{projectId}/clock/advance", tag = "projects", request_body = AdvanceClockRequest, responses(
    (status = 200, description = "The clock as it is now", body = ClockView),
    (status = 409, description = "`live_clock`: a live project has no clock of its own", body = engine::problem::Problem,
        content_type = "application/problem+json"),
))]
pub async fn advance_clock(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    Json(body): Json<AdvanceClockRequest>,
) -> Result<Json<ClockView>, Failure> {
    let target = ClockTarget::read(body.to.as_deref(), body.by.as_deref())?;
    app.run(move |engine| engine.advance_clock(&ctx, &target)).await.map(Json)
}
