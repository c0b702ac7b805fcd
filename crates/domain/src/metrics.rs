//! Metrics: what is measured.

use crate::catalog::metric::MetricDefinition;
use crate::ids::MetricId;
use crate::named::named;
use crate::refusal::{Code, Refusal};
use crate::time::Instant;

/// The longest key, in bytes.
pub const KEY_LENGTH_MAX: usize = 128;

/// The key of a metric: 1 to 128 bytes of printable text without spaces at its ends, kept exactly as it was sent.
///
/// # Errors
/// [`Code::InvalidValue`] for anything else.
pub fn key(field: &str, text: &str) -> Result<String, Refusal> {
    let accepted = (1..=KEY_LENGTH_MAX).contains(&text.len())
        && !text.chars().any(char::is_control)
        && text.trim().len() == text.len();
    if accepted {
        return Ok(text.to_owned());
    }
    let detail = "must be 1 to 128 bytes of printable text without spaces at its ends.";
    Err(Refusal::field(Code::InvalidValue, field, detail))
}

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

impl Aggregation {
    /// Those that a cell of the rollups answers; the others keep values or levels beside it.
    pub const OF_CELLS: &'static [Aggregation] =
        &[Aggregation::Sum, Aggregation::Count, Aggregation::Max, Aggregation::Latest];
}

named! {
    /// What a version of a metric is used for.
    VersionState {
        /// Its rows are being made; it answers nothing yet.
        Building = "building",
        /// It answers every question about the metric, over all time.
        Current = "current",
        /// Another version took its place.
        Retired = "retired",
    }
}

/// The number of the first version of a metric, and of its first series.
pub const FIRST: i64 = 1;

/// What is measured: a metric with the version that answers for it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metric {
    pub id: MetricId,
    pub definition: MetricDefinition,
    /// The number of the current version; counted from 1.
    pub version: i64,
    /// The rows of the rollups that the current version reads; counted from 1.
    pub series: i64,
    /// False while the metric exists only because an event named it; a person declares it.
    pub declared: bool,
    /// Since when its events are refused. What was used before stays readable.
    pub archived_at: Option<Instant>,
    pub created_at: Instant,
}

/// One meaning that a metric has, had or is about to get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricVersion {
    pub metric: MetricId,
    /// Counted from 1 per metric.
    pub number: i64,
    /// The rows of the rollups it reads. Versions with the same rows share a series.
    pub series: i64,
    pub state: VersionState,
    pub definition: MetricDefinition,
    /// What its series does not hold yet, while it is built.
    pub gap: Option<Gap>,
    pub created_at: Instant,
    pub activated_at: Option<Instant>,
    pub retired_at: Option<Instant>,
}

/// The batches that a build has not added yet: those with a place after `done_seq`, up to and with `cut_seq`. The fold adds what comes
/// after the cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    pub done_seq: i64,
    pub cut_seq: i64,
}

impl Gap {
    /// Whether a batch with this place is missing.
    pub const fn holds(self, seq: i64) -> bool {
        self.done_seq < seq && seq <= self.cut_seq
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("")]
    #[case(" api_tokens")]
    #[case("api\u{0}tokens")]
    #[case(&"m".repeat(129))]
    fn a_key_nobody_could_type_is_refused(#[case] text: &str) {
        assert_eq!(key("key", text).unwrap_err().code, Code::InvalidValue);
        assert!(key("key", "api.tokens/v2").is_ok());
    }
}
