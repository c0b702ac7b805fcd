//! The fold by example, and the property that only effective time and order of submission count.

use super::*;
use crate::subscriptions::change::{Created, TrialExtended};
use crate::subscriptions::history::History;
use crate::subscriptions::samples::*;
use proptest::prelude::*;

/// `date phase causes`, point by point.
fn written(timeline: &Timeline) -> Vec<String> {
    let point = |point: &Point| {
        let causes: Vec<&str> = point.causes.iter().map(|cause| cause.as_str()).collect();
        format!("{} {} {}", &point.at.to_string()[..10], point.phase, causes.join("+"))
    };
    timeline.points().iter().map(point).collect()
}

fn trial() -> Created {
    Created { trial_ends_at: Some(at("2024-02-14")), ..created("team") }
}

#[test]
fn a_trial_ends_by_itself_before_what_happens_at_that_instant() {
    let told = Told::of(trial()).then("2024-02-14", seats("6")).then("2024-03-01", Change::Paused);
    let points =
        ["2024-01-31 trial created", "2024-02-14 active trialEnded+quantityChanged", "2024-03-01 paused paused"];
    assert_eq!(written(&told.timeline), points);
    assert_eq!(told.timeline.paid_from(), at("2024-02-14"));
}

#[test]
fn a_trial_that_is_extended_ends_later() {
    let extend = Change::TrialExtended(TrialExtended { trial_ends_at: at("2024-02-20") });
    let told = Told::of(trial()).then("2024-02-10", extend);
    let points = ["2024-01-31 trial created", "2024-02-10 trial trialExtended", "2024-02-20 active trialEnded"];
    assert_eq!(written(&told.timeline), points);
    assert_eq!(told.timeline.paid_from(), at("2024-02-20"));
}

#[test]
fn a_trial_that_was_cancelled_never_becomes_paid() {
    let told = Told::of(trial()).then("2024-02-10", Change::Cancelled);
    assert_eq!(written(&told.timeline), ["2024-01-31 trial created", "2024-02-10 ended cancelled"]);
    assert_eq!(told.timeline.at(at("2024-03-01")).unwrap().phase, Phase::Ended);
}

#[test]
fn the_later_submission_has_the_last_word_at_one_instant() {
    // checklist 48
    let told = Told::new("team").then("2024-02-10", seats("6")).then("2024-02-10", seats("7"));
    let point = told.timeline.at(at("2024-02-10")).unwrap();
    assert_eq!(point.state.quantities.values().collect::<Vec<_>>(), [&quantity("7")]);
    assert_eq!(point.causes, [Cause::QuantityChanged, Cause::QuantityChanged]);
}

#[test]
fn a_change_before_the_beginning_is_refused() {
    let change = submission(2, at("2024-01-30"), Change::Paused);
    let changes = [change, submission(1, at("2024-01-31"), Change::Created(created("team")))];
    let (refused, refusal) = Timeline::fold(&changes).unwrap_err();
    assert_eq!((refused.sequence, refusal.code), (2, Code::BeforeStart));
}

#[test]
fn before_it_began_there_is_no_state() {
    let told = Told::new("team");
    assert_eq!(told.timeline.at(at("2024-01-30")), None);
    assert_eq!(told.timeline.at(at("2024-01-31")).unwrap().phase, Phase::Active);
    let parts = told.timeline.within(span("2024-01-30", "2024-02-02"));
    let starts: Vec<_> = parts.iter().map(|(part, point)| (part.start, point.is_some())).collect();
    assert_eq!(starts, [(at("2024-01-30"), false), (at("2024-01-31"), true)]);
}

/// Changes that are possible at any time after the beginning, each by itself.
fn any_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (1u32..20).prop_map(|count| seats(&count.to_string())),
        Just(Change::Paused),
        Just(Change::Resumed),
        Just(to_plan("business")),
        Just(to_plan("team")),
        Just(Change::Cancelled),
        Just(Change::Uncancelled),
    ]
}

proptest! {
    // checklist 44
    #[test]
    fn the_fold_does_not_depend_on_the_order_in_which_changes_are_read(
        changes in prop::collection::vec((0i64..60, any_change()), 0..12),
        seed in any::<prop::sample::Index>(),
    ) {
        let mut told = Told::of(trial());
        for (day, change) in changes {
            let day = Instant::from_micros(at("2024-01-31").micros() + day * 86_400_000_000).unwrap();
            // Those that are not possible change nothing.
            drop(told.submit(&day.to_string(), change));
        }
        let mut stored: Vec<SubscriptionChange> = told.history.live().cloned().collect();
        let places = stored.len();
        stored.rotate_left(seed.index(places));
        stored.swap(0, places / 2);
        let read = History::of(stored, Vec::new());
        prop_assert_eq!(read.version(), told.history.version());
        prop_assert_eq!(&read.timeline(), &told.timeline);
        for pair in told.timeline.points().windows(2) {
            prop_assert!(pair[0].at < pair[1].at);
        }
        // At any instant the state is that of the fold of the changes up to it.
        for point in told.timeline.points() {
            let until = told.history.live().filter(|change| change.effective_at <= point.at);
            let folded = Timeline::fold(until).unwrap();
            prop_assert_eq!(&folded.at(point.at).unwrap().state, &point.state);
        }
    }
}
