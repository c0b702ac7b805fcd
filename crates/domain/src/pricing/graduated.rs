//! The model `graduated`: each unit is priced in the tier it falls into.
//!
//! `amount = Σ over tiers (min(units, upTo) − min(units, above)) × unitPrice + flatFee of every tier reached × share`
//!
//! A tier holds the units above the tier before, up to and with `upTo`. The amount is continuous at the edges but for flat fees.
//!
//! 1,500 calls, the first 1,000 at 0.10, the others at 0.08: 100 + 40:
//! ```
//! use domain::pricing::{inputs::{Inputs, Usage}, rate, terms::Terms};
//! use domain::ratio::Ratio;
//! let terms: Terms = serde_json::from_str(r#"{ "model": { "type": "graduated", "tiers": [
//!     { "upTo": "1000", "unitPrice": "0.10" }, { "unitPrice": "0.08" } ] } }"#).unwrap();
//! let rated = rate(&terms, &Inputs::whole_period(Usage::total(Ratio::whole(1_500), 1_500))).unwrap();
//! assert_eq!(rated.amount.to_string(), "140.000000");
//! ```

use crate::pricing::explanation::Steps;
use crate::pricing::tier::{self, Tier};
use crate::problems::Problems;
use crate::ratio::{OutOfRange, Ratio};

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Graduated {
    pub tiers: Vec<Tier>,
}

impl Graduated {
    pub(super) fn charge(&self, units: Ratio, share: Ratio, steps: &mut Steps) -> Result<(), OutOfRange> {
        for place in tier::places(&self.tiers).take_while(|place| units > place.above) {
            let end = place.up_to.map_or(units, |up_to| units.min(up_to));
            place.charge(end.minus(place.above)?, share, steps)?;
        }
        Ok(())
    }

    pub(super) fn check(&self, path: &str, problems: &mut Problems) {
        tier::check(&self.tiers, &format!("{path}.tiers"), problems);
    }
}
