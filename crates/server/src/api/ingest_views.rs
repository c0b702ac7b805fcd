//! `/projects/{projectId}/ingest`: what became of what machines sent. Outcomes over time, and the stored events.

use axum::extract::State;
use domain::ids::EventId;
use domain::ingest::Operation;
use domain::window::Window;
use engine::Ctx;
use engine::ingest::events::UsageEventView;
use engine::ingest::outcomes::{OutcomeQuery, Outcomes};

use crate::app::App;
use crate::extract::{In, Json, PathPart, Query};
use crate::failure::Failure;
use crate::filter;
use crate::page::{Page, PageQuery};

#[derive(Debug, Clone, Default, serde::Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct OutcomeParams {
    /// RFC 3339; the start of the current month in the project's zone if not given.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<String>,
    /// RFC 3339, exclusive; the end of the current month if not given.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<String>,
    /// `hour`, `day`, `week` or `month`; one window from end to end if not given.
    window: Option<String>,
    /// `usage` or `charge`; both together if not given.
    operation: Option<String>,
}

/// Ingest outcomes
///
/// How many requests were accepted, replayed, duplicates, conflicts or failed, by the time of receipt.
#[utoipa::path(get, path = "/projects/{projectId}/ingest/outcomes", tag = "ingest views", params(OutcomeParams),
    responses((status = 200, description = "The counts", body = Outcomes)))]
pub async fn ingest_outcomes(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    Query(params): Query<OutcomeParams>,
) -> Result<Json<Outcomes>, Failure> {
    let query = OutcomeQuery {
        from: filter::instant("from", params.from.as_deref())?,
        to: filter::instant("to", params.to.as_deref())?,
        window: filter::named("window", params.window.as_deref(), Window::ALL, Window::parse)?,
        operation: filter::named("operation", params.operation.as_deref(), Operation::ALL, Operation::parse)?,
    };
    app.run(move |engine| engine.ingest_outcomes(&ctx, query)).await.map(Json)
}

/// List usage events
///
/// The newest first.
#[utoipa::path(get, path = "/projects/{projectId}/ingest/events", tag = "ingest views", params(PageQuery),
    responses((status = 200, description = "A page of events", body = Page<UsageEventView>)))]
pub async fn list_usage_events(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<UsageEventView>>, Failure> {
    let (before, fetch): (Option<EventId>, usize) = (page.after()?, page.fetch()?);
    let events = app.run(move |engine| engine.list_usage_events(&ctx, before, fetch)).await?;
    Ok(Json(Page::new(events, &page, |event| event.id)?))
}

/// One usage event
///
/// By the id it was given (`evt_…`) or by the `eventId` its sender gave.
#[utoipa::path(get, path = "/projects/{projectId}/ingest/events/{eventId}", tag = "ingest views",
    responses((status = 200, description = "The event", body = UsageEventView)))]
pub async fn get_usage_event(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(id): PathPart<String>,
) -> Result<Json<UsageEventView>, Failure> {
    app.run(move |engine| engine.get_usage_event(&ctx, &id)).await.map(Json)
}
