//! The model `volume`: all units are priced in the one tier that their number reaches.
//!
//! `amount = units × unitPrice of the tier with above < units ≤ upTo + its flatFee × share`
//!
//! The amount jumps at the edges, and only there. Counters start again at a price's effective date, and the amount is posted at the end
//! of a segment: in between, more usage could mean less money.
//!
//! 1,500 calls at 0.08 each, because they are more than 1,000:
//! ```
//! use domain::pricing::{inputs::{Inputs, Usage}, rate, terms::Terms};
//! use domain::ratio::Ratio;
//! let terms: Terms = serde_json::from_str(r#"{ "model": { "type": "volume", "tiers": [
//!     { "upTo": "1000", "unitPrice": "0.10" }, { "unitPrice": "0.08" } ] } }"#).unwrap();
//! let rated = rate(&terms, &Inputs::whole_period(Usage::total(Ratio::whole(1_500), 1_500))).unwrap();
//! assert_eq!(rated.amount.to_string(), "120.000000");
//! ```

use crate::pricing::explanation::Steps;
use crate::pricing::tier::{self, Tier};
use crate::problems::Problems;
use crate::ratio::{OutOfRange, Ratio};

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Volume {
    pub tiers: Vec<Tier>,
}

impl Volume {
    pub(super) fn charge(&self, units: Ratio, share: Ratio, steps: &mut Steps) -> Result<(), OutOfRange> {
        if !units.is_positive() {
            return Ok(());
        }
        let mut places = tier::places(&self.tiers);
        match places.find(|place| place.up_to.is_none_or(|up_to| units <= up_to)) {
            Some(place) => place.charge(units, share, steps),
            // A published price has an open last tier; without one, units above every tier have no price.
            None => Err(OutOfRange),
        }
    }

    pub(super) fn check(&self, path: &str, problems: &mut Problems) {
        tier::check(&self.tiers, &format!("{path}.tiers"), problems);
    }
}
