//! Jobs: work too long for one transaction. A use case makes one in its own transaction; the job worker of some node does it
//! in chunks; people watch it here.
//!
//! The lease saves work, the fence keeps it right: each chunk is one transaction that first shows the fence, and that stores
//! its effect together with how far the job came. So a chunk happens once, whoever dies and whoever comes back.

mod beside;
mod lease;
pub(crate) mod observe;
mod run;
mod runtime;
pub mod worker;

use domain::access::Permission;
use domain::ids::JobId;
use domain::jobs::{Job, JobKind, JobState, Subject};
use storage::ProjectTx;
use storage::jobs::{self, JobFilter};

use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;
use crate::page::page_limit;

pub(crate) use beside::beside;
pub use lease::{Chunk, HeldJob};
pub use run::{Step, Turn};
pub(crate) use runtime::Runtime;

/// What a list of jobs is narrowed to.
#[derive(Debug, Clone, Copy, Default)]
pub struct JobQuery {
    pub kind: Option<JobKind>,
    pub state: Option<JobState>,
    /// Only jobs that were made before this one.
    pub before: Option<JobId>,
}

/// Makes a job in the transaction that wants it done. Tell the worker afterwards ([`Runtime::announce`]).
pub(crate) fn queue_job(tx: &mut ProjectTx<'_>, ctx: &Ctx, subject: Subject) -> Result<JobId, Error> {
    let job = Job::new(ctx.new_id(), subject, ctx.caller.actor.name().to_owned(), ctx.received_at());
    jobs::insert(tx, &job)?;
    Ok(job.id)
}

impl Engine {
    /// The newest jobs first; `limit` of them at most.
    ///
    /// # Errors
    /// `forbidden` without the permission to see them.
    pub fn list_jobs(&self, ctx: &Ctx, query: JobQuery, limit: usize) -> Result<Vec<Job>, Error> {
        ctx.require(Permission::JobsRead)?;
        let JobQuery { kind, state, before } = query;
        let filter = JobFilter { kind, state, before };
        self.read(ctx.project, "list_jobs", |tx| Ok(jobs::page(tx, filter, page_limit(limit))?))
    }

    /// One job.
    ///
    /// # Errors
    /// `not_found`; `forbidden` without the permission to see it.
    pub fn get_job(&self, ctx: &Ctx, id: JobId) -> Result<Job, Error> {
        ctx.require(Permission::JobsRead)?;
        self.read(ctx.project, "get_job", |tx| Ok(jobs::get(tx, id)?))?.ok_or_else(Error::not_found)
    }
}
