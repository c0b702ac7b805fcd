//! Series: which rows of the rollups a meaning of a metric needs, and where in them an event goes.
//!
//! Two meanings with the same rule read the same rows, so that a metric can become a maximum of what it was a sum of at once.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::catalog::metric::MetricDefinition;
use crate::metering::DimensionValues;
use crate::metrics::Aggregation;
use crate::time::Instant;

use super::properties;

/// The longest value of a dimension or of a counted property that is kept as it is, in bytes of JSON; a longer one is kept as `#` and
/// its SHA-256.
pub const VALUE_LENGTH_MAX: usize = 200;
/// The longest text of all dimension values together, in bytes; above it, every value longer than its hash is kept as the hash.
pub const DIMENSIONS_LENGTH_MAX: usize = 2_000;

/// What a series keeps of events, and of which events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesRule {
    /// In the order of bytes.
    dimensions: Vec<String>,
    keeps: Keeps,
    effective_from: Option<Instant>,
}

/// What is kept besides cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keeps {
    Cells,
    /// The different values of a property.
    Values {
        property: String,
    },
    /// Every change of a level.
    Levels,
}

/// Where in a series an event goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// The values of its dimensions in the form of [`encode`]; empty when it has none.
    pub dimensions: String,
    /// The value that is counted, where different values are.
    pub value: Option<String>,
}

impl SeriesRule {
    pub fn of(metric: &MetricDefinition) -> SeriesRule {
        let mut dimensions = metric.dimensions.clone();
        dimensions.sort_unstable();
        let keeps = match metric.aggregation {
            Aggregation::Sum | Aggregation::Count | Aggregation::Max | Aggregation::Latest => Keeps::Cells,
            Aggregation::Unique => Keeps::Values { property: metric.unique_property.clone().unwrap_or_default() },
            Aggregation::WeightedSum => Keeps::Levels,
        };
        SeriesRule { dimensions, keeps, effective_from: metric.effective_from }
    }

    pub fn keeps(&self) -> &Keeps {
        &self.keeps
    }

    /// Whether the place of an event depends on its properties.
    pub fn reads_properties(&self) -> bool {
        match self.keeps {
            Keeps::Values { .. } => true,
            Keeps::Cells | Keeps::Levels => !self.dimensions.is_empty(),
        }
    }

    /// Whether an event of this time counts at all.
    pub fn counts_at(&self, at: Instant) -> bool {
        self.effective_from.is_none_or(|from| at >= from)
    }

    /// Where an event goes; `None` when it does not count: it is older than the metric, or has no value where values are counted.
    /// `properties` is the object as it was accepted.
    pub fn place(&self, at: Instant, properties: Option<&str>) -> Option<Place> {
        if !self.counts_at(at) {
            return None;
        }
        if !self.reads_properties() {
            return Some(Place::default());
        }
        let mut values = DimensionValues::new();
        let mut counted = None;
        let property = match &self.keeps {
            Keeps::Values { property } => Some(property.as_str()),
            Keeps::Cells | Keeps::Levels => None,
        };
        let each = |name: &str, value: &str| {
            let Some(text) = properties::text_of(value) else { return };
            if self.dimensions.binary_search_by(|known| known.as_str().cmp(name)).is_ok() {
                values.insert(name.to_owned(), text.into_owned());
            }
            if property == Some(name) {
                counted = Some(kept(value));
            }
        };
        // What was accepted can be read; what cannot has no properties.
        if properties::read(properties.unwrap_or("{}"), each).is_err() {
            values.clear();
        }
        if property.is_some() && counted.is_none() {
            return None;
        }
        Some(Place { dimensions: encode(&values), value: counted })
    }
}

/// The one text of dimension values: canonical JSON, empty when there are none, and never too long for a key of the database.
pub fn encode(values: &DimensionValues) -> String {
    if values.is_empty() {
        return String::new();
    }
    let mut values: BTreeMap<&str, String> =
        values.iter().map(|(name, value)| (name.as_str(), shortened(value, VALUE_LENGTH_MAX))).collect();
    let text = json(&values);
    if text.len() <= DIMENSIONS_LENGTH_MAX {
        return text;
    }
    for value in values.values_mut() {
        *value = shortened(value, HASH_LENGTH + 2);
    }
    json(&values)
}

/// The values behind the text of [`encode`]; `None` when it is no such text.
pub fn decode(text: &str) -> Option<DimensionValues> {
    if text.is_empty() { Some(DimensionValues::new()) } else { serde_json::from_str(text).ok() }
}

/// `#` and 64 digits.
const HASH_LENGTH: usize = 65;

/// A counted value, in canonical JSON.
fn kept(value: &str) -> String {
    if value.len() <= VALUE_LENGTH_MAX { value.to_owned() } else { hash(value) }
}

fn shortened(value: &str, length_max: usize) -> String {
    if json(value).len() <= length_max { value.to_owned() } else { hash(value) }
}

fn hash(value: &str) -> String {
    let digest = Sha256::digest(value.as_bytes());
    let mut out = String::with_capacity(HASH_LENGTH);
    out.push('#');
    for byte in digest {
        // Cannot fail: writing to a string does not.
        std::fmt::Write::write_fmt(&mut out, format_args!("{byte:02x}")).expect("a string takes every text");
    }
    out
}

fn json<T: serde::Serialize + ?Sized>(value: &T) -> String {
    // Cannot fail: texts, and maps of them, can be written as JSON.
    serde_json::to_string(value).expect("texts are JSON")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::metric::{MetricChange, SchemaMode, WeightedUnit};

    fn metric(change: impl FnOnce(&mut MetricDefinition)) -> MetricDefinition {
        let mut metric = MetricDefinition::plain("m");
        change(&mut metric);
        metric
    }

    fn at(micros: i64) -> Instant {
        Instant::from_micros(micros).unwrap()
    }

    #[test]
    fn an_event_goes_to_the_place_of_its_dimension_values() {
        let rule = SeriesRule::of(&metric(|metric| metric.dimensions = vec!["tier".into(), "region".into()]));
        let place = |properties| rule.place(at(0), properties).unwrap().dimensions;
        assert_eq!(place(Some(r#"{"region":"eu","tier":1.50,"x":"y"}"#)), r#"{"region":"eu","tier":"1.5"}"#);
        // As PostgreSQL gives it back.
        assert_eq!(place(Some(r#"{"x": "y", "tier": 1.5, "region": "eu"}"#)), r#"{"region":"eu","tier":"1.5"}"#);
        assert_eq!(place(Some(r#"{"region":null,"tier":true}"#)), r#"{"tier":"true"}"#);
        assert_eq!((place(Some("{}")), place(None)), (String::new(), String::new()));
        assert_eq!(decode(&place(Some(r#"{"tier":"a\"b"}"#))).unwrap()["tier"], "a\"b");
    }

    #[test]
    fn an_event_without_a_value_is_not_counted_among_values() {
        let rule = SeriesRule::of(&metric(|metric| {
            metric.aggregation = Aggregation::Unique;
            metric.unique_property = Some("user".into());
        }));
        let value = |properties| rule.place(at(0), properties).and_then(|place| place.value);
        assert_eq!(value(Some(r#"{"user":"a"}"#)).unwrap(), "\"a\"");
        assert_eq!(value(Some(r#"{"user":1}"#)).unwrap(), "1");
        assert_eq!((value(Some(r#"{"user":null}"#)), value(Some("{}")), value(None)), (None, None, None));
    }

    #[test]
    fn long_values_become_hashes_of_themselves() {
        let rule = SeriesRule::of(&metric(|metric| {
            metric.aggregation = Aggregation::Unique;
            metric.unique_property = Some("user".into());
            metric.dimensions = (0..10).map(|number| format!("{number}{}", "\"".repeat(63))).collect();
        }));
        let properties = |length: usize| {
            let mut object = serde_json::Map::new();
            object.insert("user".into(), "u".repeat(length).into());
            for name in &rule.dimensions {
                object.insert(name.clone(), "\u{1}".repeat(length).into());
            }
            serde_json::Value::Object(object).to_string()
        };
        let long = rule.place(at(0), Some(&properties(1_000))).unwrap();
        assert_eq!(long.value.as_ref().unwrap().len(), HASH_LENGTH);
        assert!(long.dimensions.len() <= DIMENSIONS_LENGTH_MAX, "{}", long.dimensions.len());
        let other = rule.place(at(0), Some(&properties(1_001))).unwrap();
        assert!(long != other, "different values stay different");
        let short = rule.place(at(0), Some(&properties(198))).unwrap();
        assert_eq!(short.value.unwrap().len(), 200);
    }

    #[test]
    fn events_before_the_metric_do_not_count() {
        let rule = SeriesRule::of(&metric(|metric| metric.effective_from = Some(at(10))));
        assert_eq!((rule.place(at(9), None), rule.place(at(10), None)), (None, Some(Place::default())));
    }

    #[rstest::rstest]
    #[case(|_: &mut MetricDefinition| (), MetricChange::Nothing)]
    #[case(|metric: &mut MetricDefinition| metric.name = "N".into(), MetricChange::Words)]
    #[case(|metric: &mut MetricDefinition| metric.unit_label = Some("x".into()), MetricChange::Words)]
    #[case(|metric: &mut MetricDefinition| metric.schema_mode = SchemaMode::Warn, MetricChange::SameRows)]
    #[case(|metric: &mut MetricDefinition| metric.weighted_unit = Some(WeightedUnit::Day), MetricChange::SameRows)]
    #[case(|metric: &mut MetricDefinition| metric.aggregation = Aggregation::Latest, MetricChange::SameRows)]
    #[case(|metric: &mut MetricDefinition| metric.aggregation = Aggregation::WeightedSum, MetricChange::NewRows)]
    #[case(|metric: &mut MetricDefinition| metric.unique_property = Some("u".into()), MetricChange::SameRows)]
    #[case(|metric: &mut MetricDefinition| metric.dimensions = vec!["b".into()], MetricChange::NewRows)]
    #[case(|metric: &mut MetricDefinition| metric.effective_from = Some(at(1)), MetricChange::NewRows)]
    fn a_change_asks_for_new_rows_only_where_it_needs_them(
        #[case] change: impl FnOnce(&mut MetricDefinition),
        #[case] expected: MetricChange,
    ) {
        assert_eq!(metric(|_| ()).change_to(&metric(change)), expected);
    }
}
