//! The job of a dry run: each chunk does what a run that bills would do, by the same code, in a transaction that is undone, and a second
//! transaction stores what was read in the first, together with how far the run is. Nothing else is written.
//!
//! A chunk holds payers as a whole, so nothing of it depends on the chunks before. What changes between chunks is in the later ones: a dry
//! run tells of each payer what was so when it was looked at.

use domain::billing::report::{ReportInvoice, ReportLine};
use domain::billing::run::{BillingItem, BillingRun, RunCounts, RunMode, RunPhase};
use domain::charges::charge::Charge;
use domain::ids::InvoiceId;
use domain::invoices::record::InvoiceRecord;
use domain::invoices::settings::Finalization;
use domain::jobs::Progress;
use domain::time::Instant;
use storage::{
    ProjectTx, billing_items, billing_report_invoices, billing_report_items, billing_report_lines, billing_runs,
    invoices,
};

use super::charge::{Part, decide_part, known_before, progress};
use super::decide::Purpose;
use super::post::By;
use super::refresh::refresh_now;
use super::report;
use super::run::load;
use super::save::{Saved, save};
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;
use crate::invoices::{IssueMoment, issue_each};
use crate::jobs::{Chunk, HeldJob};

/// What a run that bills would have stored.
struct Told {
    counts: RunCounts,
    items: Vec<BillingItem>,
    lines: Vec<ReportLine>,
    invoices: Vec<ReportInvoice>,
}

/// One chunk.
pub(super) fn chunk(engine: &Engine, held: &mut HeldJob, run: BillingRun) -> Result<Chunk, Error> {
    if run.last_payer.is_none() {
        engine.fold_all(held.project)?;
    }
    let mut ctx = engine.clocked_ctx("billing", held.project)?;
    let now = ctx.now();
    // What lies ahead is billed as it would be then, with what is known now.
    ctx.caller.now = now.max(run.as_of);
    let part = engine.read(held.project, "decide_billing", |tx| decide_part(tx, &run, run.as_of.min(now), None))?;
    let Some(part) = part else { return finish(engine, held, &run) };
    let told = engine.db().rehearse_installation("rehearse_billing", |tx| {
        rehearse(&mut tx.in_project(held.project), &ctx, &run, &part, run.as_of.min(now))
    })?;
    held.chunk(engine, "store_billing_report", |tx, job| {
        let Some(told) = &told else { return Ok(Progress::More { done: job.done, total: job.total }) };
        let after = store(tx, &run, told, &part)?;
        progress(tx, job, &after, told.counts.subscriptions)
    })
}

/// Bills and issues, and says what came of it; `None` when a subscription was changed since it was read, and has to be read again.
fn rehearse(
    tx: &mut ProjectTx<'_>,
    ctx: &Ctx,
    run: &BillingRun,
    part: &Part,
    now: Instant,
) -> Result<Option<Told>, Error> {
    let Saved { mut counts, invoices: mut touched } = save(tx, ctx, &part.batch, &part.decisions, run)?;
    if usize::try_from(counts.subscriptions).ok() != Some(part.batch.candidates.len()) {
        return Ok(None);
    }
    let due = due_drafts(tx, run, part)?;
    let purpose = Purpose { as_of: run.as_of, now, again: None, run: Some(run.id), is_forecast: false };
    let refreshed = refresh_now(tx, ctx, &due, By::Run(run.id), purpose)?;
    counts = counts.plus(refreshed.counts);
    touched.extend(refreshed.drafts);
    let mut told = report::left_as_drafts(tx, run, &touched)?;
    let (issued, refused) = issue_each(tx, ctx, &due, IssueMoment::WhenDue)?;
    counts.issued = i64::try_from(issued.figures.len()).map_err(|_| Error::Bug("a chunk has an end".to_owned()))?;
    told.extend(report::of_issued(tx, run, &issued)?);
    told.extend(report::of_refused(tx, run, &refused)?);
    let billed = BillingRun { mode: RunMode::Bill, ..run.clone() };
    Ok(Some(Told {
        counts,
        items: billing_items::page_of_run(tx, run.id, None, None, i64::MAX)?,
        lines: billing_report_lines::of_payers(tx, &billed, &part.taken.payers)?,
        invoices: told,
    }))
}

/// What of these payers waits no longer.
fn due_drafts(tx: &mut ProjectTx<'_>, run: &BillingRun, part: &Part) -> Result<Vec<InvoiceId>, Error> {
    let drafts: Vec<InvoiceRecord> = match part.batch.project.policies.invoice_finalization {
        Finalization::Automatic => invoices::due_drafts_of(tx, run.as_of, &part.taken.payers)?,
        Finalization::Manual => Vec::new(),
    };
    Ok(drafts.iter().map(|draft| draft.id).collect())
}

/// Stores what was told, and says how far the run is then.
fn store(tx: &mut ProjectTx<'_>, run: &BillingRun, told: &Told, part: &Part) -> Result<BillingRun, Error> {
    let mut after = load(tx, run.id)?;
    let lines = told.lines.iter().map(|line| {
        let missing = || Error::Bug(format!("the charge {} is on no invoice", line.charge.key));
        Ok((&line.charge, line.invoice.ok_or_else(missing)?))
    });
    let lines: Vec<(&Charge, InvoiceId)> = lines.collect::<Result<_, Error>>()?;
    billing_report_items::insert_many(tx, &told.items)?;
    billing_report_lines::insert_many(tx, &lines)?;
    billing_report_invoices::store_many(tx, &told.invoices)?;
    after.counts = after.counts.plus(told.counts);
    after.last_payer = part.taken.last_payer.or(after.last_payer);
    billing_runs::update(tx, &after)?;
    Ok(after)
}

fn finish(engine: &Engine, held: &mut HeldJob, run: &BillingRun) -> Result<Chunk, Error> {
    held.chunk(engine, "finish_dry_run", |tx, job| {
        let mut after = load(tx, run.id)?;
        after.phase = RunPhase::Done;
        after.counts = after.counts.plus(known_before(tx, &after)?);
        billing_runs::update(tx, &after)?;
        Ok(Progress::Complete { total: job.done })
    })
}
