//! A metric as a catalog declares it: what is measured, by which property, with which dimensions and rounding.

use crate::aggregation::rounding::QuantityRounding;
use crate::catalog::key::check_metric_key;
use crate::metrics::Aggregation;
use crate::named::named;
use crate::problems::Problems;
use crate::time::Instant;

named! {
    /// What happens to an event whose properties miss the schema.
    SchemaMode {
        /// Properties are not looked at.
        Off = "off",
        /// Accepted, and counted as a warning.
        Warn = "warn",
        /// A rejection.
        Strict = "strict",
    }
}

named! {
    /// What a weighted sum is divided by.
    WeightedUnit {
        Second = "second",
        Hour = "hour",
        Day = "day",
        /// The billing period: the average level.
        Period = "period",
    }
}

impl WeightedUnit {
    /// Its length in seconds; `None` for the period, whose length depends on where it lies.
    pub const fn seconds(self) -> Option<i64> {
        match self {
            WeightedUnit::Second => Some(1),
            WeightedUnit::Hour => Some(3_600),
            WeightedUnit::Day => Some(86_400),
            WeightedUnit::Period => None,
        }
    }
}

/// The most dimensions of one metric.
pub const DIMENSIONS_MAX: usize = 10;

/// What is measured.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MetricDefinition {
    pub key: String,
    pub name: String,
    pub aggregation: Aggregation,
    /// The property whose different values `unique` counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unique_property: Option<String>,
    /// For `weightedSum`; left out: the period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weighted_unit: Option<WeightedUnit>,
    /// What one unit is called, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_label: Option<String>,
    /// Names of properties that prices may differ by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dimensions: Vec<String>,
    #[serde(default = "off")]
    pub schema_mode: SchemaMode,
    /// A JSON Schema of the properties.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub schema: Option<serde_json::Value>,
    /// Of the quantity of a whole period, before it is priced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rounding: Option<QuantityRounding>,
    /// Absent: from the first event on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_from: Option<Instant>,
}

impl MetricDefinition {
    /// Finds what is wrong with the metric at `path`.
    pub fn check(&self, path: &str, problems: &mut Problems) {
        check_metric_key(&self.key, &format!("{path}.key"), problems);
        problems.require(!self.name.trim().is_empty(), format!("{path}.name"), "must not be empty.");
        let is_unique = self.aggregation == Aggregation::Unique;
        let detail = if is_unique {
            "must name the property whose values are counted."
        } else {
            "must be left out: only unique reads it."
        };
        problems.require(self.unique_property.is_some() == is_unique, format!("{path}.uniqueProperty"), detail);
        let is_weighted = self.aggregation == Aggregation::WeightedSum;
        let detail = "must be left out: only weightedSum reads it.";
        problems.require(is_weighted || self.weighted_unit.is_none(), format!("{path}.weightedUnit"), detail);
        let detail = format!("must be at most {DIMENSIONS_MAX}.");
        problems.require(self.dimensions.len() <= DIMENSIONS_MAX, format!("{path}.dimensions"), detail);
        for (index, name) in self.dimensions.iter().enumerate() {
            let at = format!("{path}.dimensions[{index}]");
            problems.require(!name.trim().is_empty(), at.clone(), "must name a property.");
            problems.require(!self.dimensions[..index].contains(name), at, "is listed twice.");
        }
        let has_schema = self.schema.is_some() || self.schema_mode == SchemaMode::Off;
        problems.require(has_schema, format!("{path}.schema"), "is missing: warn and strict need one.");
        let places_fit = self.rounding.is_none_or(|rounding| rounding.places <= 6);
        problems.require(places_fit, format!("{path}.rounding.places"), "must be 0 to 6.");
    }
}

fn off() -> SchemaMode {
    SchemaMode::Off
}
