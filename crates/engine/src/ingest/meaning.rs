//! What the definition of a metric means to ingest and to the fold, read from its text once and remembered.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::catalog::metric::{MetricDefinition, SchemaMode};
use domain::ids::MetricId;
use domain::ingest::schema::PropertySchema;
use domain::ingest::series::SeriesRule;
use domain::metrics::{Aggregation, Gap};
use domain::refusal::Refusal;
use storage::metric_versions::{self, OpenSeries};
use storage::{ProjectTx, StorageError};

/// The most definitions that are remembered; beyond it everything is forgotten.
const KEPT_MAX: usize = 2_000;

/// A definition, as far as events care.
#[derive(Debug)]
pub(crate) struct Meaning {
    pub aggregation: Aggregation,
    pub rule: SeriesRule,
    /// What is asked of properties, unless they are not looked at.
    schema: Option<(SchemaMode, PropertySchema)>,
}

/// Whether the properties of an event fit the schema of its metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fits {
    Yes,
    /// They do not, and the metric only warns of it.
    Warned,
    Refused(Box<Refusal>),
}

impl Meaning {
    /// The meaning to the fold, which asks no schema.
    pub fn of(definition: &MetricDefinition) -> Meaning {
        Meaning { aggregation: definition.aggregation, rule: SeriesRule::of(definition), schema: None }
    }

    /// The meaning to ingest, with the schema.
    ///
    /// # Errors
    /// When the schema cannot be compiled; what was declared can.
    pub fn with_schema(definition: &MetricDefinition) -> Result<Meaning, StorageError> {
        let mode = definition.schema_mode;
        let schema = match (mode, &definition.schema) {
            (SchemaMode::Off, _) | (_, None) => None,
            (SchemaMode::Warn | SchemaMode::Strict, Some(schema)) => {
                let compiled = PropertySchema::compile(schema);
                Some((mode, compiled.map_err(|_| StorageError::Corrupt { what: "the schema of a metric".to_owned() })?))
            }
        };
        Ok(Meaning { schema, ..Meaning::of(definition) })
    }

    /// Whether an event of zero units means something: a level may fall to zero.
    pub fn takes_zero(&self) -> bool {
        self.aggregation == Aggregation::WeightedSum
    }

    /// Asks the schema.
    pub fn check(&self, properties: Option<&str>) -> Fits {
        let Some((mode, schema)) = &self.schema else {
            return Fits::Yes;
        };
        match (schema.check(properties), mode) {
            (Ok(()), _) => Fits::Yes,
            (Err(refusal), SchemaMode::Strict) => Fits::Refused(Box::new(refusal)),
            (Err(_), SchemaMode::Warn | SchemaMode::Off) => Fits::Warned,
        }
    }
}

/// One series that takes the events of a metric.
#[derive(Debug, Clone)]
pub(crate) struct Open {
    pub series: i64,
    pub meaning: Arc<Meaning>,
    /// Folded batches that it does not hold yet.
    pub gap: Option<Gap>,
}

/// The series that take the events of each metric. A metric that is not in it was made by an event just now and has one plain series.
#[derive(Debug, Clone, Default)]
pub(crate) struct OpenRules {
    rules: HashMap<MetricId, Vec<Open>>,
    plain: Vec<Open>,
}

impl OpenRules {
    pub fn new() -> OpenRules {
        let meaning = Arc::new(Meaning::of(&MetricDefinition::plain("")));
        let plain = vec![Open { series: domain::metrics::FIRST, meaning, gap: None }];
        OpenRules { rules: HashMap::new(), plain }
    }

    /// Every series of the project.
    pub fn load(tx: &mut ProjectTx<'_>) -> Result<OpenRules, StorageError> {
        let mut rules = OpenRules::new();
        for OpenSeries { metric, series, definition, gap } in metric_versions::open_series(tx)? {
            rules.add(metric, Open { series, meaning: Arc::new(Meaning::of(&definition)), gap });
        }
        Ok(rules)
    }

    pub fn add(&mut self, metric: MetricId, open: Open) {
        self.rules.entry(metric).or_default().push(open);
    }

    pub fn of(&self, metric: MetricId) -> &[Open] {
        self.rules.get(&metric).unwrap_or(&self.plain)
    }

    /// Whether the place of any event depends on its properties.
    pub fn read_properties(&self) -> bool {
        self.rules.values().flatten().any(|open| open.meaning.rule.reads_properties())
    }

    pub fn holds(&self, metric: MetricId, series: i64) -> bool {
        self.of(metric).iter().any(|open| open.series == series)
    }
}

/// The meanings of definitions by their text.
#[derive(Debug, Default)]
pub(crate) struct Meanings {
    kept: Mutex<HashMap<String, Arc<Meaning>>>,
}

impl Meanings {
    /// # Errors
    /// When the text is no definition.
    pub fn of(&self, text: &str) -> Result<Arc<Meaning>, StorageError> {
        // The map is whole between any two statements of this file, so a panic elsewhere does not harm it.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(meaning) = kept.get(text) {
            return Ok(Arc::clone(meaning));
        }
        let meaning = Arc::new(Meaning::with_schema(&metric_versions::definition_of(text)?)?);
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(text.to_owned(), Arc::clone(&meaning));
        Ok(meaning)
    }
}
