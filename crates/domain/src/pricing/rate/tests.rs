//! Rating by hand: what each step says, what is left out until the close, and what is refused.

use super::*;
use crate::ids::EventId;
use crate::pricing::explanation::Words;
use crate::pricing::inputs::{EventUnits, Part, SeatStretch, Usage};
use crate::quantity::{Quantity, QuantitySum};
use crate::time::Instant;

fn terms(json: &str) -> Terms {
    serde_json::from_str(json).unwrap()
}

fn ratio(text: &str) -> Ratio {
    text.parse().unwrap()
}

fn units(count: &str) -> Inputs {
    Inputs::whole_period(Usage::total(ratio(count), 1))
}

fn amount(terms: &Terms, inputs: &Inputs) -> String {
    rate(terms, inputs).unwrap().amount.to_string()
}

const HYBRID: &str = r#"{
    "model": { "type": "graduated", "tiers": [
        { "upTo": "1000", "unitPrice": "0.10", "flatFee": "5" }, { "unitPrice": "0.000333333333" } ] },
    "included": "500", "minimum": "20", "cap": "300",
    "rates": [ { "when": { "region": "eu" }, "model": { "type": "perUnit", "unitPrice": "0.2" } } ] }"#;

/// Half a period of hybrid use.
fn hybrid() -> Rated {
    let inputs = Inputs {
        parts: vec![
            Part { rate: 1, usage: Usage::total(ratio("10.5"), 2) },
            Part { rate: 0, usage: Usage::total(ratio("123456"), 99) },
        ],
        share: ratio("1/2"),
        stage: Stage::Closing,
    };
    rate(&terms(HYBRID), &inputs).unwrap()
}

#[test]
fn an_explanation_reads_like_a_calculation() {
    // checklist 123
    insta::assert_snapshot!(hybrid().explanation.text(Words { asset: "USD", units: "calls" }), @r#"
    Formula: Σ over tiers (units in the tier × its unit price + its flat fee).
    Included: 250 calls; 250 used here, 0 left.
    Tier 1 (above 0 up to 1,000): 1,000 calls at 0.1 USD each: 100 USD.
    Flat fee of tier 1: 5 USD for 1 of 2 parts of the period: 2.5 USD.
    Tier 2 (above 1,000): 122,206 calls at 0.000333333333 USD each: 40.735333292598 USD.
    For region eu another rate applies: units × unit price.
    10.5 calls at 0.2 USD each: 2.1 USD.
    Rounded once, half to even, to six places: from 145.335333292598 USD by -0.000000292598.
    Total: 145.335333 USD.
    "#);
}

#[test]
fn an_explanation_is_data_too() {
    // checklist 123
    insta::assert_json_snapshot!(hybrid().explanation, @r#"
    {
      "formula": "Σ over tiers (units in the tier × its unit price + its flat fee)",
      "steps": [
        {
          "step": "allowance",
          "included": "250",
          "used": "250",
          "left": "0"
        },
        {
          "step": "tier",
          "tier": 1,
          "above": "0",
          "upTo": "1000",
          "units": "1000",
          "unitPrice": "0.1",
          "amount": "100"
        },
        {
          "step": "tierFee",
          "tier": 1,
          "fee": "5.000000",
          "share": "0.5",
          "amount": "2.5"
        },
        {
          "step": "tier",
          "tier": 2,
          "above": "1000",
          "upTo": null,
          "units": "122206",
          "unitPrice": "0.000333333333",
          "amount": "40.735333292598"
        },
        {
          "step": "rate",
          "when": {
            "region": "eu"
          },
          "formula": "units × unit price"
        },
        {
          "step": "units",
          "units": "10.5",
          "unitPrice": "0.2",
          "amount": "2.1"
        },
        {
          "step": "rounding",
          "exact": "145.335333292598",
          "amount": "-0.000000292598"
        }
      ],
      "total": "145.335333"
    }
    "#);
}

#[test]
fn every_model_explains_itself() {
    let event = |id: u128, count: &str| EventUnits {
        at: Instant::from_micros(i64::try_from(id).unwrap()).unwrap(),
        event: EventId::from_uuid(uuid::Uuid::from_u128(id)),
        units: Quantity::parse(count).unwrap(),
        amount: None,
    };
    let events = Usage::Events(vec![event(2, "5000"), event(1, "10"), event(3, "100")]);
    let seats = |count: &str, share: &str| SeatStretch { seats: Quantity::parse(count).unwrap(), share: ratio(share) };
    let examples = [
        (r#"{"model":{"type":"package","size":"1000","price":"5"},"cap":"12"}"#, Usage::total(ratio("2000.5"), 3)),
        (
            r#"{"model":{"type":"volume","tiers":[{"upTo":"9","unitPrice":"1"},{"unitPrice":"0.5","flatFee":"2"}]}}"#,
            Usage::total(ratio("10"), 3),
        ),
        (
            r#"{"model":{"type":"percentage","percent":"2.9","fixedFee":"0.30","freeEvents":1,"minimumPerEvent":"1",
            "maximumPerEvent":"50"},"included":"60"}"#,
            events.clone(),
        ),
        (r#"{"model":{"type":"dynamic","amountProperty":"cost"},"minimum":"1"}"#, events),
        (
            r#"{"model":{"type":"seat","unitPrice":"12"},"included":"3"}"#,
            Usage::Seats(vec![seats("10", "10/31"), seats("2", "21/31")]),
        ),
        (r#"{"model":{"type":"recurring","amount":"49"}}"#, Usage::Time),
    ];
    let texts = examples.map(|(json, usage)| {
        let rated = rate(&terms(json), &Inputs::whole_period(usage)).unwrap();
        rated.explanation.text(Words { asset: "EUR", units: "units" })
    });
    insta::assert_snapshot!(texts.join("\n---\n"), @r#"
    Formula: packages begun × price of a package.
    2,000.5 units begin 3 packages of 1,000 at 5 EUR each: 15 EUR.
    Lowered to the cap of 12 EUR for the whole period: 3 EUR taken off.
    Total: 12 EUR.
    ---
    Formula: all units × unit price of the tier they reach + its flat fee.
    Tier 2 (above 9): 10 units at 0.5 EUR each: 5 EUR.
    Flat fee of tier 2: 2 EUR.
    Total: 7 EUR.
    ---
    Formula: Σ over events (units × percent + fixed fee, within minimum and maximum per event).
    Included: 60 units; 60 used here, 0 left.
    2.9 percent of 5,050: 146.45 EUR.
    2 events at 0.3 EUR each, 1 free of it: 0.6 EUR.
    0 events raised to their minimum (1 EUR), 1 lowered to their maximum (50 EUR): -93.85 EUR.
    Total: 53.2 EUR.
    ---
    Formula: Σ of the amounts carried by the events.
    0 events carry 0 EUR; 3 carry no amount.
    Raised to the minimum of 1 EUR for the whole period: 1 EUR added.
    Total: 1 EUR.
    ---
    Formula: Σ over stretches (seats × unit price × share of the period).
    Included: 3 units; 3 used here, 0 left.
    7 seats at 12 EUR each for 10 of 31 parts of the period: about 27.096774 EUR.
    Included: 3 units; 2 used here, 1 left.
    0 seats at 12 EUR each for 21 of 31 parts of the period: 0 EUR.
    Rounded once, half to even, to six places: from about 27.096774193548 EUR by about -0.000000193548.
    Total: 27.096774 EUR.
    ---
    Formula: amount × share of the period.
    Flat amount: 49 EUR.
    Total: 49 EUR.
    "#);
}

#[test]
fn minimum_and_cap_wait_for_the_close() {
    // checklist 43
    let terms = terms(r#"{"model":{"type":"perUnit","unitPrice":"1"},"minimum":"10","cap":"20"}"#);
    let running = |count| Inputs { stage: Stage::Running, ..units(count) };
    assert_eq!(amount(&terms, &running("3")), "3.000000");
    assert_eq!(amount(&terms, &units("3")), "10.000000");
    assert_eq!(amount(&terms, &units("0")), "10.000000");
    assert_eq!(amount(&terms, &running("25")), "25.000000");
    assert_eq!(amount(&terms, &units("25")), "20.000000");
    let quarter = |count| Inputs { share: ratio("1/4"), ..units(count) };
    assert_eq!(amount(&terms, &quarter("1")), "2.500000");
    assert_eq!(amount(&terms, &quarter("25")), "5.000000");
}

#[test]
fn a_price_that_changes_leaves_what_was_used_before_alone() {
    // checklist 41
    let old = terms(r#"{"model":{"type":"graduated","tiers":[{"upTo":"100","unitPrice":"1"},{"unitPrice":"0.5"}]}}"#);
    let new = terms(r#"{"model":{"type":"graduated","tiers":[{"upTo":"100","unitPrice":"2"},{"unitPrice":"1"}]}}"#);
    let (before, after) = (units("60"), units("150"));
    let first = Dated { terms: &old, at_start: None, at_end: &before };
    let second = Dated { terms: &new, at_start: Some(&before), at_end: &after };
    let rated = rate_dated(&[first, second], Ratio::ONE, Stage::Closing).unwrap();
    // 60 × 1, then 40 × 2 and 50 × 1: the counter goes on.
    assert_eq!(rated.amount.to_string(), "190.000000");
}

#[test]
fn volume_starts_again_when_its_price_changes() {
    let old = terms(r#"{"model":{"type":"volume","tiers":[{"upTo":"100","unitPrice":"1"},{"unitPrice":"0.5"}]}}"#);
    let new = terms(r#"{"model":{"type":"volume","tiers":[{"upTo":"100","unitPrice":"2"},{"unitPrice":"1"}]}}"#);
    assert!(new.starts_again());
    let (before, after) = (units("60"), units("90"));
    let first = Dated { terms: &old, at_start: None, at_end: &before };
    let second = Dated { terms: &new, at_start: None, at_end: &after };
    let rated = rate_dated(&[first, second], Ratio::ONE, Stage::Closing).unwrap();
    assert_eq!(rated.amount.to_string(), "240.000000");
}

#[test]
fn dimension_values_choose_the_first_rate_that_matches() {
    let terms = terms(
        r#"{"model":{"type":"perUnit","unitPrice":"1"},"rates":[
        {"when":{"region":"eu","size":"xl"},"model":{"type":"perUnit","unitPrice":"3"}},
        {"when":{"region":"eu"},"model":{"type":"perUnit","unitPrice":"2"}}]}"#,
    );
    let values = |pairs: &[(&str, &str)]| {
        terms.rate_for(&pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    };
    assert_eq!(values(&[("region", "eu"), ("size", "xl")]), 1);
    assert_eq!(values(&[("region", "eu"), ("size", "s")]), 2);
    assert_eq!(values(&[("region", "us"), ("size", "xl")]), 0);
    assert_eq!(values(&[]), 0);
}

#[test]
fn petabytes_and_tokens_are_exact() {
    let per_byte = terms(
        r#"{"model":{"type":"graduated","tiers":[{"upTo":"1000000000000000","unitPrice":"0.000000000023"},
        {"unitPrice":"0.00000000002"}]}}"#,
    );
    assert_eq!(amount(&per_byte, &units("512000000000000000.000001")), "10243000.000000");
    let per_token = terms(r#"{"model":{"type":"perUnit","unitPrice":"0.000000150000"}}"#);
    assert_eq!(amount(&per_token, &units("7")), "0.000001");
    assert_eq!(amount(&per_token, &units("1000000000007")), "150000.000001");
}

#[test]
fn what_does_not_fit_is_quantity_out_of_range() {
    let dear = terms(r#"{"model":{"type":"perUnit","unitPrice":"9223372036854"}}"#);
    let largest = Ratio::from(QuantitySum::from_micros(i128::MAX));
    for count in [ratio("2"), largest] {
        let error = rate(&dear, &Inputs::whole_period(Usage::total(count, 1))).unwrap_err();
        assert_eq!(Refusal::from(error).code, Code::QuantityOutOfRange);
    }
}

#[test]
fn inputs_of_another_model_are_refused() {
    let flat = terms(r#"{"model":{"type":"recurring","amount":"49"}}"#);
    assert_eq!(rate(&flat, &units("1")), Err(RateError::WrongInputs { needed: Reads::Time }));
    let limited = terms(r#"{"model":{"type":"percentage","percent":"1","minimumPerEvent":"1"}}"#);
    assert_eq!(rate(&limited, &units("1")), Err(RateError::WrongInputs { needed: Reads::Events }));
    let inputs = Inputs { parts: vec![Part { rate: 1, usage: Usage::Time }], ..units("1") };
    assert_eq!(rate(&flat, &inputs), Err(RateError::NoSuchRate));
    assert_eq!(Refusal::from(RateError::NoSuchRate).code, Code::InvalidValue);
    assert_eq!(Refusal::from(RateError::WrongInputs { needed: Reads::Time }).code, Code::InvalidValue);
}
