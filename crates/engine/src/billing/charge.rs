//! The charging phase of a run: chunks of payers, each decided in a snapshot of its own and stored in one transaction together with how far
//! the run is. While a chunk is stored, the next one is decided beside it: what is decided about a payer is read from what no chunk of other
//! payers writes, so it comes to the same whichever is faster.

use domain::billing::run::{BillingRun, RunCounts, RunPhase};
use domain::ids::ProjectId;
use domain::jobs::{Job, Progress};
use domain::time::Instant;
use storage::{ProjectTx, billing_items, billing_runs, customers};

use super::decide::{Again, Decision, Issued, Purpose, decide};
use super::load::{Batch, batch};
use super::refresh::refresh_due;
use super::report;
use super::run::load;
use super::save::{Saved, save};
use super::take::{self, Taken, take};
use crate::engine::Engine;
use crate::error::Error;
use crate::jobs::{Chunk, HeldJob, beside};

/// What one chunk stores.
pub(super) struct Part {
    pub batch: Batch,
    pub decisions: Vec<Decision>,
    pub taken: Taken,
}

/// Charges until nothing is left, or until it is another job's turn.
pub(super) fn charge(engine: &Engine, held: &mut HeldJob, mut run: BillingRun) -> Result<Chunk, Error> {
    if run.counts == RunCounts::default() {
        // What was accepted before the run began is counted by it.
        engine.fold_all(held.project)?;
    }
    let project = held.project;
    let Some(mut part) = decide_next(engine, project, &run, None)? else { return end(engine, held, &run) };
    loop {
        let goes_on = held.has_time_for(engine, 2);
        let after = BillingRun { last_payer: part.taken.last_payer.or(run.last_payer), ..run.clone() };
        let (stored, next) = beside(
            || store(engine, held, &run, &part),
            || if goes_on { decide_next(engine, project, &after, Some(&part.taken)) } else { Ok(None) },
        );
        match (stored?, next?) {
            (Chunk::More, Some(next)) => (run, part) = (after, next),
            // Without a next one there may still be something that was left alone: the next look tells.
            (stored, _) => return Ok(stored),
        }
    }
}

fn decide_next(
    engine: &Engine,
    project: ProjectId,
    run: &BillingRun,
    being_stored: Option<&Taken>,
) -> Result<Option<Part>, Error> {
    engine.read(project, "decide_billing", |tx| decide_part(tx, run, run.as_of, being_stored))
}

/// The next subscriptions with what is decided about them, levels as they stand at `now`; `None` when there are no more.
pub(super) fn decide_part(
    tx: &mut ProjectTx<'_>,
    run: &BillingRun,
    now: Instant,
    being_stored: Option<&Taken>,
) -> Result<Option<Part>, Error> {
    let again = run.scope.window.map(|time| Again { time, issued: Issued::Keep });
    let Some(taken) = take(tx, run, being_stored)? else { return Ok(None) };
    let batch = batch(tx, &taken.schedules)?;
    let purpose = Purpose { as_of: run.as_of, now, again, run: Some(run.id), is_forecast: false };
    let decisions = decide(tx, &batch, purpose)?;
    Ok(Some(Part { batch, decisions, taken }))
}

fn store(engine: &Engine, held: &mut HeldJob, run: &BillingRun, part: &Part) -> Result<Chunk, Error> {
    let Part { batch, decisions, taken } = part;
    let ctx = engine.clocked_ctx("billing", held.project)?;
    held.chunk(engine, "store_billing", |tx, job| {
        let mut after = load(tx, run.id)?;
        let Saved { counts, invoices } = save(tx, &ctx, batch, decisions, &after)?;
        report::store_drafts(tx, &after, &invoices)?;
        after.counts = after.counts.plus(counts);
        after.last_payer = taken.last_payer.or(after.last_payer);
        billing_runs::update(tx, &after)?;
        progress(tx, job, &after, counts.subscriptions)
    })
}

/// How far the job is when so many subscriptions more are stored.
pub(super) fn progress(
    tx: &mut ProjectTx<'_>,
    job: &Job,
    after: &BillingRun,
    subscriptions: i64,
) -> Result<Progress, Error> {
    let done = job.done + subscriptions;
    // Counted once: what is due until an instant hardly grows while a run is at it.
    let total = if job.total == 0 { done + take::left(tx, after)? } else { job.total.max(done) };
    Ok(Progress::More { done, total })
}

/// Nothing is left to charge: drafts that are due are brought up to date, and the run goes on to issue them.
fn end(engine: &Engine, held: &mut HeldJob, run: &BillingRun) -> Result<Chunk, Error> {
    if let Chunk::LeaseLost = refresh_due(engine, held, run)? {
        return Ok(Chunk::LeaseLost);
    }
    held.chunk(engine, "store_billing", |tx, job| {
        let mut after = load(tx, run.id)?;
        after.phase = RunPhase::Issue;
        after.counts = after.counts.plus(known_before(tx, &after)?);
        billing_runs::update(tx, &after)?;
        Ok(Progress::More { done: job.done, total: job.done })
    })
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
