//! Every model against `scripts/oracle/rating.py`: 10,000 cases, exact and rounded. // promise P21

use domain::amount::Amount;
use domain::pricing::inputs::Inputs;
use domain::pricing::terms::Terms;
use domain::pricing::{RateError, rate};
use domain::ratio::{OutOfRange, Ratio};

#[derive(serde::Deserialize)]
struct Line {
    terms: Terms,
    cases: Vec<(Inputs, Ratio, Option<i64>)>,
}

#[test]
fn ten_thousand_ratings_equal_the_oracle() {
    // checklist 119
    let lines: Vec<Line> =
        include_str!("../data/rating_vectors.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut count = 0;
    for (number, line) in lines.iter().enumerate() {
        for (inputs, exact, micros) in &line.cases {
            let rated = rate(&line.terms, inputs);
            match micros {
                Some(micros) => {
                    let rated = rated.unwrap();
                    let found = (rated.exact, rated.amount);
                    assert_eq!(found, (*exact, Amount::from_micros(*micros)), "line {}: {inputs:?}", number + 1);
                }
                None => assert_eq!(rated, Err(RateError::OutOfRange(OutOfRange)), "line {}", number + 1),
            }
            count += 1;
        }
    }
    assert_eq!(count, 10_000);
}
