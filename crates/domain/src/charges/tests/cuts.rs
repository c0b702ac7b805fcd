//! Periods, parts and shares: month ends, leap days, clocks that jump, effective dates.

use super::world::{cut, price, rules, span};
use crate::calendar::RatingWindow;
use crate::charges::cut::cut_price;
use crate::refusal::Code;
use crate::window::zone;

const FLAT: &str = r#""terms":{"model":{"type":"recurring","amount":"30"}}"#;

/// Each part: start, share of its period, and the terms of its stretches with their shares.
fn told(json: &str, from: &str, to: &str, zone_name: &str) -> Vec<String> {
    let price = price(json);
    let cut = cut(&price, span(from, to), zone_name, RatingWindow::Period);
    let stretches = |part: &crate::charges::cut::PeriodPart| {
        let told = part.stretches.iter().map(|stretch| format!("{}:{}", stretch.terms, stretch.share));
        told.collect::<Vec<_>>().join(" ")
    };
    cut.parts.iter().map(|part| format!("{} {} [{}]", part.part.start, part.share, stretches(part))).collect()
}

#[test]
fn a_range_of_whole_months_is_whole_periods() {
    let told = told(&format!("{{{FLAT}}}"), "2026-01-01", "2026-03-01", "UTC");
    assert_eq!(told, ["2026-01-01T00:00:00.000Z 1 [0:1]", "2026-02-01T00:00:00.000Z 1 [0:1]"]);
}

#[test]
fn a_range_within_a_period_is_a_share_of_it() {
    let told = told(&format!("{{{FLAT}}}"), "2024-02-28", "2024-03-02", "UTC");
    assert_eq!(told, ["2024-02-28T00:00:00.000Z 2/29 [0:2/29]", "2024-03-01T00:00:00.000Z 1/31 [0:1/31]"]);
}

#[test]
fn an_anniversary_on_the_31st_ends_with_the_month_and_comes_back() {
    let told = told(&format!(r#"{{"anchor":"anniversary",{FLAT}}}"#), "2024-01-31", "2024-05-01", "UTC");
    let starts = ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"];
    assert_eq!(told.len(), 4);
    for (part, start) in told.iter().zip(starts) {
        assert!(part.starts_with(start), "{part}");
    }
    assert!(told[3].contains(" 1/31 "), "one day of the period that ends on 31 May: {}", told[3]);
}

#[test]
fn an_annual_price_beside_monthly_windows_is_a_share_by_its_days() {
    let annual = format!(r#"{{"interval":{{"unit":"year"}},"anchor":"anniversary",{FLAT}}}"#);
    assert_eq!(told(&annual, "2023-03-01", "2024-03-01", "UTC"), ["2023-03-01T00:00:00.000Z 1 [0:1]"]);
    // The year from 1 March 2023 has a leap day; the calendar's has none.
    let calendar = format!(r#"{{"interval":{{"unit":"year"}},{FLAT}}}"#);
    assert_eq!(told(&calendar, "2023-03-01", "2023-04-01", "UTC"), ["2023-03-01T00:00:00.000Z 31/365 [0:31/365]"]);
    assert_eq!(told(&calendar, "2024-03-01", "2024-04-01", "UTC"), ["2024-03-01T00:00:00.000Z 31/366 [0:31/366]"]);
}

#[test]
fn periods_begin_at_midnight_of_the_customer() {
    // checklist 38
    let daily = format!(r#"{{"interval":{{"unit":"day"}},{FLAT}}}"#);
    let spring = told(&daily, "2026-03-28T23:00:00Z", "2026-03-30T22:00:00Z", "Europe/Berlin");
    assert_eq!(spring, ["2026-03-28T23:00:00.000Z 1 [0:1]", "2026-03-29T22:00:00.000Z 1 [0:1]"]);
    let apia = told(&daily, "2011-12-29T10:00:00Z", "2011-12-31T10:00:00Z", "Pacific/Apia");
    // 30 December 2011 was skipped: no period, and no hole.
    assert_eq!(apia, ["2011-12-29T10:00:00.000Z 1 [0:1]", "2011-12-30T10:00:00.000Z 1 [0:1]"]);
    let kathmandu = told(&format!("{{{FLAT}}}"), "2026-02-28T18:15:00Z", "2026-03-31T18:15:00Z", "Asia/Kathmandu");
    assert_eq!(kathmandu, ["2026-02-28T18:15:00.000Z 1 [0:1]"]);
}

#[test]
fn effective_dates_cut_a_part_into_stretches() {
    let change = |from: &str| format!(r#"{{"effectiveFrom":"{from}T00:00:00Z",{FLAT}}}"#);
    let changes = [change("2026-01-01"), change("2026-04-11"), change("2026-04-21"), change("2026-06-01")].join(",");
    let told = told(&format!(r#"{{{FLAT},"changes":[{changes}]}}"#), "2026-04-01", "2026-06-01", "UTC");
    assert_eq!(told, ["2026-04-01T00:00:00.000Z 1 [1:1/3 2:1/3 3:1/3]", "2026-05-01T00:00:00.000Z 1 [3:1]"]);
}

#[test]
fn windows_cut_stretches_into_touching_spans() {
    let metered = r#"{"metric":"m","terms":{"model":{"type":"perUnit","unitPrice":"1"}},
        "changes":[{"effectiveFrom":"2026-04-02T12:00:00Z","terms":{"model":{"type":"perUnit","unitPrice":"2"}}}]}"#;
    let (price, range) = (price(metered), span("2026-04-01", "2026-04-04"));
    let cut = cut(&price, range, "UTC", RatingWindow::Day);
    let starts: Vec<String> = cut.spans.iter().map(|span| span.start.to_string()).collect();
    let expected = [
        "2026-04-01T00:00:00.000Z",
        "2026-04-02T00:00:00.000Z",
        "2026-04-02T12:00:00.000Z",
        "2026-04-03T00:00:00.000Z",
    ];
    assert_eq!(starts, expected);
    assert!(cut.spans.windows(2).all(|pair| pair[0].end == pair[1].start));
    assert_eq!(cut.parts[0].stretches.iter().map(|stretch| stretch.spans.clone()).collect::<Vec<_>>(), [0..2, 2..4]);
}

#[test]
fn ranges_that_hold_too_much_or_end_with_the_calendar_are_refused() {
    let daily = price(&format!(r#"{{"interval":{{"unit":"day"}},{FLAT}}}"#));
    let refused = |from: &str, to: &str| {
        let (range, utc) = (span(from, to), zone("UTC"));
        cut_price(&daily, range, &rules(&utc, range), RatingWindow::Period).unwrap_err().code
    };
    assert_eq!(refused("2000-01-01", "2026-01-01"), Code::InvalidQuery);
    assert_eq!(refused("9999-12-29", "9999-12-30T21:00:00Z"), Code::InvalidQuery);
}
