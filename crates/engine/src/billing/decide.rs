//! What is to be charged of loaded subscriptions: the planned items, what they come to, and the difference to what was charged before.
//! Nothing is stored here.

use std::collections::{BTreeMap, BTreeSet};

use domain::billing::diff::{Before, Charged, NewCharge, Revises, missing};
use domain::billing::plan::{Asked, Planned, Unplanned};
use domain::billing::run::{BillingItem, ItemState};
use domain::billing::wanted::{Billable, UsagePart, Wanted};
use domain::charges::charge::ChargeKind;
use domain::charges::usage::PriceUsage;
use domain::ids::{BillingItemId, BillingRunId, SubscriptionId};
use domain::metrics::Metric;
use domain::refusal::{Code, Refusal};
use domain::time::Instant;
use domain::window::Span;
use storage::subscription_schedules::SubscriptionSchedule;
use storage::{ProjectTx, charges};

use super::commitments::{self, Commitments};
use super::load::{Batch, Candidate};
use super::usage::{self, Used, Wish};
use crate::error::Error;

/// What a decision is made for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Purpose {
    /// What is due until then is billed.
    pub as_of: Instant,
    /// Levels stand until then: a forecast knows nothing of what lies ahead.
    pub now: Instant,
    /// Items of periods that overlap with this time are rated again.
    pub again: Option<Again>,
    /// Absent for a preview.
    pub run: Option<BillingRunId>,
    /// A forecast goes from one invoice to the next, over the windows in between.
    pub is_forecast: bool,
}

/// What is rated again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Again {
    pub time: Span,
    /// Whether what is on an issued invoice is corrected; else it is left to the late desk.
    pub issued: Issued,
}

/// What becomes of charges that are on an issued invoice when they are rated again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Issued {
    Keep,
    /// As [`Issued::Keep`]; and what is on drafts is told anew where it counts something else, whatever it comes to.
    KeepAndTell,
    Correct,
}

/// What is to be stored for one subscription.
pub(crate) struct Decision {
    /// As it was read; whoever stores the decision checks that it still is.
    pub read: SubscriptionSchedule,
    pub after: SubscriptionSchedule,
    /// Where the candidate is in its batch.
    pub candidate: usize,
    /// What became of each planned item. A charged one may have no new charge: then it comes to what was charged before.
    pub items: Vec<BillingItem>,
    /// Those of them that were looked at and left as they are, because their invoice is issued: nothing of them is stored.
    pub kept: BTreeSet<BillingItemId>,
    pub charges: Vec<NewCharge>,
    pub commitments: Commitments,
}

/// An item with the parts of it that are usage.
struct Rated<'a> {
    candidate: usize,
    planned: Planned,
    parts: Vec<UsagePart<'a>>,
    /// Why it cannot be rated.
    fault: Option<Refusal>,
}

/// Decides about every candidate of a batch.
///
/// # Errors
/// Only when the database fails: what cannot be rated is a failed item of its own subscription.
pub(crate) fn decide(tx: &mut ProjectTx<'_>, batch: &Batch, purpose: Purpose) -> Result<Vec<Decision>, Error> {
    let mut decisions = decide_prices(tx, batch, purpose)?;
    commitments::add(tx, batch, &mut decisions, purpose)?;
    Ok(decisions)
}

/// Decides about the prices of every candidate: what is left open is what is missing to minimum commitments.
///
/// # Errors
/// As [`decide`].
pub(crate) fn decide_prices(tx: &mut ProjectTx<'_>, batch: &Batch, purpose: Purpose) -> Result<Vec<Decision>, Error> {
    let (items, unplanned) = plan(batch, purpose);
    let before = charged_before(tx, batch, &items, purpose)?;
    let (wishes, places) = wishes(batch, &items);
    let used = usage::read(tx, &wishes, purpose.now)?;
    let mut used_of: BTreeMap<(usize, usize), &Result<Used, Refusal>> = BTreeMap::new();
    for (place, used) in places.iter().zip(&used) {
        used_of.insert(*place, used);
    }
    let mut decisions = Vec::with_capacity(batch.candidates.len());
    let nothing = BTreeMap::new();
    for (number, candidate) in batch.candidates.iter().enumerate() {
        let own: Vec<(usize, &Rated<'_>)> =
            items.iter().enumerate().filter(|(_, item)| item.candidate == number).collect();
        let before = before.get(&candidate.record.id).unwrap_or(&nothing);
        let mut decision = decide_one(batch, number, &own, &used_of, before, purpose);
        if unplanned.contains(&number) {
            // Also where no item stands for it: it is not billed, and tried again.
            decision.after = after(batch, candidate, purpose, true);
        }
        decisions.push(decision);
    }
    Ok(decisions)
}

/// What of the charges before is decided anew: what came up since a change that is new, and what is looked at again.
fn in_question(candidate: &Candidate, before: &BTreeMap<String, Before>, purpose: Purpose) -> BTreeMap<String, Before> {
    let changed_from = candidate.unseen.iter().map(|unseen| unseen.effective_at).min();
    let is_changed = |before: &Before| changed_from.is_some_and(|from| before.newest.at >= from);
    let is_again = |before: &Before| {
        let overlaps = |time: Span, period: Span| period.start < time.end && time.start < period.end;
        purpose.again.zip(before.newest.period).is_some_and(|(again, period)| overlaps(again.time, period))
    };
    let own = before.iter().filter(|(_, before)| is_changed(before) || is_again(before));
    own.map(|(key, before)| (key.clone(), before.clone())).collect()
}

pub(super) fn billable<'a>(batch: &'a Batch, candidate: &'a Candidate) -> Billable<'a> {
    Billable {
        id: candidate.record.id,
        key: &candidate.record.external_key,
        customer_key: &candidate.customer.external_key,
        subscription: batch.subscription(candidate),
        assets: &batch.assets,
    }
}

/// The items of all candidates, with their usage cut where they have any, and the candidates that cannot be planned.
fn plan<'a>(batch: &'a Batch, purpose: Purpose) -> (Vec<Rated<'a>>, BTreeSet<usize>) {
    let (mut items, mut unplanned_of) = (Vec::new(), BTreeSet::new());
    for (number, candidate) in batch.candidates.iter().enumerate() {
        let asked = Asked {
            until: purpose.as_of,
            late_buffer: batch.late_buffer(),
            billed_until: candidate.schedule.billed_until,
            unseen: &candidate.unseen,
            again: purpose.again.map(|again| again.time),
            windows: batch.windows(candidate),
        };
        let billable = billable(batch, candidate);
        let planned = match billable.subscription.planned(&asked) {
            Ok(planned) => planned,
            Err(unplanned) => {
                unplanned_of.insert(number);
                items.extend(unplannable(number, unplanned));
                continue;
            }
        };
        for planned in planned {
            let parts =
                if planned.item.skipped.is_some() { Ok(Vec::new()) } else { billable.usage_parts(&planned.item) };
            let (parts, fault) = match parts {
                Ok(parts) => (parts, None),
                Err(fault) => (Vec::new(), Some(fault)),
            };
            items.push(Rated { candidate: number, planned, parts, fault });
        }
    }
    (items, unplanned_of)
}

/// What stands in the report for a subscription that cannot even be planned.
fn unplannable<'a>(candidate: usize, unplanned: Unplanned) -> Option<Rated<'a>> {
    let item = *unplanned.item?;
    let planned = Planned { falls_on: item.at, item };
    Some(Rated { candidate, planned, parts: Vec::new(), fault: Some(unplanned.error.into()) })
}

/// The parts whose usage is wanted, and of which item and part each is.
fn wishes<'a>(batch: &'a Batch, items: &'a [Rated<'a>]) -> (Vec<Wish<'a>>, Vec<(usize, usize)>) {
    let mut wishes = Vec::new();
    let mut places = Vec::new();
    for (number, item) in items.iter().enumerate() {
        for (part_number, part) in item.parts.iter().enumerate() {
            if let Some(metric) = metric_of(batch, part) {
                let customer = batch.candidates[item.candidate].customer.id;
                wishes.push(Wish { customer, metric, part });
                places.push((number, part_number));
            }
        }
    }
    (wishes, places)
}

fn metric_of<'a>(batch: &'a Batch, part: &UsagePart<'_>) -> Option<&'a Metric> {
    batch.metrics.get(part.price.metric.as_deref()?)
}

fn decide_one(
    batch: &Batch,
    number: usize,
    own: &[(usize, &Rated<'_>)],
    used: &BTreeMap<(usize, usize), &Result<Used, Refusal>>,
    known: &BTreeMap<String, Before>,
    purpose: Purpose,
) -> Decision {
    let candidate = &batch.candidates[number];
    let mut before = in_question(candidate, known, purpose);
    let billable = billable(batch, candidate);
    let mut items = Vec::with_capacity(own.len());
    let mut wanted: Vec<Wanted> = Vec::new();
    let mut item_of: BTreeMap<String, BillingItemId> = BTreeMap::new();
    let mut has_failed = false;
    for (place, rated) in own {
        let mut stored = item(candidate, rated, batch, purpose);
        match rate(batch, &billable, *place, rated, used) {
            Ok(lines) => {
                item_of.extend(lines.iter().map(|line| (line.key.clone(), stored.id)));
                wanted.extend(lines);
            }
            Err(refusal) => {
                has_failed = true;
                (stored.state, stored.reason) = (ItemState::Failed, Some(refusal.detail));
            }
        }
        items.push(stored);
    }
    // What goes on from window to window adds to what was charged before.
    let go_on = wanted.iter().filter_map(|wanted| known.get_key_value(&wanted.key));
    before.extend(go_on.map(|(key, before)| (key.clone(), before.clone())));
    let charged = charged(batch, candidate, purpose);
    let (of_commitments, before): (BTreeMap<_, _>, BTreeMap<_, _>) =
        before.into_iter().partition(|(_, before)| before.newest.kind == ChargeKind::Commitment);
    let planned = own.iter().map(|(_, rated)| &rated.planned).filter(|planned| planned.item.price.is_commitment());
    let commitments = Commitments { planned: planned.cloned().collect(), before: of_commitments, seen: None };
    // What could not be rated is not known to be unwanted: nothing of the subscription is charged or taken back before it can be.
    let (mut charges, mut kept) = (Vec::new(), BTreeSet::new());
    if !has_failed {
        let (wanted, stays, before) = without_issued(wanted, &before, candidate, purpose);
        kept = stays.iter().filter_map(|key| item_of.get(key)).copied().collect();
        match missing(wanted, &before, &charged, withdrawn_on(candidate, purpose)) {
            Ok(missing) => charges = missing,
            Err(error) => {
                has_failed = true;
                fail_all(&mut items, &Refusal::from(error).detail);
            }
        }
    }
    if has_failed {
        wait_for_the_others(&mut items);
    }
    for NewCharge { charge, .. } in &mut charges {
        charge.item = item_of.get(&charge.key).copied().or(charge.item);
    }
    let after = after(batch, candidate, purpose, has_failed);
    Decision { read: candidate.schedule, after, candidate: number, items, kept, charges, commitments }
}

/// Whose the new charges of a candidate are.
pub(super) fn charged(batch: &Batch, candidate: &Candidate, purpose: Purpose) -> Charged {
    Charged {
        project: batch.project.id,
        customer: candidate.customer.id,
        payer: candidate.payer.id,
        subscription: candidate.record.id,
        cut: Some(batch.cut),
        as_of: purpose.as_of,
        run: purpose.run,
        revises: match purpose.again.map(|again| again.issued) {
            Some(Issued::KeepAndTell) => Revises::Contents,
            None | Some(Issued::Keep | Issued::Correct) => Revises::Amounts,
        },
    }
}

/// Nothing of a subscription is charged for a reason; it is tried again.
pub(super) fn fail(batch: &Batch, decision: &mut Decision, purpose: Purpose, reason: &Refusal) {
    fail_all(&mut decision.items, &reason.detail);
    decision.charges.clear();
    decision.kept.clear();
    decision.after = after(batch, &batch.candidates[decision.candidate], purpose, true);
}

fn fail_all(items: &mut [BillingItem], reason: &str) {
    for item in items.iter_mut().filter(|item| item.state == ItemState::Charged) {
        (item.state, item.reason) = (ItemState::Failed, Some(reason.to_owned()));
    }
}

/// A subscription is charged as a whole or not at all: what could be rated waits for what could not.
fn wait_for_the_others(items: &mut [BillingItem]) {
    let culprit = items.iter().find(|item| item.state == ItemState::Failed).map(|item| item.price.clone());
    for item in items.iter_mut().filter(|item| item.state == ItemState::Charged) {
        let culprit = culprit.as_deref().unwrap_or("another price");
        (item.state, item.reason) = (ItemState::Failed, Some(format!("Waits until `{culprit}` can be rated.")));
    }
}

/// Leaves out what is on an issued invoice and only looked at again, not changed by anybody; answers the keys of that, too.
fn without_issued(
    mut wanted: Vec<Wanted>,
    before: &BTreeMap<String, Before>,
    candidate: &Candidate,
    purpose: Purpose,
) -> (Vec<Wanted>, BTreeSet<String>, BTreeMap<String, Before>) {
    let (mut before, mut kept) = (before.clone(), BTreeSet::new());
    if purpose.again.is_some_and(|again| again.issued != Issued::Correct) {
        let changed_from = candidate.unseen.iter().map(|unseen| unseen.effective_at).min();
        let stays =
            |before: &Before| before.issued_on.is_some() && changed_from.is_none_or(|from| before.newest.at < from);
        kept = before.iter().filter(|(_, before)| stays(before)).map(|(key, _)| key.clone()).collect();
        wanted.retain(|wanted| !kept.contains(&wanted.key));
        before.retain(|key, _| !kept.contains(key));
    }
    (wanted, kept, before)
}

fn rate(
    batch: &Batch,
    billable: &Billable<'_>,
    place: usize,
    rated: &Rated<'_>,
    used: &BTreeMap<(usize, usize), &Result<Used, Refusal>>,
) -> Result<Vec<Wanted>, Refusal> {
    if let Some(fault) = &rated.fault {
        return Err(fault.clone());
    }
    if rated.planned.item.skipped.is_some() || rated.planned.item.price.is_commitment() {
        return Ok(Vec::new());
    }
    let mut wanted = billable.fees(&rated.planned)?;
    for (number, part) in rated.parts.iter().enumerate() {
        let found = metric_of(batch, part).zip(used.get(&(place, number)));
        let (metric, used) = found.ok_or_else(|| unknown_metric(part))?;
        let counted = used.as_ref().map_err(Refusal::clone)?.counted(|key| billable.counts(key));
        for stage in &part.stages {
            let rate =
                |usage: &PriceUsage<'_>| billable.usage(&rated.planned, (part, *stage), &metric.definition, usage);
            wanted.push(counted.rate(metric, rate)?);
        }
    }
    Ok(wanted)
}

fn unknown_metric(part: &UsagePart<'_>) -> Refusal {
    let metric = part.price.metric.as_deref().unwrap_or("?");
    Refusal::new(
        Code::UnknownMetric,
        format!("The price `{}` measures `{metric}`, which does not exist.", part.price.key),
    )
}

fn item(candidate: &Candidate, rated: &Rated<'_>, batch: &Batch, purpose: Purpose) -> BillingItem {
    let cut = (!rated.parts.is_empty()).then_some(batch.cut);
    BillingItem { cut, ..planned_item(batch, candidate, &rated.planned, purpose) }
}

/// A planned item as it is kept when it is charged or skipped.
pub(super) fn planned_item(batch: &Batch, candidate: &Candidate, planned: &Planned, purpose: Purpose) -> BillingItem {
    let planned = &planned.item;
    let run = purpose.run.unwrap_or(PREVIEW);
    BillingItem {
        id: planned.id(batch.project.id, candidate.record.id),
        subscription: candidate.record.id,
        customer: candidate.customer.id,
        price: planned.price.price.to_string(),
        rhythm: planned.rhythm(),
        period: planned.period,
        kind: planned.kind,
        at: planned.at,
        due_at: planned.due_at,
        state: if planned.skipped.is_some() { ItemState::Skipped } else { ItemState::Charged },
        reason: planned.skipped.map(|reason| reason.to_string()),
        cut: None,
        as_of: purpose.as_of,
        invoice: None,
        run,
    }
}

/// The run of an item that is never stored.
const PREVIEW: BillingRunId = BillingRunId::from_uuid(uuid::Uuid::nil());

/// When what is not wanted any more goes back: when the last change was asked for.
pub(super) fn withdrawn_on(candidate: &Candidate, purpose: Purpose) -> Instant {
    candidate.unseen.iter().map(|unseen| unseen.submitted_at).max().unwrap_or(purpose.as_of)
}

/// How far the subscription is billed afterwards. What failed is tried again in an hour.
fn after(batch: &Batch, candidate: &Candidate, purpose: Purpose, has_failed: bool) -> SubscriptionSchedule {
    let read = candidate.schedule;
    let next_try = purpose.as_of.checked_add(RETRY_AFTER);
    if has_failed {
        return SubscriptionSchedule { next_due_at: next_try, ..read };
    }
    let billed_until = read.billed_until.map_or(purpose.as_of, |until| until.max(purpose.as_of));
    let (subscription, late_buffer) = (batch.subscription(candidate), batch.late_buffer());
    let next_due_at = if purpose.is_forecast {
        subscription.next_item_after(billed_until, late_buffer)
    } else {
        subscription.due_again_after(billed_until, late_buffer, batch.windows(candidate))
    };
    SubscriptionSchedule {
        billed_sequence: read.newest_sequence,
        billed_until: Some(billed_until),
        next_due_at,
        ..read
    }
}

/// How long what cannot be rated or issued waits for the next try.
pub(super) const RETRY_AFTER: std::time::Duration = std::time::Duration::from_secs(3_600);

/// What was charged before under keys that may come to something else now, by subscription. A subscription of which no change is new and
/// that is not looked at again was charged nothing of what is due now, but usage in windows.
fn charged_before(
    tx: &mut ProjectTx<'_>,
    batch: &Batch,
    items: &[Rated<'_>],
    purpose: Purpose,
) -> Result<BTreeMap<SubscriptionId, BTreeMap<String, Before>>, Error> {
    let in_windows = items.iter().filter(|item| item.planned.item.windows.is_some());
    let mut begun: BTreeMap<usize, Instant> = BTreeMap::new();
    for item in in_windows {
        let start = item.planned.item.period.start;
        let first = begun.entry(item.candidate).or_insert(start);
        *first = start.min(*first);
    }
    let mut wanted: Vec<(SubscriptionId, Instant)> = Vec::new();
    for (number, candidate) in batch.candidates.iter().enumerate() {
        if candidate.schedule.billed_until.is_none() {
            continue;
        }
        let changed_from = candidate.unseen.iter().map(|unseen| unseen.effective_at).min();
        let looked_back = purpose.again.map(|_| candidate.timeline.started_at());
        let from = [changed_from, looked_back, begun.get(&number).copied()].into_iter().flatten().min();
        wanted.extend(from.map(|from| (candidate.record.id, from)));
    }
    let mut before: BTreeMap<SubscriptionId, BTreeMap<String, Before>> = BTreeMap::new();
    for (charge, issued_on) in charges::of_subscriptions(tx, &wanted)? {
        let Some(subscription) = charge.subscription else { continue };
        let of_key = before.entry(subscription).or_default();
        let known = of_key.remove(&charge.key);
        let together = Before::with(known, charge, issued_on).map_err(Refusal::from)?;
        of_key.insert(together.newest.key.clone(), together);
    }
    Ok(before)
}
