//! The steps a job may take, and those it refuses.

use uuid::Uuid;

use super::*;
use crate::ids::BacktestId;

fn at(seconds: i64) -> Instant {
    Instant::from_micros(seconds * 1_000_000).unwrap()
}

fn queued() -> Job {
    let subject = Subject::Backtest(BacktestSubject { backtest_id: BacktestId::from_uuid(Uuid::from_u128(7)) });
    Job::new(JobId::from_uuid(Uuid::from_u128(1)), subject, "Olivia".to_owned(), at(0))
}

fn held(job: &Job, node: &str, now: Instant) -> Job {
    match job.claim(node, now).unwrap() {
        Claim::Held(job) => job,
        Claim::GivenUp(job) => panic!("given up: {job:?}"),
    }
}

#[test]
fn a_job_belongs_to_one_node_until_its_lease_ends() {
    let first = held(&queued(), "a", at(10));
    assert_eq!((first.state, first.fence, first.started_at), (JobState::Running, 1, Some(at(10))));
    assert_eq!(first.claim("b", at(69)), Err(Refused::NotDue));
    let second = held(&first, "b", at(70));
    assert_eq!((second.fence, second.attempts, second.started_at), (2, 1, Some(at(10))));
}

#[test]
fn each_chunk_renews_the_lease_and_forgets_what_went_wrong() {
    let job = Job { attempts: 3, error: Some("a bad day".to_owned()), ..held(&queued(), "a", at(10)) };
    let job = job.advance(1, Progress::More { done: 2, total: 9 }, at(50)).unwrap();
    assert_eq!((job.done, job.total, job.attempts, job.error.clone()), (2, 9, 0, None));
    assert_eq!(job.claim("b", at(109)), Err(Refused::NotDue));
    assert!(job.claim("b", at(110)).is_ok());
}

#[test]
fn a_fence_of_before_opens_nothing() {
    let stale = held(&queued(), "a", at(0));
    let taken = held(&stale, "b", at(60));
    let more = Progress::More { done: 1, total: 2 };
    assert_eq!(taken.advance(stale.fence, more, at(61)), Err(Refused::LeaseLost));
    assert_eq!(taken.release(stale.fence, at(61)), Err(Refused::LeaseLost));
    assert_eq!(taken.stumble(stale.fence, String::new(), at(61)), Err(Refused::LeaseLost));
    assert_eq!(taken.fail(stale.fence, String::new(), at(61)), Err(Refused::LeaseLost));
    assert!(taken.advance(taken.fence, more, at(61)).is_ok());
}

#[test]
fn a_lease_that_ended_still_serves_while_nobody_took_over() {
    let late = held(&queued(), "a", at(0));
    assert!(late.advance(late.fence, Progress::Complete { total: 3 }, at(600)).is_ok());
}

#[test]
fn a_job_that_was_let_go_is_taken_at_once_and_not_by_its_old_holder() {
    let job = held(&queued(), "a", at(0));
    let free = job.release(job.fence, at(1)).unwrap();
    assert_eq!(free.release(job.fence, at(1)), Err(Refused::LeaseLost));
    assert_eq!(held(&free, "b", at(1)).attempts, 0);
}

#[test]
fn a_job_that_keeps_failing_ends_with_its_reason() {
    let mut job = queued();
    let mut now = at(0);
    for attempt in 1..ATTEMPTS_MAX {
        job = held(&job, "a", now).stumble(i64::from(attempt), format!("failure {attempt}"), now).unwrap();
        assert_eq!((job.state, job.attempts), (JobState::Running, attempt));
        assert_eq!(job.claim("a", now), Err(Refused::NotDue));
        now = job.due_at;
    }
    let job = held(&job, "a", now).stumble(i64::from(ATTEMPTS_MAX), "failure 5".to_owned(), now).unwrap();
    assert_eq!((job.state, job.error.as_deref(), job.ended_at), (JobState::Failed, Some("failure 5"), Some(now)));
    assert_eq!(job.claim("b", at(9_999)), Err(Refused::Ended));
}

#[test]
fn a_chunk_that_takes_its_node_down_each_time_is_given_up() {
    let mut job = queued();
    let mut now = at(0);
    for _ in 0..ATTEMPTS_MAX {
        job = held(&job, "a", now);
        now = job.due_at;
    }
    let Claim::GivenUp(job) = job.claim("a", now).unwrap() else { panic!("it is tried for ever") };
    assert_eq!((job.state, job.attempts), (JobState::Failed, ATTEMPTS_MAX));
    assert!(job.error.is_some());
}

#[test]
fn a_job_that_is_done_takes_no_more_steps() {
    let job = held(&queued(), "a", at(0));
    let done = job.advance(job.fence, Progress::Complete { total: 4 }, at(3)).unwrap();
    assert_eq!((done.state, done.done, done.total, done.ended_at), (JobState::Done, 4, 4, Some(at(3))));
    assert_eq!(done.advance(job.fence, Progress::Complete { total: 4 }, at(4)), Err(Refused::Ended));
    assert_eq!(done.claim("b", at(9_999)), Err(Refused::Ended));
}

#[test]
fn every_subject_survives_its_text_form() {
    let backfill = MetricBackfillSubject {
        metric_id: crate::ids::MetricId::from_uuid(Uuid::from_u128(9)),
        metric_key: "api_calls".to_owned(),
        version: 2,
    };
    for subject in [queued().subject, Subject::MetricBackfill(backfill)] {
        let text = serde_json::to_string(&subject).unwrap();
        assert_eq!(Subject::read(subject.kind(), &text), Some(subject.clone()));
    }
    assert_eq!(Subject::read(JobKind::Backtest, "{}"), None);
}
