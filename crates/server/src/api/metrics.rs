//! `/projects/{projectId}/metrics`: what is measured, and how much of it was used.

use axum::extract::State;
use domain::aggregation::rounding::QuantityRounding;
use domain::catalog::metric::{MetricDefinition, SchemaMode, WeightedUnit};
use domain::metrics::Aggregation;
use domain::refusal::{Code, Refusal};
use domain::time::{Instant, InstantError};
use domain::window::Window;
use engine::Ctx;
use engine::metering::usage::{MetricUsage, UsageQuery};
use engine::metrics::{Declaration, MetricView, UpdateMetric};
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
    /// `sum`, `count` (of events), `max`, `latest`, `unique` or `weightedSum`; `sum` if not given.
    #[schema(example = "sum")]
    aggregation: Option<String>,
    /// The property whose different values `unique` counts.
    unique_property: Option<String>,
    /// What a `weightedSum` is divided by: `second`, `hour`, `day` or `period`; `period` if not given.
    weighted_unit: Option<String>,
    /// What one unit is called.
    #[schema(example = "token")]
    unit_label: Option<String>,
    /// Names of properties that prices may differ by, 10 at most.
    dimensions: Option<Vec<String>>,
    /// What becomes of an event whose properties miss the schema: `off` (not looked at), `warn` (accepted and counted) or `strict`
    /// (refused); `off` if not given.
    schema_mode: Option<String>,
    /// A JSON Schema of the properties.
    #[schema(value_type = Option<Object>)]
    schema: Option<serde_json::Value>,
    /// Of the quantity of a whole period, before it is priced.
    rounding: Option<QuantityRounding>,
    /// RFC 3339; events before it do not count. From the first event on if not given.
    #[schema(value_type = Option<String>, format = DateTime)]
    effective_from: Option<String>,
}

/// What is not given stays as it is. What the metric means is changed with a new version.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateMetricRequest {
    name: Option<String>,
    /// `null` takes it away.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    unit_label: Option<Option<String>>,
    /// `true`: its events are refused from now on, its usage stays readable.
    archived: Option<bool>,
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
    /// The IANA name of the zone in which windows begin; the project's if not given.
    time_zone: Option<String>,
    /// What is told apart, separated by commas: `customer`, and dimensions of the metric.
    #[param(example = "customer,region")]
    group_by: Option<String>,
    /// Only the usage of this customer.
    customer_key: Option<String>,
    /// Only events that name this subscription.
    subscription_key: Option<String>,
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
        (status = 201, description = "The metric is declared", body = MetricView),
        (status = 200, description = "It was declared before, in the same way", body = MetricView),
        (status = 409, description = "`metric_conflict`: it was declared in another way",
            body = engine::problem::Problem, content_type = "application/problem+json"),
    ))]
pub async fn declare_metric(State(app): State<App>, In(ctx): In<Ctx>, Json(body): Json<DeclareMetricRequest>) -> Reply {
    let definition = body.definition()?;
    let declared = app.run(move |engine| engine.declare_metric(&ctx, &definition)).await?;
    Ok(match declared {
        Declaration::Declared(metric) => json(StatusCode::CREATED, &metric),
        Declaration::Existing(metric) => json(StatusCode::OK, &metric),
    })
}

/// List metrics
///
/// In the order of their keys; those that nobody declared yet, too.
#[utoipa::path(get, path = "/projects/{projectId}/metrics", tag = "metrics", params(PageQuery),
    responses((status = 200, description = "A page of metrics", body = Page<MetricView>)))]
pub async fn list_metrics(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<MetricView>>, Failure> {
    let (after, fetch): (Option<String>, usize) = (page.after()?, page.fetch()?);
    let metrics = app.run(move |engine| engine.list_metrics(&ctx, after.as_deref(), fetch)).await?;
    Ok(Json(Page::new(metrics, &page, |metric| metric.key.clone())?))
}

/// One metric
#[utoipa::path(get, path = "/projects/{projectId}/metrics/{key}", tag = "metrics",
    responses((status = 200, description = "The metric", body = MetricView)))]
pub async fn get_metric(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(key): PathPart<String>,
) -> Result<Json<MetricView>, Failure> {
    app.run(move |engine| engine.get_metric(&ctx, &key)).await.map(Json)
}

/// Change a metric
#[utoipa::path(patch, path = "/projects/{projectId}/metrics/{key}", tag = "metrics", request_body = UpdateMetricRequest,
    responses((status = 200, description = "The metric as it is now", body = MetricView)))]
pub async fn update_metric(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(key): PathPart<String>,
    Json(body): Json<UpdateMetricRequest>,
) -> Result<Json<MetricView>, Failure> {
    let change = UpdateMetric { name: body.name, unit_label: body.unit_label, archived: body.archived };
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
    let mut by_dimensions: Vec<String> = params
        .group_by
        .as_deref()
        .unwrap_or_default()
        .split(',')
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect();
    let groups = by_dimensions.len();
    by_dimensions.retain(|name| name != "customer");
    let query = UsageQuery {
        from: filter::instant("from", params.from.as_deref())?,
        to: filter::instant("to", params.to.as_deref())?,
        window: filter::named("window", params.window.as_deref(), Window::ALL, Window::parse)?,
        time_zone: filter::time_zone("timeZone", params.time_zone.as_deref())?,
        by_customer: groups > by_dimensions.len(),
        by_dimensions,
        customer_key: params.customer_key,
        subscription_key: params.subscription_key,
    };
    app.run(move |engine| engine.metric_usage(&ctx, &key, &query)).await.map(Json)
}

impl DeclareMetricRequest {
    fn definition(self) -> Result<MetricDefinition, Refusal> {
        let meaning = MeaningFields {
            aggregation: self.aggregation,
            unique_property: self.unique_property,
            weighted_unit: self.weighted_unit,
            dimensions: self.dimensions,
            schema_mode: self.schema_mode,
            schema: self.schema,
            rounding: self.rounding,
            effective_from: self.effective_from,
        };
        let name = self.name.unwrap_or_else(|| self.key.clone());
        Ok(MetricDefinition { name, unit_label: self.unit_label, ..meaning.definition(self.key)? })
    }
}

/// What a metric means, as bodies spell it.
pub(super) struct MeaningFields {
    pub aggregation: Option<String>,
    pub unique_property: Option<String>,
    pub weighted_unit: Option<String>,
    pub dimensions: Option<Vec<String>>,
    pub schema_mode: Option<String>,
    pub schema: Option<serde_json::Value>,
    pub rounding: Option<QuantityRounding>,
    pub effective_from: Option<String>,
}

impl MeaningFields {
    /// The definition of a metric that is called by its key.
    pub fn definition(self, key: String) -> Result<MetricDefinition, Refusal> {
        let refused =
            |error: InstantError| Refusal::field(Code::InvalidTimestamp, "effectiveFrom", format!("{error}."));
        Ok(MetricDefinition {
            name: key.clone(),
            key,
            aggregation: named("aggregation", self.aggregation, Aggregation::ALL, Aggregation::parse)?
                .unwrap_or(Aggregation::Sum),
            unique_property: self.unique_property,
            weighted_unit: named("weightedUnit", self.weighted_unit, WeightedUnit::ALL, WeightedUnit::parse)?,
            unit_label: None,
            dimensions: self.dimensions.unwrap_or_default(),
            schema_mode: named("schemaMode", self.schema_mode, SchemaMode::ALL, SchemaMode::parse)?
                .unwrap_or(SchemaMode::Off),
            schema: self.schema,
            rounding: self.rounding,
            effective_from: self.effective_from.map(|text| Instant::parse(&text).map_err(refused)).transpose()?,
        })
    }
}

/// One of a closed list of names in the body.
fn named<T: Copy + std::fmt::Display>(
    field: &str,
    text: Option<String>,
    all: &[T],
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, Refusal> {
    let unknown = || {
        let names: Vec<String> = all.iter().map(ToString::to_string).collect();
        Refusal::field(Code::InvalidValue, field, format!("must be one of {}.", names.join(", ")))
    };
    text.map(|text| parse(&text).ok_or_else(unknown)).transpose()
}
