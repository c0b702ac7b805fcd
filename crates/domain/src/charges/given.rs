//! Rating quantities that were given instead of measured: one whole period, under the terms in force at an instant.

use crate::aggregation::rounding::QuantityRounding;
use crate::catalog::price::Price;
use crate::charges::rate::{RatedPart, StretchInputs};
use crate::ids::EventId;
use crate::metering::DimensionValues;
use crate::pricing::inputs::{EventUnits, Inputs, Part, SeatStretch, Stage, Total, Usage};
use crate::pricing::model::{Model, Reads};
use crate::pricing::terms::Terms;
use crate::pricing::{RateError, rate};
use crate::quantity::{Quantity, QuantitySum};
use crate::ratio::{OutOfRange, Ratio};
use crate::time::Instant;
use crate::unit_price::UnitPrice;

/// A quantity of a usage price. For a model that looks at single events it is one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenQuantity {
    pub values: DimensionValues,
    pub units: QuantitySum,
    /// The number of events behind it.
    pub events: u64,
    /// What the event carries, for `dynamic` models.
    pub amount: Option<UnitPrice>,
}

/// What a price is applied to for one whole period.
#[derive(Debug, Clone, Copy)]
pub enum GivenUsage<'a> {
    Time,
    Seats(Quantity),
    /// Rounded by rate as the metric says.
    Quantities(&'a [GivenQuantity], Option<QuantityRounding>),
}

/// Rates a price for one whole period under the terms in force at `at`.
///
/// # Errors
/// As [`crate::charges::rate::rate_price`]; [`RateError::OutOfRange`] also for an event with more units than one can have.
pub fn rate_period(price: &Price, at: Instant, usage: &GivenUsage<'_>) -> Result<RatedPart, RateError> {
    let number = price.changes.iter().filter(|change| change.effective_from <= at).count();
    let terms = price.terms_number(number);
    let parts = match usage {
        GivenUsage::Time => vec![Part { rate: 0, usage: Usage::Time }],
        GivenUsage::Seats(seats) => {
            let seats = SeatStretch { seats: *seats, share: Ratio::ONE };
            vec![Part { rate: 0, usage: Usage::Seats(vec![seats]) }]
        }
        GivenUsage::Quantities(quantities, rounding) => parts(terms, quantities, *rounding, at)?,
    };
    let at_end = Inputs { parts, share: Ratio::ONE, stage: Stage::Closing };
    let rated = rate(terms, &at_end)?;
    Ok(RatedPart { stretches: vec![StretchInputs { terms: number, at_start: None, at_end }], rated })
}

/// Whether an entry for the price is one event rather than a sum.
pub fn looks_at_events(price: &Price, at: Instant, values: &DimensionValues) -> bool {
    let terms = price.terms_at(at);
    let rate = usize::try_from(terms.rate_for(values)).ok();
    let model = rate.and_then(|rate| terms.models().nth(rate));
    model.is_some_and(|model| model.reads() == Reads::Events)
}

fn parts(
    terms: &Terms,
    quantities: &[GivenQuantity],
    rounding: Option<QuantityRounding>,
    at: Instant,
) -> Result<Vec<Part>, OutOfRange> {
    let mut parts = Vec::new();
    for (rate, model) in (0u32..).zip(terms.models()) {
        let chosen = quantities.iter().zip(1u128..).filter(|(one, _)| terms.rate_for(&one.values) == rate);
        let chosen: Vec<(&GivenQuantity, u128)> = chosen.collect();
        if rate == 0 || !chosen.is_empty() {
            parts.push(Part { rate, usage: usage(model, &chosen, rounding, at)? });
        }
    }
    if parts.len() > 1 && quantities.iter().all(|one| terms.rate_for(&one.values) > 0) {
        // Nothing was given for the general rate: it is not told.
        parts.remove(0);
    }
    Ok(parts)
}

fn usage(
    model: &Model,
    chosen: &[(&GivenQuantity, u128)],
    rounding: Option<QuantityRounding>,
    at: Instant,
) -> Result<Usage, OutOfRange> {
    if model.reads() == Reads::Events {
        let events = chosen.iter().map(|(one, number)| {
            let micros = i64::try_from(one.units.micros()).map_err(|_| OutOfRange)?;
            let event = EventId::from_uuid(uuid::Uuid::from_u128(*number));
            Ok(EventUnits { at, event, units: Quantity::from_micros(micros), amount: one.amount })
        });
        return Ok(Usage::Events(events.collect::<Result<_, OutOfRange>>()?));
    }
    let exact = Ratio::sum(chosen.iter().map(|(one, _)| Ratio::from(one.units)))?;
    let events = chosen.iter().try_fold(0u64, |sum, (one, _)| sum.checked_add(one.events)).ok_or(OutOfRange)?;
    let units = rounding.map_or(Ok(exact), |rounding| rounding.round(exact))?;
    Ok(Usage::Total(Total { units, events }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charges::tests::world::{at, price};

    fn given(region: &str, units: &str, amount: &str) -> GivenQuantity {
        let region = (!region.is_empty()).then(|| ("region".to_owned(), region.to_owned()));
        GivenQuantity {
            values: region.into_iter().collect(),
            units: QuantitySum::parse(units).unwrap(),
            events: 1,
            amount: UnitPrice::parse(amount).ok(),
        }
    }

    const MIXED: &str = r#"{"metric":"m","terms":{"model":{"type":"perUnit","unitPrice":"1"},"included":"10","rates":[
        {"when":{"region":"eu"},"model":{"type":"perUnit","unitPrice":"2"}},
        {"when":{"region":"ap"},"model":{"type":"dynamic","amountProperty":"cost"}}]},
        "changes":[{"effectiveFrom":"2026-07-01T00:00:00Z","terms":{"model":{"type":"perUnit","unitPrice":"3"}}}]}"#;

    fn amount(instant: &str, quantities: &[GivenQuantity]) -> String {
        let usage = GivenUsage::Quantities(quantities, None);
        rate_period(&price(MIXED), at(instant), &usage).unwrap().rated.amount.to_string()
    }

    #[test]
    fn quantities_are_rated_as_measured_ones_are() {
        let all = [
            given("", "4", ""),
            given("eu", "5", ""),
            given("us", "3", ""),
            given("eu", "6", ""),
            given("ap", "1", "0.25"),
        ];
        assert_eq!(amount("2026-03-01T00:00:00Z", &all), "16.250000");
        assert_eq!(amount("2026-03-01T00:00:00Z", &[]), "0.000000");
    }

    #[test]
    fn the_terms_are_those_in_force_at_the_instant() {
        // checklist 41
        assert_eq!(amount("2026-06-30T23:59:59Z", &[given("", "12", "")]), "2.000000");
        assert_eq!(amount("2026-07-01T00:00:00Z", &[given("", "12", "")]), "36.000000");
    }

    #[test]
    fn an_event_larger_than_one_can_be_is_out_of_range() {
        let price = price(r#"{"metric":"m","terms":{"model":{"type":"dynamic","amountProperty":"cost"}}}"#);
        let large = [given("", "9223372036855", "1")];
        assert!(looks_at_events(&price, at("2026-03-01T00:00:00Z"), &large[0].values));
        let rated = rate_period(&price, at("2026-03-01T00:00:00Z"), &GivenUsage::Quantities(&large, None));
        assert_eq!(rated.unwrap_err(), RateError::OutOfRange(OutOfRange));
    }
}
