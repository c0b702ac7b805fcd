//! What would be billed: the next invoice of a customer, and what a change would bring. Both are rehearsed: the code that bills runs in a
//! transaction that is undone, so that what is told is what will be, to the last digit.

use std::collections::BTreeSet;

use domain::access::Permission;
use domain::billing::run::{BillingRun, RunCounts, RunMode, RunPhase, RunScope, RunTrigger};
use domain::customers::Customer;
use domain::idempotency::{Family, IdempotencyKey};
use domain::ids::{BillingRunId, CustomerId, InvoiceId, JobId, SubscriptionId};
use domain::invoices::record::InvoiceRecord;
use domain::invoices::standing::InvoiceState;
use domain::subscriptions::version::StateVersion;
use domain::subscriptions::wish::ChangeRequest;
use domain::time::Instant;
use storage::invoices::InvoiceFilter;
use storage::{ProjectTx, invoices, subscription_schedules};

use super::decide::{Purpose, decide};
use super::load::batch;
use super::refresh::refresh_one;
use super::save::save;
use crate::command::Idempotency;
use crate::ctx::Ctx;
use crate::customers;
use crate::engine::Engine;
use crate::error::Error;
use crate::invoices::{InvoiceDetail, detail};
use crate::subscriptions::SubscriptionView;
use crate::subscriptions::change_in;

/// How often the calendar of a customer is followed to the next thing that costs something: a trial, a pause and an end are looked over.
const STEPS_MAX: usize = 60;
/// The most drafts of a customer that are looked at.
const DRAFTS_MAX: i64 = 100;

/// The next invoice of a customer, as it would be now.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UpcomingInvoice)]
pub struct Upcoming {
    pub as_of: Instant,
    /// `null` when nothing that costs anything lies ahead.
    pub invoice: Option<InvoiceDetail>,
}

/// What a change would bring.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ChangePreview)]
pub struct ChangePreview {
    /// When the change takes effect: send it with the change to get exactly this.
    pub effective_at: Instant,
    /// The state that it was previewed with: sent with the change, this refuses it when anything was changed in between.
    pub state_version: StateVersion,
    /// What the subscription would be now.
    pub subscription: SubscriptionView,
    /// What would be billed when the change takes effect, with everything else of that day.
    pub invoices: Vec<InvoiceDetail>,
    /// The invoice after that.
    pub next: Option<InvoiceDetail>,
}

impl Engine {
    /// The next invoice of a customer.
    ///
    /// # Errors
    /// `unknown_customer`; `forbidden` without the permission to read billing.
    pub fn upcoming_invoice(&self, ctx: &Ctx, customer_key: Option<&str>) -> Result<Upcoming, Error> {
        ctx.require(Permission::BillingRead)?;
        self.fold_all(ctx.project)?;
        self.db().rehearse_installation("upcoming_invoice", |tx| {
            let tx = &mut tx.in_project(ctx.project);
            let customer = customers::existing(tx, customer_key)?;
            bill_until(tx, ctx, &customer, ctx.now())?;
            let invoice = next_invoice(tx, ctx, &customer, ctx.now(), &BTreeSet::new())?;
            Ok(Upcoming { as_of: ctx.now(), invoice })
        })
    }

    /// What a change of a subscription would bring. Nothing is kept.
    ///
    /// # Errors
    /// As [`Engine::change_subscription`].
    pub fn preview_subscription_change(
        &self,
        ctx: &Ctx,
        id: SubscriptionId,
        request: &ChangeRequest,
    ) -> Result<ChangePreview, Error> {
        ctx.require(Permission::SubscriptionsRead)?;
        self.fold_all(ctx.project)?;
        let key = IdempotencyKey::parse("preview").map_err(|_| Error::Bug("a preview has a key".to_owned()))?;
        let fingerprint = request.fingerprint(id);
        let idempotency = Idempotency { family: Family::Other, key, operation: "previewSubscription", fingerprint };
        self.db().rehearse_installation("preview_subscription", |tx| {
            let tx = &mut tx.in_project(ctx.project);
            // What was due before is billed by the state before.
            let before = change_in::household(tx, id)?;
            bill_until(tx, ctx, &before.customer, ctx.now())?;
            let known = drafts(tx, &before.customer)?;
            let changed = change_in::change(tx, ctx, id, request, &idempotency)?;
            let as_of = ctx.now().max(changed.effective_at);
            bill_until(tx, ctx, &before.customer, as_of)?;
            let touched = touched(tx, &before.customer, &known, changed.effective_at, as_of)?;
            let seen = come_up(tx, &before.customer, as_of)?;
            let mut invoices = Vec::with_capacity(touched.len());
            for draft in &touched {
                // What else of the day comes up before it is issued, the last usage after an end for instance, is on it too.
                let issued_at = draft.issues_at.max(as_of);
                bill_until(tx, ctx, &before.customer, issued_at)?;
                invoices.push(issued_then(tx, ctx, draft.id, issued_at)?);
            }
            let next = next_invoice(tx, ctx, &before.customer, as_of, &seen)?;
            Ok(ChangePreview {
                effective_at: changed.effective_at,
                state_version: changed.version_before,
                subscription: changed.subscription,
                invoices,
                next,
            })
        })
    }
}

/// Bills what is due of a customer until an instant; levels stand until now at most.
fn bill_until(tx: &mut ProjectTx<'_>, ctx: &Ctx, customer: &Customer, as_of: Instant) -> Result<(), Error> {
    let mut schedules = subscription_schedules::of_customer(tx, customer.id)?;
    schedules.retain(|schedule| schedule.next_due_at.is_some_and(|due| due <= as_of));
    if schedules.is_empty() {
        return Ok(());
    }
    let run = rehearsal(as_of);
    let batch = batch(tx, &schedules)?;
    let decisions = decide(
        tx,
        &batch,
        Purpose { as_of, now: as_of.min(ctx.now()), again: None, run: Some(run.id), is_forecast: true },
    )?;
    save(tx, &at(ctx, as_of), &batch, &decisions, &run)?;
    Ok(())
}

/// Goes on to the next draft that is none of these, and until it would be issued.
fn next_invoice(
    tx: &mut ProjectTx<'_>,
    ctx: &Ctx,
    customer: &Customer,
    from: Instant,
    seen: &BTreeSet<InvoiceId>,
) -> Result<Option<InvoiceDetail>, Error> {
    let mut as_of = from;
    for _ in 0..STEPS_MAX {
        if let Some(draft) = first_draft(tx, customer, seen)? {
            // Another one may come up while this one waits for the end of its period.
            bill_until(tx, ctx, customer, draft.issues_at.max(as_of))?;
            let draft = first_draft(tx, customer, seen)?.unwrap_or(draft);
            return Ok(Some(issued_then(tx, ctx, draft.id, draft.issues_at.max(from))?));
        }
        let schedules = subscription_schedules::of_customer(tx, customer.id)?;
        match schedules.iter().filter_map(|schedule| schedule.next_due_at).min() {
            Some(due) => as_of = as_of.max(due),
            None => return Ok(None),
        }
        bill_until(tx, ctx, customer, as_of)?;
    }
    Ok(None)
}

/// The draft that is issued first, of those that are none of these.
fn first_draft(
    tx: &mut ProjectTx<'_>,
    customer: &Customer,
    seen: &BTreeSet<InvoiceId>,
) -> Result<Option<InvoiceRecord>, Error> {
    let unseen = drafts(tx, customer)?.into_iter().filter(|draft| !seen.contains(&draft.id));
    Ok(unseen.min_by_key(|draft| (draft.issues_at, draft.id)))
}

/// A draft as it would be issued at an instant, with everything that has come until now.
fn issued_then(
    tx: &mut ProjectTx<'_>,
    ctx: &Ctx,
    draft: InvoiceId,
    issued_at: Instant,
) -> Result<InvoiceDetail, Error> {
    let then = at(ctx, issued_at);
    refresh_one(tx, &then, draft, ctx.now())?;
    detail(tx, &then, draft)
}

/// The drafts with something on them that has come up until an instant: on others there is only usage of periods that are open then.
fn come_up(tx: &mut ProjectTx<'_>, customer: &Customer, as_of: Instant) -> Result<BTreeSet<InvoiceId>, Error> {
    let ids: Vec<InvoiceId> = drafts(tx, customer)?.iter().map(|draft| draft.id).collect();
    let charges = storage::charges::of_invoices(tx, &ids)?.into_iter();
    Ok(charges.filter(|(_, charge)| charge.at <= as_of).map(|(draft, _)| draft).collect())
}

/// The drafts that the change brought something: those that were not there before, or of the day on which it takes effect.
fn touched(
    tx: &mut ProjectTx<'_>,
    customer: &Customer,
    known: &[InvoiceRecord],
    effective_at: Instant,
    as_of: Instant,
) -> Result<Vec<InvoiceRecord>, Error> {
    let mut drafts = drafts(tx, customer)?;
    let ids: Vec<InvoiceId> = drafts.iter().map(|draft| draft.id).collect();
    let charges = storage::charges::of_invoices(tx, &ids)?;
    let is_new = |draft: &&InvoiceRecord| !known.iter().any(|known| known.id == draft.id);
    let is_of_the_change = |draft: &&InvoiceRecord| {
        charges.iter().any(|(id, charge)| *id == draft.id && (charge.at >= effective_at.min(as_of)))
    };
    let come_up = come_up(tx, customer, as_of)?;
    drafts.retain(|draft| come_up.contains(&draft.id) && (is_new(&draft) || is_of_the_change(&draft)));
    Ok(drafts)
}

/// The drafts of who pays for the customer, the earliest first.
fn drafts(tx: &mut ProjectTx<'_>, customer: &Customer) -> Result<Vec<InvoiceRecord>, Error> {
    let payer: CustomerId = customer.payer_id();
    let state = Some(InvoiceState::Draft);
    let filter = InvoiceFilter { state, customer: Some(payer), ..InvoiceFilter::default() };
    let mut drafts = invoices::page(tx, &filter, DRAFTS_MAX)?;
    drafts.reverse();
    let ids: Vec<InvoiceId> = drafts.iter().map(|draft| draft.id).collect();
    let charged: BTreeSet<InvoiceId> =
        storage::charges::of_invoices(tx, &ids)?.into_iter().map(|(invoice, _)| invoice).collect();
    drafts.retain(|draft| charged.contains(&draft.id));
    Ok(drafts)
}

/// The same request at another time.
pub(super) fn at(ctx: &Ctx, now: Instant) -> Ctx {
    let mut later = ctx.clone();
    later.caller.now = now;
    later
}

/// The run that everything rehearsed is of.
pub(super) fn rehearsal(as_of: Instant) -> BillingRun {
    let nil = uuid::Uuid::nil();
    BillingRun {
        id: BillingRunId::from_uuid(nil),
        job: JobId::from_uuid(nil),
        mode: RunMode::DryRun,
        trigger: RunTrigger::Manual,
        scope: RunScope::default(),
        as_of,
        phase: RunPhase::Charge,
        last_payer: None,
        counts: RunCounts::default(),
        created_by: String::new(),
        created_at: as_of,
    }
}
