//! Billing runs: what was asked for, how far each is, and what came of it. The items are in `billing_items`.

use domain::billing::run::{BillingRun, RunCounts, RunMode, RunPhase, RunTrigger};
use domain::ids::BillingRunId;
use domain::time::Instant;

use crate::error::StorageError;
use crate::sql::value::JsonText;
use crate::sql::{Row, params, sql};
use crate::tx::ProjectTx;

/// Adds a run.
///
/// # Errors
/// A violation of `billing_runs_open` when another run bills the project just now.
pub fn insert(tx: &mut ProjectTx<'_>, run: &BillingRun) -> Result<(), StorageError> {
    let scope = serde_json::to_string(&run.scope).map_err(|error| StorageError::corrupt(error.to_string()))?;
    tx.execute(
        sql!(
            "-- insert_billing_run
            insert into billing_runs (project_id, id, job_id, mode, started_by, scope, as_of, phase, subscriptions, planned,
                charged, unchanged, skipped, failed, drafts, issued, created_by, created_at)
            values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, 0, 0, 0, 0, 0, 0, 0, ?9, ?10)"
        ),
        &params![
            run.id,
            run.job,
            run.mode.as_str(),
            run.trigger.as_str(),
            JsonText(scope),
            run.as_of,
            run.phase.as_str(),
            &run.created_by,
            run.created_at,
        ],
    )?;
    Ok(())
}

/// Stores how far a run is. The caller holds its job.
pub fn update(tx: &mut ProjectTx<'_>, run: &BillingRun) -> Result<(), StorageError> {
    let counts = run.counts;
    let updated = tx.execute(
        sql!(
            "-- update_billing_run
            update billing_runs
            set phase = ?3, subscriptions = ?4, planned = ?5, charged = ?6, unchanged = ?7, skipped = ?8, failed = ?9,
                drafts = ?10, issued = ?11, last_payer_id = ?12
            where project_id = ?1 and id = ?2"
        ),
        &params![
            run.id,
            run.phase.as_str(),
            counts.subscriptions,
            counts.planned,
            counts.charged,
            counts.unchanged,
            counts.skipped,
            counts.failed,
            counts.drafts,
            counts.issued,
            run.last_payer,
        ],
    )?;
    assert_eq!(updated, 1, "a run that is updated exists");
    Ok(())
}

pub fn get(tx: &mut ProjectTx<'_>, id: BillingRunId) -> Result<Option<BillingRun>, StorageError> {
    tx.query_opt(
        sql!(
            "-- get_billing_run
            select id, job_id, mode, started_by, scope, as_of, phase, last_payer_id, subscriptions, planned, charged, unchanged, skipped, failed,
                drafts, issued, created_by, created_at
            from billing_runs
            where project_id = ?1 and id = ?2"
        ),
        &params![id],
        read,
    )
}

/// The run that bills the project just now.
pub fn open(tx: &mut ProjectTx<'_>) -> Result<Option<BillingRun>, StorageError> {
    tx.query_opt(
        sql!(
            "-- open_billing_run
            select id, job_id, mode, started_by, scope, as_of, phase, last_payer_id, subscriptions, planned, charged, unchanged, skipped, failed,
                drafts, issued, created_by, created_at
            from billing_runs
            where project_id = ?1 and mode = 'bill' and phase in ('charge', 'issue')"
        ),
        &[],
        read,
    )
}

/// The newest first.
pub fn page(tx: &mut ProjectTx<'_>, before: Option<BillingRunId>, limit: i64) -> Result<Vec<BillingRun>, StorageError> {
    tx.query(
        sql!(
            "-- page_billing_runs
            select id, job_id, mode, started_by, scope, as_of, phase, last_payer_id, subscriptions, planned, charged, unchanged, skipped, failed,
                drafts, issued, created_by, created_at
            from billing_runs
            where project_id = ?1
              and (cast(?2 as {uuid}) is null or id < ?2)
            order by id desc
            limit ?3"
        ),
        &params![before, limit],
        read,
    )
}

/// Runs that billed and are done, those of the latest times first, from before an instant.
pub fn done_before(tx: &mut ProjectTx<'_>, as_of: Instant, limit: i64) -> Result<Vec<BillingRun>, StorageError> {
    tx.query(
        sql!(
            "-- billing_runs_done_before
            select id, job_id, mode, started_by, scope, as_of, phase, last_payer_id, subscriptions, planned, charged, unchanged, skipped, failed,
                drafts, issued, created_by, created_at
            from billing_runs
            where project_id = ?1
              and mode = 'bill'
              and phase = 'done'
              and as_of < ?2
            order by as_of desc, id desc
            limit ?3"
        ),
        &params![as_of, limit],
        read,
    )
}

fn read(row: &Row<'_>) -> Result<BillingRun, StorageError> {
    let JsonText(scope) = row.get(4)?;
    Ok(BillingRun {
        id: row.get(0)?,
        job: row.get(1)?,
        mode: row.named(2, RunMode::parse)?,
        trigger: row.named(3, RunTrigger::parse)?,
        scope: serde_json::from_str(&scope).map_err(|_| StorageError::corrupt("the scope of a billing run"))?,
        as_of: row.get(5)?,
        phase: row.named(6, RunPhase::parse)?,
        last_payer: row.get(7)?,
        counts: RunCounts {
            subscriptions: row.get(8)?,
            planned: row.get(9)?,
            charged: row.get(10)?,
            unchanged: row.get(11)?,
            skipped: row.get(12)?,
            failed: row.get(13)?,
            drafts: row.get(14)?,
            issued: row.get(15)?,
        },
        created_by: row.get(16)?,
        created_at: row.get(17)?,
    })
}
