//! The model `seat`: a quantity that people set, prorated by day or by second.
//!
//! `amount = Σ over stretches max(0, seats − included) × unitPrice × share of the period`
//!
//! The shares of the stretches of one period sum to one ([`crate::proration`]), so a change in the middle never loses a moment.
//!
//! Ten seats at 12.00 for 15 of 30 days, then twelve: 60 + 72:
//! ```
//! use domain::pricing::{inputs::{Inputs, SeatStretch, Usage}, rate, terms::Terms};
//! use domain::{quantity::Quantity, ratio::Ratio};
//! let terms: Terms = serde_json::from_str(r#"{ "model": { "type": "seat", "unitPrice": "12.00" } }"#).unwrap();
//! let half = Ratio::new(15, 30).unwrap();
//! let stretch = |seats: &str| SeatStretch { seats: Quantity::parse(seats).unwrap(), share: half };
//! let rated = rate(&terms, &Inputs::whole_period(Usage::Seats(vec![stretch("10"), stretch("12")]))).unwrap();
//! assert_eq!(rated.amount.to_string(), "132.000000");
//! ```

use crate::pricing::explanation::{Step, Steps};
use crate::pricing::inputs::SeatStretch;
use crate::problems::Problems;
use crate::ratio::{OutOfRange, Ratio};
use crate::unit_price::UnitPrice;

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Seat {
    /// For one seat and a whole period.
    pub unit_price: UnitPrice,
}

impl Seat {
    /// `included` seats are free in every stretch.
    pub(super) fn charge(
        &self,
        stretches: &[SeatStretch],
        included: Ratio,
        steps: &mut Steps,
    ) -> Result<(), OutOfRange> {
        for SeatStretch { seats, share } in stretches {
            let all = Ratio::from(*seats);
            let used = all.min(included);
            if included.is_positive() {
                steps.push(Step::Allowance { included, used, left: included.minus(used)? })?;
            }
            let seats = all.minus(used)?;
            let amount = seats.times(self.unit_price.into())?.times(*share)?;
            steps.push(Step::Seats { seats, unit_price: self.unit_price, share: *share, amount })?;
        }
        Ok(())
    }

    pub(super) fn check(&self, path: &str, problems: &mut Problems) {
        problems.require(!self.unit_price.is_negative(), format!("{path}.unitPrice"), "must not be negative.");
    }
}
