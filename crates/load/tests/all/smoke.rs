//! The smoke check against an imitation of the server: passes on a right one, names the step that a wrong one fails.

use load::smoke::{Outcome, Report, SmokeOptions, run};

use crate::fake_api::{FakeApi, Fault};

fn check(fault: Option<Fault>) -> Report {
    let api = fault.map_or_else(FakeApi::start, FakeApi::with_fault);
    run(&SmokeOptions::new(&api.base, "owner@example.com", "strong-password"), |_| {}).unwrap()
}

#[track_caller]
fn fails_at(fault: Fault, step: &str) {
    let report = check(Some(fault));
    let failed: Vec<&str> =
        report.steps.iter().filter(|step| step.outcome == Outcome::Failed).map(|step| step.name.as_str()).collect();
    assert_eq!(failed, [step], "{}", report.summary());
    assert!(!report.passed());
    let after = report.steps.iter().skip_while(|row| row.name != step).skip(1);
    assert!(after.into_iter().all(|row| row.outcome == Outcome::Skipped));
}

// checklist 99
#[test]
fn every_step_passes_on_a_server_that_keeps_its_promises() {
    let report = check(None);
    let shown: Vec<String> = report.steps.iter().map(ToString::to_string).collect();
    assert!(report.passed(), "{shown:#?}");
    assert_eq!(report.summary(), "18 passed, 0 failed, 0 skipped");
}

#[test]
fn a_server_without_a_replay_header_fails_the_repetition() {
    fails_at(Fault::NoReplayHeader, "repeat it: same answer, marked as replay");
}

#[test]
fn a_server_that_takes_any_password_fails_at_once() {
    fails_at(Fault::AnyPassword, "a wrong password is refused");
}

#[test]
fn a_server_that_makes_a_second_project_is_found_out() {
    fails_at(Fault::SecondProject, "the same externalKey gives the same project");
}

#[test]
fn a_server_that_applies_a_credit_twice_is_found_out() {
    fails_at(Fault::CreditTwice, "repeat the credit: one entry");
}

#[test]
fn a_server_that_forgets_to_refuse_a_conflict_is_found_out() {
    fails_at(Fault::NoConflict, "same key, other body: conflict");
}

#[test]
fn a_server_that_serves_revoked_keys_is_found_out() {
    fails_at(Fault::RevokedKeyWorks, "the revoked key is refused");
}

#[test]
fn a_server_that_is_away_is_a_failed_first_step() {
    let port = load::server_process::free_port().unwrap();
    let options = SmokeOptions::new(&format!("http://127.0.0.1:{port}"), "owner@example.com", "x");
    let report = run(&options, |_| {}).unwrap();
    assert_eq!((report.count(Outcome::Failed), report.count(Outcome::Skipped)), (1, 17));
    assert!(report.steps[0].detail.contains("is the server running?"), "{}", report.steps[0].detail);
}

#[test]
fn the_json_form_names_outcomes_in_plain_words() {
    let json = serde_json::to_value(check(None)).unwrap();
    assert_eq!(json["steps"][0]["name"], "log in");
    assert_eq!(json["steps"][0]["outcome"], "passed");
}
