//! A metric as a catalog declares it: what is measured, by which property, with which dimensions and rounding.

use crate::aggregation::rounding::QuantityRounding;
use crate::catalog::key::check_metric_key;
use crate::ingest::schema::PropertySchema;
use crate::ingest::series::SeriesRule;
use crate::metrics::Aggregation;
use crate::named::named;
use crate::problems::Problems;
use crate::text;
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
/// The longest name of a dimension, in bytes.
pub const DIMENSION_LENGTH_MAX: usize = 64;

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

named! {
    /// What a new definition of a metric asks for.
    MetricChange {
        /// It says the same.
        Nothing = "nothing",
        /// Only what people call it: the version stays.
        Words = "words",
        /// Another meaning of the same rows: a new version that is current at once.
        SameRows = "sameRows",
        /// Rows that do not exist yet: a new version that is built from the events first.
        NewRows = "newRows",
    }
}

impl MetricDefinition {
    /// What an event makes of a key that nobody declared: a plain sum.
    pub fn plain(key: &str) -> MetricDefinition {
        MetricDefinition {
            key: key.to_owned(),
            name: key.to_owned(),
            aggregation: Aggregation::Sum,
            unique_property: None,
            weighted_unit: None,
            unit_label: None,
            dimensions: Vec::new(),
            schema_mode: SchemaMode::Off,
            schema: None,
            rounding: None,
            effective_from: None,
        }
    }

    /// What becomes of the rows when the metric is to mean `next`.
    ///
    /// ```
    /// use domain::catalog::metric::{MetricChange, MetricDefinition};
    /// use domain::metrics::Aggregation;
    /// let tokens = MetricDefinition::plain("tokens");
    /// let largest = MetricDefinition { aggregation: Aggregation::Max, ..tokens.clone() };
    /// assert_eq!(tokens.change_to(&largest), MetricChange::SameRows);
    /// let by_region = MetricDefinition { dimensions: vec!["region".to_owned()], ..tokens.clone() };
    /// assert_eq!(tokens.change_to(&by_region), MetricChange::NewRows);
    /// ```
    pub fn change_to(&self, next: &MetricDefinition) -> MetricChange {
        let words = MetricDefinition { name: next.name.clone(), unit_label: next.unit_label.clone(), ..self.clone() };
        if self == next {
            MetricChange::Nothing
        } else if words == *next {
            MetricChange::Words
        } else if SeriesRule::of(self) == SeriesRule::of(next) {
            MetricChange::SameRows
        } else {
            MetricChange::NewRows
        }
    }

    /// Whether stored events come to other figures under `next`. Names, labels and schemas change no figure.
    pub fn counts_unlike(&self, next: &MetricDefinition) -> bool {
        SeriesRule::of(self) != SeriesRule::of(next)
            || (self.aggregation, self.weighted_unit, self.rounding)
                != (next.aggregation, next.weighted_unit, next.rounding)
    }

    /// Finds what is wrong with the metric at `path`; empty for a metric that stands alone.
    pub fn check(&self, path: &str, problems: &mut Problems) {
        let at = |field: &str| if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") };
        check_metric_key(&self.key, &at("key"), problems);
        let name = text::name(&at("name"), &self.name);
        let label = self.unit_label.as_deref().map(|label| text::name(&at("unitLabel"), label));
        for refusal in [name.err(), label.and_then(Result::err)].into_iter().flatten() {
            refusal.errors.into_iter().for_each(|error| problems.add(error.field, error.detail));
        }
        let is_unique = self.aggregation == Aggregation::Unique;
        let detail = if is_unique {
            "must name the property whose values are counted."
        } else {
            "must be left out: only unique reads it."
        };
        problems.require(self.unique_property.is_some() == is_unique, at("uniqueProperty"), detail);
        let is_weighted = self.aggregation == Aggregation::WeightedSum;
        let detail = "must be left out: only weightedSum reads it.";
        problems.require(is_weighted || self.weighted_unit.is_none(), at("weightedUnit"), detail);
        let detail = format!("must be at most {DIMENSIONS_MAX}.");
        problems.require(self.dimensions.len() <= DIMENSIONS_MAX, at("dimensions"), detail);
        for (index, name) in self.dimensions.iter().enumerate() {
            let place = at(&format!("dimensions[{index}]"));
            let is_named = (1..=DIMENSION_LENGTH_MAX).contains(&name.len())
                && !name.trim().is_empty()
                && !name.chars().any(char::is_control);
            problems.require(is_named, place.clone(), "must name a property in at most 64 bytes of printable text.");
            problems.require(!self.dimensions[..index].contains(name), place, "is listed twice.");
        }
        let has_schema = self.schema.is_some() || self.schema_mode == SchemaMode::Off;
        problems.require(has_schema, at("schema"), "is missing: warn and strict need one.");
        if let Some(problem) = self.schema.as_ref().and_then(|schema| PropertySchema::compile(schema).err()) {
            problems.add(at("schema"), problem);
        }
        let places_fit = self.rounding.is_none_or(|rounding| rounding.places <= 6);
        problems.require(places_fit, at("rounding.places"), "must be 0 to 6.");
    }
}

fn off() -> SchemaMode {
    SchemaMode::Off
}
