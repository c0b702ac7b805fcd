//! Starting runs by themselves: in every project in which something is due and nobody bills just now. Several nodes may look at once;
//! one of them starts the run, the others find it open.

use domain::billing::run::{RunScope, RunTrigger};
use domain::ids::ProjectId;
use domain::refusal::Code;
use storage::subscription_schedules;

use super::runs;
use crate::audit::{AuditRecord, Audited};
use crate::engine::Engine;
use crate::error::Error;

impl Engine {
    /// Starts a run in every project that needs one.
    ///
    /// # Errors
    /// When the database did not do its part; what was started until then stays started.
    pub fn schedule_billing(&self) -> Result<(), Error> {
        let now = self.now();
        let projects = self.db().read_installation("find_due_billing", |tx| -> Result<Vec<ProjectId>, Error> {
            Ok(subscription_schedules::projects_with_due(tx, now)?)
        })?;
        for project in projects {
            self.schedule_billing_of(project)?;
        }
        Ok(())
    }

    /// Starts a run in one project, unless one is open.
    ///
    /// # Errors
    /// When the database did not do its part.
    pub fn schedule_billing_of(&self, project: ProjectId) -> Result<(), Error> {
        let ctx = self.system_ctx("billing", project);
        let started = self.command(&ctx, "schedule_billing", |tx| {
            let run = runs::start(tx, &ctx, RunTrigger::Schedule, ctx.now(), RunScope::default())?;
            let record = AuditRecord::new("billingRun.scheduled", run.id);
            Ok(Audited::new((), record.details(serde_json::json!({ "asOf": run.as_of, "job": run.job }))))
        });
        match started {
            Err(Error::Refused(refusal)) if refusal.code == Code::RunInProgress => Ok(()),
            other => other,
        }
    }
}
