//! Refused payloads: listed, looked at, and replayed by an operator with a corrected payload and a reason.
//!
//! A replay stores the event under the key of the refused request, with the fingerprint of what its client sent: when the
//! client sends that again, it is answered as a replay.

use domain::access::Permission;
use domain::idempotency::IdempotencyKey;
use domain::ids::{AccessKeyId, EventId, ProjectId, RejectionId};
use domain::ingest::{Door, Item, Operation, Outcome};
use domain::ledger::reason::Reason;
use domain::refusal::{Code, Refusal};
use domain::time::Instant;
use serde::Serialize;
use serde_json::json;
use storage::rejections::{self, Rejection, RejectionFilter};
use storage::{InstallationTx, StorageError};
use utoipa::ToSchema;

use super::meaning::Meanings;
use super::{Submission, Verdict, run};
use crate::audit::{AuditRecord, Audited};
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;
use crate::page::page_limit;

/// A refused payload, kept for people to see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RejectionView {
    pub id: RejectionId,
    pub operation: Operation,
    pub outcome: Outcome,
    #[schema(example = "too_precise")]
    pub code: String,
    /// The field it is about, when it is about one.
    pub field: Option<String>,
    pub detail: String,
    /// `null` when the request had none that could be read.
    pub idempotency_key: Option<String>,
    /// The door it came through.
    #[schema(example = "single")]
    pub source: String,
    /// What was received, cut at 64 KiB.
    pub payload: String,
    pub received_at: Instant,
    pub access_key_id: Option<AccessKeyId>,
    pub request_id: String,
    /// When an operator saw to it.
    pub resolved_at: Option<Instant>,
    pub resolved_by: Option<String>,
    /// The reason code of the operator.
    pub resolution: Option<String>,
    /// The event that came of it.
    pub event_id: Option<EventId>,
}

/// What a list of rejections is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct RejectionQuery {
    pub outcome: Option<Outcome>,
    pub code: Option<Code>,
    pub idempotency_key: Option<String>,
    pub resolved: Option<bool>,
    /// Only rejections before this one.
    pub before: Option<RejectionId>,
}

/// What an operator makes of a rejection.
#[derive(Debug, Clone)]
pub struct ReplayRejection {
    pub id: RejectionId,
    /// The corrected event, in the form of the door it came through; as it was received when not given.
    pub payload: Option<String>,
    pub reason: Reason,
}

impl Engine {
    /// The newest rejections first; `limit` of them at most.
    ///
    /// # Errors
    /// `forbidden` without the permission to read what was ingested.
    pub fn list_rejections(
        &self,
        ctx: &Ctx,
        query: &RejectionQuery,
        limit: usize,
    ) -> Result<Vec<RejectionView>, Error> {
        ctx.require(Permission::IngestRead)?;
        let filter = RejectionFilter {
            outcome: query.outcome,
            code: query.code.map(|code| code.as_str().to_owned()),
            idempotency_key: query.idempotency_key.clone(),
            resolved: query.resolved,
            before: query.before,
        };
        let found =
            self.read(ctx.project, "list_rejections", |tx| Ok(rejections::page(tx, &filter, page_limit(limit))?))?;
        Ok(found.into_iter().map(RejectionView::from).collect())
    }

    /// # Errors
    /// `not_found` when there is none.
    pub fn get_rejection(&self, ctx: &Ctx, id: RejectionId) -> Result<RejectionView, Error> {
        ctx.require(Permission::IngestRead)?;
        let found = self.read(ctx.project, "get_rejection", |tx| Ok(rejections::get(tx, id)?))?;
        found.map(RejectionView::from).ok_or_else(Error::not_found)
    }

    /// Stores the event that a refused request meant.
    ///
    /// # Errors
    /// `already_resolved`; the refusal of the corrected event, which then changes nothing; `invalid_value` for a rejection
    /// that is no usage.
    pub fn replay_rejection(&self, ctx: &Ctx, command: &ReplayRejection) -> Result<RejectionView, Error> {
        ctx.require(Permission::RejectionsReplay)?;
        let meanings = &self.ingest.meanings;
        let replayed =
            self.installation_command(&ctx.caller, "replay_rejection", |tx| replay(tx, ctx, command, meanings))?;
        self.ingest.announce_commit(1);
        Ok(replayed)
    }
}

fn replay(
    tx: &mut InstallationTx<'_>,
    ctx: &Ctx,
    command: &ReplayRejection,
    meanings: &Meanings,
) -> Result<Audited<RejectionView>, Error> {
    let project = ctx.project;
    let rejection =
        rejections::get_for_update(&mut tx.in_project(project), command.id)?.ok_or_else(Error::not_found)?;
    let submission = correct(ctx, &rejection, command.payload.as_deref())?;
    let done = run(tx, std::slice::from_ref(&submission), ctx.now(), &ctx.caller.ids, meanings)?;
    let event = match done.verdicts.into_iter().flatten().flatten().next() {
        Some(Verdict::Accepted(accepted)) => accepted.event,
        Some(Verdict::Replay { receipt, .. } | Verdict::Duplicate(receipt)) => receipt.event,
        Some(Verdict::Conflict(refusal) | Verdict::Failed(refusal)) => return Err(Error::Refused(refusal)),
        None => return Err(Error::not_found()),
    };
    let resolved = resolve(tx, project, ctx, command, event)?;
    let record = AuditRecord::new("rejection.replayed", command.id)
        .because(command.reason.code.as_str(), command.reason.text.clone())
        .details(json!({
            "eventId": event,
            "code": rejection.code,
            "before": rejection.payload,
            "after": submission.items.first().map(|item| item.payload.as_str()),
        }));
    Ok(Audited::new(resolved, record).in_project(project))
}

/// The refused request as it should have been, with the identity it had.
fn correct(ctx: &Ctx, rejection: &Rejection, payload: Option<&str>) -> Result<Submission, Refusal> {
    if rejection.resolved_at.is_some() {
        return Err(Refusal::new(Code::AlreadyResolved, "Somebody saw to this rejection already."));
    }
    let (Operation::Usage, Some(door)) = (rejection.operation, Door::parse(&rejection.source)) else {
        let detail = "Only usage is replayed. Send a charge again with a new key.";
        return Err(Refusal::new(Code::InvalidValue, detail));
    };
    let key = match rejection.idempotency_key.as_deref() {
        Some(key) if rejection.code != Code::IdempotencyConflict.as_str() => IdempotencyKey::parse(key)?,
        // A key that stands for another event stays with it.
        Some(_) | None => IdempotencyKey::parse(&rejection.id.to_string())?,
    };
    let sent = Item::corrected(key.clone(), door, &rejection.payload);
    let mut item = Item::corrected(key, door, payload.unwrap_or(&rejection.payload));
    item.fingerprint = sent.fingerprint;
    Ok(Submission {
        project: ctx.project,
        access_key: None,
        request_id: ctx.caller.request_id.clone(),
        // An event without a time of its own happened when its client sent it.
        received_at: rejection.received_at,
        door: Door::RejectionReplay,
        items: vec![item],
    })
}

fn resolve(
    tx: &mut InstallationTx<'_>,
    project: ProjectId,
    ctx: &Ctx,
    command: &ReplayRejection,
    event: EventId,
) -> Result<RejectionView, StorageError> {
    let tx = &mut tx.in_project(project);
    let by = ctx.caller.actor.name();
    rejections::resolve(tx, command.id, ctx.now(), by, command.reason.code.as_str(), event)?;
    let resolved = rejections::get(tx, command.id)?;
    resolved.map(RejectionView::from).ok_or_else(|| StorageError::Corrupt { what: "a rejection vanished".to_owned() })
}

impl From<Rejection> for RejectionView {
    fn from(rejection: Rejection) -> RejectionView {
        RejectionView {
            id: rejection.id,
            operation: rejection.operation,
            outcome: rejection.outcome,
            code: rejection.code,
            field: rejection.field,
            detail: rejection.detail,
            idempotency_key: rejection.idempotency_key,
            source: rejection.source,
            payload: rejection.payload,
            received_at: rejection.received_at,
            access_key_id: rejection.access_key,
            request_id: rejection.request_id,
            resolved_at: rejection.resolved_at,
            resolved_by: rejection.resolved_by,
            resolution: rejection.resolution,
            event_id: rejection.event,
        }
    }
}
