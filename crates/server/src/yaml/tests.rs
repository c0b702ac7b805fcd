//! Numbers as written, mistakes with their lines, limits, and the way out and back.

use domain::catalog::Catalog;
use domain::refusal::{Code, Refusal};
use proptest::prelude::*;

use super::{read, to_yaml};

/// One plan with one price of the given unit price, as it stands in the file.
fn plan(unit_price: &str) -> String {
    format!(
        "plans:
  - key: team
    name: Team
    currency: EUR
    prices:
      - key: calls
        name: Calls
        metric: api_calls
        interval: {{ unit: month }}
        timing: arrears
        terms:
          model:
            unitPrice: {unit_price}
            type: perUnit
"
    )
}

fn refused(text: &str) -> Refusal {
    read::<Catalog>(text.as_bytes()).map(|(catalog, _)| catalog).unwrap_err()
}

#[track_caller]
fn check(text: &str, code: Code, field: &str, line: u32) {
    let refusal = refused(text);
    let error = &refusal.errors[0];
    assert_eq!((refusal.code, error.field.as_str(), error.line), (code, field, Some(line)), "{refusal}");
}

#[rstest::rstest]
#[case("0.0020", "0.002")]
#[case("0.000000150000", "0.00000015")]
#[case("\"0.000000150000\"", "0.00000015")]
#[case("0.000000000001", "0.000000000001")]
#[case("9223372036854.775807", "9223372036854.775807")]
#[case("3", "3")]
fn a_number_is_the_text_that_is_written(#[case] written: &str, #[case] expected: &str) {
    let (catalog, _) = read::<Catalog>(plan(written).as_bytes()).unwrap();
    let json = serde_json::to_value(&catalog).unwrap();
    assert_eq!(json["plans"][0]["prices"][0]["terms"]["model"]["unitPrice"], expected);
}

#[test]
fn a_number_with_an_exponent_is_refused_with_advice() {
    check(&plan("1e-7"), Code::InvalidValue, "plans[0].prices[0].terms.model.unitPrice", 13);
    let detail = refused(&plan("1e-7")).errors[0].detail.clone();
    assert!(detail.ends_with("write it out, without an exponent"), "{detail}");
    assert!(detail.contains("such as \"0.00000015\""), "{detail}");
    check(&plan("0.0000000000001"), Code::InvalidValue, "plans[0].prices[0].terms.model.unitPrice", 13);
}

#[test]
fn words_are_texts_where_a_text_is_asked_for() {
    let text = "taxRates:\n- { key: no, name: 2026, country: NO, percent: 25 }\ncustomAssets:\n- code: TOK\n  name: yes\n  places: 2\n";
    let (catalog, _) = read::<Catalog>(text.as_bytes()).unwrap();
    let rate = &catalog.tax_rates[0];
    assert_eq!((rate.key.as_str(), rate.name.as_str(), rate.country.as_deref()), ("no", "2026", Some("NO")));
    assert_eq!((catalog.custom_assets[0].name.as_str(), catalog.custom_assets[0].places), ("yes", 2));
}

#[test]
fn a_mistake_has_its_line() {
    let file = plan("1");
    check(&file.replace("metric:", "metrik:"), Code::UnknownField, "plans[0].prices[0].metrik", 8);
    check(&file.replace("type: perUnit", "type: flat"), Code::InvalidValue, "plans[0].prices[0].terms.model.type", 14);
    check(
        &file.replace("            type: perUnit\n", ""),
        Code::MissingField,
        "plans[0].prices[0].terms.model.type",
        13,
    );
    check(
        &file.replace("type: perUnit", "type: perUnit\n            size: 5"),
        Code::UnknownField,
        "plans[0].prices[0].terms.model.size",
        15,
    );
    check(&file.replace("timing: arrears", "timing: later"), Code::InvalidValue, "plans[0].prices[0].timing", 10);
    check(&file.replace("    name: Team\n", ""), Code::MissingField, "plans[0].name", 2);
    check(&file.replace("name: Team", "name:"), Code::InvalidType, "plans[0].name", 3);
    check(&file.replace("currency: EUR", "currency: [EUR]"), Code::InvalidType, "plans[0].currency", 4);
    check(
        &file.replace("currency: EUR", "currency: EUR\n    trialDays: two"),
        Code::InvalidType,
        "plans[0].trialDays",
        5,
    );
    check(&file.replace("currency: EUR", "currency: EUR\n    name: Again"), Code::InvalidValue, "plans[0].name", 5);
    check("plans: 7\n", Code::InvalidType, "plans", 1);
    check("- plans\n", Code::InvalidType, "body", 1);
}

#[test]
fn a_broken_document_is_refused_with_line_and_column() {
    for (text, line) in [
        ("plans:\n  - key: [", 3),
        ("plans: []\n---\nplans: []\n", 2),
        ("plans: !list []\n", 1),
        ("? [a]\n: b\n", 1),
        ("plans:\n\t- x", 2),
        ("a: &x { b: *x }\n", 1),
        ("a: *nowhere\n", 1),
    ] {
        let refusal = refused(text);
        assert_eq!((refusal.code, refusal.errors[0].line), (Code::MalformedYaml, Some(line)), "{text}: {refusal}");
    }
    assert_eq!(refused("a: \"\\0\"\n").code, Code::UnknownField);
    assert_eq!(read::<Catalog>(b"plans: \xff").map(|_| ()).unwrap_err().code, Code::MalformedYaml);
}

#[test]
fn an_alias_stands_for_what_it_names() {
    let text = "taxCategories:\n- &saas { key: saas, name: SaaS }\ntaxRates:\n- { key: de, name: &vat VAT, percent: &rate 19 }\n- { key: at, name: *vat, percent: *rate }\n";
    let (catalog, _) = read::<Catalog>(text.as_bytes()).unwrap();
    assert_eq!(
        (&catalog.tax_rates[1].name, &catalog.tax_rates[1].percent),
        (&catalog.tax_rates[0].name, &catalog.tax_rates[0].percent)
    );
}

#[test]
fn a_small_file_that_would_be_a_large_tree_is_refused() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let below = level - 1;
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", vec![format!("*a{below}"); 10].join(", ")));
    }
    assert_eq!(refused(&bomb).code, Code::TooManyItems);
    assert_eq!(refused(&format!("a: {}", "[".repeat(40))).code, Code::TooDeep);
    assert_eq!(refused(&format!("a: {}", "[".repeat(100_000))).code, Code::MalformedYaml);
    assert_eq!(
        refused(&format!("a: &a {}{}\nb: {}*a{}", "[".repeat(20), "]".repeat(20), "[".repeat(20), "]".repeat(20))).code,
        Code::TooDeep
    );
}

#[test]
fn the_line_of_a_path_is_that_of_its_deepest_part() {
    let (_, document) = read::<Catalog>(plan("1").as_bytes()).unwrap();
    let line = |path: &str| document.line_of(path);
    assert_eq!(line("plans[0].prices[0].terms.model.unitPrice"), Some(13));
    assert_eq!(line("plans[0].prices[0].taxCategory"), Some(6));
    assert_eq!((line("plans[3]"), line("coupons"), line("plans[team].key")), (Some(1), None, Some(1)));
}

#[test]
fn a_catalog_is_written_in_one_form() {
    let catalog: Catalog = serde_json::from_str(include_str!("../../../domain/tests/data/catalog.json")).unwrap();
    insta::assert_snapshot!(to_yaml(&catalog).unwrap());
    assert_eq!(to_yaml(&Catalog::default()).unwrap(), "{}\n");
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{1,12}",
        "\\PC{1,8}",
        Just("yes".to_owned()),
        Just("1e5".to_owned()),
        Just("null".to_owned()),
        Just("- a: b #".to_owned()),
        Just("two\nlines\u{2028}\u{85}\t\u{7f}\u{feff}".to_owned()),
        Just(" ".to_owned()),
        Just("~".to_owned()),
        Just("*a".to_owned()),
    ]
}

fn decimal() -> impl Strategy<Value = String> {
    prop_oneof!["[0-9]{1,9}\\.[0-9]{1,6}", "[0-9]{1,12}", "0\\.0{0,4}[0-9]{1,2}"]
}

prop_compose! {
    fn price(number: usize)(
        name in name(), unit_price in decimal(), fee in decimal(), dimension in name(), value in name(), kind in 0..4,
    ) -> serde_json::Value {
        let model = match kind {
            0 => serde_json::json!({ "type": "perUnit", "unitPrice": unit_price }),
            1 => serde_json::json!({ "type": "graduated", "tiers": [{ "upTo": "10", "unitPrice": unit_price, "flatFee": fee }, { "unitPrice": "0" }] }),
            2 => serde_json::json!({ "type": "package", "size": "1000", "price": fee }),
            _ => serde_json::json!({ "type": "percentage", "percent": "2.9", "fixedFee": fee }),
        };
        serde_json::json!({
            "key": format!("price-{number}"), "name": name, "metric": value, "interval": { "unit": "month", "every": 3 },
            "timing": "arrears", "terms": { "model": model.clone(), "minimum": fee, "rates": [{ "when": { dimension: value }, "model": model }] },
            "changes": [{ "effectiveFrom": "2026-07-01T00:00:00.000Z", "terms": { "model": model } }],
        })
    }
}

prop_compose! {
    fn catalog()(
        names in prop::collection::vec(name(), 4), description in prop::option::of(name()),
        prices in (price(0), price(1)), percent in decimal(), forever in any::<bool>(), places in 0u32..7,
    ) -> serde_json::Value {
        let duration = if forever { serde_json::json!({ "type": "forever" }) } else { serde_json::json!({ "type": "periods", "periods": 3 }) };
        serde_json::json!({
            "metrics": [{ "key": names[0], "name": names[1], "aggregation": "sum", "dimensions": [names[2], names[3]],
                "schemaMode": "warn", "schema": { "type": "object", "maxProperties": 3, "x": [null, true, names[2]] } }],
            "customAssets": [{ "code": "TOK", "name": names[2], "places": places, "conversions": [] }],
            "taxRates": [{ "key": "de", "name": names[3], "country": names[0], "percent": percent }],
            "plans": [{ "key": "team", "name": names[1], "description": description, "currency": "EUR", "trialDays": 14,
                "prices": [prices.0, prices.1], "addOns": names }],
            "coupons": [{ "key": "c", "name": names[0], "discount": { "type": "percent", "percent": percent }, "duration": duration }],
        })
    }
}

proptest! {
    #[test]
    fn what_is_exported_reads_as_the_same(json in catalog()) {
        let catalog: Catalog = serde_json::from_value(json).unwrap();
        let text = to_yaml(&catalog).unwrap();
        let (back, _) = read::<Catalog>(text.as_bytes()).unwrap();
        prop_assert_eq!(&back, &catalog, "{}", text);
        prop_assert_eq!(to_yaml(&back).unwrap(), text);
    }

    #[test]
    fn no_text_makes_the_reader_fail(text in "[ -~\\n\u{85}ü&*:{}\\[\\]?|>-]{0,80}") {
        let _result = read::<Catalog>(text.as_bytes());
    }
}
