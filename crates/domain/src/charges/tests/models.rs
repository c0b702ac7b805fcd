//! Every model through counters, events, seats and time: the worked examples of the documentation, and what dimensions and rounding do.

use super::world::{Used, amounts, at, cut, lines, metric, price, rate_used, rules, span, used};
use crate::aggregation::unique::UniqueCell;
use crate::aggregation::weighted::Area;
use crate::calendar::RatingWindow;
use crate::catalog::metric::MetricDefinition;
use crate::charges::rate::{amounts_of_price, rate_price};
use crate::charges::usage::{Metered, PriceUsage, SeatLevel, Seats, SpanGroup};
use crate::metering::{Counter, DimensionValues, MeteredGroup};
use crate::pricing::RateError;
use crate::pricing::model::Reads;
use crate::quantity::Quantity;
use crate::window::{Span, zone};

fn march() -> Span {
    span("2026-03-01", "2026-04-01")
}

fn cost<'a>(at: &'a str, cost: &'a str) -> Used<'a> {
    Used { cost, ..used(at, "1") }
}

#[rstest::rstest]
#[case::per_unit(r#"{"type":"perUnit","unitPrice":"0.00000015"}"#, &[("2000000", "")], "0.300000")]
#[case::graduated(r#"{"type":"graduated","tiers":[{"upTo":"1000","unitPrice":"0.10"},{"unitPrice":"0.08"}]}"#, &[("700", ""), ("800", "")], "140.000000")]
#[case::volume(r#"{"type":"volume","tiers":[{"upTo":"1000","unitPrice":"0.10"},{"unitPrice":"0.08"}]}"#, &[("700", ""), ("800", "")], "120.000000")]
#[case::package(r#"{"type":"package","size":"1000","price":"5.00"}"#, &[("2000", ""), ("1", "")], "15.000000")]
#[case::percentage(r#"{"type":"percentage","percent":"2.9","fixedFee":"0.30"}"#, &[("100", ""), ("10", "")], "3.790000")]
#[case::percentage_with_limits(r#"{"type":"percentage","percent":"2.9","fixedFee":"0.30","minimumPerEvent":"1.00","maximumPerEvent":"50.00"}"#, &[("100", ""), ("10", ""), ("5000", "")], "54.200000")]
#[case::dynamic(r#"{"type":"dynamic","amountProperty":"cost"}"#, &[("1", "0.0123"), ("1", "0.000000500001")], "0.012301")]
fn the_worked_example_of_each_usage_model(
    #[case] model: &str,
    #[case] events: &[(&str, &str)],
    #[case] expected: &str,
) {
    let price = price(&format!(r#"{{"metric":"m","terms":{{"model":{model}}}}}"#));
    let events = events.iter().map(|(units, cost)| Used { cost, ..used("2026-03-17T10:15:00Z", units) });
    let parts = rate_used(&price, &metric("sum"), march(), &events.collect::<Vec<_>>());
    assert_eq!(amounts(&parts), [expected]);
}

#[test]
fn a_recurring_price_is_a_share_of_its_amount() {
    let price = price(r#"{"terms":{"model":{"type":"recurring","amount":"49"}}}"#);
    let cut = cut(&price, span("2026-04-01", "2026-04-11"), "UTC", RatingWindow::Period);
    assert_eq!(amounts(&rate_price(&price, &cut, &PriceUsage::Time).unwrap()), ["16.333333"]);
}

#[test]
fn seats_are_prorated_from_the_day_their_number_changes() {
    let price = price(r#"{"terms":{"model":{"type":"seat","unitPrice":"12"}}}"#);
    let range = span("2026-04-01", "2026-06-01");
    let (cut, utc) = (cut(&price, range, "UTC", RatingWindow::Period), zone("UTC"));
    let level = |from: &str, seats: &str| SeatLevel { from: at(from), seats: Quantity::parse(seats).unwrap() };
    let levels = [level("2026-01-01T00:00:00Z", "10"), level("2026-04-16T09:30:00Z", "12")];
    let usage = PriceUsage::Seats(Seats { levels: &levels, rules: rules(&utc, range) });
    // 10 × 12 × 15/30 + 12 × 12 × 15/30, then a whole month of twelve.
    assert_eq!(amounts(&rate_price(&price, &cut, &usage).unwrap()), ["132.000000", "144.000000"]);
    let nobody = PriceUsage::Seats(Seats { levels: &[], rules: rules(&utc, range) });
    assert_eq!(amounts(&rate_price(&price, &cut, &nobody).unwrap()), ["0.000000", "0.000000"]);
}

#[test]
fn dimension_values_choose_the_rate_and_share_the_allowance() {
    let price = price(
        r#"{"metric":"m","terms":{"model":{"type":"perUnit","unitPrice":"1"},"included":"10","rates":[
        {"when":{"region":"eu"},"model":{"type":"perUnit","unitPrice":"2"}},
        {"when":{"region":"ap"},"model":{"type":"dynamic","amountProperty":"cost"}}]}}"#,
    );
    let events = [
        used("2026-03-01T00:00:00Z", "4"),
        Used { region: "eu", ..used("2026-03-02T00:00:00Z", "5") },
        Used { region: "us", ..used("2026-03-03T00:00:00Z", "3") },
        Used { region: "eu", ..used("2026-03-04T00:00:00Z", "6") },
        Used { region: "ap", ..cost("2026-03-04T00:00:00Z", "0.25") },
    ];
    let parts = rate_used(&price, &metric("sum"), march(), &events);
    // 7 general units are included; of 11 European ones 3 are; what the Asian event carries is as it is.
    assert_eq!(amounts(&parts), ["16.250000"]);
}

#[test]
fn a_metric_rounds_the_quantity_of_each_rate() {
    let price = price(
        r#"{"metric":"m","terms":{"model":{"type":"perUnit","unitPrice":"1"},"rates":[
        {"when":{"region":"eu"},"model":{"type":"perUnit","unitPrice":"1"}}]}}"#,
    );
    let up: MetricDefinition =
        serde_json::from_str(r#"{"key":"m","name":"M","aggregation":"sum","rounding":{"direction":"up","places":0}}"#)
            .unwrap();
    let (first, second) = (used("2026-03-01T00:00:00Z", "1.2"), used("2026-03-02T00:00:00Z", "1.3"));
    assert_eq!(amounts(&rate_used(&price, &up, march(), &[first, second])), ["3.000000"]);
    let apart = [first, Used { region: "eu", ..second }];
    assert_eq!(amounts(&rate_used(&price, &up, march(), &apart)), ["4.000000"]);
}

#[rstest::rstest]
#[case("max", "7.000000")]
#[case("latest", "2.000000")]
#[case("count", "3.000000")]
fn each_aggregation_makes_one_quantity_of_the_period(#[case] aggregation: &str, #[case] expected: &str) {
    let price = price(r#"{"metric":"m","terms":{"model":{"type":"perUnit","unitPrice":"1"}}}"#);
    let events = [("2026-03-05T00:00:00Z", "7"), ("2026-03-09T00:00:00Z", "2"), ("2026-03-01T00:00:00Z", "4")];
    let events = events.map(|(at, units)| used(at, units));
    assert_eq!(amounts(&rate_used(&price, &metric(aggregation), march(), &events)), [expected]);
}

#[test]
fn levels_and_different_values_are_put_together_over_the_period() {
    let price = price(r#"{"metric":"m","terms":{"model":{"type":"perUnit","unitPrice":"1"}}}"#);
    let cut = cut(&price, march(), "UTC", RatingWindow::Day);
    let rated = |metric: &MetricDefinition, counters: [Counter; 2]| {
        let groups = counters.map(|counter| MeteredGroup { values: DimensionValues::new(), counter });
        let groups = [SpanGroup { span: 0, group: &groups[0] }, SpanGroup { span: 9, group: &groups[1] }];
        let usage = PriceUsage::Metered(Metered { metric, groups: &groups, events: &[] });
        amounts(&rate_price(&price, &cut, &usage).unwrap())
    };
    let seen = |values: &[&str]| {
        let mut cell = UniqueCell::default();
        values.iter().for_each(|value| cell.add(value));
        Counter::Unique { events: u64::try_from(values.len()).unwrap(), values: cell }
    };
    let unique = serde_json::from_str(r#"{"key":"m","name":"M","aggregation":"unique","uniqueProperty":"u"}"#).unwrap();
    assert_eq!(rated(&unique, [seen(&["a", "b"]), seen(&["b", "c"])]), ["3.000000"]);
    // A level of 62 for two of 31 days is 4 on average.
    let day = Counter::Weighted { events: 1, area: Area::from_pico_unit_seconds(62 * 86_400 * 1_000_000_000_000) };
    assert_eq!(rated(&metric("weightedSum"), [day.clone(), day]), ["4.000000"]);
}

#[test]
fn the_cheap_way_gives_the_same_amounts() {
    let price = price(
        r#"{"metric":"m","terms":{"model":{"type":"graduated","tiers":[{"upTo":"3","unitPrice":"0.3333333"},{"unitPrice":"0.1"}]},
        "included":"1","minimum":"2","cap":"5"}}"#,
    );
    let cut = cut(&price, span("2026-03-10", "2026-06-01"), "UTC", RatingWindow::Day);
    let events = [used("2026-03-11T00:00:00Z", "100"), used("2026-05-09T00:00:00Z", "7.5")];
    super::world::measure(&price, &cut, &events).of(&metric("sum"), |usage| {
        let cheap: Vec<String> =
            amounts_of_price(&price, &cut, usage).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(cheap, amounts(&rate_price(&price, &cut, usage).unwrap()));
    });
}

#[test]
fn usage_of_another_kind_is_refused() {
    let flat = price(r#"{"terms":{"model":{"type":"recurring","amount":"49"}}}"#);
    let seats = price(r#"{"terms":{"model":{"type":"seat","unitPrice":"1"}}}"#);
    let metered = price(r#"{"metric":"m","terms":{"model":{"type":"perUnit","unitPrice":"1"}}}"#);
    let sum = metric("sum");
    let wrong = |price: &crate::catalog::price::Price, usage: PriceUsage<'_>| {
        rate_price(price, &cut(price, march(), "UTC", RatingWindow::Period), &usage).unwrap_err()
    };
    let nothing = PriceUsage::Metered(Metered { metric: &sum, groups: &[], events: &[] });
    assert_eq!(wrong(&flat, nothing), RateError::WrongInputs { needed: Reads::Time });
    assert_eq!(wrong(&seats, PriceUsage::Time), RateError::WrongInputs { needed: Reads::Seats });
    assert_eq!(wrong(&metered, PriceUsage::Time), RateError::WrongInputs { needed: Reads::Totals });
}

#[test]
fn a_line_tells_inputs_snapshot_and_sentences() {
    // checklist 123
    let price = price(r#"{"key":"calls","metric":"m","terms":{"model":{"type":"perUnit","unitPrice":"0.0005"}}}"#);
    let range = span("2026-03-17", "2026-04-01");
    let cut = cut(&price, range, "UTC", RatingWindow::Period);
    let usage = super::world::measure(&price, &cut, &[used("2026-03-17T10:15:00Z", "1250")]);
    let line = usage.of(&metric("sum"), |usage| lines(&price, &cut, usage)).remove(0);
    assert_eq!(line.id, "team/calls/2026-03-17T00:00:00.000Z");
    assert_eq!((line.share.to_string().as_str(), line.period.unwrap().start), ("15/31", at("2026-03-01T00:00:00Z")));
    assert_eq!((line.amount.to_string().as_str(), line.exact.to_string().as_str()), ("0.625000", "0.625"));
    let stretch = &line.stretches[0];
    assert_eq!((stretch.snapshot.plan_version, stretch.snapshot.metric.as_deref()), (3, Some("m")));
    assert_eq!(stretch.digest, stretch.snapshot.digest_text());
    assert_eq!(
        serde_json::to_value(&stretch.at_end).unwrap(),
        serde_json::json!({ "parts": [{ "usage": { "total": { "units": "1250", "events": 1 } } }], "share": "15/31", "stage": "closing" })
    );
    insta::assert_snapshot!(line.text, @r"
    Formula: units × unit price.
    1,250 calls at 0.0005 USD each: 0.625 USD.
    Total: 0.625 USD.
    ");
}
