//! `/projects/{projectId}/catalog`: metrics, plans, add-ons, coupons, taxes and custom assets as one document.

mod body;
pub(crate) mod items;

pub(crate) use body::BODY_BYTES_MAX;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::catalog::Catalog;
use domain::catalog::whole::Rest;
use domain::ledger::reason::Reason;
use engine::Ctx;
use engine::catalog::apply::{ApplyCatalog, CatalogApplied, CatalogDifference, Publication};
use http::{HeaderMap, HeaderValue, header};

use self::body::{CatalogBody, with_lines};
use crate::answer::{Reply, answer};
use crate::app::App;
use crate::extract::{In, Json, MaybeIdempotent, OptionalIdempotencyHeader, Query};
use crate::failure::Failure;
use crate::yaml;

#[derive(Debug, Clone, Default, serde::Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct PlanParams {
    /// Whether what is not in the body goes: plans are archived, everything but metrics is removed.
    #[param(default = false)]
    prune: Option<bool>,
}

#[derive(Debug, Clone, Default, serde::Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct ApplyParams {
    /// Whether what is not in the body goes: plans are archived, everything but metrics is removed.
    #[param(default = false)]
    prune: Option<bool>,
    /// Whether plans that say something new get a new current version, or a draft.
    #[param(default = true)]
    publish: Option<bool>,
    /// The `digest` of the catalog that you have seen; another one is refused.
    expected_digest: Option<String>,
    /// Why old usage is counted anew, where a changed metric does that.
    reason_code: Option<String>,
    /// The same in words.
    reason: Option<String>,
}

/// The whole catalog
///
/// Of each plan the latest published version. JSON, or YAML with `Accept: application/yaml`.
#[utoipa::path(get, path = "/projects/{projectId}/catalog", tag = "catalog",
    responses((status = 200, description = "The catalog",
        content((Catalog = "application/json"), (String = "application/yaml")))))]
pub async fn get_catalog(State(app): State<App>, In(ctx): In<Ctx>, headers: HeaderMap) -> Reply {
    let catalog = app.run(move |engine| engine.get_catalog(&ctx)).await?;
    if accepts_yaml(&headers) {
        let mut response = Response::new(Body::from(yaml::to_yaml(&catalog)?));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/yaml"));
        return Ok(response);
    }
    Ok(Json(catalog).into_response())
}

/// What applying a catalog would do
///
/// Writes nothing. Mistakes are refused with their path, and in YAML with their line.
#[utoipa::path(post, path = "/projects/{projectId}/catalog/plan", tag = "catalog", params(PlanParams),
    request_body(content((Catalog = "application/json"), (String = "application/yaml"))),
    responses(
        (status = 200, description = "The difference, sorted by path", body = CatalogDifference),
        (status = 422, description = "`invalid_catalog`: every mistake with its path and line",
            body = engine::problem::Problem, content_type = "application/problem+json"),
    ))]
pub async fn plan_catalog(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    Query(params): Query<PlanParams>,
    body: CatalogBody,
) -> Result<Json<CatalogDifference>, Failure> {
    let CatalogBody { catalog, document } = body;
    let planned = app.run(move |engine| {
        engine.plan_catalog(&ctx, &catalog, rest(params.prune)).map_err(|error| with_lines(error, document.as_ref()))
    });
    planned.await.map(Json)
}

/// Apply a catalog
///
/// All of it or nothing. The same body again changes nothing.
#[utoipa::path(post, path = "/projects/{projectId}/catalog/apply", tag = "catalog",
    params(ApplyParams, OptionalIdempotencyHeader),
    request_body(content((Catalog = "application/json"), (String = "application/yaml"))),
    responses(
        (status = 200, description = "What changed; nothing, if it was so already", body = CatalogApplied),
        (status = 409, description = "`catalog_changed`: the catalog is not the one with `expectedDigest`",
            body = engine::problem::Problem, content_type = "application/problem+json"),
        (status = 422, description = "`invalid_catalog`: every mistake with its path and line",
            body = engine::problem::Problem, content_type = "application/problem+json"),
    ))]
pub async fn apply_catalog(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    Query(params): Query<ApplyParams>,
    MaybeIdempotent(key): MaybeIdempotent,
    body: CatalogBody,
) -> Reply {
    let CatalogBody { catalog, document } = body;
    let reason = match &params.reason_code {
        Some(code) => Some(Reason::required(Some(code), params.reason.as_deref())?),
        None => None,
    };
    let publication = if params.publish.unwrap_or(true) { Publication::Published } else { Publication::Drafted };
    let command = ApplyCatalog {
        catalog,
        rest: rest(params.prune),
        publication,
        expected_digest: params.expected_digest,
        reason,
    };
    let applied = app.run(move |engine| {
        engine.apply_catalog(&ctx, key, &command).map_err(|error| with_lines(error, document.as_ref()))
    });
    applied.await.map(answer)
}

fn rest(prune: Option<bool>) -> Rest {
    if prune.unwrap_or(false) { Rest::Goes } else { Rest::Stays }
}

fn accepts_yaml(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        ["application/yaml", "application/x-yaml", "text/yaml"].iter().any(|yaml| kind.eq_ignore_ascii_case(yaml))
    })
}
