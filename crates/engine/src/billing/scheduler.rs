//! Runs by the calendar: in every project in which something is due a run is started and worked off, whether its clock is that of the world
//! or one that is moved forward. Several nodes may look at once; one starts the run, and the lease says who works on it.

use std::time::Duration;

use domain::billing::run::{RunMode, RunScope, RunTrigger};
use domain::customers::Customer;
use domain::invoices::settings::Finalization;
use domain::projects::Project;
use domain::refusal::Code;
use domain::time::Instant;
use domain::window::{Window, zone};
use serde_json::json;
use storage::{ProjectTx, invoices, projects, subscription_schedules};

use super::runs;
use crate::audit::{AuditRecord, Audited};
use crate::clock::{DueWork, Worked};
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;

/// Subscriptions of which something is due, and drafts that have waited long enough.
pub(crate) struct BillingRuns;

impl DueWork for BillingRuns {
    fn name(&self) -> &'static str {
        "billing"
    }

    fn next_due(&self, engine: &Engine, ctx: &Ctx, until: Instant) -> Result<Option<Instant>, Error> {
        let due = engine.read(ctx.project, "next_due_billing", |tx| -> Result<Option<Instant>, Error> {
            let charged = subscription_schedules::next_due(tx)?;
            let project = projects::get(tx)?.ok_or_else(Error::not_found)?;
            let issued = match project.policies.invoice_finalization {
                Finalization::Automatic => invoices::next_due_draft(tx)?,
                Finalization::Manual => None,
            };
            Ok([charged, issued].into_iter().flatten().min())
        })?;
        Ok(due.filter(|due| *due <= until))
    }

    fn run(&self, engine: &Engine, ctx: &Ctx) -> Result<Worked, Error> {
        if self.next_due(engine, ctx, ctx.now())?.is_none() {
            return Ok(Worked::Done);
        }
        engine.schedule_billing(ctx)?;
        engine.run_jobs_of(ctx.project)?;
        // Credit that ends now must not end before what is due has drawn on it, whoever charges it.
        let is_open = engine.read(ctx.project, "find_open_run", runs::is_under_way)?;
        Ok(if is_open { Worked::HeldByAnother } else { Worked::Done })
    }
}

/// What a customer pays for is looked at when the day of an instant has ended and waited: from then on usage may draw on credit. Call it
/// before a customer or a wallet is locked: a run locks them after schedules.
pub(crate) fn wake_by_day(
    tx: &mut ProjectTx<'_>,
    project: &Project,
    payer: &Customer,
    from: Instant,
) -> Result<(), Error> {
    let zone = zone(payer.time_zone.as_deref().unwrap_or(&project.time_zone));
    let late_buffer = Duration::from_secs(u64::from(project.policies.late_buffer_minutes) * 60);
    let waited = Window::Day.next_start(from, &zone).and_then(|end| end.checked_add(late_buffer));
    if let Some(due_at) = waited {
        subscription_schedules::wake(tx, payer.id, due_at)?;
    }
    Ok(())
}

impl Engine {
    /// Starts a run of everything that is due, unless one is open.
    ///
    /// # Errors
    /// When the database did not do its part.
    pub fn schedule_billing(&self, ctx: &Ctx) -> Result<(), Error> {
        let started = self.command(ctx, "schedule_billing", |tx| {
            let run = runs::start(
                tx,
                ctx,
                &runs::Start {
                    mode: RunMode::Bill,
                    trigger: RunTrigger::Schedule,
                    as_of: ctx.now(),
                    scope: &RunScope::default(),
                },
            )?;
            let record = AuditRecord::new("billingRun.scheduled", run.id);
            Ok(Audited::new((), record.details(json!({ "asOf": run.as_of, "job": run.job }))))
        });
        match started {
            Err(Error::Refused(refusal)) if refusal.code == Code::RunInProgress => Ok(()),
            other => other,
        }
    }
}
