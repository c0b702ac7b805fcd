//! What was refused is kept, found, mended and replayed under its own identity.

use domain::access::Role;
use domain::customers::NewCustomer;
use domain::ids::RejectionId;
use domain::ingest::{Door, Item, Outcome, batch};
use domain::ledger::reason::Reason;
use domain::refusal::Code;
use engine::Error;
use engine::audit_entries::AuditQuery;
use engine::ingest::Verdict;
use engine::ingest::rejections::{RejectionQuery, RejectionView, ReplayRejection};
use serde_json::{Value, json};

use super::send::{event, submit, tokens};
use crate::world::{World, on_both};

fn kept(world: &World) -> Vec<RejectionView> {
    world.engine.list_rejections(&world.owner(), &RejectionQuery::default(), 100).unwrap()
}

fn replay(world: &World, id: RejectionId, payload: Option<Value>) -> Result<RejectionView, Error> {
    let reason = Reason::required(Some("billing_error"), Some("the meter sent a wrong unit")).unwrap();
    let command = ReplayRejection { id, payload: payload.map(|payload| payload.to_string()), reason };
    world.engine.replay_rejection(&world.owner(), &command)
}

fn single(world: &World, item: Item) -> Verdict {
    submit(&world.engine, world.project.id, Door::Single, vec![item]).verdicts.remove(0)
}

on_both! {
    // checklist 27
    fn whatever_was_refused_is_kept_with_what_was_received(world) {
        let bodies: [&[u8]; 4] = [b"{\"metricKey\": ", b"\xff\xfe\0", b"{\"metricKey\":\"m\",\"units\":\"NaN\"}", b"{\"a\\u0000b\":1}"];
        for body in bodies {
            let verdict = single(world, Item::single(Some("k1"), body));
            assert_eq!(verdict.outcome(), Outcome::Failed);
        }
        let verdict = single(world, Item::single(None, tokens("1").to_string().as_bytes()));
        assert_eq!(verdict.outcome(), Outcome::Failed);
        let told: Vec<(String, Option<String>, Option<String>, String)> = kept(world)
            .into_iter()
            .rev()
            .map(|rejection| (rejection.code, rejection.field, rejection.idempotency_key, rejection.payload))
            .collect();
        let row = |code: &str, field: Option<&str>, key: Option<&str>, payload: &str| {
            (code.to_owned(), field.map(str::to_owned), key.map(str::to_owned), payload.to_owned())
        };
        assert_eq!(told, [
            row("malformed_json", None, Some("k1"), "{\"metricKey\": "),
            row("malformed_json", None, Some("k1"), "\u{fffd}\u{fffd}\u{fffd}"),
            row("invalid_value", Some("units"), Some("k1"), "{\"metricKey\":\"m\",\"units\":\"NaN\"}"),
            row("unknown_field", Some("ab"), Some("k1"), "{\"a\\u0000b\":1}"),
            row("idempotency_key_required", None, None, &tokens("1").to_string()),
        ]);
    }

    fn a_batch_that_cannot_be_read_is_kept_as_one(world) {
        let body = b"{\"events\": [ {} ";
        let refusal = batch::parse_json(body).unwrap_err();
        let answered = submit(&world.engine, world.project.id, Door::Batch, vec![Item::refused(None, refusal, body)]);
        assert_eq!(answered.single().unwrap_err().to_refusal().code, Code::MalformedJson);
        assert_eq!((kept(world)[0].source.as_str(), kept(world)[0].payload.as_str()), ("batch", "{\"events\": [ {} "));
    }

    fn rejections_are_found_by_code_key_outcome_and_state(world) {
        world.send("k1", &tokens("1"));
        world.send_refused("k1", &tokens("2"));
        world.send_refused("k2", &json!({ "metricKey": "m", "units": "0" }));
        let found = |query: RejectionQuery| world.engine.list_rejections(&world.owner(), &query, 10).unwrap().len();
        assert_eq!(found(RejectionQuery { outcome: Some(Outcome::Conflict), ..RejectionQuery::default() }), 1);
        assert_eq!(found(RejectionQuery { code: Some(Code::NotPositive), ..RejectionQuery::default() }), 1);
        assert_eq!(found(RejectionQuery { idempotency_key: Some("k2".to_owned()), ..RejectionQuery::default() }), 1);
        assert_eq!(found(RejectionQuery { resolved: Some(true), ..RejectionQuery::default() }), 0);
        assert_eq!(found(RejectionQuery { resolved: Some(false), ..RejectionQuery::default() }), 2);
        let newest = kept(world)[0].id;
        assert_eq!(found(RejectionQuery { before: Some(newest), ..RejectionQuery::default() }), 1);
        assert_eq!(world.engine.get_rejection(&world.owner(), newest).unwrap().code, "not_positive");
    }

    // checklist 92
    fn a_mended_rejection_answers_the_clients_own_retry_as_a_replay(world) {
        let sent = json!({ "metricKey": "api_tokens", "units": "1.0000001" });
        world.send_refused("k1", &sent);
        let mended = json!({ "metricKey": "api_tokens", "units": "1.000001" });
        let resolved = replay(world, kept(world)[0].id, Some(mended)).unwrap();
        assert_eq!((resolved.resolution.as_deref(), resolved.resolved_by.as_deref()), (Some("billing_error"), Some("Olivia Owner")));
        assert_eq!(world.used("api_tokens"), ("1.000001".to_owned(), 1));
        // The client knows nothing of it and sends what it always sent.
        let retry = world.send("k1", &sent);
        assert_eq!((retry.status, retry.replayed), (201, true));
        assert!(retry.body.contains(r#""units":"1.000001""#), "{}", retry.body);
        assert_eq!(world.send_refused("k1", &tokens("5")).1, Code::IdempotencyConflict);
        let event = world.engine.get_usage_event(&world.owner(), &resolved.event_id.unwrap().to_string()).unwrap();
        assert_eq!((event.idempotency_key.as_str(), event.source), ("k1", Door::RejectionReplay));
        let query = AuditQuery { action: Some("rejection.replayed".to_owned()), ..AuditQuery::default() };
        let trail = world.engine.list_audit_entries(&world.owner(), &query, 10).unwrap();
        assert_eq!((trail.len(), trail[0].reason_code.as_deref()), (1, Some("billing_error")));
    }

    fn what_no_one_could_read_is_recognised_when_it_comes_again(world) {
        let broken = b"{\"metricKey\": \"api_tokens\", \"units\": 1";
        assert_eq!(single(world, Item::single(Some("k1"), broken)).outcome(), Outcome::Failed);
        replay(world, kept(world)[0].id, Some(tokens("1"))).unwrap();
        assert_eq!(single(world, Item::single(Some("k1"), broken)).outcome(), Outcome::Replay);
    }

    fn a_rejection_is_replayed_as_it_is_once_its_reason_is_gone(world) {
        let sent = json!({ "metricKey": "api_tokens", "units": "2", "customerKey": "acme" });
        let batch = [event("k1", &sent)];
        assert_eq!(world.send_batch(&batch), [Outcome::Failed]);
        let rejection = kept(world)[0].id;
        let refused = replay(world, rejection, None).unwrap_err().to_refusal();
        assert_eq!(refused.code, Code::UnknownCustomer);
        let new = NewCustomer::with_key("acme");
        world.engine.create_customer(&world.owner(), None, &new).unwrap();
        assert!(replay(world, rejection, None).unwrap().event_id.is_some());
        assert_eq!(world.send_batch(&batch), [Outcome::Replay]);
    }

    fn a_rejection_is_resolved_once(world) {
        world.send_refused("k1", &json!({ "metricKey": "api_tokens", "units": "0" }));
        let rejection = kept(world)[0].id;
        replay(world, rejection, Some(tokens("1"))).unwrap();
        assert_eq!(replay(world, rejection, Some(tokens("1"))).unwrap_err().to_refusal().code, Code::AlreadyResolved);
        assert_eq!(world.used("api_tokens").1, 1);
        let nobody = "rej_00000000000000000000000000".parse().unwrap();
        assert_eq!(replay(world, nobody, None).unwrap_err().to_refusal().code, Code::NotFound);
    }

    fn a_refused_replay_changes_nothing(world) {
        world.send_refused("k1", &json!({ "metricKey": "api_tokens", "units": "0" }));
        let before = kept(world);
        let refused = replay(world, before[0].id, Some(json!({ "metricKey": "api_tokens", "units": "-1" })));
        assert_eq!(refused.unwrap_err().to_refusal().code, Code::NotPositive);
        assert_eq!(kept(world), before);
    }

    fn the_measurement_behind_a_conflict_gets_a_key_of_its_own(world) {
        let first = world.send("k1", &tokens("1"));
        world.send_refused("k1", &tokens("2"));
        let rejection = kept(world)[0].id;
        replay(world, rejection, None).unwrap();
        assert_eq!(world.used("api_tokens"), ("3.000000".to_owned(), 2));
        assert_eq!(world.send("k1", &tokens("1")).body, first.body);
        let newest = &world.engine.list_usage_events(&world.owner(), None, 1).unwrap()[0];
        assert_eq!(newest.idempotency_key, rejection.to_string());
    }

    fn a_client_that_mended_it_first_is_not_counted_twice(world) {
        world.send_refused("k1", &json!({ "metricKey": "api_tokens", "units": "0" }));
        world.send("k1", &tokens("1"));
        let refused = replay(world, kept(world)[0].id, Some(tokens("1"))).unwrap_err();
        assert_eq!(refused.to_refusal().code, Code::IdempotencyConflict);
        assert_eq!(world.used("api_tokens").1, 1);
    }

    fn a_viewer_sees_rejections_and_replays_none(world) {
        world.send_refused("k1", &json!({ "metricKey": "api_tokens", "units": "0" }));
        let viewer = world.member(Role::Viewer);
        let found = world.engine.list_rejections(&viewer, &RejectionQuery::default(), 10).unwrap();
        let reason = Reason::required(Some("other"), None).unwrap();
        let command = ReplayRejection { id: found[0].id, payload: None, reason };
        let refused = world.engine.replay_rejection(&viewer, &command).unwrap_err();
        assert_eq!(refused.to_refusal().code, Code::Forbidden);
    }

    fn a_cloud_event_is_mended_in_its_own_form(world) {
        let event = |units: Value| json!({
            "specversion": "1.0", "id": "1", "source": "/src", "type": "api_tokens", "data": { "units": units },
        });
        let text = event(json!("x")).to_string();
        let send = || submit(&world.engine, world.project.id, Door::CloudEvent, vec![domain::ingest::cloud_event::single(text.as_bytes())]);
        assert_eq!(send().verdicts[0].outcome(), Outcome::Failed);
        replay(world, kept(world)[0].id, Some(event(json!("3")))).unwrap();
        assert_eq!(send().verdicts[0].outcome(), Outcome::Replay);
        assert_eq!(world.used("api_tokens"), ("3.000000".to_owned(), 1));
    }
}
