//! Running jobs in turns: each takes one job, runs some of its chunks and lets it go, so that no project waits for the long
//! job of another.

use std::panic::{AssertUnwindSafe, catch_unwind};

use domain::ids::ProjectId;

use super::lease::{Chunk, HeldJob};
use crate::engine::Engine;
use crate::error::Error;

/// One chunk of whatever kind of job it is.
pub type Step<'s> = &'s dyn Fn(&Engine, &mut HeldJob) -> Result<Chunk, Error>;

/// What came of looking for something to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    Ran,
    /// There is no job to be had.
    Idle,
}

impl Engine {
    /// Runs the jobs of one project until none is due.
    ///
    /// # Errors
    /// When the database did not do its part. A chunk that fails is no error: its job stands in line again, or has failed.
    pub fn run_jobs_with(&self, project: ProjectId, step: Step<'_>) -> Result<(), Error> {
        while !self.jobs.is_stopping() && self.run_turn(project, step)? == Turn::Ran {}
        Ok(())
    }

    /// Runs a job of the project for a turn.
    pub(super) fn run_turn(&self, project: ProjectId, step: Step<'_>) -> Result<Turn, Error> {
        let Some(mut held) = self.claim_job(project)? else {
            return Ok(Turn::Idle);
        };
        while held.has_time_for(self, 1) {
            match guarded(self, &mut held, step) {
                Ok(Chunk::More) => {}
                Ok(Chunk::Complete | Chunk::LeaseLost) => return Ok(Turn::Ran),
                Err(error) => {
                    let job = held.job.id;
                    tracing::warn!(%job, error = &error as &dyn std::error::Error, "a chunk of a job failed");
                    held.fail(self, &error)?;
                    return Ok(Turn::Ran);
                }
            }
        }
        held.release(self)?;
        Ok(Turn::Ran)
    }
}

/// One chunk; a panic in it is a bug that the job tells of, and the thread lives on.
fn guarded(engine: &Engine, held: &mut HeldJob, step: Step<'_>) -> Result<Chunk, Error> {
    catch_unwind(AssertUnwindSafe(|| step(engine, held)))
        .unwrap_or_else(|_| Err(Error::Bug("a chunk of a job panicked".to_owned())))
}
