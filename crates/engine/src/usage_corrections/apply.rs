//! Applying a correction, and taking it back. Each has a place of its own in the order of batches, so that what was counted before stays
//! countable, and an invoice that was issued before sees it as it sees a late batch.

use domain::access::Permission;
use domain::idempotency::Canonical;
use domain::ids::{BatchId, EventId, ProjectId, UsageCorrectionId};
use domain::ingest::correction::CorrectionState;
use domain::ingest::event::is_late;
use domain::ingest::{Door, Operation, Outcome, OutcomeCounts, UsageEvent};
use domain::ledger::reason::Reason;
use serde_json::json;
use storage::ingest_batches::{self, IngestBatch};
use storage::usage_corrections::{self, CorrectionStep};
use storage::usage_events::{self, NewEvent};
use storage::usage_keys::{self, NewKey};
use storage::usage_voids::{self, UsageVoid};
use storage::{InstallationTx, ProjectTx, StorageError, rollup_cursors};

use super::plan::{Planned, plan};
use super::{UsageCorrectionView, state_of, view, voided};
use crate::audit::{AuditRecord, Audited};
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;
use crate::ingest::{Touched, recompute};

impl Engine {
    /// Lets a proposed correction count, from now on. Asked for again, it answers what is.
    ///
    /// # Errors
    /// `not_found`; `correction_state` when it was taken back; `event_voided` when another correction was first.
    pub fn apply_usage_correction(&self, ctx: &Ctx, id: UsageCorrectionId) -> Result<UsageCorrectionView, Error> {
        ctx.require(Permission::UsageCorrectionsApply)?;
        let known = self.read(ctx.project, "find_usage_correction", |tx| view(tx, id))?;
        if known.state == CorrectionState::Applied {
            return Ok(known);
        }
        self.fold_all(ctx.project)?;
        let applied = self.installation_command(&ctx.caller, "apply_usage_correction", |tx| {
            let (step, planned) = apply(tx, ctx, id)?;
            let tx = &mut tx.in_project(ctx.project);
            let record = AuditRecord::new("usageCorrection.applied", id)
                .because(step.reason.code.as_str(), step.reason.text)
                .details(
                    json!({ "events": planned.iter().map(Planned::told).collect::<Vec<_>>(), "rollupSeq": step.seq }),
                );
            Ok(Audited::new(view(tx, id)?, record).in_project(ctx.project))
        })?;
        Ok(applied)
    }

    /// Takes an applied correction back: its events count again, those in their place do not.
    ///
    /// # Errors
    /// `not_found`; `correction_state` unless it is applied; `event_voided` when an event in the place of another was corrected itself.
    pub fn revert_usage_correction(
        &self,
        ctx: &Ctx,
        id: UsageCorrectionId,
        reason: &Reason,
    ) -> Result<UsageCorrectionView, Error> {
        ctx.require(Permission::UsageCorrectionsApply)?;
        let reverted = self.installation_command(&ctx.caller, "revert_usage_correction", |tx| {
            let seq = revert(tx, ctx, id, reason)?;
            let tx = &mut tx.in_project(ctx.project);
            let record = AuditRecord::new("usageCorrection.reverted", id)
                .because(reason.code.as_str(), reason.text.clone())
                .details(json!({ "rollupSeq": seq }));
            Ok(Audited::new(view(tx, id)?, record).in_project(ctx.project))
        })?;
        Ok(reverted)
    }
}

/// Applies it in this transaction. From the lock on nobody else folds, corrects or changes a series of the project.
pub(super) fn apply(
    tx: &mut InstallationTx<'_>,
    ctx: &Ctx,
    id: UsageCorrectionId,
) -> Result<(CorrectionStep, Vec<Planned>), Error> {
    let mut project = tx.in_project(ctx.project);
    let mut place = Place::take(&mut project, ctx)?;
    let correction = usage_corrections::get(&mut project, id)?.ok_or_else(Error::not_found)?;
    state(&mut project, id)?.check_applies()?;
    let items = usage_corrections::items(&mut project, id)?;
    let planned = plan(&mut project, &items, ctx.now())?;
    if planned.iter().any(|planned| !planned.is_folded) {
        // It came in between the fold and the lock; the next attempt finds it folded.
        return Err(StorageError::Busy { waiting_for: "the fold of the events of a correction" }.into());
    }
    let replacements: Vec<Option<EventId>> =
        planned.iter().map(|planned| planned.replacement.as_ref().map(|_| ctx.new_id())).collect();
    for (planned, replacement) in planned.iter().zip(&replacements) {
        place.turn(&planned.original, id, true, *replacement);
        if let Some(replacement) = &planned.replacement {
            place.touch(&planned.original, replacement.amended.at);
        }
    }
    place.first_event = replacements.iter().flatten().next().copied();
    place.last_event = replacements.iter().flatten().next_back().copied();
    place.events = replacements.iter().flatten().count();
    insert_replacements(tx, ctx, (id, place.batch), &planned, &replacements)?;
    let step = place.close(tx, ctx, (id, CorrectionState::Applied, &correction.reason))?;
    Ok((step, planned))
}

fn revert(tx: &mut InstallationTx<'_>, ctx: &Ctx, id: UsageCorrectionId, reason: &Reason) -> Result<i64, Error> {
    let mut project = tx.in_project(ctx.project);
    let mut place = Place::take(&mut project, ctx)?;
    usage_corrections::get(&mut project, id)?.ok_or_else(Error::not_found)?;
    state(&mut project, id)?.check_reverts()?;
    let items: Vec<EventId> = usage_corrections::items(&mut project, id)?.iter().map(|item| item.event).collect();
    let turns = usage_voids::last_of_events(&mut project, &items)?;
    let replacements: Vec<EventId> = turns.values().filter_map(|turn| turn.replacement).collect();
    for (event, turn) in usage_voids::last_of_events(&mut project, &replacements)? {
        if turn.is_void {
            return Err(voided(None, event, &turn).into());
        }
    }
    let again = usage_events::find_many(&mut project, &items)?;
    let no_more = usage_events::find_many(&mut project, &replacements)?;
    for (event, _) in &again {
        place.turn(event, id, false, None);
    }
    for (event, _) in &no_more {
        place.turn(event, id, true, None);
    }
    Ok(place.close(tx, ctx, (id, CorrectionState::Reverted, reason))?.seq)
}

fn state(tx: &mut ProjectTx<'_>, id: UsageCorrectionId) -> Result<CorrectionState, Error> {
    let steps = usage_corrections::steps(tx, &[id])?;
    let steps: Vec<CorrectionStep> = steps.into_iter().map(|(_, step)| step).collect();
    Ok(state_of(&steps))
}

/// The place of a step in the order of batches, while it is filled.
struct Place {
    batch: BatchId,
    seq: i64,
    events: usize,
    first_event: Option<EventId>,
    last_event: Option<EventId>,
    earliest_at: Option<domain::time::Instant>,
    turns: Vec<UsageVoid>,
    touched: Touched,
}

impl Place {
    /// The next place; the project's cursor is held until the transaction ends.
    fn take(tx: &mut ProjectTx<'_>, ctx: &Ctx) -> Result<Place, Error> {
        let cursor = rollup_cursors::lock(tx)?;
        Ok(Place {
            batch: ctx.new_id(),
            seq: cursor.last_seq + 1,
            events: 0,
            first_event: None,
            last_event: None,
            earliest_at: None,
            turns: Vec::new(),
            touched: Touched::default(),
        })
    }

    fn turn(&mut self, event: &UsageEvent, correction: UsageCorrectionId, is_void: bool, replacement: Option<EventId>) {
        self.touch(event, event.at);
        self.turns.push(UsageVoid {
            event: event.id,
            seq: self.seq,
            correction,
            is_void,
            replacement,
            metric: event.metric,
            customer: event.customer,
            at: event.at,
        });
    }

    fn touch(&mut self, event: &UsageEvent, at: domain::time::Instant) {
        self.touched.add(event.metric, event.customer, at);
        self.earliest_at = Some(self.earliest_at.map_or(at, |earliest| earliest.min(at)));
    }

    /// Stores the step and its batch, and makes the rows anew in which something counts otherwise.
    fn close(
        self,
        tx: &mut InstallationTx<'_>,
        ctx: &Ctx,
        (correction, state, reason): (UsageCorrectionId, CorrectionState, &Reason),
    ) -> Result<CorrectionStep, Error> {
        let batch = IngestBatch {
            id: self.batch,
            operation: Operation::UsageCorrection,
            received_at: ctx.now(),
            // Cannot fail: a correction is about few events.
            events: i64::try_from(self.events).expect("a length fits in 63 bits"),
            first_event: self.first_event,
            last_event: self.last_event,
            earliest_at: self.earliest_at,
            counts: OutcomeCounts::default(),
            rollup_seq: None,
        };
        ingest_batches::insert_many(tx, &[(ctx.project, batch)])?;
        let tx = &mut tx.in_project(ctx.project);
        ingest_batches::stamp(tx, &[(self.batch, self.seq)])?;
        rollup_cursors::advance(tx, self.seq)?;
        // Whoever adds up at this moment what counted before adds up again.
        rollup_cursors::begin_epoch(tx)?;
        usage_voids::insert_many(tx, &self.turns)?;
        let step = CorrectionStep {
            state,
            batch: self.batch,
            seq: self.seq,
            reason: reason.clone(),
            by: ctx.caller.actor_name(),
            at: ctx.now(),
        };
        usage_corrections::insert_step(tx, correction, &step)?;
        recompute(tx, &self.touched)?;
        Ok(step)
    }
}

/// Stores the events that count in the place of others, each under a key of its own that no sender can have meant.
fn insert_replacements(
    tx: &mut InstallationTx<'_>,
    ctx: &Ctx,
    (correction, batch): (UsageCorrectionId, BatchId),
    planned: &[Planned],
    ids: &[Option<EventId>],
) -> Result<(), Error> {
    let payloads: Vec<String> = planned.iter().map(|planned| planned.told().to_string()).collect();
    let names: Vec<String> = ids.iter().map(|id| id.map(|id| id.to_string()).unwrap_or_default()).collect();
    let mut events = Vec::new();
    for (((planned, id), payload), name) in planned.iter().zip(ids).zip(&payloads).zip(&names) {
        if let (Some(replacement), Some(id)) = (&planned.replacement, *id) {
            let (original, amended) = (&planned.original, &replacement.amended);
            events.push(NewEvent {
                project: ctx.project,
                id,
                batch,
                metric: original.metric,
                metric_key: &original.metric_key,
                customer: original.customer,
                customer_key: &original.customer_key,
                subscription_key: original.subscription_key.as_deref(),
                external_id: None,
                idempotency_key: name,
                units: amended.units,
                at: amended.at,
                received_at: ctx.now(),
                late: is_late(amended.at, ctx.now()),
                door: Door::Correction,
                access_key: None,
                request_id: &ctx.caller.request_id,
                properties: amended.properties.as_deref(),
                payload,
                schema_miss: replacement.schema_miss,
            });
        }
    }
    if events.is_empty() {
        return Ok(());
    }
    insert_keys(tx, ctx.project, correction, &events)?;
    Ok(usage_events::insert_many(tx, &events)?)
}

fn insert_keys(
    tx: &mut InstallationTx<'_>,
    project: ProjectId,
    correction: UsageCorrectionId,
    events: &[NewEvent<'_>],
) -> Result<(), Error> {
    let fingerprints: Vec<_> =
        events.iter().map(|event| Canonical::new("amendment").id(correction).id(event.id).fingerprint()).collect();
    let keys: Vec<NewKey<'_>> = events
        .iter()
        .zip(&fingerprints)
        .map(|(event, fingerprint)| NewKey {
            project,
            key: event.idempotency_key,
            outcome: Outcome::Accepted,
            event: event.id,
            fingerprint,
        })
        .collect();
    let taken = usage_keys::insert_many(tx, &keys)?;
    if usize::try_from(taken).is_ok_and(|taken| taken == keys.len()) {
        return Ok(());
    }
    Err(Error::Bug("the id of a new event is a key already".to_owned()))
}
