//! `POST /ingest/usage`: one usage event.

use std::collections::BTreeMap;

use axum::extract::State;
use domain::ingest::{Door, Item, cloud_event};
use domain::refusal::Refusal;
use engine::Ctx;
use engine::ingest::reply::UsageReply;
use http::HeaderMap;

use super::submit::{content_type, submit, unsupported};
use crate::answer::{Reply, answer};
use crate::app::App;
use crate::extract::{IdempotencyHeader, In, RawBody};
use crate::failure::Failure;
use crate::guard::one_header;

const IDEMPOTENCY_KEY: http::HeaderName = http::HeaderName::from_static("idempotency-key");

#[derive(utoipa::ToSchema)]
#[allow(dead_code, reason = "only described: the engine reads the body itself")]
#[schema(rename_all = "camelCase")]
pub struct UsageRequest {
    /// 1 to 128 bytes.
    #[schema(example = "api_tokens")]
    metric_key: String,
    /// Greater than zero, at most six places: a decimal text, or a number. 1 for a count metric if not given.
    #[schema(example = "1250.000000")]
    units: Option<String>,
    /// RFC 3339; the time of receipt if not given. At most 5 minutes ahead.
    #[schema(format = DateTime, example = "2026-03-17T10:15:00.000Z")]
    timestamp: Option<String>,
    /// The project itself if not given.
    customer_key: Option<String>,
    subscription_key: Option<String>,
    /// Your own id of the event. The same id under another key is a duplicate, not a second event.
    event_id: Option<String>,
    /// A flat object of at most 50 fields.
    properties: Option<BTreeMap<String, serde_json::Value>>,
}

/// Record usage
///
/// Answered when the event is committed and synced to disk. The same key with the same body is answered with the first reply,
/// byte for byte. Also reads one CloudEvent (`application/cloudevents+json`), which is identified by its `source` and `id` and
/// needs no `Idempotency-Key`.
#[utoipa::path(post, path = "/ingest/usage", tag = "ingest", params(IdempotencyHeader), request_body = UsageRequest, responses(
    (status = 201, description = "The event is stored", body = UsageReply),
    (status = 200, description = "A duplicate: the `eventId` is stored already, with the same content", body = UsageReply),
    (status = 409, description = "`idempotency_conflict` or `event_id_conflict`: used for something else",
        body = engine::problem::Problem, content_type = "application/problem+json"),
))]
pub async fn record_usage(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Reply {
    let key = one_header(&headers, &IDEMPOTENCY_KEY)?;
    let (door, item) = match (body, content_type(&headers).as_str()) {
        (Err(too_large), _) => {
            let beginning = too_large.beginning.clone();
            (Door::Single, Item::refused(None, Refusal::from(too_large), &beginning))
        }
        (Ok(body), "application/json") => (Door::Single, Item::single(key, &body)),
        (Ok(body), "application/cloudevents+json") => (Door::CloudEvent, cloud_event::single(&body)),
        (Ok(body), _) => {
            let refusal = unsupported("application/json and application/cloudevents+json");
            (Door::Single, Item::refused(None, refusal, &body))
        }
    };
    let answered = submit(&app, &ctx, door, vec![item]).await?;
    answered.single().map(answer).map_err(Failure::from)
}
