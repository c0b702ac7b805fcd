//! What may be added to a history: retries, changes in the past and ahead, withdrawals.

use super::*;
use crate::subscriptions::change::Change;
use crate::subscriptions::samples::*;
use crate::subscriptions::state::Phase;

fn withdrawal(told: &Told, number: u128, submitted_at: &str) -> Withdrawal {
    let sequence = told.history.next_sequence();
    Withdrawal {
        change: SubscriptionChangeId::from_uuid(uuid::Uuid::from_u128(number)),
        sequence,
        submitted_at: at(submitted_at),
        idempotency_key: IdempotencyKey::parse(&format!("withdraw-{sequence}")).unwrap(),
        actor: actor(),
        reason: None,
    }
}

#[test]
fn a_retry_makes_one_change_and_the_same_key_with_another_body_none() {
    // checklist 45
    let told = Told::new("team");
    let change = submission(2, at("2024-02-10"), seats("6"));
    let Submitted::Added { history, .. } = told.history.submit(change.clone(), &told.offers).unwrap() else {
        panic!("the first time it is added")
    };
    // The retry resolves "now" anew; what was sent is what counts.
    let retry = SubscriptionChange { sequence: 3, effective_at: at("2024-02-11"), ..change.clone() };
    assert_eq!(history.submit(retry.clone(), &told.offers), Ok(Submitted::Replay(Box::new(change))));
    let other = SubscriptionChange { fingerprint: crate::idempotency::Fingerprint([9; 32]), ..retry };
    assert_eq!(history.submit(other, &told.offers).unwrap_err().code, Code::IdempotencyConflict);
}

#[test]
fn effective_and_submission_time_are_apart() {
    // checklist 44
    let told = Told::new("team").then("2024-03-10", seats("6"));
    let backdated =
        SubscriptionChange { submitted_at: at("2024-03-20"), ..submission(3, at("2024-02-10"), seats("4")) };
    let Submitted::Added { history, timeline } = told.history.submit(backdated, &told.offers).unwrap() else {
        panic!("it is new")
    };
    let seats_at =
        |timeline: &Timeline, text| *timeline.at(at(text)).unwrap().state.quantities.values().next().unwrap();
    assert_eq!(seats_at(&timeline, "2024-02-20"), quantity("4"));
    assert_eq!(seats_at(&timeline, "2024-03-10"), quantity("6"));
    // What was known before it was submitted stays known.
    assert_eq!(seats_at(&history.as_of(2).timeline(), "2024-02-20"), quantity("5"));
    assert_eq!(history.all().count(), 3);
}

#[test]
fn a_change_in_the_past_may_not_take_the_ground_from_a_later_one() {
    let told = Told::new("team").then("2024-03-10", Change::Paused);
    let refusal = told.clone().submit("2024-02-10", Change::Cancelled).unwrap_err();
    assert_eq!(refusal.code, Code::LaterChangeConflict);
    assert!(refusal.detail.contains("(paused, 2024-03-10"), "{}", refusal.detail);
    assert_eq!(told.refusal("2024-01-30", Change::Paused), Code::BeforeStart);
}

#[test]
fn a_change_that_lies_ahead_can_be_withdrawn() {
    let before = Told::new("team");
    let told = before.clone().then("2024-03-10", Change::Cancelled);
    assert_eq!(told.history.ahead(at("2024-03-01")).count(), 1);
    assert_eq!(told.history.ahead(at("2024-03-10")).count(), 0);
    let late = withdrawal(&told, 2, "2024-03-10");
    assert_eq!(told.history.withdraw(late, &told.offers).unwrap_err().code, Code::AlreadyEffective);
    let in_time = withdrawal(&told, 2, "2024-03-09");
    let history = told.history.withdraw(in_time.clone(), &told.offers).unwrap();
    assert_eq!(history.timeline().ended_at(), None);
    // It stays in the history, and its retry changes nothing.
    assert_eq!(history.all().filter(|(_, withdrawn)| withdrawn.is_some()).count(), 1);
    assert_eq!(history.withdraw(in_time.clone(), &told.offers), Ok(history.clone()));
    let again = Withdrawal { idempotency_key: IdempotencyKey::parse("again").unwrap(), ..in_time };
    assert_eq!(history.withdraw(again, &told.offers).unwrap_err().code, Code::AlreadyWithdrawn);
    assert_eq!(history.version(), before.history.version());
    assert_eq!(history.next_sequence(), 4);
    assert_eq!(history.as_of(2).timeline(), told.timeline);
}

#[test]
fn a_change_that_others_rest_on_is_not_withdrawn() {
    let told = Told::new("team").then("2024-03-10", Change::Paused).then("2024-04-10", Change::Resumed);
    let refusal = told.history.withdraw(withdrawal(&told, 2, "2024-02-01"), &told.offers).unwrap_err();
    assert_eq!(refusal.code, Code::LaterChangeConflict);
    let unknown = told.history.withdraw(withdrawal(&told, 77, "2024-02-01"), &told.offers);
    assert_eq!(unknown.unwrap_err().code, Code::NotFound);
    let used = Withdrawal {
        idempotency_key: IdempotencyKey::parse("change-2").unwrap(),
        ..withdrawal(&told, 3, "2024-02-01")
    };
    assert_eq!(told.history.withdraw(used, &told.offers).unwrap_err().code, Code::IdempotencyConflict);
}

#[test]
fn the_first_change_is_not_withdrawn_even_while_it_lies_ahead() {
    let told = Told::new("team");
    let refusal = told.history.withdraw(withdrawal(&told, 1, "2024-01-01"), &told.offers).unwrap_err();
    assert_eq!(refusal.code, Code::FirstChange);
}

#[test]
fn the_currency_is_that_of_the_first_plan_from_the_first_moment_on() {
    let told = Told::new("team");
    assert_eq!(told.refusal("2024-01-31", to_plan("dollar")), Code::CurrencyChange);
    assert_eq!(told.refusal("2024-02-10", to_plan("dollar")), Code::CurrencyChange);
}

#[test]
fn a_preview_of_another_state_is_stale() {
    let told = Told::new("team");
    let previewed = told.history.version();
    assert_eq!(told.history.version().require(previewed), Ok(()));
    let ahead = told.then("2024-09-01", seats("9"));
    assert_eq!(ahead.history.version().require(previewed).unwrap_err().code, Code::PreviewStale);
}

#[test]
fn an_undone_cancellation_leaves_no_gap() {
    let told = Told::new("team").then("2024-03-31", Change::Cancelled).then("2024-03-31", Change::Uncancelled);
    assert_eq!(told.timeline.at(at("2024-03-31")).unwrap().phase, Phase::Active);
    assert_eq!(told.timeline.ended_at(), None);
    // It can be cancelled once more, also at the same instant.
    assert_eq!(told.then("2024-03-31", Change::Cancelled).timeline.ended_at(), Some(at("2024-03-31")));
}

/// The version is stored with previews: what it is made of may only change together with the canonical form.
#[test]
fn the_version_is_pinned() {
    let version = Told::new("team").then("2024-02-10", seats("6")).history.version();
    insta::assert_snapshot!(version, @"1e87a9fd25a3548151606f2b2753eef6aae51adf3327e1a269d28951ed6ba0bc");
}

#[test]
#[should_panic(expected = "submissions have an order")]
fn two_submissions_with_one_number_are_damage() {
    let change = |day| submission(1, at(day), Change::Created(created("team")));
    drop(History::of(vec![change("2024-01-31"), change("2024-02-01")], Vec::new()));
}
