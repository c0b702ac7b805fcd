//! Jobs: work too long for one transaction, done in chunks by whichever node holds the lease. This file says which steps a
//! job may take; who stores them and what a chunk does is decided elsewhere.
//!
//! A node that takes a job gets a *fence*, one higher than the one before. Every write of a chunk shows it: when the lease
//! ran out and another node took over, the old fence opens nothing any more.

mod subject;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::ids::JobId;
use crate::named::named;
use crate::time::Instant;

pub use subject::{BacktestSubject, BillingRunSubject, MetricBackfillSubject, Subject};

named! {
    /// What kind of work it is.
    JobKind {
        /// The rows of a new version of a metric, made from stored events.
        MetricBackfill = "metricBackfill",
        /// Stored usage, rated under another plan version.
        Backtest = "backtest",
        /// What is due, charged and issued.
        BillingRun = "billingRun",
    }
}

named! {
    /// Where a job stands.
    JobState {
        /// Nobody began.
        Queued = "queued",
        /// Begun; a node works on it, or will go on where the last one stopped.
        Running = "running",
        Done = "done",
        /// Given up; `error` says why.
        Failed = "failed",
    }
}

/// How long a job belongs to a node that says nothing: each chunk renews it.
pub const LEASE: Duration = Duration::from_secs(60);
/// After so many tries in a row without a chunk that came through, a job has failed.
pub const ATTEMPTS_MAX: u32 = 5;

/// Work in chunks, as it stands.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    pub id: JobId,
    pub kind: JobKind,
    pub state: JobState,
    /// How much of `total` is done; what is counted depends on the kind (batches of events, customers).
    pub done: i64,
    /// How much there is to do; 0 while nobody has counted.
    pub total: i64,
    pub subject: Subject,
    /// How often in a row a try came to nothing.
    pub attempts: u32,
    /// What went wrong last; while the job runs it is tried again.
    pub error: Option<String>,
    /// The node that works on it now.
    pub node: Option<String>,
    /// From when on a node may take it: the end of the lease while one holds it.
    #[serde(skip)]
    pub due_at: Instant,
    /// Grows whenever a node takes the job.
    #[serde(skip)]
    pub fence: i64,
    /// Who asked for it.
    pub created_by: String,
    pub created_at: Instant,
    pub started_at: Option<Instant>,
    pub ended_at: Option<Instant>,
}

/// How far a chunk brought the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    More {
        done: i64,
        total: i64,
    },
    /// There is nothing left to do.
    Complete {
        total: i64,
    },
}

/// What becomes of a job that a node asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// It belongs to the node until the lease ends.
    Held(Job),
    /// Too many nodes stopped in the middle of the same chunk: it has failed.
    GivenUp(Job),
}

/// Why a job does not take a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the job has ended")]
    Ended,
    #[error("the job belongs to another node, or waits for its next try")]
    NotDue,
    /// Another node took the job: whoever shows this fence stopped for longer than its lease.
    #[error("the lease was lost to another node")]
    LeaseLost,
}

impl Job {
    /// A job that waits for a node.
    pub fn new(id: JobId, subject: Subject, created_by: String, now: Instant) -> Job {
        Job {
            id,
            kind: subject.kind(),
            state: JobState::Queued,
            done: 0,
            total: 0,
            subject,
            attempts: 0,
            error: None,
            node: None,
            due_at: now,
            fence: 0,
            created_by,
            created_at: now,
            started_at: None,
            ended_at: None,
        }
    }

    /// The job in the hands of a node. One whose lease ran out was left in the middle: that counts as a try.
    ///
    /// # Errors
    /// [`Refused::Ended`], or [`Refused::NotDue`] while somebody else holds it.
    pub fn claim(&self, node: &str, now: Instant) -> Result<Claim, Refused> {
        self.require_open()?;
        if self.due_at > now {
            return Err(Refused::NotDue);
        }
        let attempts = self.attempts + u32::from(self.node.is_some());
        if attempts >= ATTEMPTS_MAX {
            let error = format!("{ATTEMPTS_MAX} nodes stopped in the middle of the same chunk.");
            return Ok(Claim::GivenUp(Job { attempts, ..self.ended(JobState::Failed, now) }.because(error)));
        }
        Ok(Claim::Held(Job {
            state: JobState::Running,
            attempts,
            node: Some(node.to_owned()),
            due_at: after(now, LEASE),
            fence: self.fence + 1,
            started_at: self.started_at.or(Some(now)),
            ..self.clone()
        }))
    }

    /// The job after a chunk; the lease begins anew.
    ///
    /// # Errors
    /// [`Refused::LeaseLost`] for another fence than that of the node that holds the job; [`Refused::Ended`].
    pub fn advance(&self, fence: i64, progress: Progress, now: Instant) -> Result<Job, Refused> {
        self.require_held(fence)?;
        let went = Job { attempts: 0, error: None, ..self.clone() };
        Ok(match progress {
            Progress::More { done, total } => {
                assert!(0 <= done && done <= total, "a job never does more than there is to do");
                Job { done, total, due_at: after(now, LEASE), ..went }
            }
            Progress::Complete { total } => Job { done: total, total, ..went }.ended(JobState::Done, now),
        })
    }

    /// The job as another node may take it at once: this one does something else.
    ///
    /// # Errors
    /// As [`Job::advance`].
    pub fn release(&self, fence: i64, now: Instant) -> Result<Job, Refused> {
        self.require_held(fence)?;
        Ok(Job { node: None, due_at: now, ..self.clone() })
    }

    /// The job after a chunk that failed: tried again a little later, or given up.
    ///
    /// # Errors
    /// As [`Job::advance`].
    pub fn stumble(&self, fence: i64, error: String, now: Instant) -> Result<Job, Refused> {
        self.require_held(fence)?;
        let attempts = self.attempts + 1;
        if attempts >= ATTEMPTS_MAX {
            return Ok(Job { attempts, ..self.ended(JobState::Failed, now) }.because(error));
        }
        let pause = Duration::from_secs(1 << attempts);
        Ok(Job { attempts, node: None, due_at: after(now, pause), ..self.clone() }.because(error))
    }

    /// The job after a chunk that no repetition can help.
    ///
    /// # Errors
    /// As [`Job::advance`].
    pub fn fail(&self, fence: i64, error: String, now: Instant) -> Result<Job, Refused> {
        self.require_held(fence)?;
        Ok(self.ended(JobState::Failed, now).because(error))
    }

    pub fn is_open(&self) -> bool {
        match self.state {
            JobState::Queued | JobState::Running => true,
            JobState::Done | JobState::Failed => false,
        }
    }

    /// # Errors
    /// [`Refused::LeaseLost`] for another fence than that of the node that holds the job; [`Refused::Ended`].
    pub fn require_held(&self, fence: i64) -> Result<(), Refused> {
        self.require_open()?;
        if self.fence == fence && self.node.is_some() { Ok(()) } else { Err(Refused::LeaseLost) }
    }

    fn require_open(&self) -> Result<(), Refused> {
        if self.is_open() { Ok(()) } else { Err(Refused::Ended) }
    }

    fn ended(&self, state: JobState, now: Instant) -> Job {
        Job { state, node: None, due_at: now, ended_at: Some(now), ..self.clone() }
    }

    fn because(self, error: String) -> Job {
        Job { error: Some(error), ..self }
    }
}

fn after(now: Instant, duration: Duration) -> Instant {
    // A lease past the year 9999 ends now: at worst another node takes over.
    now.checked_add(duration).unwrap_or(now)
}
