//! The one way to write: state, ledger, audit, outbox and idempotency record in one transaction.

use domain::idempotency::{Family, Fingerprint, IdempotencyKey};
use domain::ids::ProjectId;
use domain::refusal::{Code, Refusal};
use serde::Serialize;
use storage::audit_entries::{self, AuditEntry};
use storage::outbox_events::{self, OutboxEvent};
use storage::{InstallationTx, ProjectTx, idempotency_keys};

use crate::audit::{AuditRecord, Audited};
use crate::ctx::{Caller, Ctx};
use crate::engine::Engine;
use crate::error::Error;
use crate::problem::Problem;

/// A caller's promise that this request is the same one whenever it comes again.
#[derive(Debug, Clone)]
pub struct Idempotency {
    pub family: Family,
    pub key: IdempotencyKey,
    /// Part of the fingerprint too; stored for people who look a key up.
    pub operation: &'static str,
    pub fingerprint: Fingerprint,
}

/// What is answered, ready to be sent: a repeated request gets the same bytes. Debug output does not show the body, which
/// may hold a new access key.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// JSON; `application/problem+json` from status 400 on.
    pub body: String,
    /// True when this answer was given before.
    pub replayed: bool,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Answer { status, body, replayed } = self;
        write!(out, "Answer({status}, {} bytes, {})", body.len(), if *replayed { "replayed" } else { "first" })
    }
}

impl Engine {
    /// Runs one write inside the caller's project.
    ///
    /// # Errors
    /// Whatever `body` answers; then nothing was changed.
    pub fn command<T>(
        &self,
        ctx: &Ctx,
        name: &'static str,
        mut body: impl FnMut(&mut ProjectTx<'_>) -> Result<Audited<T>, Error>,
    ) -> Result<T, Error> {
        self.db().write(name, ctx.project, |tx| {
            let audited = body(tx)?;
            record(tx, &ctx.caller, &audited)?;
            Ok(audited.value)
        })
    }

    /// Runs one write inside the caller's project at most once for its key. A repeated request gets the stored answer.
    ///
    /// Concurrent requests with one key: one runs, the others wait for it and get its answer.
    ///
    /// # Errors
    /// [`Code::IdempotencyConflict`] when the key was used for another request; whatever `body` answers, except
    /// [`Error::RefusedForGood`], which is stored and returned as an [`Answer`].
    pub fn command_once<T: Serialize>(
        &self,
        ctx: &Ctx,
        name: &'static str,
        status: u16,
        idempotency: &Idempotency,
        mut body: impl FnMut(&mut ProjectTx<'_>) -> Result<Audited<T>, Error>,
    ) -> Result<Answer, Error> {
        let outcome = self.db().write(name, ctx.project, |tx| {
            if let Some(answer) = earlier_answer(tx, ctx, idempotency)? {
                return Ok(answer);
            }
            let audited = body(tx)?;
            record(tx, &ctx.caller, &audited)?;
            let answer = to_json(&audited.value)?;
            let stored = match &audited.stored {
                Some(stored) => to_json(stored)?,
                None => answer.clone(),
            };
            idempotency_keys::complete(tx, idempotency.family, idempotency.key.as_str(), status, &stored)?;
            Ok(Answer { status, body: answer, replayed: false })
        });
        match outcome {
            Err(Error::RefusedForGood(refusal)) => self.refuse_for_good(ctx, name, idempotency, &refusal),
            other => other,
        }
    }

    /// As [`Engine::command_once`] where a key is optional: without one the write runs each time it is asked for.
    ///
    /// # Errors
    /// As [`Engine::command`] and [`Engine::command_once`].
    pub fn command_answer<T: Serialize>(
        &self,
        ctx: &Ctx,
        name: &'static str,
        status: u16,
        idempotency: Option<&Idempotency>,
        body: impl FnMut(&mut ProjectTx<'_>) -> Result<Audited<T>, Error>,
    ) -> Result<Answer, Error> {
        match idempotency {
            Some(idempotency) => self.command_once(ctx, name, status, idempotency, body),
            None => {
                let value = self.command(ctx, name, body)?;
                Ok(Answer { status, body: to_json(&value)?, replayed: false })
            }
        }
    }

    /// Runs one write that belongs to no project (a login, a new project).
    ///
    /// # Errors
    /// Whatever `body` answers; then nothing was changed.
    pub fn installation_command<T>(
        &self,
        caller: &Caller,
        name: &'static str,
        mut body: impl FnMut(&mut InstallationTx<'_>) -> Result<Audited<T>, Error>,
    ) -> Result<T, Error> {
        self.db().write_installation(name, |tx| {
            let audited = body(tx)?;
            match audited.project {
                Some(project) => record(&mut tx.in_project(project), caller, &audited)?,
                None => audit_entries::insert_installation(tx, &audit_entry(caller, &audited.record))?,
            }
            Ok(audited.value)
        })
    }

    /// Stores a final refusal under its key. The work was rolled back; if a concurrent request with the same key got
    /// through in between, its answer is the one that counts.
    fn refuse_for_good(
        &self,
        ctx: &Ctx,
        name: &'static str,
        idempotency: &Idempotency,
        refusal: &Refusal,
    ) -> Result<Answer, Error> {
        let problem = Problem::new(refusal, &ctx.caller.request_id);
        let body = to_json(&problem)?;
        self.db().write(name, ctx.project, |tx| {
            if let Some(answer) = earlier_answer(tx, ctx, idempotency)? {
                return Ok(answer);
            }
            idempotency_keys::complete(tx, idempotency.family, idempotency.key.as_str(), problem.status, &body)?;
            let refused = AuditRecord::new("request.refused", idempotency.key.as_str())
                .details(serde_json::json!({ "operation": idempotency.operation, "code": refusal.code }));
            audit_entries::insert(tx, &audit_entry(&ctx.caller, &refused))?;
            Ok(Answer { status: problem.status, body: body.clone(), replayed: false })
        })
    }
}

/// The refusal for a key that was used for another request.
pub fn idempotency_conflict(key: &str) -> Refusal {
    Refusal::new(
        Code::IdempotencyConflict,
        format!(
            "The Idempotency-Key {key:?} was used for a request with another body. The first request stands unchanged. \
             Send a new request with a new key."
        ),
    )
}

/// Reserves the key, or answers what was answered before.
fn earlier_answer(tx: &mut ProjectTx<'_>, ctx: &Ctx, idempotency: &Idempotency) -> Result<Option<Answer>, Error> {
    let Idempotency { family, key, operation, fingerprint } = idempotency;
    if idempotency_keys::reserve(tx, *family, key.as_str(), operation, *fingerprint, ctx.now())? {
        return Ok(None);
    }
    let record = idempotency_keys::find(tx, *family, key.as_str())?
        .ok_or_else(|| Error::Bug(format!("the idempotency key {:?} is taken but cannot be read", key.as_str())))?;
    if record.fingerprint != *fingerprint {
        return Err(idempotency_conflict(key.as_str()).into());
    }
    Ok(Some(Answer { status: record.status, body: record.reply, replayed: true }))
}

/// Stores who did what, and what is announced of it, in the transaction that did it.
pub(crate) fn record<T>(tx: &mut ProjectTx<'_>, caller: &Caller, audited: &Audited<T>) -> Result<(), Error> {
    audit_entries::insert(tx, &audit_entry(caller, &audited.record))?;
    for announcement in &audited.announcements {
        outbox_events::insert(
            tx,
            &OutboxEvent {
                id: caller.new_id(),
                kind: announcement.kind.to_owned(),
                happened_at: caller.now,
                body: announcement.body.clone(),
            },
        )?;
    }
    Ok(())
}

pub(crate) fn audit_entry(caller: &Caller, record: &AuditRecord) -> AuditEntry {
    AuditEntry {
        id: caller.new_id(),
        happened_at: caller.now,
        actor_kind: caller.actor.kind().to_owned(),
        actor_id: caller.actor.id(),
        actor_name: caller.actor.name().to_owned(),
        action: record.action.to_owned(),
        target: record.target.clone(),
        reason_code: record.reason_code.clone(),
        reason: record.reason.clone(),
        request_id: caller.request_id.to_string(),
        details: record.details.clone(),
    }
}

fn to_json(value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::Bug(format!("a reply cannot be written as JSON: {error}")))
}

impl Engine {
    /// Reads one project as of one moment.
    ///
    /// # Errors
    /// Whatever `body` answers.
    pub fn read<T>(
        &self,
        project: ProjectId,
        name: &'static str,
        body: impl FnMut(&mut ProjectTx<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.db().read(name, project, body)
    }
}
