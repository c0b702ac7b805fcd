//! `/projects/{projectId}/metrics`: what is measured, and how much of it was used.

use axum::extract::State;
use domain::metrics::{Aggregation, Metric};
use domain::refusal::{Code, Refusal};
use domain::window::Window;
use engine::Ctx;
use engine::ingest::usage::{MetricUsage, UsageQuery};
use engine::metrics::{Declaration, DeclareMetric, UpdateMetric};
use http::StatusCode;
use serde::{Deserialize, Deserializer};

use crate::answer::{Reply, json};
use crate::app::App;
use crate::extract::{In, Json, PathPart, Query};
use crate::failure::Failure;
use crate::filter;
use crate::page::{Page, PageQuery};

#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeclareMetricRequest {
    /// What events call it in `metricKey`: 1 to 128 bytes.
    #[schema(example = "api_tokens")]
    key: String,
    /// The key if not given.
    #[schema(example = "API tokens")]
    name: Option<String>,
    /// `sum`, `count` (of events), `max` or `latest`; `sum` if not given.
    #[schema(example = "sum")]
    aggregation: Option<String>,
    /// What one unit is called.
    #[schema(example = "token")]
    unit_label: Option<String>,
}

/// What is not given stays as it is. The key and the aggregation cannot be changed.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateMetricRequest {
    name: Option<String>,
    /// `null` takes it away.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    unit_label: Option<Option<String>>,
}

#[derive(Debug, Clone, Default, serde::Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct UsageParams {
    /// RFC 3339; the start of the current month in the project's zone if not given.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<String>,
    /// RFC 3339, exclusive; the end of the current month if not given.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<String>,
    /// `hour`, `day`, `week` (from Monday) or `month`; one window from end to end if not given.
    window: Option<String>,
    /// `customer`.
    group_by: Option<String>,
    /// Only the usage of this customer.
    customer_key: Option<String>,
}

/// Tells `null` (set to nothing) from a field that was not sent.
fn nullable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Declare a metric
///
/// A new one, or one that events have named already. The same body again answers 200 with the metric as it is.
#[utoipa::path(post, path = "/projects/{projectId}/metrics", tag = "metrics", request_body = DeclareMetricRequest,
    responses(
        (status = 201, description = "The metric is declared", body = Metric),
        (status = 200, description = "It was declared before, in the same way", body = Metric),
        (status = 409, description = "`metric_conflict`: it was declared in another way",
            body = engine::problem::Problem, content_type = "application/problem+json"),
    ))]
pub async fn declare_metric(State(app): State<App>, In(ctx): In<Ctx>, Json(body): Json<DeclareMetricRequest>) -> Reply {
    let aggregation = body.aggregation.as_deref().map(aggregation).transpose()?.unwrap_or(Aggregation::Sum);
    let command = DeclareMetric { key: body.key, name: body.name, aggregation, unit_label: body.unit_label };
    let declared = app.run(move |engine| engine.declare_metric(&ctx, &command)).await?;
    Ok(match declared {
        Declaration::Declared(metric) => json(StatusCode::CREATED, &metric),
        Declaration::Existing(metric) => json(StatusCode::OK, &metric),
    })
}

/// List metrics
///
/// In the order of their keys; those that nobody declared yet, too.
#[utoipa::path(get, path = "/projects/{projectId}/metrics", tag = "metrics", params(PageQuery),
    responses((status = 200, description = "A page of metrics", body = Page<Metric>)))]
pub async fn list_metrics(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<Metric>>, Failure> {
    let (after, fetch): (Option<String>, usize) = (page.after()?, page.fetch()?);
    let metrics = app.run(move |engine| engine.list_metrics(&ctx, after.as_deref(), fetch)).await?;
    Ok(Json(Page::new(metrics, &page, |metric| metric.key.clone())?))
}

/// One metric
#[utoipa::path(get, path = "/projects/{projectId}/metrics/{key}", tag = "metrics",
    responses((status = 200, description = "The metric", body = Metric)))]
pub async fn get_metric(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(key): PathPart<String>,
) -> Result<Json<Metric>, Failure> {
    app.run(move |engine| engine.get_metric(&ctx, &key)).await.map(Json)
}

/// Change a metric
#[utoipa::path(patch, path = "/projects/{projectId}/metrics/{key}", tag = "metrics", request_body = UpdateMetricRequest,
    responses((status = 200, description = "The metric as it is now", body = Metric)))]
pub async fn update_metric(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(key): PathPart<String>,
    Json(body): Json<UpdateMetricRequest>,
) -> Result<Json<Metric>, Failure> {
    let change = UpdateMetric { name: body.name, unit_label: body.unit_label };
    app.run(move |engine| engine.update_metric(&ctx, &key, &change)).await.map(Json)
}

/// Usage of a metric
///
/// Exact at once: every event that was answered before is in it.
#[utoipa::path(get, path = "/projects/{projectId}/metrics/{key}/usage", tag = "metrics", params(UsageParams),
    responses((status = 200, description = "The usage by window, and by customer if asked for", body = MetricUsage)))]
pub async fn metric_usage(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(key): PathPart<String>,
    Query(params): Query<UsageParams>,
) -> Result<Json<MetricUsage>, Failure> {
    let parse_group = |text: &str| (text == "customer").then_some("customer");
    let query = UsageQuery {
        from: filter::instant("from", params.from.as_deref())?,
        to: filter::instant("to", params.to.as_deref())?,
        window: filter::named("window", params.window.as_deref(), Window::ALL, Window::parse)?,
        by_customer: filter::named("groupBy", params.group_by.as_deref(), &["customer"], parse_group)?.is_some(),
        customer_key: params.customer_key,
    };
    app.run(move |engine| engine.metric_usage(&ctx, &key, &query)).await.map(Json)
}

fn aggregation(text: &str) -> Result<Aggregation, Refusal> {
    let offered = Aggregation::OF_CELLS;
    Aggregation::parse(text).filter(|known| offered.contains(known)).ok_or_else(|| {
        let names: Vec<&str> = offered.iter().map(|known| known.as_str()).collect();
        Refusal::field(Code::InvalidValue, "aggregation", format!("must be one of {}.", names.join(", ")))
    })
}
