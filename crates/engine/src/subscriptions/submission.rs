//! Who submits something to the history of a subscription, when, under which key and why.

use domain::ids::SubscriptionChangeId;
use domain::ledger::entry::ActorName;
use domain::ledger::reason::Reason;
use domain::subscriptions::change::{Change, SubscriptionChange, Withdrawal};
use domain::subscriptions::history::History;
use domain::time::Instant;

use crate::audit::AuditRecord;
use crate::command::Idempotency;
use crate::ctx::Ctx;

/// A request that adds to a history.
pub(super) struct Submission<'r> {
    pub ctx: &'r Ctx,
    pub idempotency: &'r Idempotency,
    pub reason: Option<&'r Reason>,
}

impl Submission<'_> {
    /// The next change of a history.
    pub(super) fn change(&self, history: &History, effective_at: Instant, change: Change) -> SubscriptionChange {
        SubscriptionChange {
            id: self.ctx.new_id(),
            sequence: history.next_sequence(),
            effective_at,
            submitted_at: self.ctx.now(),
            idempotency_key: self.idempotency.key.clone(),
            fingerprint: self.idempotency.fingerprint,
            actor: self.actor(),
            reason: self.reason.cloned(),
            change,
        }
    }

    /// The withdrawal of a change.
    pub(super) fn withdrawal(&self, history: &History, change: SubscriptionChangeId) -> Withdrawal {
        Withdrawal {
            change,
            sequence: history.next_sequence(),
            submitted_at: self.ctx.now(),
            idempotency_key: self.idempotency.key.clone(),
            actor: self.actor(),
            reason: self.reason.cloned(),
        }
    }

    /// The audit record with the reason, if one was given.
    pub(super) fn because(&self, record: AuditRecord) -> AuditRecord {
        match self.reason {
            Some(reason) => record.because(reason.code.as_str(), reason.text.clone()),
            None => record,
        }
    }

    fn actor(&self) -> ActorName {
        let actor = &self.ctx.caller.actor;
        ActorName { kind: actor.kind().to_owned(), id: actor.id(), name: actor.name().to_owned() }
    }
}
