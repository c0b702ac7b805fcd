//! `POST /ingest/usage/batch`: many usage events, as JSON, lines of JSON or CloudEvents.

use axum::extract::State;
use bytes::Bytes;
use domain::ingest::{Door, Item, batch, cloud_event};
use domain::refusal::Refusal;
use engine::Ctx;
use engine::ingest::reply::BatchReply;
use http::{HeaderMap, StatusCode};

use super::submit::{content_type, refuse, submit, unsupported};
use crate::answer::{Reply, json};
use crate::app::App;
use crate::extract::{In, RawBody};

/// The longest body, in bytes.
pub const BODY_BYTES_MAX: usize = 16 << 20;
/// Bodies from this size on are read on a thread of their own, so that they do not keep other requests waiting.
const BLOCKING_BYTES_MIN: usize = 256 << 10;

#[derive(utoipa::ToSchema)]
#[allow(dead_code, reason = "only described: the engine reads the body itself")]
pub struct UsageBatch {
    /// Up to 5,000 events.
    events: Vec<UsageBatchItem>,
}

/// The fields of `POST /ingest/usage`, with the key beside them.
#[derive(utoipa::ToSchema)]
#[allow(dead_code, reason = "only described: the engine reads the body itself")]
#[schema(rename_all = "camelCase")]
pub struct UsageBatchItem {
    /// What the header `Idempotency-Key` is to a single event.
    #[schema(example = "evt_2026_03_17_001")]
    idempotency_key: String,
    #[serde(flatten)]
    event: super::usage::UsageRequest,
}

/// Record many usage events
///
/// Answers 200 with a verdict per item; one bad item does not lose a good one. Everything is committed in one transaction. Send
/// it again, whole, in part or reordered: what is stored is replayed, what failed is judged anew. Reads
/// `{ "events": [ … ] }` or the array alone (`application/json`), one event per line (`application/x-ndjson`), and CloudEvents
/// (`application/cloudevents+json`, `application/cloudevents-batch+json`), which are identified by their `source` and `id`.
#[utoipa::path(post, path = "/ingest/usage/batch", tag = "ingest", request_body = UsageBatch,
    responses((status = 200, description = "What became of each event", body = BatchReply)))]
pub async fn record_usage_batch(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Reply {
    let kind = content_type(&headers);
    let body = match body {
        Ok(body) => body,
        Err(too_large) => {
            let beginning = too_large.beginning.clone();
            return Err(refuse(&app, &ctx, Door::Batch, too_large.into(), &beginning).await?);
        }
    };
    let (door, items) = parse(kind, body.clone()).await;
    match items {
        Ok(items) => {
            let answered = submit(&app, &ctx, door, items).await?;
            Ok(json(StatusCode::OK, &answered.batch()))
        }
        Err(refusal) => Err(refuse(&app, &ctx, door, refusal, &body).await?),
    }
}

async fn parse(kind: String, body: Bytes) -> (Door, Result<Vec<Item>, Refusal>) {
    if body.len() < BLOCKING_BYTES_MIN {
        return read(&kind, &body);
    }
    let read = tokio::task::spawn_blocking(move || read(&kind, &body)).await;
    read.unwrap_or_else(|stopped| match stopped.try_into_panic() {
        // The panic goes where it would have gone without a thread of its own: it is answered and logged once.
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_) => (Door::Batch, Err(Refusal::new(domain::refusal::Code::Unavailable, "The server is stopping."))),
    })
}

fn read(kind: &str, body: &[u8]) -> (Door, Result<Vec<Item>, Refusal>) {
    match kind {
        "application/json" => (Door::Batch, batch::parse_json(body)),
        "application/x-ndjson" => (Door::Ndjson, batch::parse_ndjson(body)),
        "application/cloudevents+json" => (Door::CloudEvent, Ok(vec![cloud_event::single(body)])),
        "application/cloudevents-batch+json" => (Door::CloudEventBatch, cloud_event::batch(body)),
        _ => {
            let known = "application/json, application/x-ndjson, application/cloudevents+json and \
                         application/cloudevents-batch+json";
            (Door::Batch, Err(unsupported(known)))
        }
    }
}
