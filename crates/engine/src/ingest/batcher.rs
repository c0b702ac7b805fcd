//! The writer thread: takes whatever waits, commits it in one transaction, then answers each caller. There is no fixed
//! delay: under low load a transaction holds one event, under high load as many as came while the last one was synced.
//!
//! Every caller is answered, whatever happens: a request that makes the transaction fail is found by running each alone,
//! and a panic is answered as an error. Nothing is answered as accepted before it is committed, except in the mutant
//! `--features mutant_ack_before_commit`, with which the crash test shows that it would notice.

use std::panic::{AssertUnwindSafe, catch_unwind};

use domain::ingest::{Door, Item};
use storage::StorageError;

use super::runtime::{Callback, Waiting};
use super::{Answered, Submission, Verdicts, transact};
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;

impl Engine {
    /// Hands usage to the writer. `answer` is called once, from the writer's thread, when this is `Ok`, and not at all
    /// otherwise.
    ///
    /// # Errors
    /// `forbidden` or `missing_scope` when the caller may not send usage; [`Error::Overloaded`] at once when the queue is full.
    pub fn submit_usage(
        &self,
        ctx: &Ctx,
        door: Door,
        items: Vec<Item>,
        answer: impl FnOnce(Result<Answered, Error>) + Send + 'static,
    ) -> Result<(), Error> {
        let submission = Submission::new(ctx, door, items)?;
        if submission.items.is_empty() {
            answer(Ok(Answered { submission, verdicts: Vec::new() }));
            return Ok(());
        }
        self.ingest.push(Waiting { submission, answer: Box::new(answer) })
    }
}

/// Serves the queue until it is closed and empty.
pub(crate) fn run(engine: &Engine) {
    while let Some(waiting) = engine.ingest.take() {
        serve(engine, waiting);
    }
}

fn serve(engine: &Engine, waiting: Vec<Waiting>) {
    let (submissions, answers): (Vec<Submission>, Vec<Callback>) =
        waiting.into_iter().map(|one| (one.submission, one.answer)).unzip();
    metrics::counter!("neruba_ingest_commits_total").increment(1);
    #[cfg(feature = "mutant_ack_before_commit")]
    if cfg!(feature = "mutant_ack_before_commit") {
        return mutant::answer_then_commit(engine, submissions, answers);
    }
    match guarded(engine, &submissions) {
        Ok(verdicts) => answer_all(submissions, answers, verdicts),
        Err(error) if submissions.len() > 1 && is_about_a_request(&error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "a transaction failed; its requests run alone");
            for (submission, answer) in submissions.into_iter().zip(answers) {
                serve_alone(engine, submission, answer);
            }
        }
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a transaction of ingest failed");
            for answer in answers {
                call(answer, Err(again(&error)));
            }
        }
    }
}

fn serve_alone(engine: &Engine, submission: Submission, answer: Callback) {
    match guarded(engine, std::slice::from_ref(&submission)) {
        Ok(verdicts) => answer_all(vec![submission], vec![answer], verdicts),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a request of ingest failed");
            call(answer, Err(error));
        }
    }
}

/// The transaction; a panic in it is a bug that is answered, and the thread lives on.
fn guarded(engine: &Engine, submissions: &[Submission]) -> Result<Vec<Verdicts>, Error> {
    catch_unwind(AssertUnwindSafe(|| transact(engine, submissions, |_| {})))
        .unwrap_or_else(|_| Err(Error::Bug("the ingest writer panicked".to_owned())))
}

fn answer_all(submissions: Vec<Submission>, answers: Vec<Callback>, verdicts: Vec<Verdicts>) {
    for ((submission, answer), verdicts) in submissions.into_iter().zip(answers).zip(verdicts) {
        let answered = verdicts.map(|verdicts| Answered { submission, verdicts }).map_err(Error::Refused);
        call(answer, answered);
    }
}

/// A caller that panics harms nobody else.
fn call(answer: Callback, answered: Result<Answered, Error>) {
    if catch_unwind(AssertUnwindSafe(|| answer(answered))).is_err() {
        tracing::error!("a caller of ingest panicked on its answer");
    }
}

/// Whether the failure may come from one of the requests, so that the others would succeed without it.
fn is_about_a_request(error: &Error) -> bool {
    match error {
        Error::Bug(_) | Error::Refused(_) | Error::RefusedForGood(_) => true,
        Error::Overloaded { .. } => false,
        Error::Storage(error) => match error {
            StorageError::UniqueViolation { .. }
            | StorageError::Refused { .. }
            | StorageError::Aborted
            | StorageError::Corrupt { .. }
            | StorageError::Driver(_) => true,
            StorageError::Busy { .. }
            | StorageError::Serialization
            | StorageError::Unavailable { .. }
            | StorageError::DiskFull
            | StorageError::Schema { .. } => false,
        },
    }
}

/// The same failure for one more caller.
fn again(error: &Error) -> Error {
    match error {
        Error::Refused(refusal) => Error::Refused(refusal.clone()),
        Error::RefusedForGood(refusal) => Error::RefusedForGood(refusal.clone()),
        Error::Overloaded { retry_after_seconds } => Error::Overloaded { retry_after_seconds: *retry_after_seconds },
        Error::Bug(what) => Error::Bug(what.clone()),
        Error::Storage(error) => Error::Storage(match error {
            StorageError::UniqueViolation { constraint } => {
                StorageError::UniqueViolation { constraint: constraint.clone() }
            }
            StorageError::Refused { constraint } => StorageError::Refused { constraint: constraint.clone() },
            StorageError::Busy { waiting_for } => StorageError::Busy { waiting_for },
            StorageError::Serialization => StorageError::Serialization,
            StorageError::Aborted => StorageError::Aborted,
            StorageError::Unavailable { outcome_unknown, source } => {
                StorageError::Unavailable { outcome_unknown: *outcome_unknown, source: source.to_string().into() }
            }
            StorageError::DiskFull => StorageError::DiskFull,
            StorageError::Corrupt { what } => StorageError::Corrupt { what: what.clone() },
            StorageError::Schema { problem, remedy } => {
                StorageError::Schema { problem: problem.clone(), remedy: remedy.clone() }
            }
            StorageError::Driver(source) => StorageError::Driver(source.to_string().into()),
        }),
    }
}

/// The planted fault: callers hear of success a moment before it is true, as with a queue behind the answer. The moment is
/// long enough for a caller to read the answer; without it the fault would show once in hundreds of kills.
#[cfg(feature = "mutant_ack_before_commit")]
mod mutant {
    use std::time::Duration;

    use super::{Answered, Callback, Engine, Error, Submission, again, call, transact};

    const QUEUED: Duration = Duration::from_millis(5);

    pub fn answer_then_commit(engine: &Engine, submissions: Vec<Submission>, answers: Vec<Callback>) {
        let mut answers: Vec<Option<Callback>> = answers.into_iter().map(Some).collect();
        let committed = transact(engine, &submissions, |verdicts| {
            for ((submission, answer), verdicts) in submissions.iter().zip(&mut answers).zip(verdicts) {
                if let Some(answer) = answer.take() {
                    let answered =
                        verdicts.clone().map(|verdicts| Answered { submission: submission.clone(), verdicts });
                    call(answer, answered.map_err(Error::Refused));
                }
            }
            std::thread::sleep(QUEUED);
        });
        if let Err(error) = committed {
            for answer in answers.into_iter().flatten() {
                call(answer, Err(again(&error)));
            }
        }
    }
}
