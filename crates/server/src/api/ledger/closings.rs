//! `/projects/{projectId}/ledger/closings`: how far the books are closed.

use axum::extract::State;
use domain::ledger::reason::Reason;
use domain::refusal::Refusal;
use engine::Ctx;
use engine::ledger::{BooksClosed, CloseBooks, ClosingView};
use http::StatusCode;

use crate::answer::{Reply, created, json};
use crate::app::App;
use crate::extract::{In, Json, Query};
use crate::failure::Failure;
use crate::page::{Page, PageQuery};

#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CloseBooksRequest {
    /// The first day that stays open, in the project's zone; not in the future.
    #[schema(format = Date, example = "2026-04-01")]
    until: String,
    /// Required: one of the reason codes of the documentation.
    #[schema(example = "other")]
    reason_code: Option<String>,
    reason: Option<String>,
}

/// Close the books
///
/// What counts before the day never changes any more: an entry about it that is posted later counts from the first open moment on, and
/// keeps its own time as `usageAt`. A close is never undone; to close what is closed already answers 200 with the latest close.
#[utoipa::path(post, path = "/projects/{projectId}/ledger/closings", tag = "ledger", request_body = CloseBooksRequest, responses(
    (status = 201, description = "The books are closed", body = ClosingView),
    (status = 200, description = "They were closed as far already", body = ClosingView),
))]
pub async fn close_books(State(app): State<App>, In(ctx): In<Ctx>, Json(body): Json<CloseBooksRequest>) -> Reply {
    let command = body.read()?;
    Ok(match app.run(move |engine| engine.close_books(&ctx, &command)).await? {
        BooksClosed::Now(closing) => created(&closing),
        BooksClosed::Before(closing) => json(StatusCode::OK, &closing),
    })
}

/// List closes of the books
///
/// The newest first: the first one says from when on the books are open.
#[utoipa::path(get, path = "/projects/{projectId}/ledger/closings", tag = "ledger", params(PageQuery),
    responses((status = 200, description = "A page of closes", body = Page<ClosingView>)))]
pub async fn list_closings(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<ClosingView>>, Failure> {
    let (before, fetch) = (page.after()?, page.fetch()?);
    let closings = app.run(move |engine| engine.list_closings(&ctx, before, fetch)).await?;
    Ok(Json(Page::new(closings, &page, |closing| closing.id)?))
}

impl CloseBooksRequest {
    fn read(self) -> Result<CloseBooks, Refusal> {
        let reason = Reason::required(self.reason_code.as_deref(), self.reason.as_deref())?;
        Ok(CloseBooks { until: self.until, reason })
    }
}
