//! Drafts brought up to date before they are issued: what was folded since they were charged, for time that they bill, is counted on them.
//! When nothing came, a run asks the database two or three questions, whatever the number of its drafts.

use std::collections::{BTreeMap, BTreeSet};

use domain::billing::commitments::TrueUp;
use domain::billing::diff::NewCharge;
use domain::billing::run::{BillingItem, BillingRun, ItemState, RunCounts};
use domain::charges::charge::{Charge, ChargeKind};
use domain::customers::Customer;
use domain::ids::{BillingItemId, InvoiceId};
use domain::invoices::record::InvoiceRecord;
use domain::invoices::settings::Finalization;
use domain::invoices::standing::InvoiceState;
use domain::jobs::Progress;
use domain::time::Instant;
use storage::{ProjectTx, billing_items, billing_runs, charges, invoices, late_usage, projects};

use super::again::{RatedAgain, hold_counting, rate_again};
use super::commitments;
use super::decide::{Issued, Purpose};
use super::post::{By, post};
use super::report;
use super::save::{Origin, assign};
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;
use crate::invoices::locked;
use crate::jobs::{Chunk, HeldJob};
use crate::late_usage::outdated_drafts;

/// The most drafts that are brought up to date in one transaction.
const TOGETHER_MAX: usize = 100;

/// What came of it.
#[derive(Default)]
pub(crate) struct Refreshed {
    pub counts: RunCounts,
    /// That something was put on.
    pub drafts: BTreeSet<InvoiceId>,
}

/// Drafts on which something may be missing, with the charges that may come to something else.
type Outdated = BTreeMap<InvoiceId, BTreeSet<String>>;

/// Brings every draft up to date that a run is about to issue; what cannot be rated again is issued as it stands, and left to the late desk.
pub(super) fn refresh_due(engine: &Engine, held: &mut HeldJob, run: &BillingRun) -> Result<Chunk, Error> {
    // What was accepted before the run began is counted, however long the run has been at it.
    engine.fold_all(held.project)?;
    let outdated = engine.read(held.project, "find_outdated_drafts", |tx| outdated_of_run(tx, run))?;
    let outdated: Vec<(InvoiceId, BTreeSet<String>)> = outdated.into_iter().collect();
    for together in outdated.chunks(TOGETHER_MAX) {
        match refresh_chunk(engine, held, run, together) {
            Err(Error::Refused(_)) => {
                for alone in together.chunks(1) {
                    match refresh_chunk(engine, held, run, alone) {
                        Err(Error::Refused(refusal)) => {
                            let (invoice, _) = &alone[0];
                            tracing::warn!(%invoice, reason = refusal.detail, "a draft is issued without what came since it was charged");
                        }
                        Ok(Chunk::More | Chunk::Complete) => {}
                        lost => return lost,
                    }
                }
            }
            Ok(Chunk::More | Chunk::Complete) => {}
            lost => return lost,
        }
    }
    Ok(Chunk::More)
}

fn refresh_chunk(
    engine: &Engine,
    held: &mut HeldJob,
    run: &BillingRun,
    outdated: &[(InvoiceId, BTreeSet<String>)],
) -> Result<Chunk, Error> {
    let ctx = engine.clocked_ctx("billing", held.project)?;
    let outdated: Outdated = outdated.iter().cloned().collect();
    held.chunk(engine, "refresh_drafts", |tx, job| {
        let purpose = Purpose { as_of: run.as_of, now: run.as_of, again: None, run: Some(run.id), is_forecast: false };
        let Refreshed { counts, drafts } = refresh(tx, &ctx, &outdated, By::Run(run.id), purpose)?;
        let stored = billing_runs::get(tx, run.id)?;
        let mut after = stored.ok_or_else(|| Error::Bug(format!("the run {} is gone", run.id)))?;
        report::store_drafts(tx, &after, &drafts)?;
        after.counts = after.counts.plus(counts);
        billing_runs::update(tx, &after)?;
        Ok(Progress::More { done: job.done, total: job.total })
    })
}

/// Brings these drafts up to date, in the transaction in which they are issued or looked at.
///
/// # Errors
/// A refusal when what they come to does not fit; otherwise only when the database fails.
pub(crate) fn refresh_now(
    tx: &mut ProjectTx<'_>,
    ctx: &Ctx,
    drafts: &[InvoiceId],
    by: By,
    purpose: Purpose,
) -> Result<Refreshed, Error> {
    let on_drafts = charges::of_invoices(tx, drafts)?;
    let usage = || on_drafts.iter().map(|(_, charge)| charge).filter(|charge| charge.kind == ChargeKind::Usage);
    let mut counted: BTreeMap<&str, i64> = BTreeMap::new();
    for (charge, cut) in usage().filter_map(|charge| Some((charge, charge.cut?))) {
        let newest = counted.entry(&charge.key).or_insert(cut);
        *newest = cut.max(*newest);
    }
    let since = counted.values().copied().min();
    let until = usage().filter_map(|charge| charge.part).map(|part| part.end).max();
    let Some((since, until)) = since.zip(until) else { return Ok(Refreshed::default()) };
    let mut outdated = outdated_drafts(tx, since, until)?;
    outdated.retain(|draft, _| drafts.contains(draft));
    refresh(tx, ctx, &outdated, by, purpose)
}

/// Brings one draft up to date that no run issues; levels stand until `now`.
///
/// # Errors
/// As [`refresh_now`].
pub(crate) fn refresh_one(tx: &mut ProjectTx<'_>, ctx: &Ctx, draft: InvoiceId, now: Instant) -> Result<(), Error> {
    let purpose = Purpose { as_of: ctx.now(), now, again: None, run: None, is_forecast: false };
    refresh_now(tx, ctx, &[draft], By::Invoice(draft), purpose).map(|_| ())
}

fn outdated_of_run(tx: &mut ProjectTx<'_>, run: &BillingRun) -> Result<Outdated, Error> {
    let project = projects::get(tx)?.ok_or_else(Error::not_found)?;
    match project.policies.invoice_finalization {
        Finalization::Automatic => {}
        Finalization::Manual => return Ok(Outdated::new()),
    }
    let Some((since, until)) = late_usage::counted_on_due_drafts(tx, run.as_of)? else { return Ok(Outdated::new()) };
    let mut outdated = outdated_drafts(tx, since, until)?;
    let ids: Vec<InvoiceId> = outdated.keys().copied().collect();
    let records = invoices::find_by_ids(tx, &ids)?.into_iter();
    let due: BTreeSet<InvoiceId> =
        records.filter(|record| record.issues_at <= run.as_of).map(|record| record.id).collect();
    outdated.retain(|draft, _| due.contains(draft));
    Ok(outdated)
}

/// Rates what may come to something else, and puts the difference on the drafts.
fn refresh(
    tx: &mut ProjectTx<'_>,
    ctx: &Ctx,
    outdated: &Outdated,
    by: By,
    purpose: Purpose,
) -> Result<Refreshed, Error> {
    if outdated.is_empty() {
        return Ok(Refreshed::default());
    }
    hold_counting(tx)?;
    let ids: Vec<InvoiceId> = outdated.keys().copied().collect();
    let drafts: BTreeMap<InvoiceId, InvoiceRecord> =
        locked(tx, &ids)?.into_iter().filter(|(_, record)| record.standing.state == InvoiceState::Draft).collect();
    let on_drafts: Vec<(InvoiceId, Charge)> = charges::of_invoices(tx, &drafts.keys().copied().collect::<Vec<_>>())?;
    let is_outdated = |invoice: &InvoiceId, charge: &Charge| {
        charge.revision == 0 && outdated.get(invoice).is_some_and(|keys| keys.contains(&charge.key))
    };
    let own = on_drafts.iter().filter(|(invoice, charge)| is_outdated(invoice, charge));
    let own: Vec<Charge> = own.map(|(_, charge)| charge.clone()).collect();
    let Some(again) = rate_again(tx, &own, Issued::KeepAndTell, purpose)? else { return Ok(Refreshed::default()) };
    let begun = on_drafts.iter().filter(|(_, charge)| charge.revision == 0);
    let draft_of: BTreeMap<&str, &InvoiceRecord> =
        begun.filter_map(|(invoice, charge)| Some((charge.key.as_str(), drafts.get(invoice)?))).collect();
    let new = revisions(tx, &again, &draft_of, outdated)?;
    store(tx, ctx, &again, new, &draft_of, by)
}

/// What is to be added to the drafts, and what that changes in true-ups, wherever these are.
fn revisions(
    tx: &mut ProjectTx<'_>,
    again: &RatedAgain,
    draft_of: &BTreeMap<&str, &InvoiceRecord>,
    outdated: &Outdated,
) -> Result<Vec<NewCharge>, Error> {
    let rated = again.decisions.iter().flat_map(|decision| &decision.charges);
    // What nothing came for was rated beside, and counts no further than before.
    let is_wanted = |charge: &Charge| {
        let draft = draft_of.get(charge.key.as_str());
        draft.is_some_and(|draft| outdated.get(&draft.id).is_some_and(|keys| keys.contains(&charge.key)))
    };
    let mut new: Vec<NewCharge> = rated.filter(|new| is_wanted(&new.charge)).cloned().collect();
    let true_ups = commitments::after_late_usage(tx, &again.batch, &new, again.purpose)?;
    new.extend(true_ups.into_iter().map(|TrueUp { new, .. }| new));
    for NewCharge { charge, .. } in &mut new {
        if let Some(draft) = draft_of.get(charge.key.as_str()) {
            // Whoever pays the draft pays this, whoever pays now.
            charge.payer = draft.name.customer;
        }
    }
    Ok(new)
}

fn store(
    tx: &mut ProjectTx<'_>,
    ctx: &Ctx,
    again: &RatedAgain,
    mut new: Vec<NewCharge>,
    draft_of: &BTreeMap<&str, &InvoiceRecord>,
    by: By,
) -> Result<Refreshed, Error> {
    let RatedAgain { batch, decisions, purpose } = again;
    let elsewhere: Vec<NewCharge> =
        new.iter().filter(|new| !draft_of.contains_key(new.charge.key.as_str())).cloned().collect();
    let mut payers: Vec<&Customer> = Vec::with_capacity(elsewhere.len());
    for NewCharge { charge, .. } in &elsewhere {
        let own = batch.candidates.iter().find(|candidate| Some(candidate.record.id) == charge.subscription);
        payers.push(&own.ok_or_else(|| Error::Bug("a charge of nobody was rated".to_owned()))?.payer);
    }
    let origin = Origin { run: purpose.run, created_at: purpose.as_of };
    let mut of_day = assign(tx, &batch.project, &payers, &elsewhere, origin)?.into_iter();
    let mut assigned: Vec<InvoiceId> = Vec::with_capacity(new.len());
    for NewCharge { charge, .. } in &new {
        let draft = draft_of.get(charge.key.as_str()).map(|draft| draft.id).or_else(|| of_day.next());
        assigned.push(draft.ok_or_else(|| Error::Bug("every charge has a draft".to_owned()))?);
    }
    post(tx, ctx, &mut new, &assigned, by)?;
    let new: Vec<Charge> = new.into_iter().map(|new| new.charge).collect();
    invoices::charge(tx, &new, &assigned)?;
    let drafts = assigned.iter().copied().collect();
    if purpose.run.is_none() {
        return Ok(Refreshed { drafts, ..Refreshed::default() });
    }
    let invoice_of: BTreeMap<BillingItemId, InvoiceId> =
        new.iter().zip(&assigned).filter_map(|(charge, invoice)| Some((charge.item?, *invoice))).collect();
    let items = decisions.iter().flat_map(|decision| &decision.items).filter_map(|item| {
        let invoice = Some(*invoice_of.get(&item.id)?);
        Some(BillingItem { invoice, state: ItemState::Charged, reason: None, ..item.clone() })
    });
    let items: Vec<BillingItem> = items.collect();
    billing_items::store_many(tx, &items)?;
    let count = i64::try_from(items.len()).map_err(|_| Error::Bug("a chunk has an end".to_owned()))?;
    let counts = RunCounts { planned: count, charged: count, ..RunCounts::default() };
    Ok(Refreshed { counts, drafts })
}
