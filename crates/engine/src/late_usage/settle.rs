//! Settling late usage: everything of an invoice that waits is decided together, under the locks of what it changes, in one transaction. To
//! settle what is settled changes nothing: each decision is made once, and each revision of a charge is unique.

use std::collections::BTreeSet;

use domain::access::Permission;
use domain::amount::Amount;
use domain::customers::Customer;
use domain::idempotency::{Canonical, Family, IdempotencyKey};
use domain::ids::{InvoiceId, LateUsageId, ProjectId};
use domain::invoices::record::InvoiceRecord;
use domain::invoices::standing::InvoiceState;
use domain::late_usage::settle::{Case, HeldBecause, Resolution, way};
use domain::late_usage::{LateState, LateUsage, Outcome};
use domain::ledger::reason::Reason;
use domain::projects::Project;
use domain::ratio::OutOfRange;
use domain::refusal::{Code, Refusal};
use domain::time::Instant;
use serde_json::json;
use storage::{ProjectTx, customers, invoices, late_usage, projects};

use super::book::{Booked, book};
use super::rate::{Rated, rate};
use super::view::detail;
use crate::audit::{AuditRecord, Audited};
use crate::billing::again::hold_counting;
use crate::clock::{DueWork, Worked};
use crate::command::{Answer, Idempotency};
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;

/// The most that is listed at once.
pub(super) const PAGE: i64 = 100;

/// What a person decides about late usage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolveLateUsage {
    pub resolution: Resolution,
    pub reason: Reason,
}

/// Late usage of one invoice that is being decided.
struct Desk {
    project: Project,
    payer: Customer,
    invoice: InvoiceRecord,
    /// Everything of it that waits, and which of these is decided.
    waiting: Vec<LateUsage>,
    place: usize,
    rated: Rated,
}

/// Late usage as work of a project: it is settled as soon as it is found, at no instant of the calendar.
pub(crate) struct LateUsageDesk;

impl DueWork for LateUsageDesk {
    fn name(&self) -> &'static str {
        "late usage"
    }

    fn next_due(&self, _: &Engine, _: &Ctx, _: Instant) -> Result<Option<Instant>, Error> {
        Ok(None)
    }

    fn run(&self, engine: &Engine, ctx: &Ctx) -> Result<Worked, Error> {
        engine.find_late_usage_of(ctx.project)?;
        engine.settle_late_usage_of(ctx)?;
        Ok(Worked::Done)
    }
}

/// What becomes of it.
enum Verdict {
    Unchanged,
    Held(HeldBecause),
    Ignored,
    Settled(Booked),
}

impl Engine {
    /// Settles what was found in all projects, each at its own time. What fails in one does not keep the others waiting.
    ///
    /// # Errors
    /// When the list of projects cannot be read.
    pub fn settle_late_usage(&self) -> Result<(), Error> {
        let projects =
            self.db().read_installation("find_late_usage_to_settle", |tx| -> Result<Vec<ProjectId>, Error> {
                Ok(late_usage::projects_to_settle(tx)?)
            })?;
        for project in projects {
            let settled = self.clocked_ctx("late usage", project).and_then(|ctx| self.settle_late_usage_of(&ctx));
            if let Err(error) = settled {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(%project, error, "settling late usage failed; it is tried again");
            }
        }
        Ok(())
    }

    /// Settles what was found in a project, by its policy, in the order in which it was found.
    ///
    /// # Errors
    /// When the database did not do its part; what was settled until then stays so.
    pub fn settle_late_usage_of(&self, ctx: &Ctx) -> Result<(), Error> {
        let mut after = None;
        loop {
            let open = self.open_late_usage_of(ctx.project, after)?;
            let Some((last, _)) = open.last() else { return Ok(()) };
            after = Some(*last);
            self.settle_listed_late_usage(ctx, &open)?;
        }
    }

    /// What waits to be settled in a project, with the invoice that it is late for: the next ones after this one, in the order in which
    /// they were found.
    ///
    /// # Errors
    /// When the database did not do its part.
    pub fn open_late_usage_of(
        &self,
        project: ProjectId,
        after: Option<LateUsageId>,
    ) -> Result<Vec<(LateUsageId, InvoiceId)>, Error> {
        self.read(project, "list_open_late_usage", |tx| Ok(late_usage::open_after(tx, after, PAGE)?))
    }

    /// Settles these, each by itself. What another node decided since they were listed stays as it is.
    ///
    /// # Errors
    /// As [`Engine::settle_late_usage_of`].
    pub fn settle_listed_late_usage(&self, ctx: &Ctx, listed: &[(LateUsageId, InvoiceId)]) -> Result<(), Error> {
        for &(id, invoice) in listed {
            let settled = self.command(ctx, "settle_late_usage", |tx| decide(tx, ctx, (id, invoice), None));
            match settled {
                // Another node was first.
                Err(Error::Refused(refusal)) if refusal.code == Code::AlreadyResolved => {}
                Err(Error::Refused(refusal)) => {
                    tracing::warn!(late_usage = %id, reason = refusal.detail, "late usage waits for a person");
                    self.command(ctx, "hold_late_usage", |tx| hold_failed(tx, id, invoice))?;
                }
                other => other?,
            }
        }
        Ok(())
    }

    /// Decides about late usage: settles it in one of the ways of the policies, or ignores it for good.
    ///
    /// # Errors
    /// [`Code::NotFound`]; [`Code::AlreadyResolved`] when it was decided before.
    pub fn resolve_late_usage(
        &self,
        ctx: &Ctx,
        key: IdempotencyKey,
        id: LateUsageId,
        wish: &ResolveLateUsage,
    ) -> Result<Answer, Error> {
        ctx.require(Permission::InvoicesSettle)?;
        let form = Canonical::new("resolveLateUsage").id(id).text(wish.resolution.as_str());
        let form = form.text(wish.reason.code.as_str()).optional(wish.reason.text.as_deref(), Canonical::text);
        let (operation, fingerprint) = ("resolveLateUsage", form.fingerprint());
        let idempotency = Idempotency { family: Family::Money, key, operation, fingerprint };
        self.command_once(ctx, "resolve_late_usage", 200, &idempotency, |tx| {
            let late = late_usage::get(tx, id)?.ok_or_else(Error::not_found)?;
            let decided = decide(tx, ctx, (id, late.invoice), Some(wish))?;
            let Audited { record, announcements, .. } = decided;
            Ok(Audited { announcements, ..Audited::new(detail(tx, id)?, record) })
        })
    }
}

/// Decides, by the policy of the project or as a person wants.
pub(super) fn decide(
    tx: &mut ProjectTx<'_>,
    ctx: &Ctx,
    (id, invoice): (LateUsageId, InvoiceId),
    wish: Option<&ResolveLateUsage>,
) -> Result<Audited<()>, Error> {
    hold_counting(tx)?;
    let desk = open(tx, ctx, id, invoice)?;
    let was_decided = wish.is_none() && desk.waiting[desk.place].state != LateState::Open;
    // The mutant decides about it again, and finds that something waits: itself. The story of what another node held shows that.
    if was_decided && !cfg!(feature = "mutant_held_is_decided_again") {
        // Another node was first: it is held, and keeps its reason.
        return Err(decided_before().into());
    }
    let policy = match wish {
        None => Some(desk.project.policies.late_policy),
        Some(wish) => wish.resolution.policy(),
    };
    let verdict = if !desk.rated.has_effect() {
        Verdict::Unchanged
    } else if let (None, Some(because)) = (wish, desk.held_because(ctx.now())) {
        Verdict::Held(because)
    } else if let Some(policy) = policy {
        let case = Case { effect: desk.rated.effect()?, can_void: can_void(&desk.invoice)? };
        match way(policy, case) {
            None => Verdict::Held(HeldBecause::Policy),
            Some(way) => {
                let reason = wish.map(|wish| &wish.reason);
                Verdict::Settled(book(tx, ctx, &desk.booking(id, reason), way)?)
            }
        }
    } else {
        Verdict::Ignored
    };
    keep(tx, ctx, desk, &verdict, wish)
}

/// Locks what the decision changes, and rates.
fn open(tx: &mut ProjectTx<'_>, ctx: &Ctx, id: LateUsageId, invoice: InvoiceId) -> Result<Desk, Error> {
    let waiting = late_usage::lock_waiting(tx, invoice)?;
    let place = waiting.iter().position(|late| late.id == id).ok_or_else(decided_before)?;
    let invoice = invoices::get(tx, invoice)?.ok_or_else(Error::not_found)?;
    let payer = customers::get_for_update(tx, invoice.name.customer)?;
    let payer = payer.ok_or_else(|| Error::Bug("the customer of an invoice is not stored".to_owned()))?;
    // Again, now that nothing else happens to it.
    let invoice = invoices::lock_many(tx, &[invoice.id])?.pop().ok_or_else(Error::not_found)?;
    let project = projects::get(tx)?.ok_or_else(Error::not_found)?;
    let mut keys = BTreeSet::new();
    for late in &waiting {
        keys.extend(late_usage::charge_keys(tx, late.id)?);
    }
    let rated = rate(tx, ctx, &invoice, &keys)?;
    Ok(Desk { project, payer, invoice, waiting, place, rated })
}

fn decided_before() -> Refusal {
    Refusal::new(Code::AlreadyResolved, "This late usage was decided before. Read it to see how.")
}

impl Desk {
    /// Why this is not settled by itself, whatever the policy.
    fn held_because(&self, now: Instant) -> Option<HeldBecause> {
        let days = u64::from(self.project.policies.late_limit_days);
        let limit = std::time::Duration::from_secs(days * 86_400);
        let ended_at = self.rated.ended_at?;
        let is_old = ended_at.checked_add(limit).is_some_and(|until| until < now);
        let waits = self.waiting.iter().any(|late| late.state == LateState::Held);
        match (waits, is_old) {
            (true, _) => Some(HeldBecause::Waiting),
            (false, true) => Some(HeldBecause::Limit),
            (false, false) => None,
        }
    }

    fn booking<'a>(&'a self, late: LateUsageId, reason: Option<&'a Reason>) -> super::book::Booking<'a> {
        super::book::Booking {
            project: &self.project,
            payer: &self.payer,
            invoice: &self.invoice,
            rated: &self.rated,
            late,
            reason,
        }
    }
}

/// Whether nothing of the invoice is settled.
fn can_void(invoice: &InvoiceRecord) -> Result<bool, Error> {
    match invoice.standing.void() {
        Ok(_) => Ok(invoice.standing.state != InvoiceState::Void),
        Err(refusal) if refusal.code == Code::InvoicePaid => Ok(false),
        Err(refusal) => Err(refusal.into()),
    }
}

/// Stores the decision. What waited beside it was decided with it.
fn keep(
    tx: &mut ProjectTx<'_>,
    ctx: &Ctx,
    desk: Desk,
    verdict: &Verdict,
    wish: Option<&ResolveLateUsage>,
) -> Result<Audited<()>, Error> {
    let Desk { mut waiting, place, rated, .. } = desk;
    let mut late = waiting.remove(place);
    let sum = |amount: fn(&domain::late_usage::settle::KeyEffect) -> Amount| {
        Amount::checked_sum(rated.effects.iter().map(amount)).ok_or(OutOfRange).map_err(Refusal::from)
    };
    let (before, after, effect) =
        (sum(|effect| effect.before)?, sum(|effect| effect.after)?, sum(|effect| effect.effect)?);
    let outcome = Outcome {
        before: Some(before),
        after: Some(after),
        effect: Some(effect),
        counted_to: Some(rated.cut),
        ..Outcome::default()
    };
    let decided =
        Outcome { settled_at: Some(ctx.now()), reason: wish.map(|wish| wish.reason.clone()), ..outcome.clone() };
    let action;
    (late.state, late.outcome, action) = match verdict {
        Verdict::Unchanged => (LateState::Unchanged, decided, "lateUsage.unchanged"),
        Verdict::Ignored => (LateState::Ignored, decided, "lateUsage.ignored"),
        Verdict::Held(because) => {
            (LateState::Held, Outcome { held_because: Some(*because), ..outcome }, "lateUsage.held")
        }
        Verdict::Settled(Booked { way, invoice }) => {
            let decided = Outcome { settled_by: Some(*way), correction: Some(*invoice), ..decided };
            (LateState::Settled, decided, "lateUsage.settled")
        }
    };
    late_usage::store(tx, &late)?;
    if late.state != LateState::Held {
        late_usage::insert_effects(tx, late.id, &rated.effects)?;
        for mut other in waiting {
            let nothing = Outcome { before: Some(after), effect: Some(Amount::ZERO), ..late.outcome.clone() };
            other.outcome = Outcome { settled_by: None, correction: None, ..nothing };
            other.state = LateState::Unchanged;
            late_usage::store(tx, &other)?;
        }
    }
    Ok(told(&late, action))
}

/// What cannot be rated or booked waits for a person.
pub(super) fn hold_failed(tx: &mut ProjectTx<'_>, id: LateUsageId, invoice: InvoiceId) -> Result<Audited<()>, Error> {
    let waiting = late_usage::lock_waiting(tx, invoice)?;
    let mut late = waiting.into_iter().find(|late| late.id == id).ok_or_else(Error::not_found)?;
    late.state = LateState::Held;
    late.outcome = Outcome { held_because: Some(HeldBecause::Failed), ..Outcome::default() };
    late_usage::store(tx, &late)?;
    Ok(told(&late, "lateUsage.held"))
}

/// The audit entry and the announcement of a decision.
fn told(late: &LateUsage, action: &'static str) -> Audited<()> {
    let Outcome { before, after, effect, counted_to, held_because, settled_by, correction, reason, .. } = &late.outcome;
    let details = json!({
        "lateUsage": late.id,
        "invoice": late.invoice,
        "before": before,
        "after": after,
        "effect": effect,
        "countedTo": counted_to,
        "heldBecause": held_because,
        "settledBy": settled_by,
        "correction": correction,
    });
    let mut record = AuditRecord::new(action, late.id).details(details.clone());
    if let Some(reason) = reason {
        record = record.because(reason.code.as_str(), reason.text.clone());
    }
    Audited::new((), record).announce(action, details)
}
