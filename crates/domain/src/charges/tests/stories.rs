//! Plans in calendar time: prices that change, minimums, commitments, several intervals in one plan.

use super::world::{TEAM, Used, amounts, cut, lines, measure, metric, price, rate_used, rules, span, used};
use crate::calendar::RatingWindow;
use crate::catalog::plan::MinimumCommitment;
use crate::charges::commitment::{true_up_of_interval, true_ups};
use crate::charges::line::ChargeLine;
use crate::charges::rate::{rate_price, rate_windows};
use crate::charges::usage::PriceUsage;
use crate::window::zone;

/// Two models, the second in force from 16 April 2026 on.
fn changing(before: &str, after: &str, more: &str) -> crate::catalog::price::Price {
    price(&format!(
        r#"{{"metric":"m","terms":{{"model":{before}{more}}},
        "changes":[{{"effectiveFrom":"2026-04-16T00:00:00Z","terms":{{"model":{after}{more}}}}}]}}"#
    ))
}

fn tiers(kind: &str, low: &str, high: &str) -> String {
    format!(r#"{{"type":"{kind}","tiers":[{{"upTo":"100","unitPrice":"{low}"}},{{"unitPrice":"{high}"}}]}}"#)
}

fn april(events: &[Used<'_>], price: &crate::catalog::price::Price) -> String {
    amounts(&rate_used(price, &metric("sum"), span("2026-04-01", "2026-05-01"), events)).remove(0)
}

#[test]
fn a_price_that_changes_in_mid_period_leaves_earlier_usage_alone() {
    // checklist 41
    let price = changing(&tiers("graduated", "1", "0.5"), &tiers("graduated", "2", "1"), "");
    let before = used("2026-04-15T23:59:59.999Z", "60");
    let after = used("2026-04-16T00:00:00Z", "90");
    assert_eq!(april(&[before], &price), "60.000000");
    // 60 × 1, then the counter goes on: 40 × 2 and 50 × 1.
    assert_eq!(april(&[before, after], &price), "190.000000");
    assert_eq!(april(&[after], &price), "180.000000");
}

#[test]
fn volume_and_package_start_again_at_an_effective_date() {
    let (before, after) = (used("2026-04-02T00:00:00Z", "60"), used("2026-04-20T00:00:00Z", "90"));
    let volume = changing(&tiers("volume", "1", "0.5"), &tiers("volume", "2", "1"), "");
    assert_eq!(april(&[before, after], &volume), "240.000000");
    let package = |price: &str| format!(r#"{{"type":"package","size":"50","price":"{price}"}}"#);
    // Two packages of the old price and two of the new one.
    assert_eq!(april(&[before, after], &changing(&package("1"), &package("10"), "")), "22.000000");
    // Half of the included units belongs to each half of the month.
    assert_eq!(april(&[before, after], &changing(&package("1"), &package("10"), r#","included":"80""#)), "11.000000");
}

#[test]
fn an_allowance_goes_on_with_the_counters() {
    let flat = |price: &str| format!(r#"{{"type":"perUnit","unitPrice":"{price}"}}"#);
    let price = changing(&flat("1"), &flat("2"), r#","included":"80""#);
    let (before, after) = (used("2026-04-02T00:00:00Z", "60"), used("2026-04-20T00:00:00Z", "90"));
    // 60 of the 80 included units went before the change, 20 after it.
    assert_eq!(april(&[before, after], &price), "140.000000");
}

#[test]
fn minimum_and_cap_are_those_of_the_last_terms_for_the_share_of_the_part() {
    // checklist 43
    let price =
        price(r#"{"metric":"m","terms":{"model":{"type":"perUnit","unitPrice":"1"},"minimum":"10","cap":"20"}}"#);
    let of = |from: &str, units: &str| {
        let event = used("2026-04-29T00:00:00Z", units);
        amounts(&rate_used(&price, &metric("sum"), span(from, "2026-05-01"), &[event])).remove(0)
    };
    assert_eq!((of("2026-04-01", "3"), of("2026-04-01", "25")), ("10.000000".into(), "20.000000".into()));
    assert_eq!((of("2026-04-16", "3"), of("2026-04-16", "25")), ("5.000000".into(), "10.000000".into()));
    let unused = amounts(&rate_used(&price, &metric("sum"), span("2026-04-01", "2026-06-01"), &[]));
    assert_eq!(unused, ["10.000000", "10.000000"]);
}

#[test]
fn daily_windows_post_differences_and_the_minimum_at_the_end() {
    // promise P19, checklist 43
    let price = changing(&tiers("graduated", "1", "0.5"), &tiers("graduated", "2", "1"), r#","minimum":"200""#);
    let cut = cut(&price, span("2026-04-01", "2026-05-01"), "UTC", RatingWindow::Day);
    let events = [used("2026-04-15T12:00:00Z", "60"), used("2026-04-16T00:00:00Z", "90")];
    let posted =
        measure(&price, &cut, &events).of(&metric("sum"), |usage| rate_windows(&price, &cut.parts[0], usage).unwrap());
    let posted: Vec<String> = posted.iter().map(ToString::to_string).collect();
    assert_eq!((posted.len(), posted[14].as_str(), posted[15].as_str()), (30, "60.000000", "130.000000"));
    assert_eq!(posted[29], "10.000000");
    assert!([0, 13, 16, 28].iter().all(|day| posted[*day] == "0.000000"));
}

/// Base fee in advance by the year, calls in arrears by the month.
fn plan_lines(from: &str, to: &str, events: &[Used<'_>]) -> Vec<ChargeLine> {
    let base = price(
        r#"{"key":"base","interval":{"unit":"year"},"timing":"advance","anchor":"anniversary",
        "terms":{"model":{"type":"recurring","amount":"365"}}}"#,
    );
    let calls = price(r#"{"key":"calls","metric":"m","terms":{"model":{"type":"perUnit","unitPrice":"0.01"}}}"#);
    let range = span(from, to);
    let base_cut = cut(&base, range, "UTC", RatingWindow::Period);
    let calls_cut = cut(&calls, range, "UTC", RatingWindow::Period);
    let usage = measure(&calls, &calls_cut, events);
    let mut all = lines(&base, &base_cut, &PriceUsage::Time);
    all.extend(usage.of(&metric("count"), |usage| lines(&calls, &calls_cut, usage)));
    all
}

#[test]
fn an_annual_base_fee_in_advance_stands_beside_monthly_usage() {
    // checklist 42
    let events = vec![used("2026-02-14T00:00:00Z", "1"); 250];
    let told: Vec<String> = plan_lines("2026-01-01", "2026-04-01", &events)
        .iter()
        .map(|line| format!("{} {} {}", line.id, line.timing, line.amount))
        .collect();
    assert_eq!(
        told,
        [
            "team/base/2026-01-01T00:00:00.000Z advance 90.000000",
            "team/calls/2026-01-01T00:00:00.000Z arrears 0.000000",
            "team/calls/2026-02-01T00:00:00.000Z arrears 2.500000",
            "team/calls/2026-03-01T00:00:00.000Z arrears 0.000000",
        ]
    );
}

#[test]
fn a_commitment_is_trued_up_in_each_interval_for_its_share() {
    // checklist 43
    let commitment: MinimumCommitment =
        serde_json::from_str(r#"{"amount":"91","interval":{"unit":"quarter"}}"#).unwrap();
    let (range, utc) = (span("2026-01-01", "2026-05-01"), zone("UTC"));
    let lines = plan_lines("2026-01-01", "2026-05-01", &vec![used("2026-02-14T00:00:00Z", "1"); 600]);
    let found = true_ups(&commitment, TEAM, &lines, range, &rules(&utc, range)).unwrap();
    // The first quarter holds the base fee of 120 days, due in advance, and the calls; the second 30 of 91 days.
    let told: Vec<String> = found.iter().map(|line| format!("{} {}", line.id, line.amount)).collect();
    assert_eq!(told, ["team/minimumCommitment/2026-04-01T00:00:00.000Z 30.000000"]);
    insta::assert_snapshot!(found[0].text, @r"
    Formula: max(0, committed amount × share − charged).
    Flat amount: 91 USD for 30 of 91 parts of the period: 30 USD.
    Charged by the prices, and taken off: 0 USD.
    Total: 30 USD.
    ");
    let whole = true_up_of_interval(&commitment, TEAM, &lines[..0]).unwrap().unwrap();
    assert_eq!(whole.amount.to_string(), "91.000000");
    assert_eq!(true_up_of_interval(&commitment, TEAM, &lines).unwrap(), None);
}

#[test]
fn a_recurring_price_that_changes_is_charged_day_by_day() {
    let price = price(
        r#"{"terms":{"model":{"type":"recurring","amount":"30"}},
        "changes":[{"effectiveFrom":"2026-04-11T00:00:00Z","terms":{"model":{"type":"recurring","amount":"60"}}}]}"#,
    );
    let cut = cut(&price, span("2026-04-01", "2026-05-01"), "UTC", RatingWindow::Period);
    assert_eq!(amounts(&rate_price(&price, &cut, &PriceUsage::Time).unwrap()), ["50.000000"]);
}
