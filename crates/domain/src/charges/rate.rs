//! Rating what was used of one price: one exact amount, rounded once, for each billing period of its cut.
//!
//! Counters are cumulative in a part. Where terms change at an effective date, counters go on, and what the new terms would have cost
//! until then is taken off; `volume` and `package`, recurring amounts and seats are given what belongs to their stretch alone
//! ([`crate::pricing::rate_dated`]). Terms whose counters go on have the allowance and the flat fees of the whole part, the others those of
//! their stretch.

use std::ops::Range;

use crate::amount::Amount;
use crate::catalog::price::Price;
use crate::charges::cut::{PeriodPart, PriceCut, Stretch};
use crate::charges::inputs::{is_used, parts, seats};
use crate::charges::usage::{Metered, PriceUsage};
use crate::pricing::inputs::{Inputs, Part, Stage, Usage};
use crate::pricing::model::{PriceKind, Reads};
use crate::pricing::terms::Terms;
use crate::pricing::{Dated, RateError, Rated, amount_dated, increment, rate_dated};
use crate::ratio::Ratio;

/// One part of a period, rated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RatedPart {
    /// What went in, in the order of the part's stretches.
    pub stretches: Vec<StretchInputs>,
    pub rated: Rated,
}

/// The inputs of one stretch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StretchInputs {
    /// Which terms of the price's timeline are in force.
    pub terms: usize,
    /// The counters at its start, where they go on.
    pub at_start: Option<Inputs>,
    /// The counters at its end; for terms that start again, what belongs to the stretch alone.
    pub at_end: Inputs,
}

/// Rates a price: one result for each part of the cut. Pure; nothing of another customer or price matters.
///
/// # Errors
/// [`RateError::OutOfRange`] instead of a wrong number; [`RateError::WrongInputs`] when the usage is not what the price reads.
pub fn rate_price(price: &Price, cut: &PriceCut, usage: &PriceUsage<'_>) -> Result<Vec<RatedPart>, RateError> {
    cut.parts.iter().map(|part| rate_until(price, part, usage, part.spans().end)).collect()
}

/// As [`rate_price`], but only the amounts: the same arithmetic without explanations, for many customers at once.
///
/// # Errors
/// As [`rate_price`].
pub fn amounts_of_price(price: &Price, cut: &PriceCut, usage: &PriceUsage<'_>) -> Result<Vec<Amount>, RateError> {
    let amounts = cut.parts.iter().map(|part| {
        let stretches = stretch_inputs(price, part, usage, part.spans().end)?;
        let (_, amount) = amount_dated(&dated(price, &stretches), part.share, Stage::Closing)?;
        Ok(amount)
    });
    amounts.collect()
}

/// Rates the part up to an elementary span, without it. Before the end of the part, minimum and cap wait.
///
/// # Errors
/// As [`rate_price`].
pub fn rate_until(
    price: &Price,
    part: &PeriodPart,
    usage: &PriceUsage<'_>,
    until: usize,
) -> Result<RatedPart, RateError> {
    let stretches = stretch_inputs(price, part, usage, until)?;
    let rated = rate_dated(&dated(price, &stretches), part.share, stage(part, until))?;
    Ok(RatedPart { stretches, rated })
}

/// What each window of a part posts, in order: the cumulative rounded total less what was posted before; negative when money goes back.
/// Whatever the windows, what is posted sums to the rating of the part. // promise P19
///
/// # Errors
/// As [`rate_price`].
pub fn rate_windows(price: &Price, part: &PeriodPart, usage: &PriceUsage<'_>) -> Result<Vec<Amount>, RateError> {
    let mut posted = Amount::ZERO;
    let amounts = part.spans().map(|span| {
        let total = rate_until(price, part, usage, span + 1)?.rated.amount;
        let due = increment(posted, total)?;
        posted = total;
        Ok(due)
    });
    amounts.collect()
}

fn stage(part: &PeriodPart, until: usize) -> Stage {
    if until < part.spans().end { Stage::Running } else { Stage::Closing }
}

fn dated<'a>(price: &'a Price, stretches: &'a [StretchInputs]) -> Vec<Dated<'a>> {
    let dated = stretches.iter().map(|stretch| Dated {
        terms: price.terms_number(stretch.terms),
        at_start: stretch.at_start.as_ref(),
        at_end: &stretch.at_end,
    });
    dated.collect()
}

fn stretch_inputs(
    price: &Price,
    part: &PeriodPart,
    usage: &PriceUsage<'_>,
    until: usize,
) -> Result<Vec<StretchInputs>, RateError> {
    let stage = stage(part, until);
    let begun = part.stretches.iter().filter(|stretch| stretch.spans.start < until);
    let inputs = begun.map(|stretch| {
        let terms = price.terms_number(stretch.terms);
        match (terms.model.kind(), usage) {
            (PriceKind::Recurring, PriceUsage::Time) => Ok(alone(stretch, Usage::Time, stage)),
            (PriceKind::Seat, PriceUsage::Seats(held)) => {
                Ok(alone(stretch, Usage::Seats(seats(held, part.period, stretch.span)?), stage))
            }
            (PriceKind::Usage, PriceUsage::Metered(metered)) => metered_inputs(terms, part, stretch, metered, until),
            (PriceKind::Recurring, _) => Err(RateError::WrongInputs { needed: Reads::Time }),
            (PriceKind::Seat, _) => Err(RateError::WrongInputs { needed: Reads::Seats }),
            (PriceKind::Usage, _) => Err(RateError::WrongInputs { needed: terms.model.reads() }),
        }
    });
    inputs.collect()
}

/// Time and seats are those of the stretch alone.
fn alone(stretch: &Stretch, usage: Usage, stage: Stage) -> StretchInputs {
    let parts = vec![Part { rate: 0, usage }];
    StretchInputs { terms: stretch.terms, at_start: None, at_end: Inputs { parts, share: stretch.share, stage } }
}

fn metered_inputs(
    terms: &Terms,
    part: &PeriodPart,
    stretch: &Stretch,
    metered: &Metered<'_>,
    until: usize,
) -> Result<StretchInputs, RateError> {
    let end = stretch.spans.end.min(until);
    let stage = stage(part, until);
    let inputs = |spans: Range<usize>, share: Ratio| -> Result<Inputs, RateError> {
        Ok(Inputs { parts: parts(terms, metered, &spans, part.period)?, share, stage })
    };
    if terms.starts_again() {
        let at_end = inputs(stretch.spans.start..end, stretch.share)?;
        return Ok(StretchInputs { terms: stretch.terms, at_start: None, at_end });
    }
    let before = part.spans().start..stretch.spans.start;
    // Where nothing was used before, the counters begin here and nothing is taken off.
    let at_start = is_used(metered, &before).then(|| inputs(before, part.share)).transpose()?;
    let at_end = inputs(part.spans().start..end, part.share)?;
    Ok(StretchInputs { terms: stretch.terms, at_start, at_end })
}
