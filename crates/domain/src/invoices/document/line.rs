//! One line of a document: what it was for, what it came to, and what explains it.

use crate::amount::Amount;
use crate::charges::charge::ChargeKind;
use crate::ids::ChargeId;
use crate::pricing::explanation::{Explanation, Step};
use crate::ratio::{OutOfRange, Ratio};
use crate::tax::TaxBehaviour;
use crate::time::Instant;
use crate::unit_price::{Percent, UnitPrice};

use super::content::Content;
use super::kind::Reference;
use super::period::Period;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = InvoiceDocumentLine)]
pub struct Line {
    /// From 1.
    pub number: u32,
    #[schema(value_type = String)]
    pub kind: ChargeKind,
    /// The charges it shows.
    pub charges: Vec<ChargeId>,
    /// The subscription's key; lines are grouped by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_key: Option<String>,
    /// Whose usage or subscription it is, where that is not who pays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_key: Option<String>,
    /// The plan or add-on that brings the price; absent for a one-off item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<Version>,
    /// The key of the price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<String>,
    pub name: String,
    /// The explanation as sentences, one in a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Of what is counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units: Option<Units>,
    /// Where one price holds for all units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<UnitPrice>,
    /// The whole billing period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// The part of it that is charged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Period>,
    pub amount: Amount,
    /// What the coupons take off the amount.
    pub discount: Amount,
    /// The keys of these coupons.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coupons: Vec<String>,
    /// After the discount, and rounded under `perLine`.
    pub net: Amount,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_rate: Option<AppliedTax>,
    /// Part of `net` where the rate is inclusive, on top of it where it is exclusive.
    pub tax: Amount,
    /// What of the amount a wallet paid when it was charged.
    pub prepaid: Amount,
    /// The issued invoice that it adjusts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrects: Option<Reference>,
    /// Up to which place in the order of folded batches usage was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Instant>,
    /// SHA-256 of the content, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The charge line: inputs, price snapshot, steps, query of the events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
}

/// One version of a plan or an add-on.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = InvoiceDocumentVersion)]
pub struct Version {
    pub key: String,
    pub version: u32,
    /// How it is printed; absent: by its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// How many of what.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = InvoiceDocumentUnits)]
pub struct Units {
    #[schema(value_type = String)]
    pub quantity: Ratio,
    /// One or more of them: `calls`, `seats`.
    pub label: String,
}

/// The tax rate of a line.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = InvoiceDocumentAppliedTax)]
pub struct AppliedTax {
    /// The key of the rate in the project.
    pub rate: String,
    pub percent: Percent,
    pub behaviour: TaxBehaviour,
}

/// What of a line's explanation is printed in columns: how many units, and what each costs where that is one price.
///
/// # Errors
/// [`OutOfRange`] when the units sum to more than can be counted.
pub fn counted(explanation: &Explanation) -> Result<(Option<Ratio>, Option<UnitPrice>), OutOfRange> {
    let mut counts = Vec::new();
    let mut prices = Vec::new();
    let mut seat_stretches = 0;
    for step in &explanation.steps {
        let (units, price) = match step {
            Step::Allowance { used, .. } => (*used, None),
            Step::Units { units, unit_price, .. } | Step::Tier { units, unit_price, .. } => (*units, Some(*unit_price)),
            Step::Seats { seats, unit_price, .. } => {
                seat_stretches += 1;
                (*seats, Some(*unit_price))
            }
            Step::Packages { units, .. } | Step::Percentage { units, .. } => (*units, None),
            Step::Rate { .. }
            | Step::TierFee { .. }
            | Step::EventFees { .. }
            | Step::EventLimits { .. }
            | Step::Carried { .. }
            | Step::Flat { .. }
            | Step::Earlier { .. }
            | Step::Charged { .. }
            | Step::Minimum { .. }
            | Step::Cap { .. }
            | Step::Rounding { .. } => continue,
        };
        counts.push(units);
        prices.extend(price);
    }
    // Seats of one time and of another do not add up to a number of seats.
    if counts.is_empty() || seat_stretches > 1 {
        return Ok((None, None));
    }
    let quantity = counts.into_iter().try_fold(Ratio::ZERO, Ratio::plus)?;
    // One price explains the amount only where nothing but its own step and the rounding adds to it.
    let adds = explanation.steps.iter().filter(|step| !matches!(step, Step::Rounding { .. }));
    let is_alone = adds.filter(|step| !step.amount().is_zero()).count() <= 1;
    let unit_price = if is_alone && prices.len() == 1 { prices.pop() } else { None };
    Ok((Some(quantity), unit_price))
}
