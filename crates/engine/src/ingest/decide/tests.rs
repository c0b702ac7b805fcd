//! The decision alone, as tables: what is known, what is sent, what becomes of it.

use domain::ids::{AccessKeyId, CustomerId, EventId, TypedId};
use domain::ingest::{Door, batch};
use serde_json::json;
use storage::ingest_rules::IngestRules;
use uuid::Uuid;

use super::*;
use crate::ports::Random;

struct NoRandom;

impl Random for NoRandom {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

fn id<T: TypedId>(number: u128) -> T {
    T::from_uuid(Uuid::from_u128(number))
}

fn at(text: &str) -> Instant {
    Instant::parse(text).unwrap()
}

/// `k1 m 1` is an event of the metric `m` under the key `k1`; `customer=`, `eventId=` and `timestamp=` may follow.
fn submission(lines: &[&str]) -> Submission {
    let events: Vec<serde_json::Value> = lines
        .iter()
        .map(|line| {
            let mut words = line.split(' ');
            let mut event = json!({
                "idempotencyKey": words.next().unwrap(), "metricKey": words.next().unwrap(), "units": words.next().unwrap(),
            });
            for word in words {
                let (name, value) = word.split_once('=').unwrap();
                let name = if name == "customer" { "customerKey" } else { name };
                event[name] = json!(value);
            }
            event
        })
        .collect();
    Submission {
        project: id(1),
        access_key: None,
        request_id: Arc::from("req_1"),
        received_at: at("2026-03-17T10:20:00Z"),
        door: Door::Batch,
        items: batch::parse_json(json!(events).to_string().as_bytes()).unwrap(),
    }
}

/// A project with the metric `m`, the customer `acme`, the used key `old` and the event id `e-old`, both of `old m 1`.
fn known(rules: IngestRules) -> Known<'static> {
    let original = submission(&["old m 1 eventId=e-old"]).items.remove(0);
    let receipt = Receipt {
        event: id::<EventId>(9),
        external_id: Some(Cow::Borrowed("e-old")),
        idempotency_key: Cow::Borrowed("old"),
        metric_key: Cow::Borrowed("m"),
        units: ONE,
        at: at("2026-03-01T00:00:00Z"),
        received_at: at("2026-03-01T00:00:00Z"),
        customer_key: Cow::Borrowed(SELF_KEY),
        late: false,
    };
    let used = || KeyUse {
        outcome: Outcome::Accepted,
        fingerprint: Cow::Owned(original.fingerprint),
        event: UsedFor::Stored(Box::new(receipt.clone())),
    };
    let level = metric(id(5), Aggregation::WeightedSum);
    let gone = KnownMetric { is_archived: true, ..metric(id(6), Aggregation::Sum) };
    let metrics = [("m", metric(id(3), Aggregation::Sum)), ("level", level), ("gone", gone)];
    let project = KnownProject {
        rules,
        metrics: metrics.into_iter().map(|(key, metric)| (Cow::Borrowed(key), metric)).collect(),
        customers: HashMap::from([(Cow::Borrowed("acme"), id::<CustomerId>(4))]),
        keys: HashMap::from([(Cow::Borrowed("old"), used())]),
        event_ids: HashMap::from([(Cow::Borrowed("e-old"), used())]),
        batch: None,
    };
    Known { projects: HashMap::from([(id(1), project)]), dead_access_keys: vec![id::<AccessKeyId>(66)] }
}

fn metric(id: MetricId, aggregation: Aggregation) -> KnownMetric {
    let definition = MetricDefinition { aggregation, ..MetricDefinition::plain("m") };
    let meaning = Arc::new(Meaning::of(&definition));
    let series = vec![Open { series: FIRST, meaning: Arc::clone(&meaning), gap: None }];
    KnownMetric { id, is_archived: false, meaning, series }
}

fn strict() -> IngestRules {
    IngestRules {
        clock: domain::clock::ProjectClock::default(),
        unknown_metric: UnknownPolicy::Reject,
        unknown_customer: UnknownPolicy::Reject,
        require_customer_key: true,
        event_horizon_days: Some(1),
        self_customer: id(2),
        metrics_epoch: 0,
    }
}

fn open() -> IngestRules {
    IngestRules {
        clock: domain::clock::ProjectClock::default(),
        unknown_metric: UnknownPolicy::AutoCreate,
        unknown_customer: UnknownPolicy::AutoCreate,
        require_customer_key: false,
        event_horizon_days: None,
        self_customer: id(2),
        metrics_epoch: 0,
    }
}

fn run(submissions: &[Submission], rules: IngestRules, check: impl FnOnce(&[Verdicts], &Changes<'_>)) {
    let now = at("2026-03-17T10:20:00Z");
    let ids = IdSource::new(now, &NoRandom);
    let decision = decide(submissions, known(rules), now, &ids);
    check(&decision.verdicts, &decision.changes);
}

/// The outcomes, in one word each, with the code of a refusal.
fn told(verdicts: &Verdicts) -> Vec<String> {
    let verdicts = verdicts.as_ref().unwrap();
    let tell = |verdict: &Verdict| match verdict {
        Verdict::Accepted(_) | Verdict::Replay { .. } | Verdict::Duplicate(_) => verdict.outcome().to_string(),
        Verdict::Conflict(refusal) | Verdict::Failed(refusal) => format!("{} {}", verdict.outcome(), refusal.code),
    };
    verdicts.iter().map(tell).collect()
}

#[rstest::rstest]
#[case("k1 m 1", "accepted")]
#[case("k1 new 1", "accepted")]
#[case("k1 m 1 customer=acme", "accepted")]
#[case("k1 m 1 customer=new", "accepted")]
#[case("k1 m 1 customer=self", "accepted")]
#[case("old m 1 eventId=e-old", "replay")]
#[case("old m 2 eventId=e-old", "conflict idempotency_conflict")]
#[case("old m 1", "conflict idempotency_conflict")]
#[case("k1 m 1 eventId=e-old", "duplicate")]
#[case("k1 m 2 eventId=e-old", "conflict event_id_conflict")]
#[case("k1 m 0", "failed not_positive")]
#[case("old m 0", "conflict idempotency_conflict")]
#[case("k1 level 0", "accepted")]
#[case("k1 gone 1", "failed metric_archived")]
#[case("k1 new 0", "failed not_positive")]
#[case("k1 m 1 timestamp=2026-03-17T10:25:00Z", "accepted")]
#[case("k1 m 1 timestamp=2026-03-17T10:25:00.000001Z", "failed timestamp_in_future")]
#[case("k1 m 1 timestamp=1970-01-01T00:00:00Z", "accepted")]
fn an_open_project_takes_what_it_can(#[case] line: &str, #[case] expected: &str) {
    run(&[submission(&[line])], open(), |verdicts, _| assert_eq!(told(&verdicts[0]), [expected]));
}

#[rstest::rstest]
#[case("k1 m 1 customer=acme", "accepted")]
#[case("k1 new 1 customer=acme", "failed unknown_metric")]
#[case("k1 m 1", "failed customer_key_required")]
#[case("k1 m 1 customer=new", "failed unknown_customer")]
#[case("k1 m 1 customer=acme timestamp=2026-03-16T10:20:00Z", "accepted")]
#[case("k1 m 1 customer=acme timestamp=2026-03-16T10:19:59.999999Z", "failed too_old")]
// Identity comes before every policy: what was accepted once stays accepted.
#[case("old m 1 eventId=e-old", "replay")]
#[case("k1 m 1 eventId=e-old", "duplicate")]
fn a_strict_project_takes_what_it_knows(#[case] line: &str, #[case] expected: &str) {
    run(&[submission(&[line])], strict(), |verdicts, _| assert_eq!(told(&verdicts[0]), [expected]));
}

#[test]
fn items_of_one_transaction_see_each_other_across_requests() {
    let submissions = [
        submission(&["k1 m 1", "k1 m 1", "k1 m 2", "k2 m 1 eventId=e1"]),
        submission(&["k1 m 1", "k3 m 1 eventId=e1", "k3 m 1 eventId=e1", "k3 m 9", "k4 m 2 eventId=e1"]),
    ];
    run(&submissions, open(), |verdicts, changes| {
        assert_eq!(told(&verdicts[0]), ["accepted", "replay", "conflict idempotency_conflict", "accepted"]);
        let second = ["replay", "duplicate", "replay", "conflict idempotency_conflict", "conflict event_id_conflict"];
        assert_eq!(told(&verdicts[1]), second);
        let keys: Vec<(&str, Outcome)> = changes.keys.iter().map(|new| (new.key, new.outcome)).collect();
        assert_eq!(keys, [("k1", Outcome::Accepted), ("k2", Outcome::Accepted), ("k3", Outcome::Duplicate)]);
        assert_eq!((changes.events.len(), changes.event_ids.len()), (2, 1));
        assert_eq!((changes.attempts.len(), changes.rejections.len()), (4, 3));
        let [(_, batch)] = changes.batches.as_slice() else { panic!("one batch per project") };
        let expected = OutcomeCounts { accepted: 2, replayed: 3, duplicates: 1, conflicts: 3, failed: 0 };
        assert_eq!((batch.counts, batch.events), (expected, 2));
        assert_eq!(batch.earliest_at, changes.events.iter().map(|event| event.at).min());
        assert_eq!((batch.first_event, batch.last_event), (Some(changes.events[0].id), Some(changes.events[1].id)));
        assert!(changes.events.iter().all(|event| event.batch == batch.id));
    });
}

#[test]
fn what_an_event_names_first_is_made_once() {
    let submissions = [submission(&["k1 new 1 customer=one", "k2 new 1 customer=one", "k3 new 1 customer=two"])];
    run(&submissions, open(), |_, changes| {
        let metrics: Vec<&str> = changes.metrics.iter().map(|(_, metric)| metric.definition.key.as_str()).collect();
        let customers: Vec<&str> = changes.customers.iter().map(|(_, one)| one.external_key.as_str()).collect();
        assert_eq!((metrics, customers), (vec!["new"], vec!["one", "two"]));
        assert_eq!(changes.events[0].metric, changes.events[2].metric);
        assert_eq!(changes.events[0].customer, changes.events[1].customer);
    });
}

#[test]
fn a_refused_item_makes_nothing() {
    let submissions = [submission(&["k1 new 1 customer=one timestamp=2026-03-18T00:00:00Z"])];
    run(&submissions, open(), |_, changes| {
        assert_eq!((changes.metrics.len(), changes.customers.len(), changes.keys.len()), (0, 0, 0));
        assert_eq!(changes.rejections[0].1.payload, submissions[0].items[0].payload);
    });
}

#[test]
fn a_request_with_a_dead_key_leaves_nothing_and_costs_the_others_nothing() {
    let dead = Submission { access_key: Some(id(66)), ..submission(&["k1 m 1"]) };
    let elsewhere = Submission { project: id(77), ..submission(&["k1 m 1"]) };
    run(&[dead, elsewhere, submission(&["k1 m 1"])], open(), |verdicts, changes| {
        assert_eq!(verdicts[0].as_ref().unwrap_err().code, Code::Unauthenticated);
        assert_eq!(verdicts[1].as_ref().unwrap_err().code, Code::NotFound);
        assert_eq!(told(&verdicts[2]), ["accepted"]);
        assert_eq!((changes.events.len(), changes.rejections.len()), (1, 0));
    });
}

#[test]
fn units_left_out_are_one_for_a_count_metric_only() {
    let mut counted = known(open());
    let project = counted.projects.get_mut(&id(1)).unwrap();
    project.metrics.insert(Cow::Borrowed("logins"), metric(id(5), Aggregation::Count));
    let mut submission = submission(&["k1 logins 1", "k2 m 1"]);
    for item in &mut submission.items {
        item.request.as_mut().unwrap().units = None;
    }
    let now = at("2026-03-17T10:20:00Z");
    let ids = IdSource::new(now, &NoRandom);
    let submissions = [submission];
    let decision = decide(&submissions, counted, now, &ids);
    assert_eq!(told(&decision.verdicts[0]), ["accepted", "failed missing_field"]);
    assert_eq!(decision.changes.events[0].units, ONE);
}
