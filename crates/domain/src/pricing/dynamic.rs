//! The model `dynamic`: each event carries its own amount, computed by whoever sent it.
//!
//! `amount = Σ amount carried by the event in the property amountProperty`
//!
//! The property is a decimal with at most twelve places in the price's currency. An event without it carries nothing, and the
//! explanation counts such events.
//!
//! Two answers of a language model that cost 0.0123 and 0.000000500001:
//! ```
//! use domain::ids::{EventId, TypedId};
//! use domain::pricing::{inputs::{EventUnits, Inputs, Usage}, rate, terms::Terms};
//! use domain::{quantity::Quantity, time::Instant, unit_price::UnitPrice};
//! let terms: Terms = serde_json::from_str(r#"{ "model": { "type": "dynamic", "amountProperty": "cost" } }"#).unwrap();
//! let answer = |cost: &str| EventUnits {
//!     at: Instant::from_micros(0).unwrap(),
//!     event: EventId::from_uuid(uuid::Uuid::from_u128(1)),
//!     units: Quantity::parse("1").unwrap(),
//!     amount: UnitPrice::parse(cost).ok(),
//! };
//! let rated = rate(&terms, &Inputs::whole_period(Usage::Events(vec![answer("0.0123"), answer("0.000000500001")]))).unwrap();
//! assert_eq!(rated.amount.to_string(), "0.012301");
//! ```

use crate::pricing::explanation::{Step, Steps};
use crate::pricing::inputs::EventUnits;
use crate::problems::Problems;
use crate::ratio::{OutOfRange, Ratio};

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Dynamic {
    /// The property of the event that carries the amount.
    pub amount_property: String,
}

impl Dynamic {
    pub(super) fn charge(&self, events: &[EventUnits], steps: &mut Steps) -> Result<(), OutOfRange> {
        let carried = events.iter().filter_map(|event| event.amount);
        let amount = Ratio::sum(carried.map(Ratio::from))?;
        let count = |number: usize| u64::try_from(number).map_err(|_| OutOfRange);
        let without = count(events.iter().filter(|event| event.amount.is_none()).count())?;
        steps.push(Step::Carried { events: count(events.len())? - without, without, amount })
    }

    pub(super) fn check(&self, path: &str, problems: &mut Problems) {
        let detail = "must name the property of the event that carries the amount.";
        problems.require(!self.amount_property.trim().is_empty(), format!("{path}.amountProperty"), detail);
    }
}
