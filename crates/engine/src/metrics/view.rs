//! A metric as people and programs see it.

use domain::aggregation::rounding::QuantityRounding;
use domain::catalog::metric::{MetricDefinition, SchemaMode, WeightedUnit};
use domain::ids::MetricId;
use domain::metrics::{Aggregation, Metric, MetricVersion};
use domain::time::Instant;
use serde::Serialize;
use storage::{ProjectTx, metric_versions};
use utoipa::ToSchema;

use crate::error::Error;

/// What is measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Metric)]
pub struct MetricView {
    pub id: MetricId,
    pub key: String,
    pub name: String,
    pub aggregation: Aggregation,
    /// The property whose different values `unique` counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unique_property: Option<String>,
    /// What a `weightedSum` is divided by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weighted_unit: Option<WeightedUnit>,
    /// What one unit is called, for people.
    pub unit_label: Option<String>,
    /// Names of properties that prices may differ by.
    pub dimensions: Vec<String>,
    pub schema_mode: SchemaMode,
    /// A JSON Schema of the properties.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub schema: Option<serde_json::Value>,
    /// Of the quantity of a whole period, before it is priced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rounding: Option<QuantityRounding>,
    /// Events before it do not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective_from: Option<Instant>,
    /// The number of the version that answers now.
    pub version: i64,
    /// The version that takes its place once its rows are made from the stored events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub building: Option<BuildingView>,
    /// False while the metric exists only because an event named it; a person declares it.
    pub declared: bool,
    /// Since when its events are refused.
    pub archived_at: Option<Instant>,
    pub created_at: Instant,
}

/// A version whose rows are being made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MetricBuilding)]
pub struct BuildingView {
    /// Its number.
    pub version: i64,
    pub definition: MetricDefinition,
    /// How many batches of events were read.
    pub done: i64,
    /// How many there are to read.
    pub total: i64,
}

impl BuildingView {
    /// `None` for a version that is not being built.
    fn of(version: MetricVersion) -> Option<BuildingView> {
        let gap = version.gap?;
        Some(BuildingView {
            version: version.number,
            definition: version.definition,
            done: gap.done_seq,
            total: gap.cut_seq,
        })
    }
}

/// One metric.
pub(super) fn of(tx: &mut ProjectTx<'_>, metric: Metric) -> Result<MetricView, Error> {
    let views = of_many(tx, vec![metric])?;
    views.into_iter().next().ok_or_else(|| Error::Bug("a metric has no view".to_owned()))
}

/// Several metrics, in their order.
pub(super) fn of_many(tx: &mut ProjectTx<'_>, metrics: Vec<Metric>) -> Result<Vec<MetricView>, Error> {
    let building = metric_versions::building(tx)?;
    let view = |metric: Metric| {
        let next = building.iter().find(|version| version.metric == metric.id).cloned();
        view(metric, next.and_then(BuildingView::of))
    };
    Ok(metrics.into_iter().map(view).collect())
}

fn view(metric: Metric, building: Option<BuildingView>) -> MetricView {
    let Metric { id, definition, version, series: _, declared, archived_at, created_at } = metric;
    MetricView {
        id,
        key: definition.key,
        name: definition.name,
        aggregation: definition.aggregation,
        unique_property: definition.unique_property,
        weighted_unit: definition.weighted_unit,
        unit_label: definition.unit_label,
        dimensions: definition.dimensions,
        schema_mode: definition.schema_mode,
        schema: definition.schema,
        rounding: definition.rounding,
        effective_from: definition.effective_from,
        version,
        building,
        declared,
        archived_at,
        created_at,
    }
}
