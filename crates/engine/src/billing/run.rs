//! The job of a billing run: it charges what is due ([`super::charge`]), then issues the drafts that have waited long enough
//! ([`super::issue`]). Whatever dies in between, the next chunk begins where the last one ended.

use domain::billing::run::{BillingRun, RunMode, RunPhase};
use domain::ids::BillingRunId;
use domain::jobs::Progress;
use storage::{ProjectTx, billing_runs};

use super::charge::charge;
use super::dry_run;
use super::issue::issue;
use crate::engine::Engine;
use crate::error::Error;
use crate::jobs::{Chunk, HeldJob};

/// Some chunks of the job, one at least.
pub(crate) fn chunk(engine: &Engine, held: &mut HeldJob, id: BillingRunId) -> Result<Chunk, Error> {
    let run = engine.read(held.project, "get_billing_run", |tx| load(tx, id))?;
    match run.phase {
        RunPhase::Charge if run.mode == RunMode::DryRun => dry_run::chunk(engine, held, run),
        RunPhase::Charge => charge(engine, held, run),
        RunPhase::Issue => issue(engine, held, &run),
        RunPhase::Done | RunPhase::Failed => finish(engine, held, &run),
    }
}

pub(super) fn load(tx: &mut ProjectTx<'_>, id: BillingRunId) -> Result<BillingRun, Error> {
    billing_runs::get(tx, id)?.ok_or_else(|| Error::Bug(format!("the run {id} is gone")))
}

pub(super) fn finish(engine: &Engine, held: &mut HeldJob, run: &BillingRun) -> Result<Chunk, Error> {
    held.chunk(engine, "finish_billing_run", |tx, job| {
        let mut after = load(tx, run.id)?;
        after.phase = RunPhase::Done;
        billing_runs::update(tx, &after)?;
        Ok(Progress::Complete { total: job.done })
    })
}
