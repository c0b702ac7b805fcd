//! What a metrics surface shows of jobs: how many wait and run, how their runs end, who contends for them.

use domain::jobs::{Job, JobState};
use storage::jobs;

use crate::engine::Engine;
use crate::error::Error;

pub(super) fn ended(job: &Job) {
    count(job, job.state.as_str());
}

/// A chunk failed, and the job goes on later; one that gave up is counted as ended.
pub(super) fn stumbled(job: &Job) {
    if job.is_open() {
        count(job, "retried");
    }
}

/// Another node took the job meanwhile.
pub(super) fn lost(job: &Job) {
    count(job, "lease_lost");
    contended("job_lease");
}

/// Somebody else held what this node asked for.
pub(crate) fn contended(lock: &'static str) {
    metrics::counter!("neruba_lock_contention_total", "lock" => lock).increment(1);
}

fn count(job: &Job, outcome: &'static str) {
    metrics::counter!("neruba_job_outcomes_total", "kind" => job.kind.as_str(), "outcome" => outcome).increment(1);
}

/// Sets the gauges of jobs that have not ended, over all projects.
pub(super) fn set_gauges(engine: &Engine) -> Result<(), Error> {
    let counts =
        engine.db().read_installation("count_open_jobs", |tx| -> Result<_, Error> { Ok(jobs::count_open(tx)?) })?;
    for state in [JobState::Queued, JobState::Running] {
        let count = counts.iter().find(|(known, _)| *known == state).map_or(0, |(_, count)| *count);
        // Cannot fail: nobody has 2^32 jobs.
        let count = u32::try_from(count).expect("a number of jobs fits");
        metrics::gauge!("neruba_jobs", "state" => state.as_str()).set(count);
    }
    Ok(())
}
