//! The model `perUnit`: every unit costs the same.
//!
//! `amount = units × unitPrice`
//!
//! Two million tokens at 0.00000015:
//! ```
//! use domain::pricing::{inputs::{Inputs, Usage}, rate, terms::Terms};
//! use domain::ratio::Ratio;
//! let terms: Terms = serde_json::from_str(r#"{ "model": { "type": "perUnit", "unitPrice": "0.00000015" } }"#).unwrap();
//! let rated = rate(&terms, &Inputs::whole_period(Usage::total(Ratio::whole(2_000_000), 12))).unwrap();
//! assert_eq!(rated.amount.to_string(), "0.300000");
//! ```

use crate::pricing::explanation::{Step, Steps};
use crate::problems::Problems;
use crate::ratio::{OutOfRange, Ratio};
use crate::unit_price::UnitPrice;

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PerUnit {
    pub unit_price: UnitPrice,
}

impl PerUnit {
    pub(super) fn charge(&self, units: Ratio, steps: &mut Steps) -> Result<(), OutOfRange> {
        let amount = units.times(self.unit_price.into())?;
        steps.push(Step::Units { units, unit_price: self.unit_price, amount })
    }

    pub(super) fn check(&self, path: &str, problems: &mut Problems) {
        problems.require(!self.unit_price.is_negative(), format!("{path}.unitPrice"), "must not be negative.");
    }
}
