//! What may not be corrected, twice or by anybody; two at once; who did it and why.

use domain::access::Role;
use domain::ingest::correction::{Amendment, CorrectionState, EventChange};
use domain::quantity::Quantity;
use domain::refusal::Code;
use domain::time::Instant;
use engine::Error;
use engine::audit_entries::AuditQuery;
use engine::usage_corrections::{ProposeCorrection, ProposedItem};
use serde_json::json;

use super::{amend, apply, propose, reason, void};
use crate::world::{World, key, on_both};

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, Error>) -> Code {
    result.unwrap_err().to_refusal().code
}

fn send(world: &World, name: &str, units: &str) -> String {
    world.send(
        name,
        &json!({ "metricKey": "calls", "units": units, "timestamp": "2026-03-10T00:00:00Z", "eventId": name }),
    );
    name.to_owned()
}

on_both! {
    fn an_event_that_does_not_count_is_not_corrected(world) {
        let one = send(world, "one", "5");
        let id = apply(world, vec![void(&one)]);
        assert_eq!(refused(propose(world, vec![void(&one)])), Code::EventVoided);
        assert_eq!(refused(propose(world, vec![amend(&one, "7")])), Code::EventVoided);
        // A correction is no event: what is wanted is to take it back.
        assert_eq!(refused(propose(world, vec![void(&id.to_string())])), Code::UnknownEvent);
        assert_eq!(world.used("calls"), ("0.000000".to_owned(), 0));
    }

    fn a_request_that_makes_no_sense_names_what_is_wrong(world) {
        let (one, two) = (send(world, "one", "5"), send(world, "two", "5"));
        let amendment = |amendment| vec![ProposedItem { event: one.clone(), change: EventChange::Amend(amendment) }];
        let zero = Amendment { units: Some(Quantity::ZERO), ..Amendment::default() };
        let ahead = Amendment { at: Some(Instant::parse("2026-03-17T10:30:00Z").unwrap()), ..Amendment::default() };
        for (items, code) in [
            (vec![], Code::OutOfRange),
            (vec![void(&two), void("nothing")], Code::UnknownEvent),
            (vec![void(&one), amend(&one, "6")], Code::InvalidValue),
            (vec![amend(&one, "5")], Code::InvalidValue),
            (amendment(zero), Code::NotPositive),
            (amendment(ahead), Code::TimestampInFuture),
        ] {
            assert_eq!(refused(propose(world, items)), code);
        }
        assert_eq!(world.used("calls"), ("10.000000".to_owned(), 2));
    }

    fn an_event_of_another_project_is_unknown_and_its_corrections_are_not_found(world) {
        let id = propose(world, vec![void(&send(world, "one", "5"))]).unwrap();
        let other = World::new(world.db.clone(), world.seed.wrapping_add(1));
        let event = world.engine.get_usage_event(&world.owner(), "one").unwrap().id.to_string();
        assert_eq!(refused(propose(&other, vec![void(&event)])), Code::UnknownEvent);
        assert_eq!(refused(other.engine.get_usage_correction(&other.owner(), id)), Code::NotFound);
        assert_eq!(refused(other.engine.preview_usage_correction(&other.owner(), id)), Code::NotFound);
        assert_eq!(refused(other.engine.apply_usage_correction(&other.owner(), id)), Code::NotFound);
        assert_eq!(refused(other.engine.revert_usage_correction(&other.owner(), id, &reason())), Code::NotFound);
    }

    fn two_corrections_of_one_event_do_not_both_count(world) {
        let one = send(world, "one", "5");
        let first = propose(world, vec![amend(&one, "7")]).unwrap();
        let second = propose(world, vec![void(&one)]).unwrap();
        let apply = |id| world.engine.apply_usage_correction(&world.owner(), id).map(|done| done.state);
        let results = std::thread::scope(|scope| {
            let threads = [first, second].map(|id| scope.spawn(move || apply(id)));
            threads.map(|thread| thread.join().unwrap())
        });
        let applied = results.iter().filter(|result| matches!(result, Ok(CorrectionState::Applied))).count();
        let codes: Vec<Code> = results.into_iter().filter_map(Result::err).map(|error| error.to_refusal().code).collect();
        assert_eq!((applied, codes), (1, vec![Code::EventVoided]));
    }

    fn one_correction_that_is_applied_twice_at_once_is_applied_once(world) {
        let id = propose(world, vec![amend(&send(world, "one", "5"), "7")]).unwrap();
        let other = World::new(world.db.clone(), world.seed.wrapping_add(1));
        std::thread::scope(|scope| {
            for engine in [&world.engine, &other.engine] {
                scope.spawn(move || match engine.apply_usage_correction(&world.owner(), id) {
                    Ok(done) => assert_eq!(done.state, CorrectionState::Applied),
                    Err(error) => assert_eq!(error.to_refusal().code, Code::CorrectionState),
                });
            }
        });
        // Asked for again, it answers what is.
        assert_eq!(world.engine.apply_usage_correction(&world.owner(), id).unwrap().state, CorrectionState::Applied);
        assert_eq!(world.used("calls"), ("7.000000".to_owned(), 1));
    }

    fn corrections_are_taken_back_from_the_last_one_on_and_once(world) {
        let one = send(world, "one", "5");
        let first = apply(world, vec![amend(&one, "7")]);
        let instead = world.engine.get_usage_event(&world.owner(), &one).unwrap().amended_by.unwrap().to_string();
        let second = apply(world, vec![amend(&instead, "8")]);
        let revert = |id| world.engine.revert_usage_correction(&world.owner(), id, &reason());
        assert_eq!(refused(revert(first)), Code::EventVoided);
        assert_eq!(world.used("calls"), ("8.000000".to_owned(), 1));
        revert(second).unwrap();
        assert_eq!(world.used("calls"), ("7.000000".to_owned(), 1));
        revert(first).unwrap();
        assert_eq!(world.used("calls"), ("5.000000".to_owned(), 1));
        assert_eq!(refused(revert(first)), Code::CorrectionState);
        assert_eq!(refused(world.engine.apply_usage_correction(&world.owner(), first)), Code::CorrectionState);
        let waiting = propose(world, vec![void(&one)]).unwrap();
        assert_eq!(refused(revert(waiting)), Code::CorrectionState);
    }

    // checklist 92, 93, 94
    fn who_corrected_what_and_why_is_in_the_audit_trail(world) {
        let one = send(world, "one", "5");
        let id = apply(world, vec![amend(&one, "7")]);
        world.engine.revert_usage_correction(&world.owner(), id, &reason()).unwrap();
        let entries = world.engine.list_audit_entries(&world.owner(), &AuditQuery::default(), 100).unwrap();
        let mut of_it: Vec<_> = entries.into_iter().filter(|entry| entry.target == id.to_string()).collect();
        of_it.reverse();
        let told: Vec<(&str, Option<&str>)> =
            of_it.iter().map(|entry| (entry.action.as_str(), entry.reason_code.as_deref())).collect();
        let why = Some("billing_error");
        assert_eq!(told, [("usageCorrection.proposed", why), ("usageCorrection.applied", why), ("usageCorrection.reverted", why)]);
        let events = &of_it[1].details["events"][0];
        assert_eq!((&events["before"]["units"], &events["after"]["units"]), (&json!("5.000000"), &json!("7.000000")));
    }

    // checklist 12
    fn support_proposes_and_finance_applies(world) {
        let one = send(world, "one", "5");
        let command = ProposeCorrection { items: vec![void(&one)], reason: reason() };
        let proposed = |role| world.engine.propose_usage_correction(&world.member(role), key("c1"), &command);
        assert_eq!(refused(proposed(Role::Developer)), Code::Forbidden);
        let answer = proposed(Role::Support).unwrap();
        assert!(proposed(Role::Support).unwrap().replayed);
        let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        let id = body["id"].as_str().unwrap().parse().unwrap();
        assert_eq!(refused(world.engine.apply_usage_correction(&world.member(Role::Support), id)), Code::Forbidden);
        assert!(world.engine.apply_usage_correction(&world.member(Role::Finance), id).is_ok());
    }
}
