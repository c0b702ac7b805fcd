//! `/projects/{projectId}/audit`: who did what, when and why.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use domain::ids::AuditId;
use domain::refusal::{Code, Refusal};
use engine::audit_entries::{AuditEntryView, AuditQuery};
use engine::{Ctx, Error};
use http::{HeaderValue, header};
use http_body_util::channel::{Channel, Sender};

use crate::answer::Reply;
use crate::app::App;
use crate::extract::{In, Json, Query};
use crate::failure::Failure;
use crate::page::{Page, PageQuery};

/// How many entries of an export are read at once.
const EXPORT_CHUNK: usize = 500;

#[derive(Debug, Clone, Default, serde::Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct AuditParams {
    /// Only entries of this action, such as `accessKey.revoked`.
    action: Option<String>,
    /// Only entries about the thing with this id.
    target: Option<String>,
    /// `json` for a page (if not given), `ndjson` for the whole trail, one entry per line.
    format: Option<String>,
}

/// Read the audit trail
///
/// The newest entries first. With `format=ndjson` the reply is the whole trail (as far as the filters go), for export.
#[utoipa::path(get, path = "/projects/{projectId}/audit", tag = "audit", params(PageQuery, AuditParams), responses(
    (status = 200, description = "A page of the trail; or all of it, one entry per line", content(
        (Page<AuditEntryView> = "application/json"), (AuditEntryView = "application/x-ndjson"))),
))]
pub async fn list_audit_entries(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    Query(page): Query<PageQuery>,
    Query(params): Query<AuditParams>,
) -> Reply {
    let AuditParams { action, target, format } = params;
    match format.as_deref() {
        None | Some("json") => {
            let (before, fetch) = (page.after()?, page.fetch()?);
            let query = AuditQuery { action, target, before };
            let entries = app.run(move |engine| engine.list_audit_entries(&ctx, &query, fetch)).await?;
            Ok(Json(Page::new(entries, &page, |entry| entry.id)?).into_response())
        }
        Some("ndjson") => export(app, ctx, AuditQuery { action, target, before: None }).await,
        Some(_) => Err(Refusal::field(Code::InvalidQuery, "format", "is \"json\" or \"ndjson\".").into()),
    }
}

/// The first chunk is read before anything is answered, so that a refusal still is one.
async fn export(app: App, ctx: Ctx, query: AuditQuery) -> Reply {
    let first = chunk(&app, &ctx, &query, query.before).await?;
    let (sender, body) = Channel::<Bytes, std::io::Error>::new(2);
    tokio::spawn(send_all(sender, app, ctx, query, first));
    let mut response = Response::new(Body::new(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    let name = HeaderValue::from_static("attachment; filename=\"audit.ndjson\"");
    response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    Ok(response)
}

/// Sends chunk after chunk; a failure on the way breaks the reply off, so that a part is not taken for the whole.
async fn send_all(mut sender: Sender<Bytes, std::io::Error>, app: App, ctx: Ctx, query: AuditQuery, first: Chunk) {
    let mut next = first;
    loop {
        let last = next.last;
        if sender.send_data(next.lines).await.is_err() {
            // The caller hung up.
            return;
        }
        let Some(last) = last else { return };
        match chunk(&app, &ctx, &query, Some(last)).await {
            Ok(chunk) => next = chunk,
            Err(failure) => {
                tracing::error!(error = %failure.error(), "an export of the audit trail broke off");
                sender.abort(std::io::Error::other("the export broke off"));
                return;
            }
        }
    }
}

struct Chunk {
    lines: Bytes,
    /// Where the next chunk begins; `None` when this is the last one.
    last: Option<AuditId>,
}

async fn chunk(app: &App, ctx: &Ctx, query: &AuditQuery, before: Option<AuditId>) -> Result<Chunk, Failure> {
    let (ctx, query) = (ctx.clone(), AuditQuery { before, ..query.clone() });
    let entries = app.run(move |engine| engine.list_audit_entries(&ctx, &query, EXPORT_CHUNK)).await?;
    let last = entries.last().filter(|_| entries.len() == EXPORT_CHUNK).map(|entry| entry.id);
    let mut lines = Vec::new();
    for entry in &entries {
        serde_json::to_writer(&mut lines, entry)
            .map_err(|error| Error::Bug(format!("an audit entry is not JSON: {error}")))?;
        lines.push(b'\n');
    }
    Ok(Chunk { lines: lines.into(), last })
}
