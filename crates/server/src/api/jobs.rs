//! `/projects/{projectId}/jobs`: work in chunks, and how far it is.

use axum::extract::State;
use domain::ids::JobId;
use domain::jobs::{Job, JobKind, JobState};
use engine::Ctx;
use engine::jobs::JobQuery;

use crate::app::App;
use crate::extract::{In, Json, PathPart, Query};
use crate::failure::Failure;
use crate::filter;
use crate::page::{Page, PageQuery};

#[derive(Debug, Clone, Default, serde::Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct JobParams {
    /// `metricBackfill` or `backtest`.
    kind: Option<String>,
    /// `queued`, `running`, `done` or `failed`.
    state: Option<String>,
}

/// List jobs
///
/// Long work that runs in chunks, the newest first.
#[utoipa::path(get, path = "/projects/{projectId}/jobs", tag = "jobs", params(PageQuery, JobParams),
    responses((status = 200, description = "A page of jobs", body = Page<Job>)))]
pub async fn list_jobs(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    Query(page): Query<PageQuery>,
    Query(params): Query<JobParams>,
) -> Result<Json<Page<Job>>, Failure> {
    let query = JobQuery {
        kind: filter::named("kind", params.kind.as_deref(), JobKind::ALL, JobKind::parse)?,
        state: filter::named("state", params.state.as_deref(), JobState::ALL, JobState::parse)?,
        before: page.after()?,
    };
    let fetch = page.fetch()?;
    let jobs = app.run(move |engine| engine.list_jobs(&ctx, query, fetch)).await?;
    Ok(Json(Page::new(jobs, &page, |job| job.id)?))
}

/// One job
///
/// `done` of `total` is its progress.
#[utoipa::path(get, path = "/projects/{projectId}/jobs/{jobId}", tag = "jobs",
    responses((status = 200, description = "The job", body = Job)))]
pub async fn get_job(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(id): PathPart<JobId>,
) -> Result<Json<Job>, Failure> {
    app.run(move |engine| engine.get_job(&ctx, id)).await.map(Json)
}
