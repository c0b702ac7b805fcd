//! The job of a billing run. Payers are taken in chunks, each with all its subscriptions: a chunk is decided in a snapshot of its own and
//! stored in one transaction together with how far the run is. Then the drafts that have waited long enough are brought up to date
//! ([`super::refresh`]) and issued, in the order of time and customer. Whatever dies in between, the next chunk begins where the last one
//! ended.

use domain::billing::run::{BillingRun, RunCounts, RunMode, RunPhase};
use domain::ids::{BillingRunId, InvoiceId};
use domain::invoices::record::InvoiceRecord;
use domain::invoices::settings::Finalization;
use domain::jobs::Progress;
use domain::time::Instant;
use storage::{ProjectTx, billing_items, billing_runs, customers, invoices, projects, reconciliations};

use super::decide::{Again, Decision, Issued, Purpose, RETRY_AFTER, decide};
use super::load::{Batch, batch};
use super::refresh::refresh_due;
use super::save::{Saved, save};
use super::take::{Taken, take};
use super::{dry_run, report};
use crate::engine::Engine;
use crate::error::Error;
use crate::invoices::{IssueMoment, RECONCILED_MAX, issue_each, next_reconciliations};
use crate::jobs::{Chunk, HeldJob};

/// The most invoices that are issued in one chunk.
const DRAFTS_MAX: i64 = 100;

/// What one chunk stores.
pub(super) struct Part {
    pub batch: Batch,
    pub decisions: Vec<Decision>,
    pub taken: Taken,
}

/// One chunk of the job.
pub(crate) fn chunk(engine: &Engine, held: &mut HeldJob, id: BillingRunId) -> Result<Chunk, Error> {
    let run = engine.read(held.project, "get_billing_run", |tx| load(tx, id))?;
    match run.phase {
        RunPhase::Charge if run.mode == RunMode::DryRun => dry_run::chunk(engine, held, run),
        RunPhase::Charge => charge(engine, held, run),
        RunPhase::Issue if engine.read(held.project, "look_for_drafts", |tx| due_drafts(tx, &run, 1))?.is_empty() => {
            reconcile(engine, held, run)
        }
        RunPhase::Issue => issue(engine, held, run),
        RunPhase::Done | RunPhase::Failed => finish(engine, held, run),
    }
}

pub(super) fn load(tx: &mut ProjectTx<'_>, id: BillingRunId) -> Result<BillingRun, Error> {
    billing_runs::get(tx, id)?.ok_or_else(|| Error::Bug(format!("the run {id} is gone")))
}

fn charge(engine: &Engine, held: &mut HeldJob, run: BillingRun) -> Result<Chunk, Error> {
    if run.counts == RunCounts::default() {
        // What was accepted before the run began is counted by it.
        engine.fold_all(held.project)?;
    }
    let part = engine.read(held.project, "decide_billing", |tx| decide_part(tx, &run, run.as_of))?;
    if part.is_none()
        && let Chunk::LeaseLost = refresh_due(engine, held, &run)?
    {
        return Ok(Chunk::LeaseLost);
    }
    let ctx = engine.clocked_ctx("billing", held.project)?;
    held.chunk(engine, "store_billing", |tx, job| {
        let mut after = load(tx, run.id)?;
        let Some(Part { batch, decisions, taken }) = &part else {
            after.phase = RunPhase::Issue;
            after.counts = after.counts.plus(known_before(tx, &after)?);
            billing_runs::update(tx, &after)?;
            return Ok(Progress::More { done: job.done, total: job.done });
        };
        let Saved { counts, invoices } = save(tx, &ctx, batch, decisions, &after)?;
        report::store_drafts(tx, &after, &invoices)?;
        after.counts = after.counts.plus(counts);
        after.last_payer = taken.last_payer.or(after.last_payer);
        billing_runs::update(tx, &after)?;
        let done = job.done + counts.subscriptions;
        Ok(Progress::More { done, total: done + taken.left })
    })
}

/// The next subscriptions with what is decided about them, levels as they stand at `now`; `None` when there are no more.
pub(super) fn decide_part(tx: &mut ProjectTx<'_>, run: &BillingRun, now: Instant) -> Result<Option<Part>, Error> {
    let again = run.scope.window.map(|time| Again { time, issued: Issued::Keep });
    let Some(taken) = take(tx, run)? else { return Ok(None) };
    let batch = batch(tx, &taken.schedules)?;
    let decisions =
        decide(tx, &batch, Purpose { as_of: run.as_of, now, again, run: Some(run.id), is_forecast: false })?;
    Ok(Some(Part { batch, decisions, taken }))
}

/// Items that an earlier run planned as of the same instant: nothing was left to do about them.
pub(super) fn known_before(tx: &mut ProjectTx<'_>, run: &BillingRun) -> Result<RunCounts, Error> {
    if run.scope.window.is_some() {
        // It looked at each item of its window.
        return Ok(RunCounts::default());
    }
    let customer = match &run.scope.customer_key {
        Some(key) => customers::find_by_key(tx, key)?.map(|customer| customer.id),
        None => None,
    };
    let unchanged = billing_items::count_planned(tx, run.as_of, run.id, customer)?;
    Ok(RunCounts { planned: unchanged, unchanged, ..RunCounts::default() })
}

/// The next drafts in the order of their numbers. One that cannot be issued waits for an hour and holds up nobody else.
fn issue(engine: &Engine, held: &mut HeldJob, run: BillingRun) -> Result<Chunk, Error> {
    assert_eq!(run.mode, RunMode::Bill, "a dry run issues nothing");
    let ctx = engine.clocked_ctx("billing", held.project)?;
    held.chunk(engine, "issue_invoices", |tx, job| {
        let mut after = load(tx, run.id)?;
        let drafts = due_drafts(tx, &after, DRAFTS_MAX)?;
        let ids: Vec<InvoiceId> = drafts.iter().map(|draft| draft.id).collect();
        let (issued, refused) = issue_each(tx, &ctx, &ids, IssueMoment::WhenDue)?;
        report::store_issued(tx, &after, &issued)?;
        report::store_refused(tx, &after, &refused)?;
        for (invoice, reason) in &refused {
            tracing::warn!(%invoice, reason, "a draft cannot be issued; it is tried again in an hour");
            invoices::postpone(tx, *invoice, run.as_of.checked_add(RETRY_AFTER).unwrap_or(run.as_of))?;
        }
        let count = i64::try_from(issued.figures.len()).map_err(|_| Error::Bug("a chunk has an end".to_owned()))?;
        after.counts.issued += count;
        billing_runs::update(tx, &after)?;
        Ok(Progress::More { done: job.done, total: job.total })
    })
}

/// Counts anew what was issued, in a snapshot: whoever writes does not wait for it. When nothing is left, the run is done.
fn reconcile(engine: &Engine, held: &mut HeldJob, run: BillingRun) -> Result<Chunk, Error> {
    let ctx = engine.clocked_ctx("billing", held.project)?;
    let made =
        engine.read(held.project, "reconcile_invoices", |tx| next_reconciliations(tx, ctx.now(), RECONCILED_MAX))?;
    if made.is_empty() {
        return finish(engine, held, run);
    }
    held.chunk(engine, "store_reconciliations", |tx, job| {
        reconciliations::insert_many(tx, &made)?;
        Ok(Progress::More { done: job.done, total: job.total })
    })
}

/// The next drafts that wait no longer; of who pays for the customer, where one is named.
fn due_drafts(tx: &mut ProjectTx<'_>, run: &BillingRun, limit: i64) -> Result<Vec<InvoiceRecord>, Error> {
    let project = projects::get(tx)?.ok_or_else(Error::not_found)?;
    match (project.policies.invoice_finalization, &run.scope.customer_key) {
        (Finalization::Manual, _) => Ok(Vec::new()),
        (Finalization::Automatic, None) => Ok(invoices::due_drafts(tx, run.as_of, limit)?),
        (Finalization::Automatic, Some(key)) => {
            let Some(customer) = customers::find_by_key(tx, key)? else { return Ok(Vec::new()) };
            let mut drafts = invoices::due_drafts_of(tx, run.as_of, &[customer.payer_id()])?;
            drafts.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
            Ok(drafts)
        }
    }
}

fn finish(engine: &Engine, held: &mut HeldJob, run: BillingRun) -> Result<Chunk, Error> {
    held.chunk(engine, "finish_billing_run", |tx, job| {
        let mut after = load(tx, run.id)?;
        after.phase = RunPhase::Done;
        billing_runs::update(tx, &after)?;
        Ok(Progress::Complete { total: job.done })
    })
}
