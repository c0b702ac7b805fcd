//! Jobs and their leases. Which steps a job may take is decided in `domain::jobs`.

use domain::ids::{JobId, ProjectId};
use domain::jobs::{Job, JobKind, JobState, Subject};
use domain::time::Instant;

use crate::error::StorageError;
use crate::sql::value::JsonText;
use crate::sql::{Row, Value, bulk_sql, params, sql};
use crate::tx::{InstallationTx, ProjectTx};

/// Which jobs a list shows.
#[derive(Debug, Clone, Copy, Default)]
pub struct JobFilter {
    pub kind: Option<JobKind>,
    pub state: Option<JobState>,
    /// Only jobs that were made before this one.
    pub before: Option<JobId>,
}

pub fn insert(tx: &mut ProjectTx<'_>, job: &Job) -> Result<(), StorageError> {
    tx.execute(
        sql!(
            "-- insert_job
            insert into jobs (project_id, id, kind, state, done, total, subject, attempts, error, node, due_at, fence,
                created_by, created_at, started_at, ended_at)
            values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)"
        ),
        &params![
            job.id,
            job.kind.as_str(),
            job.state.as_str(),
            job.done,
            job.total,
            subject(job)?,
            job.attempts,
            job.error.as_deref(),
            job.node.as_deref(),
            job.due_at,
            job.fence,
            &job.created_by,
            job.created_at,
            job.started_at,
            job.ended_at,
        ],
    )?;
    Ok(())
}

/// Stores what changes while a job runs.
pub fn update(tx: &mut ProjectTx<'_>, job: &Job) -> Result<(), StorageError> {
    let updated = tx.execute(
        sql!(
            "-- update_job
            update jobs
            set state = ?3, done = ?4, total = ?5, attempts = ?6, error = ?7, node = ?8, due_at = ?9, fence = ?10,
                started_at = ?11, ended_at = ?12
            where project_id = ?1 and id = ?2"
        ),
        &params![
            job.id,
            job.state.as_str(),
            job.done,
            job.total,
            job.attempts,
            job.error.as_deref(),
            job.node.as_deref(),
            job.due_at,
            job.fence,
            job.started_at,
            job.ended_at,
        ],
    )?;
    assert_eq!(updated, 1, "a job that is changed exists");
    Ok(())
}

pub fn get(tx: &mut ProjectTx<'_>, id: JobId) -> Result<Option<Job>, StorageError> {
    tx.query_opt(
        sql!(
            "-- get_job
            select id, kind, state, done, total, subject, attempts, error, node, due_at, fence, created_by, created_at,
                started_at, ended_at
            from jobs
            where project_id = ?1 and id = ?2"
        ),
        &params![id],
        read,
    )
}

/// Those of the jobs that exist, in no order.
pub fn find_many(tx: &mut ProjectTx<'_>, ids: &[JobId]) -> Result<Vec<Job>, StorageError> {
    let rows: Vec<[Value<'_>; 1]> = ids.iter().map(|id| params![*id]).collect();
    tx.query_many(
        bulk_sql!(
            "-- find_jobs
            select j.id, j.kind, j.state, j.done, j.total, j.subject, j.attempts, j.error, j.node, j.due_at, j.fence,
                j.created_by, j.created_at, j.started_at, j.ended_at
            from {rows}
            join jobs j on j.project_id = r.project_id and j.id = r.id",
            [project_id: Uuid, id: Uuid]
        ),
        &rows,
        read,
    )
}

/// As [`get`], and nobody else changes the job until this transaction ends.
pub fn get_for_update(tx: &mut ProjectTx<'_>, id: JobId) -> Result<Option<Job>, StorageError> {
    tx.query_opt(
        sql!(
            "-- get_job_for_update
            select id, kind, state, done, total, subject, attempts, error, node, due_at, fence, created_by, created_at,
                started_at, ended_at
            from jobs
            where project_id = ?1 and id = ?2
            {for_update}"
        ),
        &params![id],
        read,
    )
}

/// The job that has waited longest to be taken, held for this transaction. One that another transaction holds is left out.
pub fn next_due_for_update(tx: &mut ProjectTx<'_>, now: Instant) -> Result<Option<Job>, StorageError> {
    tx.query_opt(
        sql!(
            "-- next_due_job
            select id, kind, state, done, total, subject, attempts, error, node, due_at, fence, created_by, created_at,
                started_at, ended_at
            from jobs
            where project_id = ?1 and ended_at is null and due_at <= ?2
            order by due_at, id
            limit 1
            {for_update} {skip_locked}"
        ),
        &params![now],
        read,
    )
}

/// The projects that have a job to be taken.
pub fn projects_with_due(tx: &mut InstallationTx<'_>, now: Instant) -> Result<Vec<ProjectId>, StorageError> {
    tx.query(
        sql!(
            "-- projects_with_due_jobs
            select p.id
            from projects p
            where exists (select 1 from jobs j where j.project_id = p.id and j.ended_at is null and j.due_at <= ?1)
            order by p.id"
        ),
        &params![now],
        |row| row.get(0),
    )
}

/// How many jobs are in each state that is not the end, over all projects.
pub fn count_open(tx: &mut InstallationTx<'_>) -> Result<Vec<(JobState, i64)>, StorageError> {
    tx.query(
        sql!(
            "-- count_open_jobs
            select j.state, count(*)
            from projects p
            join jobs j on j.project_id = p.id and j.ended_at is null
            group by j.state"
        ),
        &[],
        |row| Ok((row.named(0, JobState::parse)?, row.get(1)?)),
    )
}

/// The jobs of a kind that have not ended, the oldest first.
pub fn open_of_kind(tx: &mut ProjectTx<'_>, kind: JobKind) -> Result<Vec<Job>, StorageError> {
    tx.query(
        sql!(
            "-- open_jobs_of_kind
            select id, kind, state, done, total, subject, attempts, error, node, due_at, fence, created_by, created_at,
                started_at, ended_at
            from jobs
            where project_id = ?1 and ended_at is null and kind = ?2
            order by id"
        ),
        &params![kind.as_str()],
        read,
    )
}

/// The newest first.
pub fn page(tx: &mut ProjectTx<'_>, filter: JobFilter, limit: i64) -> Result<Vec<Job>, StorageError> {
    tx.query(
        sql!(
            "-- page_jobs
            select id, kind, state, done, total, subject, attempts, error, node, due_at, fence, created_by, created_at,
                started_at, ended_at
            from jobs
            where project_id = ?1
              and (cast(?2 as text) is null or kind = ?2)
              and (cast(?3 as text) is null or state = ?3)
              and (cast(?4 as {uuid}) is null or id < ?4)
            order by id desc
            limit ?5"
        ),
        &params![filter.kind.map(JobKind::as_str), filter.state.map(JobState::as_str), filter.before, limit],
        read,
    )
}

fn subject(job: &Job) -> Result<Value<'static>, StorageError> {
    let text = serde_json::to_string(&job.subject).map_err(|error| StorageError::corrupt(error.to_string()))?;
    Ok(Value::from(JsonText(text)))
}

fn read(row: &Row<'_>) -> Result<Job, StorageError> {
    let kind = row.named(1, JobKind::parse)?;
    let JsonText(subject) = row.get(5)?;
    Ok(Job {
        id: row.get(0)?,
        kind,
        state: row.named(2, JobState::parse)?,
        done: row.get(3)?,
        total: row.get(4)?,
        subject: Subject::read(kind, &subject)
            .ok_or_else(|| StorageError::corrupt(format!("the subject of a job of kind {kind}: {subject}")))?,
        attempts: row.get(6)?,
        error: row.get(7)?,
        node: row.get(8)?,
        due_at: row.get(9)?,
        fence: row.get(10)?,
        created_by: row.get(11)?,
        created_at: row.get(12)?,
        started_at: row.get(13)?,
        ended_at: row.get(14)?,
    })
}
