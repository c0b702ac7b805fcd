//! The demo's events: the same every time, in order, believable; and the requests it prints.

use std::collections::{BTreeMap, BTreeSet};

use load::demo::{DemoOptions, events, run};

use crate::fake_api::FakeApi;

/// 2026-11-22T09:30:00Z, a Sunday.
const NOW: u64 = 1_795_339_800_000;
const DAY: u64 = 86_400_000;

#[test]
fn the_same_seed_and_time_give_the_same_events() {
    let first = events(1, NOW, 20);
    assert_eq!(first, events(1, NOW, 20));
    assert_ne!(first, events(2, NOW, 20));
}

#[test]
fn events_come_in_order_with_increasing_keys_and_none_lies_in_the_future() {
    let all = events(2026, NOW, 92);
    assert!(all.is_sorted_by_key(|event| event.at_millis));
    assert!(all.is_sorted_by(|one, next| one.key < next.key));
    assert!(all.last().unwrap().at_millis < NOW);
    assert!(all.first().unwrap().at_millis < NOW - 91 * DAY);
}

#[test]
fn three_months_are_large_enough_to_look_real_and_small_enough_to_load_in_seconds() {
    let all = events(2026, NOW, 92);
    assert!((60_000..=100_000).contains(&all.len()), "{} events", all.len());
    let metrics: BTreeSet<&str> = all.iter().map(|event| event.metric).collect();
    assert_eq!(metrics, BTreeSet::from(["api_calls", "api_tokens", "seat_days", "storage_gb_hours"]));
    let customers: BTreeSet<Option<&str>> = all.iter().map(|event| event.customer).collect();
    assert_eq!(customers.len(), 9);
    assert!(customers.contains(&None), "the project itself has usage");
    assert!(all.iter().all(|event| event.units_micros > 0));
}

#[test]
fn usage_has_a_weekly_rhythm_and_grows() {
    let all = events(2026, NOW, 92);
    let mut by_day: BTreeMap<u64, usize> = BTreeMap::new();
    for event in all.iter().filter(|event| event.customer == Some("northwind-labs")) {
        *by_day.entry(event.at_millis / DAY).or_default() += 1;
    }
    let count = |day: u64| by_day[&day];
    let sunday = NOW / DAY - 7;
    let (wednesday, wednesday_before) = (sunday - 4, sunday - 4 - 70);
    assert!(count(sunday) * 2 < count(wednesday), "{} against {}", count(sunday), count(wednesday));
    assert!(count(wednesday) > count(wednesday_before), "growth");
}

#[test]
fn the_demo_fills_a_fresh_project_and_prints_six_requests_with_real_ids() {
    let api = FakeApi::start();
    let mut options = DemoOptions::new(&api.base, "owner@example.com", "strong-password");
    options.now_millis = NOW;
    options.days = 3;
    let mut lines = Vec::new();
    let report = run(&options, |line| lines.push(line.to_owned())).unwrap();
    assert!(report.is_new && report.events > 1_000, "{report:?}");
    assert_eq!(report.customers, 8);
    assert_eq!(report.ingest["accepted"].as_u64().unwrap(), u64::try_from(report.events).unwrap() + 3);
    for outcome in ["replayed", "duplicates", "conflicts", "failed"] {
        assert!(report.ingest[outcome].as_u64().unwrap() > 0, "{outcome}: {}", report.ingest);
    }
    let requests = report.requests().map(|(_, line)| line);
    assert!(requests[0].contains(r#"-d '{ "email": "owner@example.com", "password": "strong-password" }'"#));
    assert!(requests[3].contains(&report.access_key) && requests[3].contains("evt_2026_11_22_001"));
    assert!(requests[5].ends_with(&format!("/billing/overview -H \"Authorization: Bearer {}\"", report.access_token)));
    let shown = report.to_string();
    assert!(requests.iter().all(|line| line.contains(&api.base) && shown.contains(line)));
    assert_eq!(report.bills.len(), 8);
    let bill = &report.bills[0];
    assert_eq!(
        (bill.customer, bill.total.as_str(), bill.credits.as_str()),
        ("Northwind Labs", "11.900000", "250.000000")
    );
    assert!(shown.contains("Northwind Labs     team                11.900000 USD"), "{shown}");
    assert!(shown.contains(&format!("/projects/prj_1/estimate -H \"Authorization: Bearer {}\"", report.access_token)));
    assert!(lines.iter().any(|line| line.contains("usage events")), "{lines:?}");
    let months = report.months.unwrap();
    assert_eq!(
        months.invoices.iter().map(|invoice| invoice.number.as_str()).collect::<Vec<_>>(),
        ["INV-0", "INV-1", "INV-2"]
    );
    assert_eq!((months.late.of_invoice.as_str(), months.late.on_invoice.as_str()), ("INV-0", "INV-1"));
    assert_eq!((months.credit_note.of_invoice.as_str(), months.credit_note.total.as_str()), ("INV-0", "25.00"));
    assert!(months.upgrade.ends_with("from pay-as-you-go to team on 2027-01-15"), "{}", months.upgrade);
    assert!(shown.contains(&format!("{}/projects/prj_2/invoices/inv_2/pdf", api.base)), "{shown}");
}

#[test]
fn a_demo_that_is_there_already_is_left_as_it_is() {
    let api = FakeApi::start();
    let mut options = DemoOptions::new(&api.base, "owner@example.com", "strong-password");
    options.days = 1;
    let first = run(&options, |_| {}).unwrap();
    let second = run(&options, |_| {}).unwrap();
    assert!(first.is_new && !second.is_new);
    assert!(first.months.is_some() && second.months.is_none());
    assert_eq!((second.events, &second.project_id), (0, &first.project_id));
    assert_eq!(first.ingest, second.ingest);
}
