//! When things are due, item by item.

use super::*;
use crate::subscriptions::change::{Change, Created};
use crate::subscriptions::policy::ProrationPolicy;
use crate::subscriptions::samples::*;
use proptest::prelude::*;

fn due(until: &str) -> Due<'static> {
    let late_buffer = Duration::from_secs(3_600);
    Due { after: None, until: at(until), late_buffer, windows: Windows::named() }
}

/// `start kind due` and the reason of a skip, item by item.
fn written(told: &Told, price: &str, until: &str) -> Vec<String> {
    let items = told.subscription().items(&told.price(price), due(until)).unwrap();
    let line = |item: &Item| {
        let skipped = item.skipped.map(|reason| format!(" skipped({reason})")).unwrap_or_default();
        format!("{} {} {}{skipped}", &item.period.start.to_string()[..10], item.kind, &item.due_at.to_string()[..16])
    };
    items.iter().map(line).collect()
}

#[test]
fn in_advance_at_the_start_and_in_arrears_after_the_late_buffer() {
    // checklist 39
    let told = Told::new("team");
    assert_eq!(
        written(&told, "base", "2024-02-29"),
        ["2024-01-31 advance 2024-01-31T00:00", "2024-02-29 advance 2024-02-29T00:00"]
    );
    assert_eq!(written(&told, "calls", "2024-02-01T00:59:59Z"), Vec::<String>::new());
    assert_eq!(written(&told, "calls", "2024-02-01T01:00:00Z"), ["2024-01-01 arrears 2024-02-01T01:00"]);
    assert_eq!(written(&told, "calls", "2024-03-01T01:00:00Z").len(), 2);
}

#[test]
fn a_change_is_due_by_the_policy() {
    let mut told = Told::new("team").then("2024-03-10", to_plan("business"));
    let now = ["2024-02-29 advance 2024-02-29T00:00", "2024-02-29 proration 2024-03-10T00:00"];
    assert_eq!(written(&told, "base", "2024-03-10")[1..], now);
    told.policy.billing = ProrationBilling::PeriodEnd;
    assert_eq!(written(&told, "base", "2024-03-30").len(), 2);
    assert_eq!(
        written(&told, "base", "2024-03-31")[2..],
        ["2024-02-29 proration 2024-03-31T00:00", "2024-03-31 advance 2024-03-31T00:00"]
    );
}

#[test]
fn the_last_usage_is_due_soon_after_the_end() {
    let told = Told::new("team").then("2024-03-10T12:00:00Z", Change::Cancelled);
    assert_eq!(written(&told, "calls", "2024-12-31")[2..], ["2024-03-01 arrears 2024-03-10T13:00"]);
    let base = written(&told, "base", "2024-12-31");
    assert_eq!(base[2..], ["2024-02-29 proration 2024-03-10T12:00"]);
}

#[test]
fn a_period_without_a_billed_moment_is_skipped_for_a_reason() {
    let told = Told::new("team").then("2024-02-10", Change::Paused).then("2024-04-10", Change::Resumed);
    let skipped: Vec<String> =
        written(&told, "base", "2024-05-01").into_iter().filter(|item| item.contains("skipped")).collect();
    assert_eq!(skipped, ["2024-02-29 advance 2024-02-29T00:00 skipped(pause)"]);
    let trial = Told::of(Created { trial_ends_at: Some(at("2024-03-05")), ..created("team") });
    let expected = [
        "2024-01-01 arrears 2024-02-01T01:00 skipped(trial)",
        "2024-02-01 arrears 2024-03-01T01:00 skipped(trial)",
        "2024-03-01 arrears 2024-04-01T01:00",
    ];
    assert_eq!(written(&trial, "calls", "2024-04-15"), expected);
}

#[test]
fn a_trial_is_due_when_it_becomes_paid() {
    // checklist 50
    let trial = Told::of(Created { trial_ends_at: Some(at("2024-03-05T10:00:00Z")), ..created("team") });
    let expected = ["2024-01-31 advance 2024-01-31T00:00 skipped(trial)", "2024-02-29 advance 2024-03-05T10:00"];
    assert_eq!(written(&trial, "base", "2024-03-20"), expected);
}

#[test]
fn planned_again_an_item_is_the_same() {
    // checklist 54
    let told = Told::new("team").then("2024-03-10", to_plan("business"));
    let items = |until| told.subscription().items(&told.price("base"), due(until)).unwrap();
    let (early, late) = (items("2024-03-15"), items("2024-06-15"));
    assert_eq!(late[..early.len()], early);
    assert_eq!(told.policy, ProrationPolicy::USUAL);
}

#[test]
fn a_period_is_not_forgotten_while_its_late_buffer_runs() {
    let told = Told::new("team");
    let at_the_end = Due { after: Some(at("2024-03-01")), ..due("2024-03-01T01:00:00Z") };
    let items = told.subscription().items(&told.price("calls"), at_the_end).unwrap();
    assert_eq!(items.iter().map(|item| item.period.start).collect::<Vec<_>>(), [at("2024-02-01")]);
}

proptest! {
    // checklist 54
    #[test]
    fn what_is_due_after_an_instant_is_the_rest_of_what_is_due(
        hours in prop::collection::btree_set(1i64..3_000, 0..6),
        kinds in prop::collection::vec(0u8..5, 6),
        after in 0i64..4_000,
        billing in prop::sample::select(ProrationBilling::ALL),
        price in prop::sample::select(vec!["base", "seats", "calls"]),
    ) {
        let moment = |hour: i64| Instant::from_micros(at("2024-01-31").micros() + hour * 3_600_000_000).unwrap();
        let mut told = Told::of(Created { trial_ends_at: Some(at("2024-02-05")), ..created("team") });
        told.policy.billing = billing;
        for (hour, kind) in hours.into_iter().zip(kinds) {
            let change = match kind {
                0 => seats(&hour.to_string()),
                1 => Change::Paused,
                2 => Change::Resumed,
                3 => Change::Cancelled,
                _ => to_plan("business"),
            };
            drop(told.submit(&moment(hour).to_string(), change));
        }
        let subscription = told.subscription();
        let all = subscription.items(&told.price(price), due("2024-07-01")).unwrap();
        let later = Due { after: Some(moment(after)), ..due("2024-07-01") };
        let rest: Vec<Item> = all.into_iter().filter(|item| item.due_at > moment(after)).collect();
        prop_assert_eq!(subscription.items(&told.price(price), later).unwrap(), rest);
    }
}
