//! One price for each event, or one reason.

use super::*;
use crate::subscriptions::change::{Change, Created};
use crate::subscriptions::samples::*;

fn keyed<'a>(key: &'a str, told: &'a Told) -> Keyed<'a> {
    Keyed { key, subscription: told.subscription() }
}

fn named(plan: &str) -> Told {
    Told::of(Created { usage: UsageScope::Named, ..created(plan) })
}

fn used<'e>(text: &str, subscription_key: Option<&'e str>) -> Use<'e> {
    Use { metric: "api_calls", at: at(text), subscription_key }
}

#[test]
fn usage_that_nobody_pays_for_is_excluded_for_a_reason() {
    let trial = Created { trial_ends_at: Some(at("2024-02-05")), ..created("team") };
    let told = Told::of(trial)
        .then("2024-02-10", Change::Paused)
        .then("2024-02-20", Change::Resumed)
        .then("2024-03-01", Change::Cancelled);
    let reason = |text| price_of(&[keyed("s1", &told)], used(text, None)).map(|priced| priced.price.to_string());
    assert_eq!(reason("2024-01-30"), Err(Exclusion::NotPriced));
    assert_eq!(reason("2024-02-04"), Err(Exclusion::Trial));
    assert_eq!(reason("2024-02-05"), Ok("calls".to_owned()));
    assert_eq!(reason("2024-02-10"), Err(Exclusion::Pause));
    assert_eq!(reason("2024-02-20"), Ok("calls".to_owned()));
    assert_eq!(reason("2024-03-01"), Err(Exclusion::NotPriced));
    let excluded = told.subscription().exclusions("api_calls", span("2024-01-30", "2024-03-02"));
    let expected = [
        (span("2024-01-30", "2024-01-31"), Exclusion::NotStarted),
        (span("2024-01-31", "2024-02-05"), Exclusion::Trial),
        (span("2024-02-10", "2024-02-20"), Exclusion::Pause),
        (span("2024-03-01", "2024-03-02"), Exclusion::Ended),
    ];
    assert_eq!(excluded, expected);
    let other = told.subscription().exclusions("storage", span("2024-02-05", "2024-02-12"));
    assert_eq!(other, [(span("2024-02-05", "2024-02-12"), Exclusion::NotPriced)]);
}

#[test]
fn an_event_belongs_to_the_subscription_it_names_or_to_that_of_all_usage() {
    let (all, one) = (Told::new("team"), named("business"));
    let both = [keyed("all", &all), keyed("one", &one)];
    let priced = |key| price_of(&both, used("2024-02-10", key)).map(|priced| priced.subscription_key);
    assert_eq!(priced(None), Ok("all"));
    assert_eq!(priced(Some("one")), Ok("one"));
    assert_eq!(priced(Some("all")), Ok("all"));
    assert_eq!(priced(Some("other")), Err(Exclusion::NotPriced));
}

#[test]
fn two_subscriptions_may_not_price_one_metric_unless_events_name_theirs() {
    let (team, business) = (Told::new("team"), Told::new("business"));
    let refusal = check_overlap(team.subscription(), &[keyed("other", &business)]).unwrap_err();
    assert_eq!(refusal.code, Code::MetricAlreadyPriced);
    assert!(refusal.detail.contains("`api_calls`") && refusal.detail.contains("`other`"), "{}", refusal.detail);
    assert_eq!(check_overlap(team.subscription(), &[keyed("other", &named("business"))]), Ok(()));
    assert_eq!(check_overlap(named("team").subscription(), &[keyed("other", &business)]), Ok(()));
    assert_eq!(check_overlap(team.subscription(), &[keyed("other", &Told::new("yearly"))]), Ok(()));
}

#[test]
fn a_pause_and_a_trial_make_no_room_for_another_price_but_the_end_does() {
    let paused = Told::new("team").then("2024-01-31", Change::Paused);
    let trial = Told::of(Created { trial_ends_at: Some(at("2024-05-01")), ..created("business") });
    assert!(check_overlap(paused.subscription(), &[keyed("other", &trial)]).is_err());
    let ended = Told::new("team").then("2024-01-31", Change::Cancelled);
    assert_eq!(check_overlap(ended.subscription(), &[keyed("other", &trial)]), Ok(()));
    // It overlaps from the moment on at which a plan with the metric begins.
    let later = Told::new("yearly").then("2024-06-01", to_plan("business"));
    let refusal = check_overlap(later.subscription(), &[keyed("other", &Told::new("team"))]).unwrap_err();
    assert!(refusal.detail.contains("From 2024-06-01"), "{}", refusal.detail);
}
