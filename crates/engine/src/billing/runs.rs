//! Starting runs and reading what they did.

use std::time::Duration;

use domain::access::Permission;
use domain::billing::run::{BillingItem, BillingRun, ItemState, RunCounts, RunMode, RunPhase, RunScope, RunTrigger};
use domain::idempotency::{Canonical, Family, Fingerprint, IdempotencyKey};
use domain::ids::{BillingItemId, BillingRunId, CustomerId, InvoiceId, JobId, SubscriptionId};
use domain::jobs::{BillingRunSubject, Job, JobState, Subject};
use domain::refusal::{Code, Refusal};
use domain::subscriptions::due::ItemKind;
use domain::time::Instant;
use domain::window::Span;
use serde_json::json;
use storage::{ProjectTx, billing_items, billing_report_items, billing_runs, customers, jobs};

use crate::audit::{AuditRecord, Audited};
use crate::command::{Answer, Idempotency};
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;
use crate::jobs::queue_job;
use crate::page::page_limit;

/// How far ahead a dry run looks.
const AHEAD_MAX: Duration = Duration::from_secs(366 * 86_400);

/// What is to be billed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartRun {
    pub mode: RunMode,
    /// What is due until then; now if absent.
    pub as_of: Option<Instant>,
    pub scope: RunScope,
}

/// A run with what came of it.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BillingRun)]
pub struct RunView {
    pub id: BillingRunId,
    pub job_id: JobId,
    pub mode: RunMode,
    pub trigger: RunTrigger,
    pub scope: RunScope,
    /// What was due until then is billed.
    pub as_of: Instant,
    pub phase: RunPhase,
    pub counts: RunCounts,
    /// What went wrong last.
    pub error: Option<String>,
    pub created_by: String,
    pub created_at: Instant,
    pub started_at: Option<Instant>,
    pub ended_at: Option<Instant>,
}

/// A planned item as people see it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BillingRunItem)]
pub struct ItemView {
    pub id: BillingItemId,
    pub subscription_id: SubscriptionId,
    pub customer_id: CustomerId,
    pub price: String,
    /// Interval, timing and anchor.
    pub rhythm: String,
    pub period: Span,
    pub kind: ItemKind,
    /// When it came up.
    pub at: Instant,
    pub due_at: Instant,
    pub state: ItemState,
    /// Why it was skipped or failed.
    pub reason: Option<String>,
    /// Up to which place in the order of folded batches usage was counted; `null` where nothing is measured.
    pub cut: Option<i64>,
    pub as_of: Instant,
    /// The invoice that it was put on; `null` where nothing was charged.
    pub invoice_id: Option<InvoiceId>,
}

impl StartRun {
    fn fingerprint(&self) -> Fingerprint {
        let window = self.scope.window;
        Canonical::new("startBillingRun")
            .text(self.mode.as_str())
            .optional(self.as_of, Canonical::instant)
            .optional(self.scope.customer_key.as_deref(), Canonical::text)
            .optional(window.map(|window| window.start), Canonical::instant)
            .optional(window.map(|window| window.end), Canonical::instant)
            .fingerprint()
    }
}

impl Engine {
    /// Starts a run; a job does the work.
    ///
    /// # Errors
    /// `run_in_progress` while another one bills the project; `unknown_customer`; `out_of_range` for an `asOf` that lies ahead, or for a
    /// dry run more than a year; `forbidden`.
    pub fn start_billing_run(
        &self,
        ctx: &Ctx,
        key: Option<IdempotencyKey>,
        command: &StartRun,
    ) -> Result<Answer, Error> {
        ctx.require(Permission::BillingRun)?;
        let idempotency = key.map(|key| Idempotency {
            family: Family::Other,
            key,
            operation: "startBillingRun",
            fingerprint: command.fingerprint(),
        });
        let answer = self.command_answer(ctx, "start_billing_run", 202, idempotency.as_ref(), |tx| {
            if let Some(key) = &command.scope.customer_key
                && customers::find_by_key(tx, key)?.is_none()
            {
                let detail = format!("names `{key}`, which does not exist.");
                return Err(Refusal::field(Code::UnknownCustomer, "customerKey", detail).into());
            }
            let as_of = command.as_of.unwrap_or(ctx.now());
            require_in_range(ctx, command.mode, as_of)?;
            let run = start(
                tx,
                ctx,
                &Start { mode: command.mode, trigger: RunTrigger::Manual, as_of, scope: &command.scope },
            )?;
            let record = AuditRecord::new("billingRun.started", run.id)
                .details(json!({ "mode": run.mode, "asOf": run.as_of, "scope": run.scope, "job": run.job }));
            let body = json!({ "run": run.id, "asOf": run.as_of });
            let is_dry = run.mode == RunMode::DryRun;
            let started = Audited::new(view(tx, run)?, record);
            Ok(if is_dry { started } else { started.announce("billingRun.started", body) })
        })?;
        self.jobs.announce();
        Ok(answer)
    }

    /// The newest runs first, before the given one; `limit` of them at most.
    ///
    /// # Errors
    /// `forbidden` without the permission to read billing.
    pub fn list_billing_runs(
        &self,
        ctx: &Ctx,
        before: Option<BillingRunId>,
        limit: usize,
    ) -> Result<Vec<RunView>, Error> {
        ctx.require(Permission::BillingRead)?;
        self.read(ctx.project, "list_billing_runs", |tx| {
            let runs = billing_runs::page(tx, before, page_limit(limit))?;
            runs.into_iter().map(|run| view(tx, run)).collect()
        })
    }

    /// One run.
    ///
    /// # Errors
    /// `not_found`; `forbidden` without the permission to read billing.
    pub fn get_billing_run(&self, ctx: &Ctx, id: BillingRunId) -> Result<RunView, Error> {
        ctx.require(Permission::BillingRead)?;
        self.read(ctx.project, "get_billing_run", |tx| {
            let run = billing_runs::get(tx, id)?.ok_or_else(Error::not_found)?;
            view(tx, run)
        })
    }

    /// The items that a run stored last, after the given one; `limit` of them at most.
    ///
    /// # Errors
    /// `not_found` for an unknown run; `forbidden` without the permission to read billing.
    pub fn list_billing_run_items(
        &self,
        ctx: &Ctx,
        id: BillingRunId,
        state: Option<ItemState>,
        after: Option<BillingItemId>,
        limit: usize,
    ) -> Result<Vec<ItemView>, Error> {
        ctx.require(Permission::BillingRead)?;
        self.read(ctx.project, "list_billing_run_items", |tx| {
            let run = billing_runs::get(tx, id)?.ok_or_else(Error::not_found)?;
            let items = match run.mode {
                RunMode::Bill => billing_items::page_of_run(tx, id, state, after, page_limit(limit))?,
                RunMode::DryRun => billing_report_items::page(tx, id, state, after, page_limit(limit))?,
            };
            Ok(items.into_iter().map(ItemView::of).collect())
        })
    }
}

/// A run bills what has happened; a dry run may look ahead, as far as a year holds.
fn require_in_range(ctx: &Ctx, mode: RunMode, as_of: Instant) -> Result<(), Refusal> {
    let (last, detail) = match mode {
        RunMode::Bill => (ctx.now(), "must not lie ahead. A dry run tells what will be billed until then."),
        RunMode::DryRun => {
            (ctx.now().checked_add(AHEAD_MAX).unwrap_or(ctx.now()), "must not lie more than 366 days ahead.")
        }
    };
    if as_of > last {
        return Err(Refusal::field(Code::OutOfRange, "asOf", detail));
    }
    Ok(())
}

/// Which run is to be added.
pub(super) struct Start<'a> {
    pub mode: RunMode,
    pub trigger: RunTrigger,
    pub as_of: Instant,
    pub scope: &'a RunScope,
}

/// Adds a run with its job.
///
/// # Errors
/// `run_in_progress` while another one bills the project; a dry run is in nobody's way.
pub(super) fn start(tx: &mut ProjectTx<'_>, ctx: &Ctx, start: &Start<'_>) -> Result<BillingRun, Error> {
    if start.mode == RunMode::Bill
        && let Some(open) = billing_runs::open(tx)?
    {
        require_ended(tx, open)?;
    }
    let id: BillingRunId = ctx.new_id();
    let job = queue_job(tx, ctx, Subject::BillingRun(BillingRunSubject { billing_run_id: id }))?;
    let run = BillingRun {
        id,
        job,
        mode: start.mode,
        trigger: start.trigger,
        scope: start.scope.clone(),
        as_of: start.as_of,
        phase: RunPhase::Charge,
        last_payer: None,
        counts: RunCounts::default(),
        created_by: ctx.caller.actor.name().to_owned(),
        created_at: ctx.now(),
    };
    match billing_runs::insert(tx, &run) {
        // Another node was first, between the look and now.
        Err(error) if error.violates("billing_runs_open") => Err(in_progress("another one").into()),
        other => Ok(other.map(|()| run)?),
    }
}

/// Whether some node bills the project now, or will go on with it.
pub(super) fn is_under_way(tx: &mut ProjectTx<'_>) -> Result<bool, Error> {
    let Some(open) = billing_runs::open(tx)? else { return Ok(false) };
    Ok(jobs::get(tx, open.job)?.is_some_and(|job| job.is_open()))
}

/// A run whose job was given up makes room for the next one.
fn require_ended(tx: &mut ProjectTx<'_>, open: BillingRun) -> Result<(), Error> {
    let job = jobs::get(tx, open.job)?.ok_or_else(|| Error::Bug(format!("the job of {} is gone", open.id)))?;
    match job.state {
        JobState::Queued | JobState::Running => Err(in_progress(&open.id.to_string()).into()),
        JobState::Done | JobState::Failed => {
            Ok(billing_runs::update(tx, &BillingRun { phase: RunPhase::Failed, ..open })?)
        }
    }
}

fn in_progress(which: &str) -> Refusal {
    let detail =
        format!("The project is being billed by {which}. Wait until it is done; it bills everything that is due.");
    Refusal::new(Code::RunInProgress, detail)
}

pub(super) fn view(tx: &mut ProjectTx<'_>, run: BillingRun) -> Result<RunView, Error> {
    let gone = || Error::Bug(format!("the job of {} is gone", run.id));
    let Job { state, error, started_at, ended_at, .. } = jobs::get(tx, run.job)?.ok_or_else(gone)?;
    Ok(RunView {
        id: run.id,
        job_id: run.job,
        mode: run.mode,
        trigger: run.trigger,
        scope: run.scope,
        as_of: run.as_of,
        phase: if state == JobState::Failed { RunPhase::Failed } else { run.phase },
        counts: run.counts,
        error,
        created_by: run.created_by,
        created_at: run.created_at,
        started_at,
        ended_at,
    })
}

impl ItemView {
    fn of(item: BillingItem) -> ItemView {
        ItemView {
            id: item.id,
            subscription_id: item.subscription,
            customer_id: item.customer,
            price: item.price,
            rhythm: item.rhythm,
            period: item.period,
            kind: item.kind,
            at: item.at,
            due_at: item.due_at,
            state: item.state,
            reason: item.reason,
            cut: item.cut,
            as_of: item.as_of,
            invoice_id: item.invoice,
        }
    }
}
