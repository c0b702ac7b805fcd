//! Estimates of quantities that are given: each price is rated for one whole period.

use domain::charges::commitment::true_up_of_interval;
use domain::charges::given::{GivenQuantity, GivenUsage, looks_at_events, rate_period};
use domain::charges::line::{ChargeLine, LineMaker};
use domain::pricing::model::PriceKind;
use domain::refusal::{Code, Refusal};
use domain::time::Instant;
use domain::unit_price::UnitPrice;

use super::offer::Offered;
use super::{Charges, QuantityEntry, QuantityTarget, SeatEntry, Setting};
use crate::error::Error;

pub(super) fn charge(setting: &Setting, entries: &[QuantityEntry], seats: &[SeatEntry]) -> Result<Charges, Error> {
    let prices = setting.offer.prices()?;
    check_targets(&prices, entries, setting.at)?;
    check_seats(&prices, seats)?;
    let lines = prices.iter().map(|offered| line(setting, offered, entries, seats));
    let mut lines = lines.collect::<Result<Vec<_>, Error>>()?;
    let mut notes = Vec::new();
    if let Some(commitment) = &setting.offer.plan.minimum_commitment {
        let mut plan_prices = setting.offer.plan.prices.iter();
        if plan_prices.all(|price| price.interval == commitment.interval) {
            lines.extend(true_up_of_interval(commitment, prices[0].item, &lines).map_err(Refusal::from)?);
        } else {
            let (amount, currency) = (commitment.amount, setting.offer.plan.currency);
            notes.push(format!(
                "The minimum commitment of {amount} {currency} is not taken into account: its interval differs from that of \
                 the prices. Estimate a customer and a range of time instead."
            ));
        }
    }
    Ok(Charges { lines, notes })
}

fn line(
    setting: &Setting,
    offered: &Offered<'_>,
    entries: &[QuantityEntry],
    seats: &[SeatEntry],
) -> Result<ChargeLine, Error> {
    let chosen = entries.iter().filter(|entry| entry.is_for(offered));
    let given: Vec<GivenQuantity> = chosen.map(QuantityEntry::given).collect();
    let usage = match offered.price.kind() {
        PriceKind::Recurring => GivenUsage::Time,
        PriceKind::Seat => GivenUsage::Seats(seats_of(offered, seats)?.seats),
        PriceKind::Usage => {
            GivenUsage::Quantities(&given, offered.metric.and_then(|metric| metric.definition.rounding))
        }
    };
    let rated = rate_period(offered.price, setting.at, &usage).map_err(|error| of_price(error.into(), offered))?;
    let unit_label = unit_label(offered);
    let maker = LineMaker::new(offered.item, offered.price, unit_label, &setting.offer.assets);
    Ok(maker.bare(&rated, setting.at).map_err(|error| of_price(error.into(), offered))?)
}

/// What the sentences of an explanation call the units.
pub(super) fn unit_label<'a>(offered: &Offered<'a>) -> Option<&'a str> {
    match offered.price.kind() {
        PriceKind::Seat => Some("seats"),
        PriceKind::Recurring | PriceKind::Usage => {
            offered.metric.and_then(|metric| metric.definition.unit_label.as_deref())
        }
    }
}

/// Says which price cannot be rated.
pub(super) fn of_price(mut refusal: Refusal, offered: &Offered<'_>) -> Refusal {
    refusal.detail = format!("Price `{}`: {}", offered.reference, refusal.detail);
    refusal
}

/// The one entry of a seat price, when there is one.
fn seats_of<'s>(offered: &Offered<'_>, seats: &'s [SeatEntry]) -> Result<&'s SeatEntry, Refusal> {
    let mut of_price = seats.iter().filter(|entry| entry.price == offered.reference);
    let found = of_price.next().ok_or_else(|| seats_missing(offered))?;
    if of_price.next().is_some() || found.from.is_some() {
        let detail = format!("must name `{}` once, without `from`: a whole period is estimated.", offered.reference);
        return Err(Refusal::field(Code::InvalidValue, "seats", detail));
    }
    Ok(found)
}

pub(super) fn seats_missing(offered: &Offered<'_>) -> Refusal {
    let detail = format!("must say how many seats of `{}` are held.", offered.reference);
    Refusal::field(Code::MissingField, "seats", detail)
}

/// Every entry of seats is for a seat price, and none is negative.
pub(super) fn check_seats(prices: &[Offered<'_>], seats: &[SeatEntry]) -> Result<(), Refusal> {
    for (index, entry) in seats.iter().enumerate() {
        let found = prices.iter().find(|offered| offered.reference == entry.price);
        let is_seat = found.is_some_and(|offered| offered.price.kind() == PriceKind::Seat);
        if !is_seat {
            let detail = format!("names `{}`, which is no seat price of the plan or its add-ons.", entry.price);
            return Err(Refusal::field(Code::UnknownPrice, format!("seats[{index}].price"), detail));
        }
        if entry.seats.is_negative() {
            return Err(Refusal::field(Code::OutOfRange, format!("seats[{index}].seats"), "must not be negative."));
        }
    }
    Ok(())
}

fn check_targets(prices: &[Offered<'_>], entries: &[QuantityEntry], at: Instant) -> Result<(), Refusal> {
    for (index, entry) in entries.iter().enumerate() {
        let field = |name: &str| format!("quantities[{index}].{name}");
        let mut chosen = prices.iter().filter(|offered| entry.is_for(offered)).peekable();
        if chosen.peek().is_none() {
            return Err(match &entry.target {
                QuantityTarget::Price(price) => {
                    let detail = format!("names `{price}`, which is no usage price of the plan or its add-ons.");
                    Refusal::field(Code::UnknownPrice, field("price"), detail)
                }
                QuantityTarget::Metric(metric) => {
                    let detail = format!("names `{metric}`, which no price of the plan or its add-ons measures.");
                    Refusal::field(Code::UnknownMetric, field("metric"), detail)
                }
            });
        }
        if entry.units.micros() < 0 {
            return Err(Refusal::field(Code::OutOfRange, field("units"), "must not be negative."));
        }
        if entry.amount.is_some_and(UnitPrice::is_negative) {
            return Err(Refusal::field(Code::OutOfRange, field("amount"), "must not be negative."));
        }
        let is_single = chosen.any(|offered| looks_at_events(offered.price, at, &entry.dimensions));
        if is_single && entry.events != 1 {
            let detail = "must be 1 or left out: the price looks at single events. Give an entry for each.";
            return Err(Refusal::field(Code::InvalidValue, field("events"), detail));
        }
    }
    Ok(())
}

impl QuantityEntry {
    fn is_for(&self, offered: &Offered<'_>) -> bool {
        match &self.target {
            QuantityTarget::Price(price) => offered.metric.is_some() && *price == offered.reference,
            QuantityTarget::Metric(metric) => offered.price.metric.as_ref() == Some(metric),
        }
    }

    fn given(&self) -> GivenQuantity {
        let QuantityEntry { units, events, dimensions, amount, .. } = self;
        GivenQuantity { values: dimensions.clone(), units: *units, events: *events, amount: *amount }
    }
}
