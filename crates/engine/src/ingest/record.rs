//! The traces that requests other than usage leave: their outcome in the counters, the attempt, the rejection.

use domain::ids::{AccessKeyId, BatchId};
use domain::ingest::{Operation, Outcome, OutcomeCounts};
use domain::refusal::Refusal;
use storage::ingest_attempts::{self, NewAttempt};
use storage::ingest_batches::{self, IngestBatch};
use storage::rejections::{self, NewRejection};
use storage::{ProjectTx, StorageError};

use crate::ctx::{Actor, Ctx};

/// Counts a request that was accepted. What it did is recorded elsewhere.
pub(crate) fn accepted(tx: &mut ProjectTx<'_>, ctx: &Ctx, operation: Operation) -> Result<(), StorageError> {
    count(tx, ctx, operation, Outcome::Accepted)
}

/// Counts and keeps a request that was answered from what its key did before.
pub(crate) fn replayed(tx: &mut ProjectTx<'_>, ctx: &Ctx, operation: Operation, key: &str) -> Result<(), StorageError> {
    let attempt = NewAttempt {
        id: ctx.new_id(),
        operation,
        idempotency_key: key,
        outcome: Outcome::Replay,
        event: None,
        received_at: ctx.now(),
        access_key: access_key(ctx),
        request_id: &ctx.caller.request_id,
    };
    ingest_attempts::insert(tx, &attempt)?;
    count(tx, ctx, operation, Outcome::Replay)
}

/// Counts and keeps a request that was refused: [`Outcome::Conflict`] or [`Outcome::Failed`].
pub(crate) fn rejected(
    tx: &mut ProjectTx<'_>,
    ctx: &Ctx,
    operation: Operation,
    outcome: Outcome,
    refused: &Refused<'_>,
) -> Result<(), StorageError> {
    let rejection = NewRejection {
        id: ctx.new_id(),
        operation,
        outcome,
        code: refused.refusal.code,
        field: refused.refusal.first_field().map(str::to_owned),
        detail: refused.refusal.detail.clone(),
        idempotency_key: refused.key,
        source: domain::ingest::Door::Single.as_str(),
        payload: refused.payload,
        received_at: ctx.now(),
        access_key: access_key(ctx),
        request_id: &ctx.caller.request_id,
    };
    rejections::insert(tx, &rejection)?;
    count(tx, ctx, operation, outcome)
}

/// A request that was refused, as far as it could be read.
pub(crate) struct Refused<'a> {
    pub refusal: &'a Refusal,
    pub key: Option<&'a str>,
    /// The body in the form of [`domain::ingest::payload::kept`].
    pub payload: &'a str,
}

fn count(tx: &mut ProjectTx<'_>, ctx: &Ctx, operation: Operation, outcome: Outcome) -> Result<(), StorageError> {
    let batch = IngestBatch {
        id: ctx.new_id::<BatchId>(),
        operation,
        received_at: ctx.now(),
        events: 0,
        first_event: None,
        last_event: None,
        earliest_at: None,
        counts: OutcomeCounts::one(outcome),
        rollup_seq: None,
    };
    ingest_batches::insert(tx, &batch)
}

fn access_key(ctx: &Ctx) -> Option<AccessKeyId> {
    match &ctx.caller.actor {
        Actor::AccessKey { id, .. } => Some(*id),
        Actor::Anonymous | Actor::User { .. } | Actor::System { .. } => None,
    }
}
