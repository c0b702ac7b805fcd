//! `/projects/{projectId}/metrics/{key}/versions`: what a metric meant, means and is about to mean.

use axum::extract::State;
use domain::aggregation::rounding::QuantityRounding;
use domain::ledger::reason::Reason;
use domain::refusal::{Code, Refusal};
use domain::time::Instant;
use engine::Ctx;
use engine::metrics::preview::{MetricPreview, PreviewMetricVersion};
use engine::metrics::versions::{MetricChanged, MetricVersionView, MetricWish, NewMetricVersion};
use http::StatusCode;

use super::metrics::MeaningFields;
use crate::answer::{Reply, json};
use crate::app::App;
use crate::extract::{In, Json, PathPart, Query};
use crate::failure::Failure;
use crate::page::{Page, PageQuery};

/// The whole meaning of a metric, as in its declaration. Its name and unit label stay if they are not given.
#[derive(Default, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MetricMeaning {
    name: Option<String>,
    unit_label: Option<String>,
    /// `sum`, `count` (of events), `max`, `latest`, `unique` or `weightedSum`; `sum` if not given.
    #[schema(example = "unique")]
    aggregation: Option<String>,
    /// The property whose different values `unique` counts.
    #[schema(example = "userId")]
    unique_property: Option<String>,
    /// What a `weightedSum` is divided by: `second`, `hour`, `day` or `period`; `period` if not given.
    weighted_unit: Option<String>,
    /// Names of properties that prices may differ by, 10 at most.
    dimensions: Option<Vec<String>>,
    /// `off`, `warn` or `strict`; `off` if not given.
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

#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeMetricRequest {
    definition: MetricMeaning,
    /// Required when usage would count anew that is older than the project's `recomputeLimitDays`.
    #[schema(example = "billing_error")]
    reason_code: Option<String>,
    reason: Option<String>,
}

#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PreviewMetricRequest {
    definition: MetricMeaning,
    /// RFC 3339: the range whose usage is compared.
    #[schema(value_type = String, format = DateTime)]
    from: String,
    /// RFC 3339, exclusive.
    #[schema(value_type = String, format = DateTime)]
    to: String,
}

/// Change what a metric means
///
/// Where the stored rows fit, the new version is current at once. Where they do not (other dimensions, another unique property or
/// effective date, to or from `unique` or `weightedSum`) a job makes its rows from the stored events; until then the version before
/// answers. A version that is being built is given up for a newer one.
#[utoipa::path(post, path = "/projects/{projectId}/metrics/{key}/versions", tag = "metrics",
    request_body = ChangeMetricRequest,
    responses(
        (status = 200, description = "The metric means that already, or is only called something else now",
            body = MetricVersionView),
        (status = 201, description = "The new version is current", body = MetricVersionView),
        (status = 202, description = "The new version is being built by the job `jobId`", body = MetricVersionView),
        (status = 409, description = "`recompute_limit`: older usage would count anew than the project allows without a reason",
            body = engine::problem::Problem, content_type = "application/problem+json"),
    ))]
pub async fn change_metric(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(key): PathPart<String>,
    Json(body): Json<ChangeMetricRequest>,
) -> Reply {
    let reason = Reason::optional(body.reason_code.as_deref(), body.reason.as_deref())?;
    let wish = NewMetricVersion { wish: body.definition.wish()?, reason };
    let changed = app.run(move |engine| engine.change_metric(&ctx, &key, &wish)).await?;
    let status = match &changed {
        MetricChanged::Same(_) | MetricChanged::Renamed(_) => StatusCode::OK,
        MetricChanged::Current(_) => StatusCode::CREATED,
        MetricChanged::Building(_) => StatusCode::ACCEPTED,
    };
    Ok(json(status, changed.version()))
}

/// List the versions of a metric
///
/// The newest first.
#[utoipa::path(get, path = "/projects/{projectId}/metrics/{key}/versions", tag = "metrics", params(PageQuery),
    responses((status = 200, description = "A page of versions", body = Page<MetricVersionView>)))]
pub async fn list_metric_versions(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(key): PathPart<String>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<MetricVersionView>>, Failure> {
    let (before, fetch): (Option<i64>, usize) = (page.after()?, page.fetch()?);
    let versions = app.run(move |engine| engine.list_metric_versions(&ctx, &key, before, fetch)).await?;
    Ok(Json(Page::new(versions, &page, |version| version.version)?))
}

/// Preview another meaning of a metric
///
/// What the events of a range come to now and would come to, in total and for the customers whose usage changes most. Nothing is written.
#[utoipa::path(post, path = "/projects/{projectId}/metrics/{key}/versions/preview", tag = "metrics",
    request_body = PreviewMetricRequest,
    responses((status = 200, description = "The effect", body = MetricPreview)))]
pub async fn preview_metric(
    State(app): State<App>,
    In(ctx): In<Ctx>,
    PathPart(key): PathPart<String>,
    Json(body): Json<PreviewMetricRequest>,
) -> Result<Json<MetricPreview>, Failure> {
    let wish = PreviewMetricVersion {
        wish: body.definition.wish()?,
        from: instant("from", &body.from)?,
        to: instant("to", &body.to)?,
    };
    app.run(move |engine| engine.preview_metric(&ctx, &key, &wish)).await.map(Json)
}

impl MetricMeaning {
    fn wish(self) -> Result<MetricWish, Refusal> {
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
        Ok(MetricWish { meaning: meaning.definition(String::new())?, name: self.name, unit_label: self.unit_label })
    }
}

fn instant(field: &str, text: &str) -> Result<Instant, Refusal> {
    Instant::parse(text).map_err(|error| Refusal::field(Code::InvalidTimestamp, field, format!("{error}.")))
}
