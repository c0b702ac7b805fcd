//! `/projects/{projectId}/plans/{key}/versions`: drafts that change, published versions that never do.

use axum::extract::State;
use axum::response::Response;
use domain::catalog::plan::PlanDefinition;
use engine::Ctx;
use engine::plans::VersionView;

use crate::answer::{Reply, answer, no_content};
use crate::app::App;
use crate::extract::{In, Json, MaybeIdempotent, OptionalIdempotencyHeader, PathPart};
use crate::failure::Failure;

/// Draft a version of a plan
///
/// A draft that says the same already is answered with 200.
#[utoipa::path(post, path = "/projects/{projectId}/plans/{key}/versions", tag = "plans",
    params(OptionalIdempotencyHeader), request_body = PlanDefinition,
    responses(
        (status = 201, description = "The draft, with the next number", body = VersionView),
        (status = 200, description = "A draft that says the same", body = VersionView),
    ))]
pub async fn draft_plan_version(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(key): PathPart<String>,
    MaybeIdempotent(idempotency): MaybeIdempotent,
    Json(definition): Json<PlanDefinition>,
) -> Reply {
    app.run(move |engine| engine.draft_plan_version(&ctx, idempotency, &key, &definition)).await.map(answer)
}

/// One version of a plan
#[utoipa::path(get, path = "/projects/{projectId}/plans/{key}/versions/{number}", tag = "plans",
    responses((status = 200, description = "The version and what it says", body = VersionView)))]
pub async fn get_plan_version(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart((key, number)): PathPart<(String, u32)>,
) -> Result<Json<VersionView>, Failure> {
    app.run(move |engine| engine.get_plan_version(&ctx, &key, number)).await.map(Json)
}

/// Change a draft
///
/// A published version is refused: it never changes.
#[utoipa::path(put, path = "/projects/{projectId}/plans/{key}/versions/{number}", tag = "plans",
    request_body = PlanDefinition,
    responses(
        (status = 200, description = "The draft as it is now", body = VersionView),
        (status = 409, description = "`plan_version_published`",
            body = engine::problem::Problem, content_type = "application/problem+json"),
    ))]
pub async fn change_plan_draft(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart((key, number)): PathPart<(String, u32)>,
    Json(definition): Json<PlanDefinition>,
) -> Result<Json<VersionView>, Failure> {
    app.run(move |engine| engine.change_plan_draft(&ctx, &key, number, &definition)).await.map(Json)
}

/// Delete a draft
///
/// Its number is not used again. A published version is refused.
#[utoipa::path(delete, path = "/projects/{projectId}/plans/{key}/versions/{number}", tag = "plans",
    responses(
        (status = 204, description = "The draft is gone"),
        (status = 409, description = "`plan_version_published`",
            body = engine::problem::Problem, content_type = "application/problem+json"),
    ))]
pub async fn delete_plan_draft(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart((key, number)): PathPart<(String, u32)>,
) -> Result<Response, Failure> {
    app.run(move |engine| engine.delete_plan_draft(&ctx, &key, number)).await?;
    Ok(no_content())
}

/// Publish a draft
///
/// From now on it never changes, and is the current version of its plan. A draft with mistakes is refused with all of them.
#[utoipa::path(post, path = "/projects/{projectId}/plans/{key}/versions/{number}/publish", tag = "plans",
    params(OptionalIdempotencyHeader),
    responses(
        (status = 200, description = "The published version", body = VersionView),
        (status = 409, description = "`plan_version_published`, `plan_version_superseded` or `plan_archived`",
            body = engine::problem::Problem, content_type = "application/problem+json"),
        (status = 422, description = "`invalid_catalog`: every mistake with its path",
            body = engine::problem::Problem, content_type = "application/problem+json"),
    ))]
pub async fn publish_plan_version(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart((key, number)): PathPart<(String, u32)>,
    MaybeIdempotent(idempotency): MaybeIdempotent,
) -> Reply {
    app.run(move |engine| engine.publish_plan_version(&ctx, idempotency, &key, number)).await.map(answer)
}
