//! What is looked at, and when the next look is due.

use proptest::prelude::*;

use super::*;
use crate::subscriptions::change::Change;
use crate::subscriptions::samples::*;

const BUFFER: Duration = Duration::from_secs(3_600);

fn asked<'a>(billed_until: Option<&str>, until: &str, unseen: &'a [Unseen]) -> Asked<'a> {
    let billed_until = billed_until.map(at);
    Asked { until: at(until), late_buffer: BUFFER, billed_until, unseen, again: None, windows: Windows::named() }
}

/// `price kind at falls-on`, item by item.
fn written(told: &Told, asked: &Asked<'_>) -> Vec<String> {
    let planned = told.subscription().planned(asked).unwrap();
    let line = |planned: &Planned| {
        let Item { price, kind, at, .. } = &planned.item;
        format!("{} {kind} {} {}", price.price, &at.to_string()[..10], &planned.falls_on.to_string()[..10])
    };
    planned.iter().map(line).collect()
}

#[test]
fn what_was_planned_before_is_not_looked_at_again() {
    // checklist 54
    let told = Told::new("team");
    let first = written(&told, &asked(None, "2024-02-01T01:00:00Z", &[]));
    assert_eq!(
        first,
        [
            "base advance 2024-01-31 2024-01-31",
            "seats advance 2024-01-31 2024-01-31",
            "calls arrears 2024-02-01 2024-02-01"
        ]
    );
    let again = asked(Some("2024-02-01T01:00:00Z"), "2024-02-01T01:00:00Z", &[]);
    assert_eq!(written(&told, &again), Vec::<String>::new());
}

#[test]
fn a_change_in_the_past_is_looked_at_from_its_time_on_and_falls_on_the_day_it_was_asked_for() {
    // checklist 44
    let told = Told::new("team").then("2024-02-10", seats("7"));
    let unseen = [Unseen { effective_at: at("2024-02-10"), submitted_at: at("2024-02-20") }];
    let found = written(&told, &asked(Some("2024-02-15"), "2024-02-20", &unseen));
    assert_eq!(found, ["seats proration 2024-02-10 2024-02-20"]);
}

#[test]
fn what_is_looked_at_again_is_planned_however_early_a_time_is_asked_for() {
    // Else what was charged and is not planned would be taken back.
    let told = Told::new("team");
    let again = Some(span("2024-02-01", "2024-02-10"));
    let asked = Asked { again, ..asked(Some("2024-03-01T01:00:00Z"), "2024-02-15", &[]) };
    let found = written(&told, &asked);
    assert!(found.contains(&"calls arrears 2024-03-01 2024-03-01".to_owned()), "{found:?}");
}

#[test]
fn a_new_change_is_looked_at_until_what_is_billed_however_early_a_time_is_asked_for() {
    // Else the change would count as seen, and nobody would ever look again.
    let told = Told::new("team").then("2024-02-10", seats("7"));
    let unseen = [Unseen { effective_at: at("2024-02-10"), submitted_at: at("2024-02-20") }];
    let found = written(&told, &asked(Some("2024-02-15"), "2024-02-05", &unseen));
    assert_eq!(found, ["seats proration 2024-02-10 2024-02-20"]);
}

#[test]
fn what_does_not_fit_says_of_which_price_and_period_it_is() {
    let told = Told::new("team").then("2024-02-10", seats("9000000000000"));
    let refused = told.subscription().planned(&asked(None, "2024-02-12", &[])).unwrap_err();
    let item = refused.item.unwrap();
    assert_eq!((item.price.price.to_string().as_str(), item.period.start), ("seats", at("2024-01-31")));
}

#[test]
fn a_period_can_be_looked_at_again() {
    // checklist 56
    let told = Told::new("team");
    let again = Some(span("2024-02-05", "2024-02-06"));
    let asked = Asked { again, ..asked(Some("2024-03-10"), "2024-03-10", &[]) };
    let found = written(&told, &asked);
    assert_eq!(
        found,
        [
            "base advance 2024-01-31 2024-01-31",
            "seats advance 2024-01-31 2024-01-31",
            "calls arrears 2024-03-01 2024-03-01"
        ]
    );
}

#[test]
fn an_ended_subscription_is_never_due_again() {
    let told = Told::new("team").then("2024-03-10T12:00:00Z", Change::Cancelled);
    let subscription = told.subscription();
    let mut looks = vec![at("2024-01-01")];
    while let Some(next) = subscription.due_again_after(looks[looks.len() - 1], BUFFER, Windows::named()) {
        looks.push(next);
        assert!(looks.len() < 50, "{looks:?}");
    }
    assert!(looks[looks.len() - 1] <= at("2024-05-01"), "{looks:?}");
}

proptest! {
    // promise P17
    #[test]
    fn nothing_becomes_due_between_two_looks(changes in prop::collection::vec((1i8..=28, 0u8..4), 0..5)) {
        let mut told = Told::new("team");
        for (day, kind) in changes {
            let change = match kind {
                0 => Change::Paused,
                1 => Change::Resumed,
                2 => to_plan("business"),
                _ => Change::Cancelled,
            };
            drop(told.submit(&format!("2024-03-{day:02}T07:00:00Z"), change));
        }
        let subscription = told.subscription();
        let all = |until: Instant| {
            subscription.planned(&Asked { until, billed_until: None, ..asked(None, "2024-02-12", &[]) }).unwrap()
        };
        let (mut look, end) = (at("2024-01-01"), at("2024-06-01"));
        let mut found = all(look);
        while let Some(next) = subscription.due_again_after(look, BUFFER, Windows::named()).filter(|next| *next <= end) {
            let just_before = next.checked_sub(Duration::from_micros(1)).unwrap();
            prop_assert_eq!(all(just_before).len(), found.len(), "between {} and {}", look, next);
            (look, found) = (next, all(next));
        }
        prop_assert_eq!(all(end).len(), found.len(), "after {}", look);
    }
}
