//! Rating: terms and inputs in, the exact amount, the amount rounded once, and the explanation out.

use crate::amount::Amount;
use crate::pricing::explanation::{Explanation, Step, Steps};
use crate::pricing::inputs::{Inputs, Stage};
use crate::pricing::model::Reads;
use crate::pricing::terms::Terms;
use crate::ratio::{OutOfRange, Ratio};
use crate::refusal::{Code, Refusal};

/// A price applied to its inputs.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rated {
    /// Before rounding, in units of the currency or asset.
    pub exact: Ratio,
    /// Rounded once, half-even, to 10⁻⁶ units.
    pub amount: Amount,
    pub explanation: Explanation,
}

/// Why something cannot be rated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RateError {
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
    #[error("the model needs {needed} and was given something else")]
    WrongInputs { needed: Reads },
    #[error("the terms have no rate of this number")]
    NoSuchRate,
}

impl From<RateError> for Refusal {
    fn from(error: RateError) -> Refusal {
        match error {
            RateError::OutOfRange(error) => error.into(),
            RateError::WrongInputs { needed } => {
                Refusal::new(Code::InvalidValue, format!("This price is rated from {needed}. Give it those."))
            }
            RateError::NoSuchRate => {
                Refusal::new(Code::InvalidValue, "The price has no rate of this number. Look at its `rates`.")
            }
        }
    }
}

/// Rates one price. Pure: the same terms and inputs give the same result for ever.
///
/// # Errors
/// [`RateError::OutOfRange`] instead of a wrong number; the others when the inputs are not what the terms read.
pub fn rate(terms: &Terms, inputs: &Inputs) -> Result<Rated, RateError> {
    let stretch = Dated { terms, at_start: None, at_end: inputs };
    rate_dated(&[stretch], inputs.share, inputs.stage)
}

/// A stretch of a segment between two effective dates of one price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dated<'a> {
    /// The terms in force in the stretch.
    pub terms: &'a Terms,
    /// The counters at the start of the stretch, for terms whose counters go on; absent for the first stretch, and for terms that start
    /// again ([`Terms::starts_again`]), recurring amounts and seats, which are given what belongs to the stretch alone.
    pub at_start: Option<&'a Inputs>,
    /// The counters at the end of the stretch, grouped by the rates of these terms.
    pub at_end: &'a Inputs,
}

/// Rates a price whose terms change at effective dates: `Σ over stretches rate(at the end) − rate(at the start)`. What was used under
/// earlier terms keeps its price. // checklist 41
///
/// Minimum and cap are those of the last terms, for `share` of the period.
///
/// # Errors
/// As [`rate`].
pub fn rate_dated(stretches: &[Dated<'_>], share: Ratio, stage: Stage) -> Result<Rated, RateError> {
    let mut steps = Steps::new();
    charge_stretches(stretches, share, stage, &mut steps)?;
    let formula = stretches.last().map_or(String::new(), |last| last.terms.model.formula().to_owned());
    let (exact, amount, explanation) = steps.round(formula)?;
    Ok(Rated { exact, amount, explanation })
}

/// As [`rate_dated`], without the explanation: the same steps are summed and not kept. Exact, and rounded once.
///
/// # Errors
/// As [`rate`].
pub fn amount_dated(stretches: &[Dated<'_>], share: Ratio, stage: Stage) -> Result<(Ratio, Amount), RateError> {
    let mut steps = Steps::summed();
    charge_stretches(stretches, share, stage, &mut steps)?;
    Ok((steps.exact(), steps.exact().to_amount()?))
}

fn charge_stretches(stretches: &[Dated<'_>], share: Ratio, stage: Stage, steps: &mut Steps) -> Result<(), RateError> {
    for stretch in stretches {
        charge_parts(stretch.terms, stretch.at_end, steps)?;
        if let Some(at_start) = stretch.at_start {
            let mut before = Steps::summed();
            charge_parts(stretch.terms, at_start, &mut before)?;
            steps.push(Step::Earlier { amount: before.exact().negated() })?;
        }
    }
    match (stage, stretches.last()) {
        (Stage::Closing, Some(last)) => Ok(limit(last.terms, share, steps)?),
        (Stage::Closing | Stage::Running, _) => Ok(()),
    }
}

fn charge_parts(terms: &Terms, inputs: &Inputs, steps: &mut Steps) -> Result<(), RateError> {
    let mut allowance = terms.allowance(inputs.share)?;
    let mut parts: Vec<_> = inputs.parts.iter().collect();
    parts.sort_by_key(|part| part.rate);
    for part in parts {
        let model = match part.rate {
            0 => &terms.model,
            number => {
                let special = terms.special(number).ok_or(RateError::NoSuchRate)?;
                let formula = special.model.formula().to_owned();
                steps.push(Step::Rate { when: special.when.clone(), formula })?;
                &special.model
            }
        };
        model.charge(&part.usage, &mut allowance, inputs.share, steps)?;
    }
    Ok(())
}

/// The minimum first, then the cap; each for its share of the period. // checklist 43
fn limit(terms: &Terms, share: Ratio, steps: &mut Steps) -> Result<(), OutOfRange> {
    if let Some(minimum) = terms.minimum {
        let missing = share.times(minimum.into())?.minus(steps.exact())?;
        if missing.is_positive() {
            steps.push(Step::Minimum { minimum, share, amount: missing })?;
        }
    }
    if let Some(cap) = terms.cap {
        let room = share.times(cap.into())?.minus(steps.exact())?;
        if room.is_negative() {
            steps.push(Step::Cap { cap, share, amount: room })?;
        }
    }
    Ok(())
}

/// What is to be posted now: the cumulative rounded total less what was posted before; negative when money goes back. // promise P19
///
/// However often and in whatever groups this is done, everything posted sums to the last total.
/// ```
/// use domain::{amount::Amount, pricing::increment};
/// let posted = Amount::parse("1.25").unwrap();
/// assert_eq!(increment(posted, Amount::parse("1").unwrap()).unwrap().to_string(), "-0.250000");
/// ```
///
/// # Errors
/// [`OutOfRange`] when the difference is larger than an amount can be.
pub fn increment(already_posted: Amount, rated_total: Amount) -> Result<Amount, OutOfRange> {
    rated_total.checked_sub(already_posted).ok_or(OutOfRange)
}

#[cfg(test)]
mod tests;
