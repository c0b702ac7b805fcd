//! Work that a test can watch: each chunk leaves one entry, so that a chunk done twice, or not at all, shows.

use domain::ids::{BacktestId, JobId, ProjectId};
use domain::jobs::{BacktestSubject, Job, Progress, Subject};
use engine::jobs::{Chunk, HeldJob};
use engine::{Engine, Error};
use storage::audit_entries::{self, AuditEntry, AuditFilter};
use storage::jobs;

use crate::world::World;

/// A job of the project that waits for a node.
pub fn queue(world: &World, project: ProjectId) -> JobId {
    let ctx = world.owner();
    let id: JobId = ctx.new_id();
    let subject = Subject::Backtest(BacktestSubject { backtest_id: BacktestId::from_uuid(id.uuid()) });
    let job = Job::new(id, subject, "Olivia Owner".to_owned(), ctx.now());
    world.db.write("queue_job", project, |tx| jobs::insert(tx, &job)).unwrap();
    id
}

/// One chunk of `total`: it leaves an entry with its number.
pub fn chunk(engine: &Engine, held: &mut HeldJob, total: i64) -> Result<Chunk, Error> {
    let ctx = engine.system_ctx("chunk", held.project);
    held.chunk(engine, "test_chunk", |tx, job| {
        let done = job.done + 1;
        let entry = AuditEntry {
            id: ctx.new_id(),
            happened_at: ctx.now(),
            actor_kind: "system".to_owned(),
            actor_id: job.node.clone().unwrap(),
            actor_name: "test".to_owned(),
            action: "test.chunk".to_owned(),
            target: done.to_string(),
            reason_code: None,
            reason: None,
            request_id: "req_test".to_owned(),
            details: serde_json::Value::Null,
        };
        audit_entries::insert(tx, &entry)?;
        Ok(if done == total { Progress::Complete { total } } else { Progress::More { done, total } })
    })
}

/// The numbers of the chunks that were stored, in their order.
pub fn chunks_done(world: &World, project: ProjectId) -> Vec<i64> {
    let filter = AuditFilter { action: Some("test.chunk".to_owned()), ..Default::default() };
    let entries = world.db.read("chunks_done", project, |tx| audit_entries::page(tx, &filter, 1_000)).unwrap();
    let mut numbers: Vec<i64> = entries.iter().map(|entry| entry.target.parse().unwrap()).collect();
    numbers.sort_unstable();
    numbers
}

pub fn stored(world: &World, project: ProjectId, id: JobId) -> Job {
    world.db.read("get_job", project, |tx| jobs::get(tx, id)).unwrap().unwrap()
}
