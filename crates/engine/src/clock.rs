//! The clocks of projects. Moving one forward does everything that becomes due on the way, in calendar order: each kind of due work is
//! asked for the next instant at which it has something to do.

use std::time::Duration;

use domain::access::Permission;
use domain::clock::ClockTarget;
use domain::ids::ProjectId;
use domain::projects::{Mode, Project};
use domain::refusal::Code;
use domain::time::Instant;
use domain::window::zone;
use serde_json::json;
use storage::{project_clocks, projects};

use crate::audit::{AuditRecord, Audited};
use crate::billing::scheduler::BillingRuns;
use crate::ctx::{Actor, Ctx, Held};
use crate::engine::Engine;
use crate::error::Error;
use crate::late_usage::LateUsageDesk;
use crate::recognition::FeesEarned;
use crate::wallets::LotExpiry;

/// Work that is due at some instant of a project's calendar.
pub(crate) trait DueWork: Sync {
    /// What it is called where something is wrong with it.
    fn name(&self) -> &'static str;

    /// The earliest instant until `until`, included, at which something is due that is not done.
    fn next_due(&self, engine: &Engine, ctx: &Ctx, until: Instant) -> Result<Option<Instant>, Error>;

    /// Does all that is due at the time of the context, in bounded memory; to do it again does nothing.
    fn run(&self, engine: &Engine, ctx: &Ctx) -> Result<Worked, Error>;
}

/// What came of due work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Worked {
    Done,
    /// Another node is at it, or died in the middle, or it is tried again later. What comes after it in the order waits.
    HeldByAnother,
}

/// Every kind, in the order in which they run at one instant: the charges of a day draw on lots before these expire, and what is issued
/// defers before it is earned.
const DUE_WORK: &[&dyn DueWork] = &[&BillingRuns, &LateUsageDesk, &LotExpiry, &FeesEarned];

/// How long a clock waits for another worker, between looks and in sum: less than a request may take.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const LOOKS_MAX: u32 = 450;
/// How many projects are looked at together.
const PROJECTS_PAGE: i64 = 200;

/// What a project's clock shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ProjectClock)]
pub struct ClockView {
    pub mode: Mode,
    /// The project's time.
    pub now: Instant,
    /// The time outside; the same for a live project.
    pub world_now: Instant,
}

impl Engine {
    /// # Errors
    /// `forbidden` without the permission to read the project.
    pub fn get_clock(&self, ctx: &Ctx) -> Result<ClockView, Error> {
        ctx.require(Permission::ProjectRead)?;
        self.read(ctx.project, "get_clock", |tx| {
            let (mode, clock) = project_clocks::get(tx)?.ok_or_else(Error::not_found)?;
            Ok(ClockView { mode, now: clock.now(ctx.received_at()), world_now: ctx.received_at() })
        })
    }

    /// Moves the clock of a sandbox forward, and does on the way everything that becomes due, each at its time. What was done is stored
    /// step by step: a call that breaks off is repeated with the same `to`, and goes on where it was.
    ///
    /// # Errors
    /// As [`ClockTarget::resolve`]; `forbidden` without the permission; `run_in_progress` when another node still bills the project after 45 seconds; whatever
    /// the due work answers.
    pub fn advance_clock(&self, ctx: &Ctx, target: &ClockTarget) -> Result<ClockView, Error> {
        ctx.require(Permission::ClockAdvance)?;
        let project = self.read(ctx.project, "load_clock", |tx| projects::get(tx)?.ok_or_else(Error::not_found))?;
        let until = target.resolve(project.mode, ctx.now(), ctx.received_at(), &zone(&project.time_zone))?;
        // What came in until now is settled now, not when something else is due.
        self.fold_all(ctx.project)?;
        self.finish_due_work(&self.step(ctx, ctx.now()))?;
        let mut at = ctx.now();
        while let Some((_, due)) = self.earliest(ctx, until)? {
            at = at.max(due);
            self.move_clock(ctx, at)?;
            self.finish_due_work(&self.step(ctx, at))?;
        }
        self.move_clock(ctx, until)?;
        self.get_clock(ctx)
    }

    /// Does all that is due in the project at the time of the context: what the clock does on its way, and a scheduler all the time. What
    /// another node is at is left to it, with everything that comes after.
    ///
    /// # Errors
    /// Whatever the work answers; [`Error::Bug`] when some is left that does not end.
    pub fn run_due_work(&self, ctx: &Ctx) -> Result<(), Error> {
        self.work_in_order(ctx).map(|_| ())
    }

    /// The same where nothing may be left: waits while another worker, of this node or another, is at it.
    fn finish_due_work(&self, ctx: &Ctx) -> Result<(), Error> {
        for _ in 0..LOOKS_MAX {
            if self.work_in_order(ctx)? == Worked::Done {
                return Ok(());
            }
            if self.jobs.is_stopping() {
                break;
            }
            std::thread::sleep(LOOK_EVERY);
        }
        let detail = "The project is being billed. Send the same request again in a moment: it goes on where it was.";
        Err(Error::refused(Code::RunInProgress, detail))
    }

    fn work_in_order(&self, ctx: &Ctx) -> Result<Worked, Error> {
        for work in DUE_WORK {
            if work.run(self, ctx)? == Worked::HeldByAnother {
                return Ok(Worked::HeldByAnother);
            }
        }
        match self.earliest(ctx, ctx.now())? {
            Some((name, due)) => Err(Error::Bug(format!("{name} was due at {due} and is not done"))),
            None => Ok(Worked::Done),
        }
    }

    /// Does what is due in every project, each at its own time. What fails in one does not keep the others waiting.
    ///
    /// # Errors
    /// When the list of projects cannot be read.
    pub fn run_all_due_work(&self) -> Result<(), Error> {
        let mut after = None;
        loop {
            let page = self.db().read_installation("list_clocks", |tx| -> Result<Vec<Project>, Error> {
                Ok(projects::page_all(tx, after, PROJECTS_PAGE)?)
            })?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.id);
            for project in page {
                if self.jobs.is_stopping() {
                    return Ok(());
                }
                let done = self.clocked_ctx("due work", project.id).and_then(|ctx| self.run_due_work(&ctx));
                if let Err(error) = done {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(project = %project.id, error, "due work failed; it is tried again");
                }
            }
        }
    }

    /// The system's own work inside a project, at the project's time.
    ///
    /// # Errors
    /// `not_found` when there is no such project.
    pub fn clocked_ctx(&self, name: &'static str, project: ProjectId) -> Result<Ctx, Error> {
        let ctx = self.system_ctx(name, project);
        let clock = self.read(project, "read_clock", |tx| project_clocks::get(tx)?.ok_or_else(Error::not_found))?.1;
        let now = clock.now(ctx.received_at());
        Ok(Ctx { caller: self.at(ctx.caller, now), ..ctx })
    }

    /// The kind that has something to do first, and when.
    fn earliest(&self, ctx: &Ctx, until: Instant) -> Result<Option<(&'static str, Instant)>, Error> {
        let mut earliest: Option<(&'static str, Instant)> = None;
        for work in DUE_WORK {
            if let Some(due) = work.next_due(self, ctx, until)?
                && earliest.is_none_or(|(_, before)| due < before)
            {
                earliest = Some((work.name(), due));
            }
        }
        Ok(earliest)
    }

    fn move_clock(&self, ctx: &Ctx, to: Instant) -> Result<(), Error> {
        let ctx = Ctx { caller: self.at(ctx.caller.clone(), to), ..ctx.clone() };
        self.command(&ctx, "move_clock", |tx| {
            let (_, clock) = project_clocks::get(tx)?.ok_or_else(Error::not_found)?;
            let world = ctx.received_at();
            project_clocks::put(tx, clock.moved_to(to, world))?;
            let details = json!({ "before": { "now": clock.now(world) }, "after": { "now": to } });
            Ok(Audited::new((), AuditRecord::new("clock.advanced", ctx.project).details(details)))
        })
    }

    /// The system at work at one instant of the way.
    fn step(&self, ctx: &Ctx, at: Instant) -> Ctx {
        let caller = self.at(ctx.caller.clone(), at).with_actor(Actor::System { name: "clock" });
        Ctx { caller, project: ctx.project, held: Held::Everything }
    }
}
