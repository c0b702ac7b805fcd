//! A believable catalog, what can be wrong with it, and what changed in it.

use super::diff::{Difference, differences};
use super::plan::{PlanState, PlanVersion};
use super::*;
use crate::amount::Amount;
use crate::pricing::inputs::{Inputs, Usage};
use crate::pricing::rate;
use crate::ratio::Ratio;
use crate::refusal::Code;
use crate::time::Instant;

/// Hybrid plan: base fee, seats, graduated calls, storage by its average, tokens in credits.
const FILE: &str = include_str!("../../tests/data/catalog.json");

fn catalog() -> Catalog {
    serde_json::from_str(FILE).unwrap()
}

fn at(text: &str) -> Instant {
    Instant::parse(text).unwrap()
}

#[test]
fn a_believable_catalog_has_no_mistakes_and_comes_back_as_it_was() {
    let catalog = catalog();
    assert_eq!(catalog.check().errors(), []);
    let text = serde_json::to_string(&catalog).unwrap();
    assert_eq!(serde_json::from_str::<Catalog>(&text).unwrap(), catalog);
    assert_eq!(serde_json::from_str::<Catalog>("{}").unwrap(), Catalog::default());
}

#[test]
fn every_kind_of_plan_can_be_rated() {
    // checklist 42
    let catalog = catalog();
    let plan = &catalog.plans[0];
    let amount = |key: &str, usage: Usage| {
        let price = plan.prices.iter().find(|price| price.key == key).unwrap();
        let rated = rate(price.terms_at(at("2026-03-01T00:00:00Z")), &Inputs::whole_period(usage)).unwrap();
        format!("{} {}", rated.amount, plan.asset_of(price))
    };
    assert_eq!(amount("base", Usage::Time), "490.000000 EUR");
    assert_eq!(amount("calls", Usage::total(Ratio::whole(250_000), 250_000)), "110.000000 EUR");
    assert_eq!(amount("tokens", Usage::total(Ratio::whole(1_000_000), 10)), "15.000000 CREDITS");
}

#[test]
fn a_change_holds_from_its_effective_date_on() {
    // checklist 41
    let catalog = catalog();
    let calls = catalog.plans[0].prices.iter().find(|price| price.key == "calls").unwrap();
    assert_eq!(calls.terms_at(at("2026-06-30T23:59:59Z")), &calls.terms);
    assert_eq!(calls.terms_at(at("2026-07-01T00:00:00Z")), &calls.changes[0].terms);
    assert_eq!(calls.timeline().count(), 2);
}

/// What is found in the catalog after the text at `path` was replaced.
fn found(replace: &[(&str, serde_json::Value)]) -> Vec<String> {
    let mut value: serde_json::Value = serde_json::from_str(FILE).unwrap();
    for (pointer, new) in replace {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = value.pointer_mut(parent).unwrap();
        match parent {
            serde_json::Value::Array(list) => list[name.parse::<usize>().unwrap()] = new.clone(),
            other => other[name] = new.clone(),
        }
    }
    let catalog: Catalog = serde_json::from_value(value).unwrap();
    catalog.check().errors().iter().map(|error| format!("{} {}", error.field, error.detail)).collect()
}

#[rstest::rstest]
#[case(
    "/metrics/0/key",
    "\" \"",
    "metrics[0].key must be 1 to 128 bytes of printable text without spaces at its ends."
)]
#[case("/metrics/1/key", "\"api_calls\"", "metrics[1].key is taken by metrics[0]; choose another.")]
#[case("/metrics/0/uniqueProperty", "\"user\"", "metrics[0].uniqueProperty must be left out: only unique reads it.")]
#[case("/metrics/0/weightedUnit", "\"hour\"", "metrics[0].weightedUnit must be left out: only weightedSum reads it.")]
#[case("/metrics/0/schemaMode", "\"strict\"", "metrics[0].schema is missing: warn and strict need one.")]
#[case("/metrics/0/dimensions", "[\"region\",\"region\"]", "metrics[0].dimensions[1] is listed twice.")]
#[case("/metrics/0/rounding", "{\"direction\":\"up\",\"places\":7}", "metrics[0].rounding.places must be 0 to 6.")]
#[case("/customAssets/0/places", "7", "customAssets[0].places must be 0 to 6.")]
#[case("/taxRates/0/percent", "\"101\"", "taxRates[0].percent must be 0 to 100.")]
#[case("/taxRates/0/country", "\"de\"", "taxRates[0].country must be two upper-case letters (ISO 3166-1), such as DE.")]
#[case(
    "/taxRates/0/category",
    "\"books\"",
    "taxRates[0].category names `books`, which is not among the tax categories. Add it, or correct the key."
)]
#[case("/plans/0/trialDays", "0", "plans[0].trialDays must be 1 to 1000, or left out.")]
#[case("/plans/0/minimumCommitment/amount", "\"0\"", "plans[0].minimumCommitment.amount must be greater than zero.")]
#[case(
    "/plans/0/addOns/0",
    "\"sms\"",
    "plans[0].addOns[0] names `sms`, which is not among the add-ons. Add it, or correct the key."
)]
#[case("/plans/0/prices/0/interval/every", "0", "plans[0].prices[0].interval.every must be 1 to 1000.")]
#[case(
    "/plans/0/prices/0/key",
    "\"minimumCommitment\"",
    "plans[0].prices[0].key must not be `minimumCommitment`: so is the line of a minimum commitment called."
)]
#[case(
    "/plans/0/prices/0/metric",
    "\"api_calls\"",
    "plans[0].prices[0].metric must be left out: this price measures nothing."
)]
#[case(
    "/plans/0/prices/0/window",
    "\"day\"",
    "plans[0].prices[0].window must be left out: only usage is rated in windows."
)]
#[case(
    "/plans/0/prices/0/taxCategory",
    "\"books\"",
    "plans[0].prices[0].taxCategory names `books`, which is not among the tax categories. Add it, or correct the key."
)]
#[case(
    "/plans/0/prices/2/timing",
    "\"advance\"",
    "plans[0].prices[2].timing must be arrears: usage is known afterwards."
)]
#[case(
    "/plans/0/prices/2/metric",
    "\"calls\"",
    "plans[0].prices[2].metric names `calls`, which is not among the metrics. Declare it, or correct the key."
)]
#[case("/plans/0/prices/2/metric", "null", "plans[0].prices[2].metric must name the metric that is priced.")]
#[case(
    "/plans/0/prices/2/asset",
    "\"MINUTES\"",
    "plans[0].prices[2].asset names `MINUTES`, which is not among the custom assets. Add it, or correct the code."
)]
#[case(
    "/plans/0/prices/3/metric",
    "\"api_calls\"",
    "plans[0].prices[3].metric is priced by plans[0].prices[2] already. Use its `rates` for other dimension values."
)]
#[case(
    "/plans/0/prices/2/terms/model",
    "{\"type\":\"package\",\"size\":\"1000\",\"price\":\"1\"}",
    "plans[0].prices[2].window must be period or left out: volume, package and latest are known at the end of a period only."
)]
#[case(
    "/plans/0/prices/2/terms/rates/0/when",
    "{\"zone\":\"eu\"}",
    "plans[0].prices[2].terms.rates[0].when.zone is not a dimension of the metric. Add it to the metric's dimensions, or correct the name."
)]
#[case(
    "/plans/0/prices/2/changes/0/terms/rates",
    "[{\"when\":{\"zone\":\"eu\"},\"model\":{\"type\":\"perUnit\",\"unitPrice\":\"1\"}}]",
    "plans[0].prices[2].changes[0].terms.rates[0].when.zone is not a dimension of the metric. Add it to the metric's dimensions, or correct the name."
)]
#[case(
    "/plans/0/prices/2/changes/0/terms/model",
    "{\"type\":\"recurring\",\"amount\":\"1\"}",
    "plans[0].prices[2].changes[0].terms.model.type must stay a usage price."
)]
#[case(
    "/coupons/0/discount",
    "{\"type\":\"percent\",\"percent\":\"100.1\"}",
    "coupons[0].discount.percent must be above 0 and at most 100."
)]
#[case(
    "/coupons/0/duration",
    "{\"type\":\"periods\",\"periods\":0}",
    "coupons[0].duration.periods must be at least 1."
)]
#[case("/coupons/0/prices", "[]", "coupons[0].prices must name prices, or be left out for all of them.")]
fn each_mistake_has_its_place_and_its_advice(#[case] pointer: &str, #[case] json: &str, #[case] expected: &str) {
    let all = found(&[(pointer, serde_json::from_str(json).unwrap())]);
    assert!(all.contains(&expected.to_owned()), "{all:#?}");
}

#[test]
fn a_published_version_never_changes() {
    let catalog = catalog();
    let (known, definition) = (catalog.references(), catalog.plans[0].clone());
    let published = PlanVersion::draft(1, definition.clone()).publish(&known, at("2026-01-01T00:00:00Z")).unwrap();
    assert_eq!(published.state, PlanState::Published);
    let again = published.clone().publish(&known, at("2026-01-02T00:00:00Z")).unwrap_err();
    let changed = published.redraft(definition.clone()).unwrap_err();
    assert_eq!([again.code, changed.code], [Code::PlanVersionPublished; 2]);
    let empty = PlanVersion::draft(1, plan::PlanDefinition { prices: vec![], ..definition });
    let refused = empty.publish(&known, at("2026-01-01T00:00:00Z")).unwrap_err();
    assert_eq!((refused.code, refused.first_field()), (Code::InvalidCatalog, Some("definition.prices")));
}

#[test]
fn a_commitment_is_trued_up() {
    let commitment = catalog().plans[0].minimum_commitment.unwrap();
    let missing = |text: &str| commitment.true_up(Amount::parse(text).unwrap()).unwrap().to_string();
    assert_eq!((missing("400").as_str(), missing("6000.01").as_str()), ("5600.000000", "0.000000"));
}

#[test]
fn a_difference_names_its_path_by_keys() {
    let before = catalog();
    assert_eq!(differences(&before, &before), []);
    let mut after = before.clone();
    after.metrics.swap(0, 1);
    after.plans[0].trial_days = None;
    after.plans[0].prices[2].terms.minimum = Amount::parse("5").ok();
    after.plans[0].prices[1].name = "Places".to_owned();
    after.coupons.clear();
    let found: Vec<String> = differences(&before, &after)
        .iter()
        .map(|difference| match difference {
            Difference::Added { path, after } => format!("+ {path} {after}"),
            Difference::Changed { path, before, after } => format!("~ {path} {before} -> {after}"),
            Difference::Removed { path, .. } => format!("- {path}"),
        })
        .collect();
    assert_eq!(
        found,
        [
            "- coupons[spring]",
            "~ plans[team].prices[calls].terms.minimum \"10.000000\" -> \"5.000000\"",
            "~ plans[team].prices[seats].name \"Seats\" -> \"Places\"",
            "- plans[team].trialDays",
        ]
    );
}
