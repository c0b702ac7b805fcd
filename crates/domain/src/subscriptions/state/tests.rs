//! Every change in every state: what it makes of it, or with which code it is refused.

use super::*;
use crate::subscriptions::change::{AddOnRemoved, CouponRedeemed, TrialExtended};
use crate::subscriptions::samples::*;

fn add_on(key: &str) -> Change {
    let quantities = [(PriceRef::of_add_on(key, "hours"), quantity("2"))].into_iter().collect();
    Change::AddOnAdded(AddOnAdded { add_on: version_ref(key), quantities })
}

fn remove(key: &str) -> Change {
    Change::AddOnRemoved(AddOnRemoved { add_on: key.to_owned() })
}

fn extend(to: &str) -> Change {
    Change::TrialExtended(TrialExtended { trial_ends_at: at(to) })
}

fn state() -> State {
    State::created(&created("team"), at("2024-01-31"))
}

fn after(state: &State, changes: &[Change]) -> Result<State, Refusal> {
    changes.iter().try_fold(state.clone(), |state, change| state.after(change, at("2024-02-10")))
}

fn code(changes: &[Change]) -> Code {
    after(&state(), changes).unwrap_err().code
}

#[test]
fn a_change_that_is_not_possible_has_a_code_of_its_own() {
    use Change::{Cancelled, Paused, Resumed, Uncancelled};
    assert_eq!(code(&[Paused, Paused]), Code::AlreadyPaused);
    assert_eq!(code(&[Resumed]), Code::NotPaused);
    assert_eq!(code(&[Uncancelled]), Code::NotCancelled);
    assert_eq!(code(&[Cancelled, Cancelled]), Code::SubscriptionEnded);
    assert_eq!(code(&[Cancelled, seats("6")]), Code::SubscriptionEnded);
    assert_eq!(code(&[extend("2024-03-01")]), Code::TrialOver);
    assert_eq!(code(&[add_on("support"), add_on("support")]), Code::AddOnBooked);
    assert_eq!(code(&[remove("support")]), Code::AddOnNotBooked);
    assert_eq!(code(&[seats("-1")]), Code::OutOfRange);
    let redeem = Change::CouponRedeemed(CouponRedeemed { coupon: "spring".to_owned() });
    assert_eq!(code(&[redeem.clone(), redeem]), Code::CouponRedeemed);
}

#[rstest::rstest]
#[case(to_plan("team"))]
#[case(seats("5"))]
#[case(Change::Overridden(Overridden { price: PriceRef::of_plan("base"), terms: None }))]
#[case(Change::Created(created("team")))]
fn a_change_that_changes_nothing_is_refused(#[case] change: Change) {
    assert_eq!(code(&[change]), Code::NothingChanges);
}

#[test]
fn a_cancellation_that_is_undone_leaves_the_state_as_it_was() {
    assert_eq!(after(&state(), &[Change::Cancelled, Change::Uncancelled]), Ok(state()));
    let paused = after(&state(), &[Change::Paused]).unwrap();
    assert_eq!(after(&paused, &[Change::Cancelled, Change::Uncancelled]), Ok(paused));
}

#[test]
fn a_trial_is_extended_while_it_runs_and_only_to_later() {
    let trial = State { trial_ends_at: Some(at("2024-02-14")), ..state() };
    let extended = after(&trial, &[extend("2024-02-21")]).unwrap();
    assert_eq!(extended.phase(at("2024-02-20")), Phase::Trial);
    assert_eq!(extended.phase(at("2024-02-21")), Phase::Active);
    let refused = after(&trial, &[extend("2024-02-14")]).unwrap_err();
    assert_eq!((refused.code, refused.first_field()), (Code::InvalidValue, Some("trialEndsAt")));
    assert_eq!(trial.after(&extend("2024-03-01"), at("2024-02-14")).unwrap_err().code, Code::TrialOver);
}

#[test]
fn agreed_terms_stay_with_their_plan_and_seats_wait_for_it_to_come_back() {
    let agreed = Change::Overridden(Overridden { price: PriceRef::of_plan("base"), terms: Some(base_terms("20")) });
    let changed = after(&state(), &[agreed.clone(), to_plan("business")]).unwrap();
    assert!(changed.overrides.is_empty());
    assert_eq!(changed.quantities, state().quantities);
    let next = VersionRef { version: 2, ..version_ref("team") };
    let Change::PlanChanged(to_next) = to_plan("team") else { unreachable!() };
    let renewed = after(&state(), &[agreed, Change::PlanChanged(PlanChanged { plan: next, ..to_next })]).unwrap();
    assert_eq!(renewed.overrides[&PriceRef::of_plan("base")], base_terms("20"));
}

#[test]
fn what_belongs_to_an_add_on_ends_with_it() {
    let booked = after(&state(), &[add_on("support")]).unwrap();
    assert_eq!(booked.quantities[&PriceRef::of_add_on("support", "hours")], quantity("2"));
    assert_eq!(after(&booked, &[remove("support")]), Ok(state()));
}

#[test]
fn a_phase_is_the_strongest_of_what_holds() {
    let trial = State { trial_ends_at: Some(at("2024-03-01")), ..state() };
    let phase = |state: &State| state.phase(at("2024-02-10"));
    assert_eq!(phase(&trial), Phase::Trial);
    let paused = after(&trial, &[Change::Paused]).unwrap();
    assert_eq!(phase(&paused), Phase::Paused);
    assert_eq!(phase(&after(&paused, &[Change::Cancelled]).unwrap()), Phase::Ended);
}
