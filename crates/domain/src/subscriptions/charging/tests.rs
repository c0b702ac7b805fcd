//! What a subscription bills equals what an estimate says, and every line explains its amount.

use proptest::prelude::*;

use super::*;
use crate::amount::Amount;
use crate::catalog::metric::MetricDefinition;
use crate::catalog::price::DatedTerms;
use crate::charges::cut::{CutRules, cut_price};
use crate::charges::rate::rate_price;
use crate::charges::usage::{Metered, PriceUsage, SeatLevel, Seats, SpanGroup};
use crate::ids::EventId;
use crate::ingest::rollup::{Cell, Measurement};
use crate::metering::{Counter, MeteredGroup};
use crate::pricing::terms::Terms;
use crate::proration::TimeBasis;
use crate::subscriptions::change::{Change, Overridden};
use crate::subscriptions::price_ref::PriceRef;
use crate::subscriptions::samples::*;
use crate::window::zone;

fn period() -> Span {
    span("2024-02-29", "2024-03-31")
}

fn charging(period: Span) -> Charging<'static> {
    Charging { currency: Currency::parse("EUR").unwrap(), assets: &[], period, number: 0 }
}

fn charges(told: &Told, price: &str, period: Span) -> Vec<ChargeLine> {
    let lines = told.subscription().lines(&told.price(price), period).unwrap();
    lines.iter().map(|line| line.charge(&charging(period)).unwrap()).collect()
}

/// What an estimate of the catalog's price says for the whole period.
fn estimated(
    told: &Told,
    price: &str,
    period: Span,
    usage: impl Fn(CutRules<'_>, &PriceCut) -> Vec<RatedPart>,
) -> ChargeLine {
    let (subscription, zone) = (told.subscription(), zone("UTC"));
    let stretches = subscription.stretches(&told.price(price), period).unwrap();
    let billed = stretches[0].content.as_ref().unwrap();
    let anniversary = told.timeline.points()[0].state.anchor;
    let rules = CutRules { zone: &zone, basis: told.policy.basis, anniversary };
    let cut = cut_price(billed.price, period, &rules, RatingWindow::Period).unwrap();
    let rated = usage(rules, &cut);
    let maker = LineMaker::new(billed.item(Currency::parse("EUR").unwrap()), billed.price, None, &[]);
    maker.line(&cut.parts[0], 0, &rated[0]).unwrap()
}

#[test]
fn a_period_in_which_nothing_changes_is_billed_as_it_is_estimated() {
    // checklist 46
    let told = Told::new("team");
    let base = told.offers.plans[&version_ref("team")].definition.prices[0].clone();
    let time = |_: CutRules<'_>, cut: &PriceCut| rate_price(&base, cut, &PriceUsage::Time).unwrap();
    assert_eq!(charges(&told, "base", period()), [estimated(&told, "base", period(), time)]);
    let seats = told.offers.plans[&version_ref("team")].definition.prices[1].clone();
    let held = |rules: CutRules<'_>, cut: &PriceCut| {
        let levels = [SeatLevel { from: at("2024-01-31"), seats: quantity("5") }];
        rate_price(&seats, cut, &PriceUsage::Seats(Seats { levels: &levels, rules })).unwrap()
    };
    assert_eq!(charges(&told, "seats", period()), [estimated(&told, "seats", period(), held)]);
}

#[test]
fn a_line_of_a_change_says_what_it_is_made_of() {
    // checklist 47, checklist 123
    let told = Told::new("team").then("2024-03-10", seats("7"));
    let lines = charges(&told, "seats", period());
    let (credit, charge) = (&lines[1], &lines[2]);
    assert_eq!(credit.id, "team/seats/2024-03-10T00:00:00.000Z/2024-03-10T00:00:00.000Z/credit");
    insta::assert_snapshot!(credit.text, @r"
    Formula: what the whole period costs × the share that is not used.
    Flat amount: 31 EUR for -21 of 31 parts of the period: -21 EUR.
    Total: -21 EUR.
    ");
    insta::assert_snapshot!(charge.text, @r"
    Formula: Σ over stretches (seats × unit price × share of the period).
    7 seats at 6.2 EUR each for 21 of 31 parts of the period: 29.4 EUR.
    Total: 29.4 EUR.
    ");
    assert_eq!(charge.stretches[0].snapshot.terms, told.offers.plans[&version_ref("team")].definition.prices[1].terms);
}

#[test]
fn agreed_terms_are_those_of_the_snapshot() {
    let agreed = Overridden { price: PriceRef::of_plan("base"), terms: Some(base_terms("20")) };
    let mut told = Told::new("team").then("2024-02-29", Change::Overridden(agreed));
    let team = told.offers.plans.get_mut(&version_ref("team")).unwrap();
    team.definition.prices[0].changes = vec![DatedTerms { effective_from: at("2024-03-10"), terms: base_terms("99") }];
    let lines = charges(&told, "base", period());
    assert_eq!(lines[0].stretches[0].snapshot.terms, base_terms("20"));
    assert_eq!(lines[0].amount.to_string(), "20.000000");
}

fn per_unit(price: &str) -> Terms {
    serde_json::from_str(&format!(r#"{{"model":{{"type":"perUnit","unitPrice":"{price}"}},"included":"310"}}"#))
        .unwrap()
}

/// Rates usage of a segment: so many units at noon of each of these days of March.
fn usage_amounts(told: &Told, used: &[(i8, i64)]) -> Vec<String> {
    let (subscription, price, march) = (told.subscription(), told.price("calls"), span("2024-03-01", "2024-04-01"));
    let json = r#"{"key":"api_calls","name":"Calls","aggregation":"sum"}"#;
    let metric: MetricDefinition = serde_json::from_str(json).unwrap();
    let segments = subscription.segments(&price, march).unwrap();
    let amounts = segments.iter().map(|segment| {
        let cut = subscription.cut(segment, march, RatingWindow::Period).unwrap();
        let event = EventId::from_uuid(uuid::Uuid::from_u128(1));
        let groups = used.iter().filter_map(|(day, units)| {
            let at = at(&format!("2024-03-{day:02}T12:00:00Z"));
            let span = cut.spans.iter().position(|span| span.contains(at))?;
            let units = crate::quantity::Quantity::from_micros(units * 1_000_000);
            let counter = Counter::Cell(Cell::of(Measurement { event, at, units }));
            Some((span, MeteredGroup { values: Default::default(), counter }))
        });
        let groups: Vec<_> = groups.collect();
        let groups: Vec<_> = groups.iter().map(|(span, group)| SpanGroup { span: *span, group }).collect();
        let usage = PriceUsage::Metered(Metered { metric: &metric, groups: &groups, events: &[] });
        let rated = rate_price(&segment.billed.agreed_price(), &cut, &usage).unwrap();
        rated[0].rated.amount.to_string()
    });
    amounts.collect()
}

#[test]
fn usage_of_a_segment_has_the_allowance_of_its_share_and_goes_on_over_a_pause() {
    let agreed = Overridden { price: PriceRef::of_plan("calls"), terms: Some(per_unit("1")) };
    let told = Told::new("team").then("2024-01-31", Change::Overridden(agreed));
    // 310 of 500 are included in the whole month.
    assert_eq!(usage_amounts(&told, &[(5, 250), (25, 250)]), ["190.000000"]);
    // Paused for 10 of 31 days: 210 are included, and usage in the pause is not there. 500 − 210 = 290.
    let paused = told.clone().then("2024-03-10", Change::Paused).then("2024-03-20", Change::Resumed);
    assert_eq!(usage_amounts(&paused, &[(5, 250), (15, 1_000), (25, 250)]), ["290.000000"]);
    // A change of plan on the 20th: 19 days include 190, business nothing at 0.005 each.
    let changed = told.then("2024-03-20", to_plan("business"));
    assert_eq!(usage_amounts(&changed, &[(5, 250), (25, 250)]), ["60.000000", "1.250000"]);
}

#[test]
fn a_price_that_changes_goes_on_over_a_pause_and_one_that_starts_again_does_so_once() {
    let mut told = Told::new("team").then("2024-03-10", Change::Paused).then("2024-03-12", Change::Resumed);
    let team = told.offers.plans.get_mut(&version_ref("team")).unwrap();
    team.definition.prices[2].terms = per_unit("1");
    team.definition.prices[2].changes = vec![DatedTerms { effective_from: at("2024-03-20"), terms: per_unit("2") }];
    // 29 of 31 days include 290. 200 before the change are free; of 300 after it 90 are free, 210 at 2.00.
    assert_eq!(usage_amounts(&told, &[(5, 100), (15, 100), (25, 300)]), ["420.000000"]);
    let package =
        |price| serde_json::from_str(&format!(r#"{{"model":{{"type":"package","size":"100","price":"{price}"}}}}"#));
    let team = told.offers.plans.get_mut(&version_ref("team")).unwrap();
    team.definition.prices[2].terms = package("10").unwrap();
    team.definition.prices[2].changes[0].terms = package("20").unwrap();
    // 50 before and 50 after the pause begin one package of 10.00; then 50 begin one of 20.00.
    assert_eq!(usage_amounts(&told, &[(5, 50), (15, 50), (25, 50)]), ["30.000000"]);
}

proptest! {
    // checklist 123
    #[test]
    fn the_steps_of_every_line_sum_to_its_amount(
        micros in 0i64..1_000_000_000, day in 1i8..=30, count in 0i64..100, basis in prop::sample::select(TimeBasis::ALL),
    ) {
        let odd = base_terms(&Amount::from_micros(micros).to_string());
        let agreed = Overridden { price: PriceRef::of_plan("base"), terms: Some(odd) };
        let date = format!("2024-03-{day:02}T07:11:13Z");
        let mut told = Told::new("team").then(&date, Change::Overridden(agreed));
        drop(told.submit(&date, seats(&count.to_string())));
        told.policy.basis = basis;
        for price in ["base", "seats"] {
            let lines = charges(&told, price, period());
            let ids: std::collections::BTreeSet<_> = lines.iter().map(|line| line.id.clone()).collect();
            prop_assert_eq!(ids.len(), lines.len());
            for line in &lines {
                let steps = Ratio::sum(line.explanation.steps.iter().map(Step::amount));
                prop_assert_eq!(steps, Ok(Ratio::from(line.amount)));
                // The rounding is below two millionths: once for the whole, once for the cut.
                let rounding = Ratio::from(line.amount).minus(line.exact).unwrap();
                prop_assert!(rounding < Ratio::decimal(2, 6).unwrap() && rounding > Ratio::decimal(-2, 6).unwrap());
            }
        }
    }
}
