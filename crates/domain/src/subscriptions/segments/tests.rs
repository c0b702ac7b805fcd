//! Stretches and segments by example, and that they tile every period.

use super::*;
use crate::calendar::IntervalUnit;
use crate::proration::TimeBasis;
use crate::subscriptions::change::{Change, Created, Overridden};
use crate::subscriptions::samples::*;
use proptest::prelude::*;

/// `start..end share content`, stretch by stretch.
fn written(told: &Told, price: &str, period: Span) -> Vec<String> {
    let stretches = told.subscription().stretches(&told.price(price), period).unwrap();
    let day = |at: Instant| at.to_string()[5..10].to_owned();
    let content = |stretch: &Stretch<'_>| match &stretch.content {
        Ok(billed) => billed.source.key.clone(),
        Err(reason) => reason.to_string(),
    };
    let line = |stretch: &Stretch<'_>| {
        format!("{}..{} {} {}", day(stretch.span.start), day(stretch.span.end), stretch.share, content(stretch))
    };
    stretches.iter().map(line).collect()
}

fn march() -> Span {
    span("2024-03-01", "2024-04-01")
}

#[test]
fn every_moment_is_billed_or_excluded_for_a_reason() {
    let trial = Created { trial_ends_at: Some(at("2024-03-03")), ..created("team") };
    let told = Told::of(trial)
        .then("2024-03-10", Change::Paused)
        .then("2024-03-20", Change::Resumed)
        .then("2024-03-25", to_plan("yearly"))
        .then("2024-03-30", Change::Cancelled);
    let expected = [
        "03-01..03-03 2/31 trial",
        "03-03..03-10 7/31 team",
        "03-10..03-20 10/31 pause",
        "03-20..03-25 5/31 team",
        "03-25..03-30 5/31 notPriced",
        "03-30..04-01 2/31 ended",
    ];
    assert_eq!(written(&told, "calls", march()), expected);
    assert_eq!(
        written(&told, "calls", span("2024-01-01", "2024-02-01")),
        ["01-01..01-31 30/31 notStarted", "01-31..02-01 1/31 trial"]
    );
}

#[test]
fn a_pause_and_other_seats_do_not_start_counters_again_but_a_plan_does() {
    let told = Told::new("team")
        .then("2024-03-05", seats("8"))
        .then("2024-03-10", Change::Paused)
        .then("2024-03-20", Change::Resumed)
        .then("2024-03-25", to_plan("business"))
        .then("2024-03-27", to_plan("team"));
    let subscription = told.subscription();
    let segments = subscription.segments(&told.price("calls"), march()).unwrap();
    let found: Vec<_> = segments
        .iter()
        .map(|segment| (segment.billed.source.key.as_str(), segment.share.to_string(), segment.spans.len()))
        .collect();
    // 9 days and 5 days of team with a pause between, 2 of business, 5 of team again.
    assert_eq!(
        found,
        [("team", "14/31".to_owned(), 2), ("business", "2/31".to_owned(), 1), ("team", "5/31".to_owned(), 1)]
    );
    let seats = subscription.segments(&told.price("seats"), span("2024-02-29", "2024-03-31")).unwrap();
    let stretches: Vec<_> =
        seats[0].seats.iter().map(|stretch| format!("{} {}", stretch.seats, stretch.share)).collect();
    assert_eq!(stretches, ["5.000000 5/31", "8.000000 5/31", "8.000000 5/31"]);
    assert_eq!(seats.len(), 2);
}

#[test]
fn agreed_terms_begin_a_segment_of_their_own() {
    let agreed = Overridden { price: PriceRef::of_plan("base"), terms: Some(base_terms("20")) };
    let told = Told::new("team").then("2024-03-10", Change::Overridden(agreed));
    let subscription = told.subscription();
    let period = span("2024-02-29", "2024-03-31");
    let segments = subscription.segments(&told.price("base"), period).unwrap();
    assert_eq!(segments.iter().map(|segment| segment.share.to_string()).collect::<Vec<_>>(), ["10/31", "21/31"]);
    assert_eq!(segments[1].billed.terms_at(at("2024-03-10")), &base_terms("20"));
    assert_eq!(written(&told, "seats", period), ["02-29..03-31 1 team"]);
}

#[test]
fn a_price_with_another_rhythm_is_billed_as_another_price() {
    let told = Told::new("team").then("2024-03-10", to_plan("yearly"));
    let units: Vec<_> = told
        .subscription()
        .prices()
        .into_iter()
        .map(|billed| (billed.price.to_string(), billed.rhythm.interval.unit))
        .collect();
    let month = |key: &str| (key.to_owned(), IntervalUnit::Month);
    assert_eq!(units, [month("base"), month("seats"), month("calls"), ("base".to_owned(), IntervalUnit::Year)]);
    assert_eq!(
        written(&told, "base", span("2024-02-29", "2024-03-31")),
        ["02-29..03-10 10/31 team", "03-10..03-31 21/31 notPriced"]
    );
}

#[test]
fn the_end_of_the_period_is_the_end_of_what_is_paid_in_advance() {
    let end = |told: &Told, text| told.subscription().period_end(at(text));
    let team = Told::new("team");
    assert_eq!(end(&team, "2024-02-10"), Some(at("2024-02-29")));
    assert_eq!(end(&team, "2024-02-29"), Some(at("2024-03-31")));
    assert_eq!(end(&Told::new("yearly"), "2024-02-10"), Some(at("2025-01-31")));
    assert_eq!(end(&Told::new("dollar"), "2024-02-10"), Some(at("2024-03-01")));
    assert_eq!(end(&team.then("2024-02-10", Change::Cancelled), "2024-02-10"), None);
    assert_eq!(end(&Told::new("team"), "2024-01-30"), None);
}

proptest! {
    // checklist 49
    #[test]
    fn stretches_tile_the_period_and_their_shares_sum_to_one(
        hours in prop::collection::btree_set(1i64..1_400, 0..10),
        kinds in prop::collection::vec(0u8..5, 10),
        basis in prop::sample::select(TimeBasis::ALL),
        price in prop::sample::select(vec!["base", "seats", "calls"]),
    ) {
        let mut told = Told::of(Created { zone: "Europe/Berlin".to_owned(), ..created("team") });
        told.policy.basis = basis;
        for (hour, kind) in hours.into_iter().zip(kinds) {
            let change = match kind {
                0 => seats(&hour.to_string()),
                1 => Change::Paused,
                2 => Change::Resumed,
                3 => to_plan("business"),
                _ => to_plan("team"),
            };
            let moment = Instant::from_micros(at("2024-01-31").micros() + hour * 3_600_000_000).unwrap();
            drop(told.submit(&moment.to_string(), change));
        }
        let subscription = told.subscription();
        let price = told.price(price);
        for (_, period) in subscription.schedule(&price).periods_in(span("2024-01-31", "2024-05-01")) {
            let stretches = subscription.stretches(&price, period).unwrap();
            prop_assert_eq!(stretches[0].span.start, period.start);
            prop_assert_eq!(stretches[stretches.len() - 1].span.end, period.end);
            for pair in stretches.windows(2) {
                prop_assert_eq!(pair[0].span.end, pair[1].span.start);
                prop_assert!(pair[0].content != pair[1].content);
            }
            prop_assert_eq!(Ratio::sum(stretches.iter().map(|stretch| stretch.share)), Ok(Ratio::ONE));
            let billed = stretches.iter().filter(|stretch| stretch.content.is_ok());
            let billed = Ratio::sum(billed.map(|stretch| stretch.share)).unwrap();
            let segments = subscription.segments(&price, period).unwrap();
            prop_assert_eq!(Ratio::sum(segments.iter().map(|segment| segment.share)), Ok(billed));
        }
    }
}
