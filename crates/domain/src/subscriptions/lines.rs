//! The lines of recurring fees and seats in one period: charges, and credits of time that was paid in advance and is not used.
//!
//! In arrears each stretch is charged for its time. In advance the rest of the period is charged at its start as things stand then;
//! what changes later credits the rest of what was charged and charges the rest anew, by the proration policy:
//! - `credited`: both, so that the lines sum to what each stretch used.
//! - `kept`: what was paid for the rest pays for what replaces it. Only what costs more is charged, less what was paid; what costs less
//!   (a downgrade, fewer seats, a pause, the end) brings no line.

use crate::amount::Amount;
use crate::catalog::price::Timing;
use crate::named::named;
use crate::pricing::inputs::{Inputs, SeatStretch, Usage};
use crate::pricing::model::PriceKind;
use crate::pricing::snapshot::{self, PriceSnapshot};
use crate::pricing::terms::Terms;
use crate::pricing::{RateError, rate};
use crate::proration::share;
use crate::ratio::{OutOfRange, Ratio};
use crate::subscriptions::cuts::Cutting;
use crate::subscriptions::policy::UnusedTime;
use crate::subscriptions::segments::{Billed, BilledPrice, Stretch, Subscription};
use crate::subscriptions::timeline::Cause;
use crate::time::Instant;
use crate::window::Span;

named! {
    /// Which way a line goes.
    LineKind {
        Charge = "charge",
        /// Unused time comes back; its amount is negative.
        Credit = "credit",
    }
}

/// One line, with everything that explains it. // checklist 47
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line<'a> {
    pub kind: LineKind,
    /// When it comes up.
    pub at: Instant,
    pub causes: Vec<Cause>,
    /// The time that is charged or credited.
    pub span: Span,
    /// Which part of the period that is.
    pub share: Ratio,
    pub billed: Billed<'a>,
    pub terms: &'a Terms,
    /// From when on these terms are in force; absent: from the beginning, or agreed with the customer.
    pub effective_from: Option<Instant>,
    /// What the whole period costs by these terms.
    pub whole: Amount,
    /// The part of it that belongs to the span; negative for a credit.
    pub amount: Amount,
}

/// What a stretch of time costs by terms that do not change in it.
struct Part<'a> {
    span: Span,
    share: Ratio,
    terms: &'a Terms,
    effective_from: Option<Instant>,
    whole: Amount,
    amount: Amount,
}

impl<'a> Subscription<'a> {
    /// The lines of a recurring or seat price in a period, in the order in which they come up; none for a usage price.
    ///
    /// # Errors
    /// [`RateError`] when an amount does not fit.
    pub fn lines(&self, price: &BilledPrice, period: Span) -> Result<Vec<Line<'a>>, RateError> {
        let cutting = Cutting { period, basis: self.policy.basis, zone: self.zone() };
        let stretches = self.stretches(price, period)?;
        match price.rhythm.timing {
            Timing::Advance => advance_lines(&stretches, &cutting, self.policy.unused),
            Timing::Arrears => arrears_lines(&stretches, &cutting, self.closes_at(period)),
        }
    }

    /// When nothing more can be billed of a period: at its end, or when the subscription ends in it for good.
    pub fn closes_at(&self, period: Span) -> Instant {
        self.timeline.ended_at().map_or(period.end, |ended_at| ended_at.clamp(period.start, period.end))
    }
}

impl Line<'_> {
    /// The price as it is stored with the line.
    pub fn snapshot(&self, asset: &str) -> PriceSnapshot {
        PriceSnapshot {
            version: snapshot::VERSION,
            plan: self.billed.source.key.clone(),
            plan_version: self.billed.source.version,
            price: self.billed.price.key.clone(),
            metric: None,
            asset: asset.to_owned(),
            effective_from: self.effective_from,
            terms: self.terms.clone(),
        }
    }
}

/// What all lines that come up until an instant, itself included, sum to: what should be billed by then.
///
/// # Errors
/// [`OutOfRange`] when the sum does not fit.
pub fn sum_until(lines: &[Line<'_>], until: Instant) -> Result<Amount, OutOfRange> {
    let come_up = lines.iter().filter(|line| line.at <= until);
    Amount::checked_sum(come_up.map(|line| line.amount)).ok_or(OutOfRange)
}

fn arrears_lines<'a>(
    stretches: &[Stretch<'a>],
    cutting: &Cutting,
    closes_at: Instant,
) -> Result<Vec<Line<'a>>, RateError> {
    let mut lines = Vec::new();
    for stretch in stretches {
        if let Ok(billed) = &stretch.content {
            let parts = parts(billed, stretch.span, cutting)?;
            push(&mut lines, LineKind::Charge, closes_at, billed, &stretch.causes, parts)?;
        }
    }
    Ok(lines)
}

fn advance_lines<'a>(
    stretches: &[Stretch<'a>],
    cutting: &Cutting,
    unused: UnusedTime,
) -> Result<Vec<Line<'a>>, RateError> {
    let mut lines = Vec::new();
    // What the rest of the period is paid for.
    let mut paid: Option<&Billed<'a>> = None;
    for stretch in stretches {
        let wanted = stretch.content.as_ref().ok();
        let (at, rest) = (stretch.span.start, Span { start: stretch.span.start, end: cutting.period.end });
        let of_rest = |billed: Option<&Billed<'a>>| match billed {
            Some(billed) => parts(billed, rest, cutting),
            None => Ok(Vec::new()),
        };
        let (paid_parts, wanted_parts) = (of_rest(paid)?, of_rest(wanted)?);
        let is_same = is_same_cost(&paid_parts, &wanted_parts);
        let is_billed = match unused {
            UnusedTime::Credited => !is_same,
            UnusedTime::Kept => sum(&wanted_parts)? > sum(&paid_parts)?,
        };
        if is_billed {
            if let Some(paid) = paid {
                push(&mut lines, LineKind::Credit, at, paid, &stretch.causes, paid_parts)?;
            }
            if let Some(wanted) = wanted {
                push(&mut lines, LineKind::Charge, at, wanted, &stretch.causes, wanted_parts)?;
            }
        }
        // What costs the same needs no line, but is explained by the newer version from here on.
        if is_billed || (is_same && wanted.is_some()) {
            paid = wanted;
        }
    }
    Ok(lines)
}

/// What a span of the period costs, cut where terms of the catalog come into force.
fn parts<'a>(billed: &Billed<'a>, span: Span, cutting: &Cutting) -> Result<Vec<Part<'a>>, RateError> {
    let dated: Vec<(Option<Instant>, &'a Terms)> = match billed.override_terms {
        Some(terms) => vec![(None, terms)],
        None => billed.price.timeline().collect(),
    };
    let starts = dated.iter().map(|(from, _)| from.unwrap_or(span.start).max(span.start));
    let ends = dated.iter().skip(1).filter_map(|(from, _)| *from).chain([span.end]);
    let mut parts = Vec::new();
    for ((start, end), (effective_from, terms)) in starts.zip(ends).zip(&dated) {
        let span = Span { start, end: end.min(span.end) };
        let Some(inputs) = inputs(billed, terms, Ratio::ONE).filter(|_| span.start < span.end) else { continue };
        let whole = rate(terms, &inputs)?.amount;
        parts.push(Part {
            span,
            share: share(cutting.period, span, cutting.basis, &cutting.zone)?,
            terms,
            effective_from: *effective_from,
            whole,
            amount: cutting.within(whole, span)?,
        });
    }
    Ok(parts)
}

/// The inputs of a share of a period; `None` for a price that time alone does not charge.
pub(super) fn inputs(billed: &Billed<'_>, terms: &Terms, share: Ratio) -> Option<Inputs> {
    let usage = match terms.model.kind() {
        PriceKind::Recurring => Usage::Time,
        PriceKind::Seat => Usage::Seats(vec![SeatStretch { seats: billed.quantity?, share }]),
        PriceKind::Usage => return None,
    };
    Some(Inputs { share, ..Inputs::whole_period(usage) })
}

fn push<'a>(
    lines: &mut Vec<Line<'a>>,
    kind: LineKind,
    at: Instant,
    billed: &Billed<'a>,
    causes: &[Cause],
    parts: Vec<Part<'a>>,
) -> Result<(), OutOfRange> {
    let first_causes = if causes.is_empty() { vec![Cause::PeriodBegan] } else { causes.to_vec() };
    for (index, part) in parts.into_iter().enumerate() {
        let amount = match kind {
            LineKind::Charge => part.amount,
            LineKind::Credit => Amount::ZERO.checked_sub(part.amount).ok_or(OutOfRange)?,
        };
        // A stretch without a day of its own costs nothing and says nothing.
        if part.share.is_zero() {
            continue;
        }
        let causes = if index == 0 { first_causes.clone() } else { vec![Cause::TermsChanged] };
        let Part { span, share, terms, effective_from, whole, .. } = part;
        lines.push(Line {
            kind,
            at,
            causes,
            span,
            share,
            billed: billed.clone(),
            terms,
            effective_from,
            whole,
            amount,
        });
    }
    Ok(())
}

fn sum(parts: &[Part<'_>]) -> Result<Amount, OutOfRange> {
    Amount::checked_sum(parts.iter().map(|part| part.amount)).ok_or(OutOfRange)
}

/// Whether both cost the same in every part of the time.
fn is_same_cost(left: &[Part<'_>], right: &[Part<'_>]) -> bool {
    let cost = |part: &Part<'_>| (part.span, part.whole, part.amount);
    left.iter().map(cost).eq(right.iter().map(cost))
}

#[cfg(test)]
mod tests;
