//! `/projects/{projectId}/access-keys`: credentials of machines.

use std::time::Duration;

use axum::extract::State;
use domain::access_keys::scopes;
use domain::ids::AccessKeyId;
use domain::refusal::{Code, Refusal};
use domain::text;
use domain::time::Instant;
use engine::Ctx;
use engine::access_keys::{AccessKeyView, CreateAccessKey, NewAccessKey, RotateAccessKey};

use crate::answer::{Reply, answer, no_content};
use crate::app::App;
use crate::extract::{In, Json, MaybeIdempotent, OptionalIdempotencyHeader, PathPart, Query};
use crate::failure::Failure;
use crate::page::{Page, PageQuery};

/// How long both keys work after a rotation, if nothing is said: one day.
const GRACE_MINUTES_DEFAULT: u32 = 24 * 60;

#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateAccessKeyRequest {
    #[schema(example = "Usage ingest")]
    name: String,
    #[schema(example = json!(["ingest:usage", "ingest:charge"]))]
    scopes: Vec<String>,
    /// RFC 3339; without it the key works until it is revoked.
    expires_at: Option<String>,
}

#[derive(Default, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RotateAccessKeyRequest {
    /// How long the old key works beside the new one: 0 to 43,200 minutes, 1,440 (one day) if not given.
    #[schema(minimum = 0, maximum = 43200, default = 1440)]
    grace_minutes: Option<u32>,
    /// RFC 3339; without it the new key lasts as long as the old one was meant to.
    expires_at: Option<String>,
}

/// Create an access key
///
/// The reply is the only place where the key itself is shown; only a hash of it is stored.
#[utoipa::path(post, path = "/projects/{projectId}/access-keys", tag = "access keys",
    params(OptionalIdempotencyHeader), request_body = CreateAccessKeyRequest,
    responses((status = 201, description = "The new key", body = NewAccessKey)))]
pub async fn create_access_key(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    MaybeIdempotent(key): MaybeIdempotent,
    Json(body): Json<CreateAccessKeyRequest>,
) -> Reply {
    let command = CreateAccessKey {
        name: text::name("name", &body.name)?,
        scopes: scopes("scopes", &body.scopes)?,
        expires_at: expires_at(body.expires_at.as_deref())?,
    };
    app.run(move |engine| engine.create_access_key(&ctx, key, &command)).await.map(answer)
}

/// List the access keys
///
/// Expired and revoked ones too; never the keys themselves.
#[utoipa::path(get, path = "/projects/{projectId}/access-keys", tag = "access keys", params(PageQuery),
    responses((status = 200, description = "A page of keys", body = Page<AccessKeyView>)))]
pub async fn list_access_keys(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<AccessKeyView>>, Failure> {
    let (after, fetch) = (query.after()?, query.fetch()?);
    let keys = app.run(move |engine| engine.list_access_keys(&ctx, after, fetch)).await?;
    Ok(Json(Page::new(keys, &query, |key| key.id)?))
}

/// Revoke an access key
///
/// Takes effect at once, on every server.
#[utoipa::path(delete, path = "/projects/{projectId}/access-keys/{keyId}", tag = "access keys",
    responses((status = 204, description = "The key does not work any more")))]
pub async fn revoke_access_key(State(app): State<App>, In(ctx): In<Ctx>, PathPart(id): PathPart<AccessKeyId>) -> Reply {
    app.run(move |engine| engine.revoke_access_key(&ctx, id)).await?;
    Ok(no_content())
}

/// Rotate an access key
///
/// Makes a key with the same name and scopes. Both work for a grace time, then only the new one.
#[utoipa::path(post, path = "/projects/{projectId}/access-keys/{keyId}/rotate", tag = "access keys",
    params(OptionalIdempotencyHeader),
    request_body = RotateAccessKeyRequest,
    responses((status = 201, description = "The new key", body = NewAccessKey)))]
pub async fn rotate_access_key(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(id): PathPart<AccessKeyId>,
    MaybeIdempotent(key): MaybeIdempotent,
    Json(body): Json<RotateAccessKeyRequest>,
) -> Reply {
    let minutes = body.grace_minutes.unwrap_or(GRACE_MINUTES_DEFAULT);
    let command = RotateAccessKey {
        grace: Duration::from_secs(u64::from(minutes) * 60),
        expires_at: expires_at(body.expires_at.as_deref())?,
    };
    app.run(move |engine| engine.rotate_access_key(&ctx, id, key, &command)).await.map(answer)
}

fn expires_at(text: Option<&str>) -> Result<Option<Instant>, Refusal> {
    let refused =
        |error: domain::time::InstantError| Refusal::field(Code::InvalidTimestamp, "expiresAt", error.to_string());
    text.map(|text| Instant::parse(text).map_err(refused)).transpose()
}
