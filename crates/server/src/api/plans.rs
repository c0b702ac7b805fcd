//! `/projects/{projectId}/plans`: what customers subscribe to.

pub(crate) mod versions;

use axum::extract::State;
use domain::catalog::plan::PlanDefinition;
use engine::Ctx;
use engine::plans::{PlanView, VersionView};

use crate::answer::{Reply, answer};
use crate::app::App;
use crate::extract::{In, Json, MaybeIdempotent, OptionalIdempotencyHeader, PathPart, Query};
use crate::failure::Failure;
use crate::page::{Page, PageQuery};

/// Create a plan
///
/// Its first version is a draft, which may still have mistakes: `problems` lists what stands in the way of publishing it.
/// The same body again answers 200 with the version it made.
#[utoipa::path(post, path = "/projects/{projectId}/plans", tag = "plans",
    params(OptionalIdempotencyHeader), request_body = PlanDefinition,
    responses(
        (status = 201, description = "The first version, a draft", body = VersionView),
        (status = 200, description = "The version that this request made before", body = VersionView),
        (status = 409, description = "`plan_conflict`: the plan exists and its first version says something else",
            body = engine::problem::Problem, content_type = "application/problem+json"),
    ))]
pub async fn create_plan(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    MaybeIdempotent(key): MaybeIdempotent,
    Json(definition): Json<PlanDefinition>,
) -> Reply {
    app.run(move |engine| engine.create_plan(&ctx, key, &definition)).await.map(answer)
}

/// List plans
///
/// In the order of their keys, archived ones too.
#[utoipa::path(get, path = "/projects/{projectId}/plans", tag = "plans", params(PageQuery),
    responses((status = 200, description = "A page of plans", body = Page<PlanView>)))]
pub async fn list_plans(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<PlanView>>, Failure> {
    let (after, fetch): (Option<String>, usize) = (page.after()?, page.fetch()?);
    let plans = app.run(move |engine| engine.list_plans(&ctx, after.as_deref(), fetch)).await?;
    Ok(Json(Page::new(plans, &page, |plan| plan.key.clone())?))
}

/// One plan
#[utoipa::path(get, path = "/projects/{projectId}/plans/{key}", tag = "plans",
    responses((status = 200, description = "The plan with the list of its versions", body = PlanView)))]
pub async fn get_plan(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(key): PathPart<String>,
) -> Result<Json<PlanView>, Failure> {
    app.run(move |engine| engine.get_plan(&ctx, &key)).await.map(Json)
}

/// Archive a plan
///
/// Nobody new can subscribe to it; whoever has one of its versions keeps it. Archiving it again changes nothing.
#[utoipa::path(post, path = "/projects/{projectId}/plans/{key}/archive", tag = "plans",
    responses((status = 200, description = "The plan as it is now", body = PlanView)))]
pub async fn archive_plan(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(key): PathPart<String>,
) -> Result<Json<PlanView>, Failure> {
    app.run(move |engine| engine.archive_plan(&ctx, &key)).await.map(Json)
}

/// Restore an archived plan
#[utoipa::path(post, path = "/projects/{projectId}/plans/{key}/restore", tag = "plans",
    responses((status = 200, description = "The plan as it is now", body = PlanView)))]
pub async fn restore_plan(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(key): PathPart<String>,
) -> Result<Json<PlanView>, Failure> {
    app.run(move |engine| engine.restore_plan(&ctx, &key)).await.map(Json)
}
