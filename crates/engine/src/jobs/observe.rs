//! What a metrics surface shows of jobs: how their runs end, who contends for them.

use domain::jobs::Job;

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
