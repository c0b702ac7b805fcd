//! What is committed in an interval, and which charges count.

use super::*;
use crate::subscriptions::change::{Change, Created};
use crate::subscriptions::samples::*;

/// `source from to share, counts from to`, part by part of the interval of 29 February 2024.
fn march(told: &Told, plan: &str) -> Vec<String> {
    let price =
        BilledPrice::commitment(told.offers.plans[&version_ref(plan)].definition.minimum_commitment.unwrap().interval);
    let interval = told.subscription().schedule(&price).period_at(at("2024-03-01")).unwrap();
    let day = |at: Instant| at.to_string()[5..10].to_owned();
    match told.subscription().committed(&price, interval).unwrap() {
        Err(exclusion) => vec![exclusion.to_string()],
        Ok(parts) => parts
            .iter()
            .map(|part| {
                let Committed { source, part, share, counts, .. } = part;
                let [from, to, first, last] = [part.start, part.end, counts.start, counts.end].map(day);
                format!("{} {from} {to} {share}, counts {first} {last}", source.key)
            })
            .collect(),
    }
}

#[test]
fn a_whole_interval_is_committed_whole() {
    // checklist 43
    let told = Told::new("pledge");
    assert_eq!(march(&told, "pledge"), ["pledge 02-29 03-31 1, counts 02-29 03-31"]);
    assert_eq!(told.subscription().commitments().len(), 1);
    assert!(Told::new("team").subscription().commitments().is_empty());
}

#[test]
fn a_plan_change_ends_a_part_and_a_pause_does_not() {
    let told = Told::new("pledge").then("2024-03-10", Change::Paused).then("2024-03-20", Change::Resumed);
    assert_eq!(march(&told, "pledge"), ["pledge 02-29 03-31 21/31, counts 02-29 03-31"]);
    let told = told.then("2024-03-25", to_plan("business"));
    assert_eq!(march(&told, "pledge"), ["pledge 02-29 03-25 15/31, counts 02-29 03-31"]);
    // What comes back is another part, and each moment counts for one of them.
    let told = told.then("2024-03-28", to_plan("pledge"));
    assert_eq!(
        march(&told, "pledge"),
        ["pledge 02-29 03-25 15/31, counts 02-29 03-28", "pledge 03-28 03-31 3/31, counts 03-28 03-31"]
    );
}

#[test]
fn nothing_is_committed_in_a_trial_a_pause_or_after_the_end() {
    let trial = |ends: &str| Told::of(Created { trial_ends_at: Some(at(ends)), ..created("pledge") });
    assert_eq!(march(&trial("2024-04-10"), "pledge"), ["trial"]);
    assert_eq!(march(&trial("2024-03-21"), "pledge"), ["pledge 03-21 03-31 10/31, counts 02-29 03-31"]);
    assert_eq!(march(&Told::new("pledge").then("2024-02-10", Change::Paused), "pledge"), ["pause"]);
    let ended = Told::new("pledge").then("2024-03-10", Change::Cancelled);
    assert_eq!(march(&ended, "pledge"), ["pledge 02-29 03-10 10/31, counts 02-29 03-31"]);
    assert_eq!(march(&Told::new("pledge").then("2024-02-10", Change::Cancelled), "pledge"), ["ended"]);
}

#[test]
fn each_length_of_interval_is_counted_by_itself() {
    let told = Told::new("pledge").then("2024-03-10", to_plan("oath"));
    assert_eq!(told.subscription().commitments().len(), 2);
    assert_eq!(march(&told, "pledge"), ["pledge 02-29 03-10 10/31, counts 02-29 03-31"]);
    assert_eq!(march(&told, "oath"), ["oath 03-10 04-30 17/30, counts 01-31 04-30"]);
}

#[test]
fn charges_are_known_from_the_earliest_period_on_that_reaches_into_the_interval() {
    let of = |plan: &str| Told::new(plan).subscription().counted_from(at("2024-04-30"));
    assert_eq!((of("pledge"), of("oath")), (at("2024-04-01"), at("2024-01-31")));
}
