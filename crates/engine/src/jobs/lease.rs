//! A job in the hands of this node: taken with a lease, written to only with the fence.

use domain::ids::ProjectId;
use domain::jobs::{Claim, Job, JobState, Progress, Refused};
use serde_json::json;
use storage::{ProjectTx, Retryable, StorageError, jobs};

use super::observe;
use crate::audit::{AuditRecord, Audited};
use crate::command;
use crate::engine::Engine;
use crate::error::Error;

/// A job that this node works on, as of its last chunk.
#[derive(Debug, Clone)]
pub struct HeldJob {
    pub project: ProjectId,
    pub job: Job,
    /// How many chunks of it were stored in this turn.
    stored: usize,
}

/// The most chunks of one turn.
const CHUNKS_MAX: usize = 16;

/// What came of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chunk {
    /// It is stored; there is more to do.
    More,
    /// It is stored, and the job has ended.
    Complete,
    /// Nothing of it is stored: another node has the job.
    LeaseLost,
}

/// Why a step was not taken.
enum Stop {
    Lost,
    Failed(Error),
}

impl Engine {
    /// Takes the job of a project that has waited longest; `None` when none is due, or another node takes it just now.
    ///
    /// # Errors
    /// When the database did not do its part.
    pub fn claim_job(&self, project: ProjectId) -> Result<Option<HeldJob>, Error> {
        let node = self.jobs.node(self.random());
        let now = self.now();
        let claimed = self.db().write("claim_job", project, |tx| -> Result<Option<Claim>, Error> {
            let Some(job) = jobs::next_due_for_update(tx, now)? else {
                return Ok(None);
            };
            let bug = |refused| Error::Bug(format!("a job that is due cannot be taken: {refused}"));
            let claim = job.claim(node, now).map_err(bug)?;
            match &claim {
                Claim::Held(held) => jobs::update(tx, held)?,
                Claim::GivenUp(failed) => self.store_end(tx, failed)?,
            }
            Ok(Some(claim))
        })?;
        Ok(match claimed {
            Some(Claim::Held(job)) => Some(HeldJob { project, job, stored: 0 }),
            Some(Claim::GivenUp(job)) => {
                observe::ended(&job);
                None
            }
            None => None,
        })
    }

    /// Stores a job that has ended, and says so in the audit trail.
    fn store_end(&self, tx: &mut ProjectTx<'_>, job: &Job) -> Result<(), Error> {
        jobs::update(tx, job)?;
        let action = if job.state == JobState::Done { "job.done" } else { "job.failed" };
        let details = json!({ "kind": job.kind, "subject": job.subject, "done": job.done, "error": job.error });
        let ctx = self.system_ctx("jobs", tx.project());
        command::record(tx, &ctx.caller, &Audited::new((), AuditRecord::new(action, job.id).details(details)))
    }
}

impl HeldJob {
    /// Whether so many chunks more are a matter of this turn: afterwards it is another job's, or this node stops.
    pub fn has_time_for(&self, engine: &Engine, chunks: usize) -> bool {
        self.stored + chunks <= CHUNKS_MAX && !engine.jobs.is_stopping()
    }

    /// Runs one chunk as one transaction: the fence is shown first, the progress is stored with the effect.
    ///
    /// # Errors
    /// Whatever `body` answers; then nothing is stored.
    pub fn chunk(
        &mut self,
        engine: &Engine,
        name: &'static str,
        mut body: impl FnMut(&mut ProjectTx<'_>, &Job) -> Result<Progress, Error>,
    ) -> Result<Chunk, Error> {
        let now = engine.now();
        self.step(engine, name, |tx, job, fence| {
            let progress = body(tx, job)?;
            Ok(job.advance(fence, progress, now)?)
        })
    }

    /// Lets another node go on.
    ///
    /// # Errors
    /// When the database did not do its part; then the lease ends by itself.
    pub fn release(mut self, engine: &Engine) -> Result<(), Error> {
        let now = engine.now();
        self.step(engine, "release_job", |_, job, fence| Ok(job.release(fence, now)?)).map(|_| ())
    }

    /// Stores that a chunk failed: it is tried again later, unless no repetition can help.
    ///
    /// # Errors
    /// When the database did not do its part; then the lease ends by itself.
    pub fn fail(mut self, engine: &Engine, error: &Error) -> Result<(), Error> {
        let now = engine.now();
        let told = error.to_refusal().detail;
        self.step(engine, "fail_job", |_, job, fence| {
            Ok(match error {
                Error::Refused(_) | Error::RefusedForGood(_) => job.fail(fence, told.clone(), now)?,
                Error::Overloaded { .. } | Error::Storage(_) | Error::Bug(_) => {
                    job.stumble(fence, told.clone(), now)?
                }
            })
        })?;
        observe::stumbled(&self.job);
        Ok(())
    }

    fn step(
        &mut self,
        engine: &Engine,
        name: &'static str,
        mut step: impl FnMut(&mut ProjectTx<'_>, &Job, i64) -> Result<Job, Stop>,
    ) -> Result<Chunk, Error> {
        let id = self.job.id;
        let stored = engine.db().write(name, self.project, |tx| -> Result<Job, Stop> {
            let job = jobs::get_for_update(tx, id)?.ok_or_else(|| Error::Bug(format!("the job {id} is gone")))?;
            let fence = if cfg!(feature = "mutant_fence_not_checked") { job.fence } else { self.job.fence };
            job.require_held(fence)?;
            let stepped = step(tx, &job, fence)?;
            if stepped.is_open() {
                jobs::update(tx, &stepped)?;
            } else {
                engine.store_end(tx, &stepped)?;
            }
            Ok(stepped)
        });
        match stored {
            Ok(job) => {
                self.job = job;
                self.stored += 1;
            }
            Err(Stop::Lost) => {
                observe::lost(&self.job);
                return Ok(Chunk::LeaseLost);
            }
            Err(Stop::Failed(error)) => return Err(error),
        }
        if self.job.is_open() {
            return Ok(Chunk::More);
        }
        observe::ended(&self.job);
        Ok(Chunk::Complete)
    }
}

impl From<Refused> for Stop {
    fn from(refused: Refused) -> Stop {
        match refused {
            Refused::LeaseLost | Refused::Ended => Stop::Lost,
            Refused::NotDue => Stop::Failed(Error::Bug("only a claim asks whether a job is due".to_owned())),
        }
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Failed(error)
    }
}

impl From<StorageError> for Stop {
    fn from(error: StorageError) -> Stop {
        Stop::Failed(error.into())
    }
}

impl Retryable for Stop {
    fn is_retryable(&self) -> bool {
        match self {
            Stop::Lost => false,
            Stop::Failed(error) => error.is_retryable(),
        }
    }
}
