//! Metrics: what is measured.

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
    /// Those that a cell of the rollups answers. Metrics are made with these only, until events are kept for the others.
    pub const OF_CELLS: &'static [Aggregation] =
        &[Aggregation::Sum, Aggregation::Count, Aggregation::Max, Aggregation::Latest];
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
