//! The model `package`: units are sold in packages, and a package begun is a package bought.
//!
//! `amount = ⌈units / size⌉ × price`
//!
//! Counters start again at a price's effective date, and the amount is posted at the end of a segment.
//!
//! 2,001 messages in packages of 1,000 at 5.00 are three packages:
//! ```
//! use domain::pricing::{inputs::{Inputs, Usage}, rate, terms::Terms};
//! use domain::ratio::Ratio;
//! let terms: Terms = serde_json::from_str(r#"{ "model": { "type": "package", "size": "1000", "price": "5.00" } }"#).unwrap();
//! let rated = rate(&terms, &Inputs::whole_period(Usage::total(Ratio::whole(2_001), 2_001))).unwrap();
//! assert_eq!(rated.amount.to_string(), "15.000000");
//! ```

use crate::amount::Amount;
use crate::pricing::explanation::{Step, Steps};
use crate::problems::Problems;
use crate::quantity::QuantitySum;
use crate::ratio::{OutOfRange, Ratio};

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Package {
    /// Units in a package, greater than zero.
    pub size: QuantitySum,
    /// The price of one package.
    pub price: Amount,
}

impl Package {
    pub(super) fn charge(&self, units: Ratio, steps: &mut Steps) -> Result<(), OutOfRange> {
        let packages = Ratio::new(units.over(self.size.into())?.ceiling(), 1)?;
        let amount = packages.times(self.price.into())?;
        steps.push(Step::Packages { units, size: self.size, packages, price: self.price, amount })
    }

    pub(super) fn check(&self, path: &str, problems: &mut Problems) {
        problems.require(self.size.micros() > 0, format!("{path}.size"), "must be greater than zero.");
        problems.require(!self.price.is_negative(), format!("{path}.price"), "must not be negative.");
    }
}
