//! True-ups of minimum commitments: decided after everything else of a subscription, from what it sums to with what was charged before.
//! An interval is looked at when it is due, and again whenever something is charged that counts for it.

use std::collections::{BTreeMap, BTreeSet};

use domain::billing::commitments::{Look, TrueUp, TrueUps};
use domain::billing::diff::{Before, NewCharge};
use domain::billing::plan::Planned;
use domain::billing::run::ItemState;
use domain::charges::charge::Charge;
use domain::ids::{InvoiceId, SubscriptionId};
use domain::ratio::OutOfRange;
use domain::refusal::Refusal;
use domain::time::Instant;
use storage::{ProjectTx, charges};

use super::decide::{Decision, Purpose, billable, charged, fail, planned_item, withdrawn_on};
use super::load::{Batch, Candidate};
use crate::error::Error;

/// What of a decision is about commitments.
#[derive(Default)]
pub(crate) struct Commitments {
    /// Intervals that are due, or may have changed.
    pub planned: Vec<Planned>,
    /// True-ups that a change may have made unwanted.
    pub before: BTreeMap<String, Before>,
    /// What was summed up; whoever stores the decision checks that nothing was added.
    pub seen: Option<Seen>,
}

/// So many charges of a subscription came up at an instant or later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    pub from: Instant,
    pub charges: i64,
}

/// Intervals of one candidate, and what is charged of it beside.
struct Question<'q> {
    candidate: &'q Candidate,
    planned: Vec<Planned>,
    before: &'q BTreeMap<String, Before>,
    new: &'q [NewCharge],
}

struct Answer {
    planned: Vec<Planned>,
    true_ups: TrueUps,
    seen: Seen,
}

/// Adds what is missing to decisions about prices.
///
/// # Errors
/// Only when the database fails.
pub(super) fn add(
    tx: &mut ProjectTx<'_>,
    batch: &Batch,
    decisions: &mut [Decision],
    purpose: Purpose,
) -> Result<(), Error> {
    let mut places = Vec::new();
    let mut questions = Vec::new();
    for (place, decision) in decisions.iter().enumerate() {
        if decision.items.iter().any(|item| item.state == ItemState::Failed) {
            continue;
        }
        let candidate = &batch.candidates[decision.candidate];
        let Commitments { planned, before, .. } = &decision.commitments;
        let question = ask(batch, candidate, planned.clone(), &decision.charges);
        let question = question.map(|question| Question { before, ..question });
        if question.as_ref().is_ok_and(|question| question.planned.is_empty() && before.is_empty()) {
            continue;
        }
        places.push(place);
        questions.push(question);
    }
    let answers = answer_all(tx, batch, questions, purpose)?;
    for (place, answer) in places.into_iter().zip(answers) {
        match answer {
            Ok(answer) => take(batch, &mut decisions[place], answer, purpose),
            Err(refusal) => fail(batch, &mut decisions[place], purpose, &refusal),
        }
    }
    Ok(())
}

/// What late usage changes in the true-ups of intervals that were billed before.
///
/// # Errors
/// A refusal when a sum does not fit.
pub(crate) fn after_late_usage(
    tx: &mut ProjectTx<'_>,
    batch: &Batch,
    late: &[NewCharge],
    purpose: Purpose,
) -> Result<Vec<TrueUp>, Error> {
    let mut of_subscription: BTreeMap<SubscriptionId, Vec<NewCharge>> = BTreeMap::new();
    for new in late {
        if let Some(subscription) = new.charge.subscription {
            of_subscription.entry(subscription).or_default().push(new.clone());
        }
    }
    let own =
        batch.candidates.iter().filter_map(|candidate| Some((candidate, of_subscription.get(&candidate.record.id)?)));
    let questions = own.map(|(candidate, new)| ask(batch, candidate, Vec::new(), new)).collect();
    let mut missing = Vec::new();
    for answer in answer_all(tx, batch, questions, purpose)? {
        missing.extend(answer?.true_ups.missing);
    }
    Ok(missing)
}

/// Those of these whose charges are still those that were summed up. Lock their schedules first.
pub(super) fn still_seen(tx: &mut ProjectTx<'_>, decisions: &[&Decision]) -> Result<BTreeSet<SubscriptionId>, Error> {
    let seen = decisions.iter().filter_map(|decision| Some((decision.read.subscription, decision.commitments.seen?)));
    let seen: Vec<(SubscriptionId, Seen)> = seen.collect();
    let from: Vec<(SubscriptionId, Instant)> =
        seen.iter().map(|(subscription, seen)| (*subscription, seen.from)).collect();
    let now = charges::count_since(tx, &from)?;
    let overtaken: BTreeSet<SubscriptionId> = seen
        .into_iter()
        .filter(|(subscription, seen)| now.get(subscription).map_or(seen.charges != 0, |now| *now != seen.charges))
        // The mutant stores true-ups of sums that are not so any more: the race test notices.
        .filter(|_| !cfg!(feature = "mutant_true_ups_not_recounted"))
        .map(|(subscription, _)| subscription)
        .collect();
    let subscriptions = decisions.iter().map(|decision| decision.read.subscription);
    Ok(subscriptions.filter(|subscription| !overtaken.contains(subscription)).collect())
}

static NOTHING: BTreeMap<String, Before> = BTreeMap::new();

fn ask<'q>(
    batch: &Batch,
    candidate: &'q Candidate,
    planned: Vec<Planned>,
    new: &'q [NewCharge],
) -> Result<Question<'q>, Refusal> {
    let billed_until = candidate.schedule.billed_until;
    let planned = batch.subscription(candidate).with_touched(planned, new, billed_until, batch.late_buffer())?;
    Ok(Question { candidate, planned, before: &NOTHING, new })
}

/// Answers with what was charged before, read at once for all of them.
fn answer_all(
    tx: &mut ProjectTx<'_>,
    batch: &Batch,
    questions: Vec<Result<Question<'_>, Refusal>>,
    purpose: Purpose,
) -> Result<Vec<Result<Answer, Refusal>>, Error> {
    let from = questions.iter().filter_map(|question| {
        let Question { candidate, planned, before, .. } = question.as_ref().ok()?;
        let subscription = batch.subscription(candidate);
        let planned = planned.iter().map(|planned| subscription.counted_from(planned.item.period.start));
        let first = planned.chain(before.values().map(|before| before.newest.at)).min()?;
        Some((candidate.record.id, first))
    });
    let from: Vec<(SubscriptionId, Instant)> = from.collect();
    let mut histories: BTreeMap<SubscriptionId, Vec<(Charge, Option<InvoiceId>)>> = BTreeMap::new();
    for (charge, issued_on) in charges::of_subscriptions(tx, &from)? {
        if let Some(subscription) = charge.subscription {
            histories.entry(subscription).or_default().push((charge, issued_on));
        }
    }
    let from: BTreeMap<SubscriptionId, Instant> = from.into_iter().collect();
    let answers = questions.into_iter().map(|question| {
        let Question { candidate, planned, before, new } = question?;
        let id = candidate.record.id;
        let history = histories.remove(&id).unwrap_or_default();
        let look = Look { planned: &planned, before, history: &history, new };
        let (charged, withdrawn_on) = (charged(batch, candidate, purpose), withdrawn_on(candidate, purpose));
        let true_ups = billable(batch, candidate).missing_true_ups(&look, &charged, withdrawn_on)?;
        let charges = i64::try_from(history.len()).map_err(|_| OutOfRange)?;
        let seen = Seen { from: from.get(&id).copied().unwrap_or(purpose.as_of), charges };
        Ok(Answer { planned, true_ups, seen })
    });
    Ok(answers.collect())
}

/// Takes the true-ups into the decision, and accounts for their intervals.
fn take(batch: &Batch, decision: &mut Decision, answer: Answer, purpose: Purpose) {
    let Answer { planned, true_ups, seen } = answer;
    let candidate = &batch.candidates[decision.candidate];
    let new: Vec<NewCharge> = true_ups.missing.into_iter().map(|true_up| true_up.new).collect();
    for (place, planned) in planned.iter().enumerate() {
        let item = planned_item(batch, candidate, planned, purpose);
        let known = decision.items.iter_mut().find(|known| known.id == item.id);
        match known {
            Some(known) if known.state == ItemState::Charged && !true_ups.trued_up.contains(&place) => {
                (known.state, known.reason) = (ItemState::Skipped, Some(REACHED.to_owned()));
            }
            // Nobody planned it: it is looked at for the sake of something else.
            None if new.iter().any(|new| new.charge.item == Some(item.id)) => decision.items.push(item),
            Some(_) | None => {}
        }
    }
    decision.charges.extend(new);
    decision
        .charges
        .sort_by(|left, right| (left.charge.at, &left.charge.key).cmp(&(right.charge.at, &right.charge.key)));
    decision.commitments.seen = Some(seen);
}

/// Why an interval brings no line: the prices came to what is committed, or more.
const REACHED: &str = "reached";
