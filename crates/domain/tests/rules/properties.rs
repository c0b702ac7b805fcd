//! What holds for every price: order and grouping do not matter, parts sum to the whole, edges are where they should be.

use domain::amount::Amount;
use domain::pricing::explanation::{Explanation, Step};
use domain::pricing::inputs::{Inputs, Stage, Usage};
use domain::pricing::terms::Terms;
use domain::pricing::{RateError, increment, rate};
use domain::ratio::{OutOfRange, Ratio};
use proptest::prelude::*;

use crate::cases;
use crate::prices::{events, inputs, share, terms};

fn total(terms: &Terms, units: Ratio) -> Ratio {
    rate(terms, &Inputs::whole_period(Usage::total(units, 1))).unwrap().exact
}

fn tiered(kind: &str, edge: u32, below: i64, above: i64) -> Terms {
    let tiers = serde_json::json!([{ "upTo": edge.to_string(), "unitPrice": below.to_string() }, { "unitPrice": above.to_string() }]);
    serde_json::from_value(serde_json::json!({ "model": { "type": kind, "tiers": tiers } })).unwrap()
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn neither_order_nor_grouping_of_events_changes_a_total( // promise P19, checklist 37
        terms in terms(),
        (events, shuffled) in events().prop_flat_map(|events| (Just(events.clone()), Just(events).prop_shuffle())),
        share in share(),
    ) {
        let rated = rate(&terms, &inputs(&terms, &events, share, Stage::Closing)).unwrap();
        let mut other = inputs(&terms, &shuffled, share, Stage::Closing);
        other.parts.reverse();
        let again = rate(&terms, &other).unwrap();
        prop_assert_eq!((rated.exact, rated.amount), (again.exact, again.amount));
    }

    #[test]
    fn increments_sum_to_the_rating_of_the_whole( // promise P19
        terms in terms(), events in events(), share in share(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..5),
    ) {
        // Batches come in as they were cut, whatever their times: each cut sees all events so far.
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(events.len() + 1)).collect();
        ends.sort_unstable();
        let mut posted = Amount::ZERO;
        for end in ends {
            let so_far = rate(&terms, &inputs(&terms, &events[..end], share, Stage::Running)).unwrap();
            posted = posted.checked_add(increment(posted, so_far.amount).unwrap()).unwrap();
            prop_assert_eq!(posted, so_far.amount);
        }
        let whole = rate(&terms, &inputs(&terms, &events, share, Stage::Closing)).unwrap();
        let last = increment(posted, whole.amount).unwrap();
        prop_assert_eq!(posted.checked_add(last), Some(whole.amount));
    }

    #[test]
    fn no_amount_is_lost_between_explanation_and_total( // checklist 123
        terms in terms(), events in events(), share in share(), stage in prop::sample::select(Stage::ALL),
    ) {
        let rated = rate(&terms, &inputs(&terms, &events, share, stage)).unwrap();
        let steps = Ratio::sum(rated.explanation.steps.iter().map(Step::amount)).unwrap();
        prop_assert_eq!(steps, Ratio::from(rated.amount));
        prop_assert_eq!(rated.explanation.total, rated.amount);
        let off = Ratio::from(rated.amount).minus(rated.exact).unwrap();
        let half = Ratio::new(1, 2_000_000).unwrap();
        prop_assert!(off <= half && off.negated() <= half);
        let json = serde_json::to_string(&rated.explanation).unwrap();
        prop_assert_eq!(serde_json::from_str::<Explanation>(&json).unwrap(), rated.explanation);
    }

    #[test]
    fn minimum_and_cap_hold_at_the_close( // checklist 43
        terms in terms(), events in events(), share in share(),
    ) {
        let rated = rate(&terms, &inputs(&terms, &events, share, Stage::Closing)).unwrap();
        let limit = |amount: Amount| share.times(amount.into()).unwrap();
        prop_assert!(terms.cap.is_none_or(|cap| rated.exact <= limit(cap)));
        let cap_is_lower = terms.cap.zip(terms.minimum).is_some_and(|(cap, minimum)| cap < minimum);
        prop_assert!(cap_is_lower || terms.minimum.is_none_or(|minimum| rated.exact >= limit(minimum)));
    }

    #[test]
    fn graduated_is_continuous_everywhere(edge in 1u32..1_000_000, below in 0i64..1_000, above in 0i64..1_000, units in 0i64..2_000_000) {
        let terms = tiered("graduated", edge, below, above);
        let step = Ratio::new(1, 1_000_000).unwrap();
        for at in [Ratio::whole(i64::from(edge)), Ratio::whole(units)] {
            let jump = total(&terms, at.plus(step).unwrap()).minus(total(&terms, at)).unwrap();
            prop_assert!(jump <= step.times(Ratio::whole(below.max(above))).unwrap());
            prop_assert!(!jump.is_negative());
        }
    }

    #[test]
    fn volume_jumps_at_its_edges_and_only_there(edge in 1u32..1_000_000, below in 0i64..1_000, above in 0i64..1_000, units in 0i64..2_000_000) {
        let terms = tiered("volume", edge, below, above);
        let step = Ratio::new(1, 1_000_000).unwrap();
        let after = |at: Ratio| total(&terms, at.plus(step).unwrap()).minus(total(&terms, at)).unwrap();
        let edge = Ratio::whole(i64::from(edge));
        let jump = edge.times(Ratio::whole(above - below)).unwrap().plus(step.times(Ratio::whole(above)).unwrap()).unwrap();
        prop_assert_eq!(after(edge), jump);
        let units = Ratio::whole(units);
        let price = if units < edge { below } else { above };
        prop_assert!(units == edge || after(units) == step.times(Ratio::whole(price)).unwrap());
    }

    #[test]
    fn what_does_not_fit_is_the_error_and_never_a_number(micros in any::<i128>(), picos in 0u64..u64::MAX, places in 0u32..=12) {
        let units = Ratio::decimal(micros.max(-i128::MAX), 6).unwrap();
        let price = Ratio::decimal(i128::from(picos), places).unwrap();
        let terms: Result<Terms, _> =
            serde_json::from_value(serde_json::json!({ "model": { "type": "perUnit", "unitPrice": price } }));
        let Ok(terms) = terms else { return Ok(()); };
        match rate(&terms, &Inputs::whole_period(Usage::total(units, 1))) {
            // Dividing back gives what went in: nothing wrapped.
            Ok(rated) if picos > 0 => prop_assert_eq!(rated.exact.over(price), Ok(units)),
            Ok(rated) => prop_assert!(rated.exact.is_zero()),
            Err(error) => prop_assert_eq!(error, RateError::OutOfRange(OutOfRange)),
        }
    }
}
