//! The issuing phase of a run: drafts that have waited long enough are issued, chunk by chunk, in the order of time and customer. Beside
//! these chunks, what the ones before them issued is reconciled in a snapshot, so that whoever writes does not wait for it.

use domain::billing::run::{BillingRun, RunMode};
use domain::ids::InvoiceId;
use domain::invoices::record::InvoiceRecord;
use domain::invoices::settings::Finalization;
use domain::jobs::Progress;
use storage::reconciliations::{self, StoredReconciliation};
use storage::{ProjectTx, billing_runs, customers, invoices, projects};

use super::decide::RETRY_AFTER;
use super::report;
use super::run::{finish, load};
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;
use crate::invoices::{IssueMoment, RECONCILED_MAX, issue_each, reconcile};
use crate::jobs::{Chunk, HeldJob, beside};

/// The most invoices that are issued in one chunk.
const DRAFTS_MAX: i64 = 100;
/// The most chunks beside which invoices are reconciled at once: as many as those are.
const CHUNKS_BESIDE: i64 = RECONCILED_MAX / DRAFTS_MAX;

/// What is left to do.
struct Left {
    has_drafts: bool,
    /// Invoices that are issued and not reconciled yet.
    issued: Vec<InvoiceId>,
}

/// Issues some chunks and reconciles those before; when nothing is left, the run is done.
pub(super) fn issue(engine: &Engine, held: &mut HeldJob, run: &BillingRun) -> Result<Chunk, Error> {
    assert_eq!(run.mode, RunMode::Bill, "a dry run issues nothing");
    let project = held.project;
    let Left { has_drafts, issued } = engine.read(project, "look_for_drafts", |tx| left(tx, run))?;
    if !has_drafts && issued.is_empty() {
        return finish(engine, held, run);
    }
    let ctx = engine.clocked_ctx("billing", project)?;
    let (stored, made) = beside(
        || if has_drafts { issue_some(engine, held, &ctx, run) } else { Ok(Chunk::More) },
        || engine.read(project, "reconcile_invoices", |tx| reconcile(tx, &issued, ctx.now())),
    );
    match (stored?, made?) {
        (Chunk::More, made) if !made.is_empty() => store_reconciliations(engine, held, &made),
        (stored, _) => Ok(stored),
    }
}

fn left(tx: &mut ProjectTx<'_>, run: &BillingRun) -> Result<Left, Error> {
    let has_drafts = !due_drafts(tx, run, 1)?.is_empty();
    let mut issued = reconciliations::next(tx, RECONCILED_MAX)?;
    if has_drafts && count(&issued) < RECONCILED_MAX {
        // Many cost little more than a few: the others are soon there.
        issued.clear();
    }
    Ok(Left { has_drafts, issued })
}

fn issue_some(engine: &Engine, held: &mut HeldJob, ctx: &Ctx, run: &BillingRun) -> Result<Chunk, Error> {
    for _ in 0..CHUNKS_BESIDE {
        let (stored, drafts) = issue_next(engine, held, ctx, run)?;
        // One more chunk stores the reconciliations.
        if stored != Chunk::More || drafts < DRAFTS_MAX || !held.has_time_for(engine, 2) {
            return Ok(stored);
        }
    }
    Ok(Chunk::More)
}

/// The next drafts in the order of their numbers, and how many they were. One that cannot be issued waits for an hour and holds up nobody
/// else.
fn issue_next(engine: &Engine, held: &mut HeldJob, ctx: &Ctx, run: &BillingRun) -> Result<(Chunk, i64), Error> {
    let mut found = 0;
    let stored = held.chunk(engine, "issue_invoices", |tx, job| {
        let mut after = load(tx, run.id)?;
        let drafts = due_drafts(tx, &after, DRAFTS_MAX)?;
        found = count(&drafts);
        let ids: Vec<InvoiceId> = drafts.iter().map(|draft| draft.id).collect();
        let (issued, refused) = issue_each(tx, ctx, &ids, IssueMoment::WhenDue)?;
        report::store_issued(tx, &after, &issued)?;
        report::store_refused(tx, &after, &refused)?;
        for (invoice, reason) in &refused {
            tracing::warn!(%invoice, reason, "a draft cannot be issued; it is tried again in an hour");
            invoices::postpone(tx, *invoice, run.as_of.checked_add(RETRY_AFTER).unwrap_or(run.as_of))?;
        }
        after.counts.issued += count(issued.figures.keys());
        billing_runs::update(tx, &after)?;
        Ok(Progress::More { done: job.done, total: job.total })
    })?;
    Ok((stored, found))
}

fn store_reconciliations(engine: &Engine, held: &mut HeldJob, made: &[StoredReconciliation]) -> Result<Chunk, Error> {
    held.chunk(engine, "store_reconciliations", |tx, job| {
        reconciliations::insert_many(tx, made)?;
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

fn count<T>(items: impl IntoIterator<Item = T>) -> i64 {
    // Cannot fail: a chunk has far fewer.
    i64::try_from(items.into_iter().count()).expect("a chunk has an end")
}
