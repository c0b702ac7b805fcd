//! The model `recurring`: a flat amount per period.
//!
//! `amount = amount × share of the period`
//!
//! A base fee of 49.00 for 10 of the 30 days of April:
//! ```
//! use domain::pricing::{inputs::{Inputs, Usage}, rate, terms::Terms};
//! use domain::ratio::Ratio;
//! let terms: Terms = serde_json::from_str(r#"{ "model": { "type": "recurring", "amount": "49.00" } }"#).unwrap();
//! let inputs = Inputs { share: Ratio::new(10, 30).unwrap(), ..Inputs::whole_period(Usage::Time) };
//! assert_eq!(rate(&terms, &inputs).unwrap().amount.to_string(), "16.333333");
//! ```

use crate::amount::Amount;
use crate::pricing::explanation::{Step, Steps};
use crate::problems::Problems;
use crate::ratio::{OutOfRange, Ratio};

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Recurring {
    /// For a whole period.
    pub amount: Amount,
}

impl Recurring {
    pub(super) fn charge(&self, share: Ratio, steps: &mut Steps) -> Result<(), OutOfRange> {
        let amount = share.times(self.amount.into())?;
        steps.push(Step::Flat { price: self.amount, share, amount })
    }

    pub(super) fn check(&self, path: &str, problems: &mut Problems) {
        problems.require(!self.amount.is_negative(), format!("{path}.amount"), "must not be negative.");
    }
}
