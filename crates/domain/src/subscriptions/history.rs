//! The history of a subscription: its changes and withdrawals, what may be added to it, and what it says at any moment.

use std::collections::BTreeMap;

use crate::idempotency::IdempotencyKey;
use crate::ids::SubscriptionChangeId;
use crate::refusal::{Code, Refusal};
use crate::subscriptions::change::{SubscriptionChange, Withdrawal};
use crate::subscriptions::offers::Offers;
use crate::subscriptions::timeline::Timeline;
use crate::subscriptions::version::StateVersion;
use crate::time::Instant;

/// Changes and withdrawals, as they are stored. The order in which they are read is of no matter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History {
    /// By effective time, then by submission.
    changes: Vec<SubscriptionChange>,
    withdrawals: BTreeMap<SubscriptionChangeId, Withdrawal>,
}

/// What came of submitting a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Submitted {
    /// The history with the change, and the timeline it makes.
    Added { history: History, timeline: Timeline },
    /// The same request was submitted before: nothing changes. // checklist 45
    Replay(Box<SubscriptionChange>),
}

impl History {
    /// Takes what is stored.
    ///
    /// # Panics
    /// When two of them have one sequence number, or a withdrawal is of a change that is not there: the store is damaged.
    pub fn of(changes: Vec<SubscriptionChange>, withdrawals: Vec<Withdrawal>) -> History {
        let mut history = History { changes, withdrawals: BTreeMap::new() };
        history.changes.sort_by_key(|change| (change.effective_at, change.sequence));
        for withdrawal in withdrawals {
            assert!(history.change(withdrawal.change).is_some(), "a withdrawal is of a change");
            history.withdrawals.insert(withdrawal.change, withdrawal);
        }
        let mut sequences: Vec<u64> = history.sequences().collect();
        sequences.sort_unstable();
        assert!(sequences.windows(2).all(|pair| pair[0] < pair[1]), "submissions have an order");
        history
    }

    /// Every change in the order of effect, with its withdrawal if it was withdrawn.
    pub fn all(&self) -> impl Iterator<Item = (&SubscriptionChange, Option<&Withdrawal>)> {
        self.changes.iter().map(|change| (change, self.withdrawals.get(&change.id)))
    }

    /// The changes that were not withdrawn, in the order of effect.
    pub fn live(&self) -> impl Iterator<Item = &SubscriptionChange> {
        self.changes.iter().filter(|change| !self.withdrawals.contains_key(&change.id))
    }

    /// The live changes that take effect after `now`, in order.
    pub fn ahead(&self, now: Instant) -> impl Iterator<Item = &SubscriptionChange> {
        self.live().filter(move |change| change.effective_at > now)
    }

    pub fn change(&self, id: SubscriptionChangeId) -> Option<&SubscriptionChange> {
        self.changes.iter().find(|change| change.id == id)
    }

    /// The history as it was when `sequence` was the last submission.
    pub fn as_of(&self, sequence: u64) -> History {
        let changes = self.changes.iter().filter(|change| change.sequence <= sequence).cloned().collect();
        let withdrawals = self.withdrawals.values().filter(|withdrawal| withdrawal.sequence <= sequence).cloned();
        History::of(changes, withdrawals.collect())
    }

    /// The number that the next submission gets.
    pub fn next_sequence(&self) -> u64 {
        self.sequences().max().map_or(1, |last| last + 1)
    }

    pub fn version(&self) -> StateVersion {
        StateVersion::of(self.live())
    }

    /// The fold of the live changes.
    ///
    /// # Panics
    /// When what is stored does not fold: each change was checked before it was added.
    pub fn timeline(&self) -> Timeline {
        match Timeline::fold(self.live()) {
            Ok(timeline) => timeline,
            Err((change, refusal)) => panic!("the stored change {} is not possible: {refusal}", change.id),
        }
    }

    /// Adds a change wherever in time it takes effect, if it is possible there and leaves everything later possible.
    ///
    /// # Errors
    /// [`Code::IdempotencyConflict`] when its key was used for something else; the refusal of the state or the catalog when it is not
    /// possible; [`Code::LaterChangeConflict`] when a later one would not be possible any more.
    pub fn submit(&self, change: SubscriptionChange, offers: &Offers) -> Result<Submitted, Refusal> {
        let is_retry = |earlier: &&SubscriptionChange| {
            earlier.idempotency_key == change.idempotency_key && earlier.fingerprint == change.fingerprint
        };
        if let Some(earlier) = self.changes.iter().find(is_retry) {
            return Ok(Submitted::Replay(Box::new(earlier.clone())));
        }
        self.require_new_key(&change.idempotency_key)?;
        assert!(change.sequence >= self.next_sequence(), "a new submission is the last one");
        let mut history = self.clone();
        history.changes.push(change.clone());
        history.changes.sort_by_key(|change| (change.effective_at, change.sequence));
        let timeline = history.checked(offers, Some(&change))?;
        Ok(Submitted::Added { history, timeline })
    }

    /// Takes back a change that lies ahead, if everything later stays possible.
    ///
    /// # Errors
    /// [`Code::NotFound`] for a change that is not there, [`Code::FirstChange`] for `created`, [`Code::AlreadyWithdrawn`], [`Code::AlreadyEffective`] when it is not ahead of
    /// `submitted_at`, [`Code::LaterChangeConflict`] when a later change rests on it, [`Code::IdempotencyConflict`] for a used key.
    pub fn withdraw(&self, withdrawal: Withdrawal, offers: &Offers) -> Result<History, Refusal> {
        let change = self.change(withdrawal.change).ok_or_else(Refusal::not_found)?;
        if let Some(earlier) = self.withdrawals.get(&change.id) {
            if earlier.idempotency_key == withdrawal.idempotency_key {
                return Ok(self.clone());
            }
            let detail = format!("It was withdrawn at {}.", earlier.submitted_at);
            return Err(Refusal::new(Code::AlreadyWithdrawn, detail));
        }
        self.require_new_key(&withdrawal.idempotency_key)?;
        if change.created().is_some() {
            return Err(Refusal::new(Code::FirstChange, "A subscription keeps its first change. Cancel it instead."));
        }
        if change.effective_at <= withdrawal.submitted_at {
            let detail =
                format!("It took effect at {}; only changes that lie ahead are withdrawn.", change.effective_at);
            return Err(Refusal::new(Code::AlreadyEffective, detail));
        }
        assert!(withdrawal.sequence >= self.next_sequence(), "a new submission is the last one");
        let mut history = self.clone();
        history.withdrawals.insert(withdrawal.change, withdrawal);
        history.checked(offers, None)?;
        Ok(history)
    }

    /// The timeline, if each state of it is possible. A refusal that is not about `added` itself names the change in the way.
    fn checked(&self, offers: &Offers, added: Option<&SubscriptionChange>) -> Result<Timeline, Refusal> {
        let timeline = Timeline::fold(self.live()).map_err(|(change, refusal)| in_the_way(change, refusal, added))?;
        // What takes effect together with the beginning is held to it too: the currency is that of the first plan for ever.
        let created = self.live().find_map(SubscriptionChange::created);
        for (before, point) in timeline.steps() {
            offers.check(before.or(created.as_ref()), &point.state).map_err(|refusal| {
                match self.cause_of(point.at, added) {
                    Some(change) => in_the_way(change, refusal, added),
                    None => refusal,
                }
            })?;
        }
        if let Some(added) = added
            && let Some(point) = timeline.at(added.effective_at)
        {
            offers.check_change(added, &point.state)?;
        }
        Ok(timeline)
    }

    /// The change that made the point at this instant: the one that is added now, or else the last.
    fn cause_of<'h>(&'h self, at: Instant, added: Option<&'h SubscriptionChange>) -> Option<&'h SubscriptionChange> {
        let last = || self.live().filter(|change| change.effective_at == at).last();
        added.filter(|added| added.effective_at == at).or_else(last)
    }

    fn require_new_key(&self, key: &IdempotencyKey) -> Result<(), Refusal> {
        let of_changes = self.changes.iter().map(|change| &change.idempotency_key);
        let mut keys = of_changes.chain(self.withdrawals.values().map(|withdrawal| &withdrawal.idempotency_key));
        if keys.any(|used| used == key) {
            return Err(Refusal::new(
                Code::IdempotencyConflict,
                "This Idempotency-Key was used for another change of the subscription, which stands. Choose a new key.",
            ));
        }
        Ok(())
    }

    fn sequences(&self) -> impl Iterator<Item = u64> {
        let withdrawals = self.withdrawals.values().map(|withdrawal| withdrawal.sequence);
        self.changes.iter().map(|change| change.sequence).chain(withdrawals)
    }
}

/// The refusal itself when it is about what is added, else one that names the change that would not be possible any more.
fn in_the_way(change: &SubscriptionChange, refusal: Refusal, added: Option<&SubscriptionChange>) -> Refusal {
    if added.is_some_and(|added| added.id == change.id) {
        return refusal;
    }
    let (kind, at) = (change.change.kind(), change.effective_at);
    let detail = format!("The change {} ({kind}, {at}) would not be possible any more: {}", change.id, refusal.detail);
    Refusal::new(Code::LaterChangeConflict, detail)
}

#[cfg(test)]
mod tests;
