//! What became of an attempt to charge, counted and kept. An accepted charge counts itself, in its own transaction.

use domain::ids::{AttemptId, RejectionId};
use domain::ingest::charge::ChargeItem;
use domain::ingest::{Door, Operation, Outcome, OutcomeCounts};
use domain::refusal::{Code, Refusal};
use storage::ingest_attempts::{self, NewAttempt};
use storage::rejections::{self, NewRejection};
use storage::{ProjectTx, ingest_batches};

use super::{access_key, batch};
use crate::command::Answer;
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;

/// The outcome of one attempt, with what it was refused for.
#[derive(Debug)]
pub(super) struct ChargeOutcome {
    pub outcome: Outcome,
    pub refusal: Option<Refusal>,
}

/// The outcome of an attempt; `None` when the attempt failed on our side and will come again.
pub(super) fn of(result: &Result<Answer, Error>, refused_for_good: Option<Refusal>) -> Option<ChargeOutcome> {
    let (outcome, refusal) = match result {
        Ok(answer) if answer.replayed => (Outcome::Replay, None),
        Ok(answer) if answer.status >= 400 => (Outcome::Failed, refused_for_good),
        Ok(_) => (Outcome::Accepted, None),
        Err(Error::Refused(refusal) | Error::RefusedForGood(refusal)) => {
            let is_conflict = refusal.code == Code::IdempotencyConflict;
            let outcome = if is_conflict { Outcome::Conflict } else { Outcome::Failed };
            (outcome, Some(refusal.clone()))
        }
        Err(Error::Overloaded { .. } | Error::Storage(_) | Error::Bug(_)) => return None,
    };
    Some(ChargeOutcome { outcome, refusal })
}

impl Engine {
    /// Counts an attempt in a transaction of its own, and keeps what was refused.
    pub(super) fn record_charge(&self, ctx: &Ctx, item: &ChargeItem, outcome: &ChargeOutcome) -> Result<(), Error> {
        if outcome.outcome == Outcome::Accepted {
            return Ok(());
        }
        self.db().write("record_charge_outcome", ctx.project, |tx| record(tx, ctx, item, outcome))
    }
}

fn record(tx: &mut ProjectTx<'_>, ctx: &Ctx, item: &ChargeItem, outcome: &ChargeOutcome) -> Result<(), Error> {
    ingest_batches::insert(tx, &batch(ctx, OutcomeCounts::one(outcome.outcome)))?;
    let key = item.key.as_ref().map(|key| key.as_str());
    if let Some(refusal) = &outcome.refusal {
        let id: RejectionId = ctx.new_id();
        let rejection = NewRejection {
            id,
            operation: Operation::Charge,
            outcome: outcome.outcome,
            code: refusal.code,
            field: refusal.first_field().map(str::to_owned),
            detail: refusal.detail.clone(),
            idempotency_key: key,
            source: Door::Single.as_str(),
            payload: &item.payload,
            received_at: ctx.now(),
            access_key: access_key(ctx),
            request_id: &ctx.caller.request_id,
        };
        rejections::insert(tx, &rejection)?;
    } else if let Some(key) = key {
        let id: AttemptId = ctx.new_id();
        let attempt = NewAttempt {
            id,
            operation: Operation::Charge,
            idempotency_key: key,
            outcome: outcome.outcome,
            event: None,
            received_at: ctx.now(),
            access_key: access_key(ctx),
            request_id: &ctx.caller.request_id,
        };
        ingest_attempts::insert(tx, &attempt)?;
    }
    Ok(())
}
