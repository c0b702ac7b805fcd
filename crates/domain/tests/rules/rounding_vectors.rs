//! Minor units of every ISO 4217 currency against `scripts/oracle/rounding.py`. // promise P21

use std::collections::BTreeMap;

use domain::amount::Amount;
use domain::currency::Currency;
use domain::ratio::Ratio;
use domain::rounding::MinorUnit;

type Line = (String, u32, Vec<(Ratio, i64)>);

fn lines() -> Vec<Line> {
    include_str!("../data/rounding_vectors.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_currency_rounds_as_the_oracle_does() {
    for (code, places, cases) in lines() {
        let unit = MinorUnit::of(Currency::parse(&code).unwrap());
        assert_eq!(unit.places(), places, "{code}");
        for (exact, micros) in cases {
            assert_eq!(unit.round(exact).unwrap(), Amount::from_micros(micros), "{code} {exact}");
        }
    }
}

#[test]
fn no_currency_is_left_out() {
    let known: BTreeMap<String, u32> = lines().into_iter().map(|(code, places, _)| (code, places)).collect();
    for currency in <iso_currency::Currency as iso_currency::IntoEnumIterator>::iter() {
        assert!(known.contains_key(currency.code()), "{}", currency.code());
    }
}
