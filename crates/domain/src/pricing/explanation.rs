//! Why an amount is what it is: the steps from the inputs to the total. The amounts of all steps sum to the total exactly, the rounding
//! being a step of its own.
//!
//! JSON through serde; [`Explanation::text`] gives the same steps as sentences that can be read aloud.

use std::collections::BTreeMap;

use crate::amount::Amount;
use crate::quantity::QuantitySum;
use crate::ratio::{OutOfRange, Ratio};
use crate::unit_price::{Percent, UnitPrice};

mod text;

pub use text::Words;

/// One step on the way to the total. `amount` is what it adds, exactly; steps without one only say something.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(tag = "step", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
#[schema(as = ExplanationStep)]
pub enum Step {
    /// The steps after this one are for the usage with these dimension values, priced by another formula.
    Rate { when: BTreeMap<String, String>, formula: String },
    /// Units that the price includes: `included` were free before this step, `used` of them are taken here.
    Allowance { included: Ratio, used: Ratio, left: Ratio },
    /// `units × unitPrice`.
    Units { units: Ratio, unit_price: UnitPrice, amount: Ratio },
    /// The units in one tier, times its price.
    Tier { tier: u32, above: Ratio, up_to: Option<Ratio>, units: Ratio, unit_price: UnitPrice, amount: Ratio },
    /// The flat fee of a tier that was reached.
    TierFee { tier: u32, fee: Amount, share: Ratio, amount: Ratio },
    /// Packages begun, times the price of one.
    Packages { units: Ratio, size: QuantitySum, packages: Ratio, price: Amount, amount: Ratio },
    /// `units × percent`.
    Percentage { units: Ratio, percent: Percent, amount: Ratio },
    /// The fixed fee for each event that is not free.
    EventFees { events: u64, free: u64, fee: Amount, amount: Ratio },
    /// What minimum and maximum per event changed in sum.
    EventLimits { raised: u64, lowered: u64, minimum: Option<Amount>, maximum: Option<Amount>, amount: Ratio },
    /// The sum of what the events carry; `without` events carry nothing.
    Carried { events: u64, without: u64, amount: Ratio },
    /// A flat amount for a share of the period.
    Flat { price: Amount, share: Ratio, amount: Ratio },
    /// Seats for a share of the period.
    Seats { seats: Ratio, unit_price: UnitPrice, share: Ratio, amount: Ratio },
    /// What the counters would have cost under these terms when the terms came into force: taken off, because it was rated before.
    Earlier { amount: Ratio },
    /// What the other prices came to, taken off a minimum commitment.
    Charged { amount: Ratio },
    /// What was missing to the minimum.
    Minimum { minimum: Amount, share: Ratio, amount: Ratio },
    /// What exceeded the cap, as a negative amount.
    Cap { cap: Amount, share: Ratio, amount: Ratio },
    /// `total − exact`: the one rounding, half-even to six places.
    Rounding { exact: Ratio, amount: Ratio },
}

impl Step {
    /// What the step adds to the total.
    pub fn amount(&self) -> Ratio {
        match self {
            Step::Rate { .. } | Step::Allowance { .. } => Ratio::ZERO,
            Step::Units { amount, .. }
            | Step::Tier { amount, .. }
            | Step::TierFee { amount, .. }
            | Step::Packages { amount, .. }
            | Step::Percentage { amount, .. }
            | Step::EventFees { amount, .. }
            | Step::EventLimits { amount, .. }
            | Step::Carried { amount, .. }
            | Step::Flat { amount, .. }
            | Step::Seats { amount, .. }
            | Step::Earlier { amount }
            | Step::Charged { amount }
            | Step::Minimum { amount, .. }
            | Step::Cap { amount, .. }
            | Step::Rounding { amount, .. } => *amount,
        }
    }
}

/// The way from inputs to total.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Explanation {
    /// The formula of the general rate.
    pub formula: String,
    pub steps: Vec<Step>,
    /// The sum of the amounts of all steps.
    pub total: Amount,
}

/// Collects steps and their exact sum, so that the two can never differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Steps {
    /// Absent when only the sum is wanted.
    list: Option<Vec<Step>>,
    exact: Ratio,
}

impl Steps {
    pub fn new() -> Steps {
        Steps { list: Some(Vec::new()), exact: Ratio::ZERO }
    }

    /// Steps that are summed and not kept.
    pub fn summed() -> Steps {
        Steps { list: None, exact: Ratio::ZERO }
    }

    pub fn exact(&self) -> Ratio {
        self.exact
    }

    pub fn push(&mut self, step: Step) -> Result<(), OutOfRange> {
        self.exact = self.exact.plus(step.amount())?;
        if let Some(list) = &mut self.list {
            list.push(step);
        }
        Ok(())
    }

    /// Takes the included units off; answers how many are to be paid.
    pub fn allow(&mut self, units: Ratio, allowance: &mut Ratio) -> Result<Ratio, OutOfRange> {
        let included = *allowance;
        if !included.is_positive() {
            return Ok(units);
        }
        let used = units.min(included).max(Ratio::ZERO);
        *allowance = included.minus(used)?;
        self.push(Step::Allowance { included, used, left: *allowance })?;
        units.minus(used)
    }

    /// The one rounding: the exact sum, the amount, and why.
    pub fn round(mut self, formula: String) -> Result<(Ratio, Amount, Explanation), OutOfRange> {
        let exact = self.exact;
        let total = exact.to_amount()?;
        let amount = Ratio::from(total).minus(exact)?;
        if !amount.is_zero() {
            self.push(Step::Rounding { exact, amount })?;
        }
        assert!(self.exact == Ratio::from(total), "the steps sum to the total");
        Ok((exact, total, Explanation { formula, steps: self.list.unwrap_or_default(), total }))
    }
}
