//! What is wrong with terms is said with its path and with what to do.

use super::*;

#[rstest::rstest]
#[case(r#"{"model":{"type":"graduated","tiers":[]}}"#, &["p.model.tiers must have at least one tier."])]
#[case(r#"{"model":{"type":"graduated","tiers":[{"upTo":"5","unitPrice":"1"}]}}"#,
    &["p.model.tiers[0].upTo must be left out: the last tier is open, so that every unit has a price."])]
#[case(r#"{"model":{"type":"volume","tiers":[{"upTo":"5","unitPrice":"1"},{"upTo":"5","unitPrice":"-1"},{"unitPrice":"1","flatFee":"-1"}]}}"#,
    &["p.model.tiers[1].upTo must be greater than 5.000000, where the tier begins.",
      "p.model.tiers[1].unitPrice must not be negative.", "p.model.tiers[2].flatFee must not be negative."])]
#[case(r#"{"model":{"type":"volume","tiers":[{"unitPrice":"1"},{"unitPrice":"1"}]}}"#,
    &["p.model.tiers[0].upTo is missing: only the last tier is open."])]
#[case(r#"{"model":{"type":"package","size":"0","price":"-1"}}"#,
    &["p.model.size must be greater than zero.", "p.model.price must not be negative."])]
#[case(r#"{"model":{"type":"percentage","percent":"-1","freeEvents":2,"minimumPerEvent":"2","maximumPerEvent":"1"}}"#,
    &["p.model.percent must not be negative.", "p.model.maximumPerEvent must not be less than minimumPerEvent, 2.000000.",
      "p.model.freeEvents frees from the fixed fee: set fixedFee, or leave it out."])]
#[case(r#"{"model":{"type":"dynamic","amountProperty":" "},"included":"1"}"#,
    &["p.model.amountProperty must name the property of the event that carries the amount.",
      "p.included must be left out: this model has no units to include."])]
#[case(r#"{"model":{"type":"recurring","amount":"-1"},"rates":[{"when":{"a":"b"},"model":{"type":"seat","unitPrice":"-1"}}]}"#,
    &["p.model.amount must not be negative.", "p.rates must be left out: a recurring price has one rate.",
      "p.rates[0].model.unitPrice must not be negative.", "p.rates[0].model.type must be a model of usage prices."])]
#[case(r#"{"model":{"type":"perUnit","unitPrice":"-1"},"included":"-1","minimum":"2","cap":"1"}"#,
    &["p.model.unitPrice must not be negative.", "p.included must not be negative.",
      "p.cap must not be less than the minimum, 2.000000."])]
#[case(r#"{"model":{"type":"perUnit","unitPrice":"1"},"rates":[{"when":{},"model":{"type":"perUnit","unitPrice":"1"}},
    {"when":{"a":"1"},"model":{"type":"perUnit","unitPrice":"1"}},{"when":{"a":"1","b":"2"},"model":{"type":"perUnit","unitPrice":"1"}}]}"#,
    &["p.rates[0].when must name at least one dimension and its value.",
      "p.rates[2].when is never reached: rates[1] matches all of it. Put the narrower one first."])]
#[case(r#"{"model":{"type":"graduated","tiers":[{"upTo":"5","unitPrice":"1"},{"unitPrice":"0"}]},"included":"0","minimum":"0","cap":"0"}"#, &[])]
fn each_mistake_has_its_path_and_its_advice(#[case] json: &str, #[case] expected: &[&str]) {
    let terms: Terms = serde_json::from_str(json).unwrap();
    let mut problems = Problems::default();
    terms.check("p", &mut problems);
    let found: Vec<String> =
        problems.errors().iter().map(|error| format!("{} {}", error.field, error.detail)).collect();
    assert_eq!(found, expected);
}

#[rstest::rstest]
#[case(r#"{"model":{"type":"perUnit","unitPrice":"1","unitprice":"2"}}"#, "unknown field `unitprice`")]
#[case(r#"{"model":{"type":"perUnits","unitPrice":"1"}}"#, "unknown variant `perUnits`")]
#[case(r#"{"model":{"type":"perUnit","unitPrice":1}}"#, "expected a string")]
#[case(r#"{"model":{"type":"perUnit","unitPrice":"0.0000000000001"}}"#, "more than twelve decimal places")]
#[case(r#"{"model":{"type":"recurring","amount":"1"},"maximum":"1"}"#, "unknown field `maximum`")]
fn what_is_not_known_is_refused_when_it_is_read(#[case] json: &str, #[case] message: &str) {
    let error = serde_json::from_str::<Terms>(json).unwrap_err().to_string();
    assert!(error.contains(message), "{error}");
}
