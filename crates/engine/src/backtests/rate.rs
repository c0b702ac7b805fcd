//! Rating many customers at once: each of them by `domain::charges` under both versions of the plan. What they used is read before, for
//! all of them together (`usage`).

use domain::amount::Amount;
use domain::backtests::BacktestResult;
use domain::catalog::asset::AssetCode;
use domain::catalog::price::Price;
use domain::charges::commitment::true_ups;
use domain::charges::cut::PriceCut;
use domain::charges::line::{ChargeLine, Item, LineMaker};
use domain::charges::rate::{amounts_of_price, rate_price};
use domain::charges::usage::{Metered, PriceUsage, Seats, SpanGroup};
use domain::customers::Customer;
use domain::metrics::Metric;
use domain::pricing::model::PriceKind;
use domain::ratio::OutOfRange;
use domain::refusal::Refusal;
use domain::time::Instant;
use domain::window::Span;
use storage::ProjectTx;

use super::inputs::{Inputs, Side};
use super::usage::{Used, ZoneCuts};
use crate::error::Error;

/// Both versions of the plan, ready to be applied.
pub(super) struct Rating<'i> {
    pub inputs: &'i Inputs,
    /// What the prices measure, as it is now.
    pub metrics: &'i [Metric],
    pub range: Span,
    /// When the backtest was asked for: levels stand until then.
    pub now: Instant,
    /// Of both versions.
    pub prices: Vec<RatedPrice<'i>>,
}

/// The results of some customers.
pub(super) struct Rated {
    pub results: Vec<BacktestResult>,
    /// How many of the customers were looked at, from the first on: fewer than were given where they have too many events.
    pub customers: usize,
}

/// One price of one version.
pub(super) struct RatedPrice<'i> {
    side: &'i Side,
    pub price: &'i Price,
    /// The place of the metric of a usage price among the metrics.
    pub metric: Option<usize>,
    /// Where a figure needs whole lines.
    maker: Option<LineMaker<'i>>,
}

impl<'i> Rating<'i> {
    pub fn new(inputs: &'i Inputs, metrics: &'i [Metric], range: Span, now: Instant) -> Rating<'i> {
        let place = |key: &str| metrics.iter().position(|metric| metric.definition.key == key);
        let prices = inputs.sides().flat_map(|side| side.plan.prices.iter().map(move |price| (side, price)));
        let prices = prices.map(|(side, price)| RatedPrice {
            side,
            price,
            metric: price.metric.as_deref().and_then(place),
            maker: needs_lines(side).then(|| LineMaker::new(item(side), price, None, &inputs.assets)),
        });
        Rating { inputs, metrics, range, now, prices: prices.collect() }
    }

    /// The results of those that used something that either version prices. The customers follow one another: there is no other
    /// between the first and the last.
    ///
    /// # Errors
    /// A refusal when a figure does not fit; otherwise only when the database fails.
    pub fn of_all(&self, tx: &mut ProjectTx<'_>, customers: &[Customer]) -> Result<Rated, Error> {
        let used = Used::read_neighbours(tx, self, customers)?;
        let counting = customers[..used.customers].iter().filter(|customer| used.is_used_by(customer.id));
        let results = counting.map(|customer| self.result(customer, &used)).collect::<Result<_, _>>()?;
        Ok(Rated { results, customers: used.customers })
    }

    /// The results of these customers, whatever they used.
    ///
    /// # Errors
    /// As [`Rating::of_all`].
    pub fn of_named(&self, tx: &mut ProjectTx<'_>, customers: &[Customer]) -> Result<Rated, Error> {
        let used = Used::read_each(tx, self, customers)?;
        let named = customers[..used.customers].iter();
        let results = named.map(|customer| self.result(customer, &used)).collect::<Result<_, _>>()?;
        Ok(Rated { results, customers: used.customers })
    }

    fn result(&self, customer: &Customer, used: &Used<'_>) -> Result<BacktestResult, Refusal> {
        let cuts = used.cuts_of(customer);
        let total = |side: &Side| {
            self.total(side, customer, used, cuts).map_err(|mut refusal| {
                refusal.detail = format!("Customer `{}`: {}", customer.external_key, refusal.detail);
                refusal
            })
        };
        let after = total(&self.inputs.after)?;
        let before = self.inputs.before.as_ref().map_or(Ok(Amount::ZERO), total)?;
        Ok(BacktestResult::new(customer.id, customer.external_key.clone(), before, after)?)
    }

    /// What the prices of a version come to for a customer, with the minimum commitment.
    fn total(&self, side: &Side, customer: &Customer, used: &Used<'_>, cuts: &ZoneCuts) -> Result<Amount, Refusal> {
        let rules = cuts.rules(self.inputs.basis);
        let mut amounts: Vec<Amount> = Vec::new();
        let mut lines: Vec<ChargeLine> = Vec::new();
        for (number, rated) in self.prices.iter().enumerate().filter(|(_, rated)| std::ptr::eq(rated.side, side)) {
            let of_price = |mut refusal: Refusal| {
                refusal.detail = format!("price `{}`: {}", rated.price.key, refusal.detail);
                refusal
            };
            let cut = &cuts.cuts[number];
            let (groups, events) = used.of_price(number, customer.id, cut);
            let groups: Vec<SpanGroup<'_>> =
                groups.iter().map(|row| SpanGroup { span: row.span, group: &row.group }).collect();
            let events = events.spans();
            let usage = match (rated.price.kind(), rated.metric) {
                (PriceKind::Usage, Some(metric)) => {
                    let metric = &self.metrics[metric].definition;
                    PriceUsage::Metered(Metered { metric, groups: &groups, events: &events })
                }
                // Nobody holds seats without a subscription.
                (PriceKind::Seat, _) => PriceUsage::Seats(Seats { levels: &[], rules }),
                (PriceKind::Recurring | PriceKind::Usage, _) => PriceUsage::Time,
            };
            match &rated.maker {
                Some(maker) => lines.extend(rated.lines(maker, cut, &usage).map_err(of_price)?),
                None => {
                    amounts.extend(amounts_of_price(rated.price, cut, &usage).map_err(|error| of_price(error.into()))?)
                }
            }
        }
        if let Some(commitment) = &side.plan.minimum_commitment {
            lines.extend(true_ups(commitment, item(side), &lines, self.range, &rules)?);
        }
        amounts.extend(lines.iter().filter_map(|line| line.money(side.plan.currency)));
        Ok(Amount::checked_sum(amounts).ok_or(OutOfRange)?)
    }
}

impl RatedPrice<'_> {
    fn lines(&self, maker: &LineMaker<'_>, cut: &PriceCut, usage: &PriceUsage<'_>) -> Result<Vec<ChargeLine>, Refusal> {
        let rated = rate_price(self.price, cut, usage).map_err(Refusal::from)?;
        let parts = cut.parts.iter().zip(0u32..).zip(&rated);
        parts.map(|((part, number), rated)| Ok(maker.line(part, number, rated)?)).collect()
    }
}

/// Whether amounts alone are not enough: a commitment counts lines by their dates, a custom asset is converted at that of its line.
fn needs_lines(side: &Side) -> bool {
    let own = AssetCode::Currency(side.plan.currency);
    side.plan.minimum_commitment.is_some() || side.plan.prices.iter().any(|price| side.plan.asset_of(price) != own)
}

fn item(side: &Side) -> Item<'_> {
    Item { key: &side.plan.key, version: side.version, currency: side.plan.currency }
}
