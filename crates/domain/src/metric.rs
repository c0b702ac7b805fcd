//! Metrics: what is measured.

use crate::ids::MetricId;
use crate::named::named;
use crate::time::Instant;

named! {
    /// How the events of a window become one quantity.
    Aggregation {
        Sum = "sum",
        Count = "count",
        Max = "max",
        Latest = "latest",
        /// How many different values a property had; exact.
        Unique = "unique",
        /// The level that `units` sets, weighted by how long it stood.
        WeightedSum = "weightedSum",
    }
}

/// What is measured.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Metric {
    pub id: MetricId,
    pub key: String,
    pub name: String,
    pub aggregation: Aggregation,
    /// What one unit is called, for people.
    pub unit_label: Option<String>,
    /// False while the metric exists only because an event named it; a person declares it.
    pub declared: bool,
    pub created_at: Instant,
}
