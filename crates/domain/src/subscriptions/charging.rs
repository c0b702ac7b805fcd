//! From segments and lines to charges: the bridge to [`crate::charges`], by whose code estimates, previews and invoices are made alike.
//!
//! Usage of a segment is rated by the cut that [`Subscription::cut`] gives; recurring fees and seats become [`ChargeLine`]s here.

use std::borrow::Cow;

use crate::calendar::{RatingWindow, rating_windows};
use crate::catalog::asset::CustomAsset;
use crate::catalog::price::Price;
use crate::charges::cut::{PeriodPart, PriceCut, Stretch};
use crate::charges::line::{ChargeLine, Item, LineMaker};
use crate::charges::rate::{RatedPart, StretchInputs};
use crate::currency::Currency;
use crate::pricing::explanation::{Explanation, Step};
use crate::pricing::inputs::Inputs;
use crate::pricing::{RateError, Rated, rate};
use crate::proration::share;
use crate::ratio::{OutOfRange, Ratio};
use crate::refusal::Refusal;
use crate::subscriptions::lines::{Line, LineKind, inputs};
use crate::subscriptions::segments::{Billed, Segment, Subscription};
use crate::window::Span;

/// What a line of a subscription needs to become a charge.
#[derive(Debug, Clone, Copy)]
pub struct Charging<'a> {
    /// Of the plan.
    pub currency: Currency,
    pub assets: &'a [CustomAsset],
    /// The whole billing period of the line, and its number among those since coupons were redeemed.
    pub period: Span,
    pub number: u32,
}

impl<'a> Billed<'a> {
    /// The price with the terms agreed with the customer, from the beginning on; the catalog's own where nothing else was agreed.
    pub fn agreed_price(&self) -> Cow<'a, Price> {
        match self.override_terms {
            None => Cow::Borrowed(self.price),
            Some(terms) => Cow::Owned(Price { terms: terms.clone(), changes: Vec::new(), ..self.price.clone() }),
        }
    }

    fn item(&self, currency: Currency) -> Item<'_> {
        Item { key: &self.source.key, version: self.source.version, currency }
    }
}

impl Subscription<'_> {
    /// The cut by which the usage of a segment is rated, with the segment's [`Billed::agreed_price`]. Counters go on over a pause: the
    /// elementary spans leave it out, and nothing starts again after it.
    ///
    /// # Errors
    /// [`crate::refusal::Code::InvalidQuery`] for more windows than a question may have, [`crate::refusal::Code::QuantityOutOfRange`] for
    /// a period without a day (or second) of its own.
    pub fn cut(&self, segment: &Segment<'_>, period: Span, window: RatingWindow) -> Result<PriceCut, Refusal> {
        let (price, zone) = (segment.billed.agreed_price(), self.zone());
        let mut spans = Vec::new();
        let mut stretches = Vec::new();
        let terms_from: Vec<_> = price.timeline().map(|(from, _)| from).collect();
        for (terms, from) in terms_from.iter().enumerate() {
            let until = terms_from.get(terms + 1).copied().flatten();
            let inside = segment.spans.iter().map(|span| Span {
                start: from.map_or(span.start, |from| from.max(span.start)),
                end: until.map_or(span.end, |until| until.min(span.end)),
            });
            let inside: Vec<Span> = inside.filter(|span| span.start < span.end).collect();
            let (Some(first), Some(last)) = (inside.first(), inside.last()) else { continue };
            let (whole, begun, mut part) = (Span { start: first.start, end: last.end }, spans.len(), Ratio::ZERO);
            for span in inside {
                spans.extend(rating_windows(span, window, &zone)?);
                part = part.plus(share(period, span, self.policy.basis, &zone)?)?;
            }
            stretches.push(Stretch { terms, span: whole, share: part, spans: begun..spans.len() });
        }
        let ends = (segment.spans.first(), segment.spans.last());
        // Cannot fail: a segment is made of what is billed.
        let (Some(first), Some(last)) = ends else { panic!("a segment has a span") };
        let part = Span { start: first.start, end: last.end };
        Ok(PriceCut { parts: vec![PeriodPart { period, part, share: segment.share, stretches }], spans })
    }
}

impl Line<'_> {
    /// The line as a charge, with the steps that explain it. The rounding step is what the cuts changed.
    ///
    /// # Errors
    /// [`RateError`] when an amount does not fit.
    pub fn charge(&self, charging: &Charging<'_>) -> Result<ChargeLine, RateError> {
        let price = self.billed.agreed_price();
        let terms = match self.billed.override_terms {
            Some(_) => 0,
            None => price.timeline().position(|(from, _)| from == self.effective_from).ok_or(OutOfRange)?,
        };
        // Cannot fail: only recurring and seat prices have lines.
        let at_end = inputs(&self.billed, self.terms, self.share).ok_or(OutOfRange)?;
        let rated = self.rated(&at_end)?;
        let stretch = Stretch { terms, span: self.span, share: self.share, spans: 0..0 };
        let Charging { currency, assets, period, number } = *charging;
        let part = PeriodPart { period, part: self.span, share: self.share, stretches: vec![stretch] };
        let rated = RatedPart { stretches: vec![StretchInputs { terms, at_start: None, at_end }], rated };
        let maker = LineMaker::new(self.billed.item(currency), &price, None, assets);
        let mut line = maker.line(&part, number, &rated)?;
        if self.kind == LineKind::Credit || self.at != self.span.start {
            line.id = format!("{}/{}/{}", line.id, self.at, self.kind);
        }
        Ok(line)
    }

    fn rated(&self, inputs: &Inputs) -> Result<Rated, RateError> {
        let (exact, formula, mut steps) = match self.kind {
            LineKind::Charge => {
                let Rated { exact, explanation, .. } = rate(self.terms, inputs)?;
                let is_kept = |step: &Step| !matches!(step, Step::Rounding { .. });
                (exact, explanation.formula, explanation.steps.into_iter().filter(is_kept).collect::<Vec<_>>())
            }
            LineKind::Credit => {
                let back = self.share.negated();
                let exact = back.times(self.whole.into())?;
                let formula = "what the whole period costs × the share that is not used";
                (exact, formula.to_owned(), vec![Step::Flat { price: self.whole, share: back, amount: exact }])
            }
        };
        let rounding = Ratio::from(self.amount).minus(exact)?;
        if !rounding.is_zero() {
            steps.push(Step::Rounding { exact, amount: rounding });
        }
        let explanation = Explanation { formula, steps, total: self.amount };
        Ok(Rated { exact, amount: self.amount, explanation })
    }
}

#[cfg(test)]
mod tests;
