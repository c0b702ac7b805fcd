//! Generated prices and usage: every model, with and without allowance, minimum, cap and rates of dimension values.

use domain::ids::EventId;
use domain::pricing::inputs::{EventUnits, Inputs, Part, SeatStretch, Stage, Usage};
use domain::pricing::model::{Model, Reads};
use domain::pricing::terms::{DimensionRate, Terms};
use domain::quantity::Quantity;
use domain::ratio::Ratio;
use domain::time::Instant;
use domain::unit_price::UnitPrice;
use proptest::prelude::*;
use serde_json::json;

/// A decimal text below `10^digits` with so many places.
fn decimal(digits: u32, places: u32) -> impl Strategy<Value = String> {
    (0..10u64.pow(digits), 0..10u64.pow(places)).prop_map(move |(whole, fraction)| {
        let width = usize::try_from(places).unwrap();
        format!("{whole}.{fraction:0width$}")
    })
}

fn tiers() -> impl Strategy<Value = serde_json::Value> {
    let edges = prop::collection::btree_set(1u32..100_000, 0..4);
    (edges, prop::collection::vec((decimal(2, 12), prop::option::of(decimal(2, 2))), 5)).prop_map(|(edges, prices)| {
        let up_to = edges.into_iter().map(Some).chain([None]);
        let tiers = up_to.zip(prices).map(|(up_to, (price, fee))| {
            let mut tier = json!({ "unitPrice": price });
            if let Some(up_to) = up_to {
                tier["upTo"] = json!(up_to.to_string());
            }
            if let Some(fee) = fee {
                tier["flatFee"] = json!(fee);
            }
            tier
        });
        tiers.collect()
    })
}

fn model() -> impl Strategy<Value = Model> {
    let percentage = (decimal(1, 6), decimal(1, 2), 0u32..5, prop::option::of(decimal(1, 2)), any::<bool>());
    let json = prop_oneof![
        decimal(2, 12).prop_map(|price| json!({ "type": "perUnit", "unitPrice": price })),
        tiers().prop_map(|tiers| json!({ "type": "graduated", "tiers": tiers })),
        tiers().prop_map(|tiers| json!({ "type": "volume", "tiers": tiers })),
        (1u32..5_000, decimal(2, 6))
            .prop_map(|(size, price)| json!({ "type": "package", "size": size.to_string(), "price": price })),
        percentage.prop_map(|(percent, fee, free, minimum, has_fee)| {
            let mut model = json!({ "type": "percentage", "percent": percent });
            if has_fee {
                (model["fixedFee"], model["freeEvents"]) = (json!(fee), json!(free));
            }
            if let Some(minimum) = minimum {
                (model["minimumPerEvent"], model["maximumPerEvent"]) = (json!(minimum), json!("20"));
            }
            model
        }),
        Just(json!({ "type": "dynamic", "amountProperty": "cost" })),
    ];
    json.prop_map(|json| serde_json::from_value(json).unwrap())
}

/// Terms of usage prices.
pub fn terms() -> impl Strategy<Value = Terms> {
    let limits = (prop::option::of(decimal(3, 2)), prop::option::of(decimal(2, 2)), prop::option::of(decimal(3, 2)));
    (model(), limits, prop::option::of(model())).prop_map(|(model, (included, minimum, cap), special)| {
        let amount = |text: Option<String>| text.map(|text| serde_json::from_value(json!(text)).unwrap());
        let special =
            special.map(|model| DimensionRate { when: [("region".to_owned(), "eu".to_owned())].into(), model });
        let included = included.filter(|_| model.takes_allowance());
        Terms {
            included: included.map(|text| serde_json::from_value(json!(text)).unwrap()),
            minimum: amount(minimum),
            cap: amount(cap),
            rates: special.into_iter().collect(),
            model,
        }
    })
}

/// Events of one segment, each with an id of its own, and whether each has the dimension value of the special rate.
pub fn events() -> impl Strategy<Value = Vec<(EventUnits, bool)>> {
    let event = (0i64..10_000_000, 1i64..20_000_000_000, prop::option::of(decimal(1, 12)), any::<bool>());
    prop::collection::vec(event, 0..12).prop_map(|events| {
        let with_id = (1u128..).zip(events).map(|(id, (at, units, amount, is_special))| {
            let event = EventUnits {
                at: Instant::from_micros(at).unwrap(),
                event: EventId::from_uuid(uuid::Uuid::from_u128(id)),
                units: Quantity::from_micros(units),
                amount: amount.map(|text| UnitPrice::parse(&text).unwrap()),
            };
            (event, is_special)
        });
        with_id.collect()
    })
}

pub fn share() -> impl Strategy<Value = Ratio> {
    (0i128..=31, 31i128..=31).prop_map(|(part, whole)| Ratio::new(part, whole).unwrap())
}

fn sum(events: &[EventUnits]) -> Usage {
    let units = Ratio::sum(events.iter().map(|event| Ratio::from(event.units))).unwrap();
    Usage::total(units, u64::try_from(events.len()).unwrap())
}

fn usage(model: &Model, events: Vec<EventUnits>) -> Usage {
    match model.reads() {
        Reads::Events => Usage::Events(events),
        Reads::Totals => sum(&events),
        Reads::Time => Usage::Time,
        Reads::Seats => Usage::Seats(vec![SeatStretch { seats: Quantity::from_micros(3_000_000), share: Ratio::ONE }]),
    }
}

/// What the engine makes of events: sums where the model reads sums, events where it reads events, grouped by rate.
pub fn inputs(terms: &Terms, events: &[(EventUnits, bool)], share: Ratio, stage: Stage) -> Inputs {
    let of = |special: bool| {
        let chosen = events.iter().filter(|(_, is_special)| (*is_special && !terms.rates.is_empty()) == special);
        chosen.map(|(event, _)| *event).collect::<Vec<_>>()
    };
    let mut parts = vec![Part { rate: 0, usage: usage(&terms.model, of(false)) }];
    if let Some(special) = terms.rates.first() {
        parts.push(Part { rate: 1, usage: usage(&special.model, of(true)) });
    }
    Inputs { parts, share, stage }
}
