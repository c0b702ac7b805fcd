//! The thread that runs jobs. Several nodes may run it at once; one that only answers requests need not.

use std::time::Duration;

use domain::ids::ProjectId;
use domain::jobs::Subject;
use storage::jobs;

use super::lease::{Chunk, HeldJob};
use super::observe;
use super::run::Turn;
use crate::engine::Engine;
use crate::error::Error;

/// How often the calendars of all projects are looked at.
const DUE_WORK_EVERY: Duration = Duration::from_secs(60);

impl Engine {
    /// Runs the jobs of all projects until none is due, in turns.
    ///
    /// # Errors
    /// When the database did not do its part; what was done until then stays done.
    pub fn run_jobs(&self) -> Result<(), Error> {
        loop {
            let now = self.now();
            let projects = self.db().read_installation("find_due_jobs", |tx| -> Result<Vec<ProjectId>, Error> {
                Ok(jobs::projects_with_due(tx, now)?)
            })?;
            let mut turn = Turn::Idle;
            for project in projects {
                if self.jobs.is_stopping() {
                    return Ok(());
                }
                if self.run_turn(project, &chunk)? == Turn::Ran {
                    turn = Turn::Ran;
                }
            }
            // What is due and not to be had runs on another node.
            if turn == Turn::Idle {
                return Ok(());
            }
        }
    }

    /// Runs the jobs of one project until none is due.
    ///
    /// # Errors
    /// As [`Engine::run_jobs`].
    pub fn run_jobs_of(&self, project: ProjectId) -> Result<(), Error> {
        self.run_jobs_with(project, &chunk)
    }
}

/// The next chunk of whatever it is.
pub fn chunk(engine: &Engine, held: &mut HeldJob) -> Result<Chunk, Error> {
    match held.job.subject.clone() {
        Subject::MetricBackfill(subject) => crate::metrics::backfill::chunk(engine, held, &subject),
        Subject::Backtest(subject) => crate::backtests::run::chunk(engine, held, subject.backtest_id),
        Subject::BillingRun(subject) => crate::billing::run::chunk(engine, held, subject.billing_run_id),
    }
}

/// Runs jobs, and once a minute what the calendars of the projects say, until it is told to stop; a job at hand is let go after its chunk.
pub(crate) fn run(engine: &Engine) {
    let mut next_look = engine.now();
    while engine.jobs.wait() {
        let mut ran = engine.run_jobs().and_then(|()| observe::set_gauges(engine));
        let now = engine.now();
        if now >= next_look {
            next_look = now.checked_add(DUE_WORK_EVERY).unwrap_or(now);
            ran = ran.and_then(|()| engine.run_all_due_work());
        }
        if let Err(error) = ran {
            tracing::warn!(error = &error as &dyn std::error::Error, "running jobs failed; it is tried again");
        }
    }
}
