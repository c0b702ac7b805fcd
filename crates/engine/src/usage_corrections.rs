//! Corrections of usage that was accepted: proposed, looked at, applied, taken back. An event is never changed: from a place in the order
//! of batches on it does not count, or another one counts in its place.

mod apply;
mod effect;
mod plan;
mod preview;

use std::collections::BTreeMap;

use domain::access::Permission;
use domain::idempotency::{Canonical, Family, Fingerprint, IdempotencyKey};
use domain::ids::{BatchId, EventId, UsageCorrectionId};
use domain::ingest::correction::{CorrectionAction, CorrectionItem, CorrectionState, EventChange, ITEMS_MAX};
use domain::ledger::reason::Reason;
use domain::quantity::Quantity;
use domain::refusal::{Code, Refusal};
use domain::time::Instant;
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;
use storage::usage_corrections::{self, CorrectionStep, UsageCorrection};
use storage::{ProjectTx, usage_voids};
use utoipa::ToSchema;

pub use effect::{DraftEffect, IssuedEffect};
pub use preview::{CorrectionPreview, UsageEffect};

use crate::audit::{AuditRecord, Audited};
use crate::command::{Answer, Idempotency};
use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;
use crate::ingest::events;
use crate::page::page_limit;

/// What somebody wants corrected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposeCorrection {
    /// Each event by either of its ids, once.
    pub items: Vec<ProposedItem>,
    pub reason: Reason,
}

/// One event that is to be corrected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposedItem {
    /// The id it was given or the `eventId` of its sender.
    pub event: String,
    pub change: EventChange,
}

/// A correction of usage events.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsageCorrectionView {
    pub id: UsageCorrectionId,
    pub state: CorrectionState,
    /// How many events it is about.
    pub items: i64,
    #[schema(example = "billing_error")]
    pub reason_code: String,
    pub reason: Option<String>,
    pub created_by: String,
    pub created_at: Instant,
    pub applied: Option<CorrectionStepView>,
    pub reverted: Option<CorrectionStepView>,
}

/// That a correction was applied, or taken back.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CorrectionStepView {
    pub at: Instant,
    pub by: String,
    pub reason_code: String,
    pub reason: Option<String>,
    /// The transaction that did it.
    pub batch_id: BatchId,
    /// Its place in the order of batches: charges with this `cut` or a later one count it.
    pub rollup_seq: i64,
}

/// A correction with its events.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsageCorrectionDetail {
    #[serde(flatten)]
    pub correction: UsageCorrectionView,
    pub events: Vec<CorrectedEvent>,
}

/// One event of a correction.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CorrectedEvent {
    pub event_id: EventId,
    pub action: CorrectionAction,
    /// What an amendment changes; `null` for what stays.
    pub units: Option<Quantity>,
    pub timestamp: Option<Instant>,
    #[schema(value_type = Option<Object>)]
    pub properties: Option<Box<RawValue>>,
}

impl ProposeCorrection {
    fn fingerprint(&self) -> Fingerprint {
        let mut canonical = Canonical::new("proposeUsageCorrection")
            .text(self.reason.code.as_str())
            .optional(self.reason.text.as_deref(), Canonical::text);
        for item in &self.items {
            canonical = canonical.text(&item.event).text(item.change.action().as_str());
            if let EventChange::Amend(amendment) = &item.change {
                canonical = canonical
                    .optional(amendment.units, |form, units| form.micros(units.micros()))
                    .optional(amendment.at, Canonical::instant)
                    .optional(amendment.properties.as_deref(), Canonical::json);
            }
        }
        canonical.fingerprint()
    }
}

impl Engine {
    /// Keeps what is to be corrected. Nothing counts otherwise until it is applied.
    ///
    /// # Errors
    /// `unknown_event`; `event_voided` for one that does not count any more; what an event with the amended content would be refused for.
    pub fn propose_usage_correction(
        &self,
        ctx: &Ctx,
        key: IdempotencyKey,
        command: &ProposeCorrection,
    ) -> Result<Answer, Error> {
        ctx.require(Permission::UsageCorrectionsPropose)?;
        let idempotency = Idempotency {
            family: Family::Other,
            key,
            operation: "proposeUsageCorrection",
            fingerprint: command.fingerprint(),
        };
        self.command_once(ctx, "propose_usage_correction", 201, &idempotency, |tx| propose(tx, ctx, command))
    }

    /// The newest first, before the given one; `limit` of them at most.
    ///
    /// # Errors
    /// `forbidden` without the permission to read what was ingested.
    pub fn list_usage_corrections(
        &self,
        ctx: &Ctx,
        before: Option<UsageCorrectionId>,
        limit: usize,
    ) -> Result<Vec<UsageCorrectionView>, Error> {
        ctx.require(Permission::IngestRead)?;
        self.read(ctx.project, "list_usage_corrections", |tx| {
            let found = usage_corrections::page(tx, before, page_limit(limit))?;
            views(tx, found)
        })
    }

    /// # Errors
    /// `not_found` when there is none.
    pub fn get_usage_correction(&self, ctx: &Ctx, id: UsageCorrectionId) -> Result<UsageCorrectionDetail, Error> {
        ctx.require(Permission::IngestRead)?;
        self.read(ctx.project, "get_usage_correction", |tx| {
            let correction = view(tx, id)?;
            let items = usage_corrections::items(tx, id)?;
            let events = items.into_iter().map(tell).collect::<Result<_, Error>>()?;
            Ok(UsageCorrectionDetail { correction, events })
        })
    }
}

fn propose(
    tx: &mut ProjectTx<'_>,
    ctx: &Ctx,
    command: &ProposeCorrection,
) -> Result<Audited<UsageCorrectionView>, Error> {
    let items = find(tx, &command.items)?;
    let planned = plan::plan(tx, &items, ctx.now())?;
    let correction = UsageCorrection {
        id: ctx.new_id(),
        // Cannot fail: there are at most ITEMS_MAX.
        items: i64::try_from(items.len()).expect("a length fits in 63 bits"),
        reason: command.reason.clone(),
        created_by: ctx.caller.actor_name(),
        created_at: ctx.now(),
    };
    usage_corrections::insert(tx, &correction, &items)?;
    let record = AuditRecord::new("usageCorrection.proposed", correction.id)
        .because(command.reason.code.as_str(), command.reason.text.clone())
        .details(json!({ "events": planned.iter().map(plan::Planned::told).collect::<Vec<_>>() }));
    Ok(Audited::new(view(tx, correction.id)?, record))
}

/// The events that are named, each once.
fn find(tx: &mut ProjectTx<'_>, items: &[ProposedItem]) -> Result<Vec<CorrectionItem>, Error> {
    if items.is_empty() || items.len() > ITEMS_MAX {
        let detail = format!("must name 1 to {ITEMS_MAX} events.");
        return Err(Refusal::field(Code::OutOfRange, "items", detail).into());
    }
    let mut found: BTreeMap<EventId, usize> = BTreeMap::new();
    let mut named = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let field = format!("items[{index}].eventId");
        let Some(event) = events::find(tx, &item.event)? else {
            return Err(Refusal::field(Code::UnknownEvent, field, "names no event of the project.").into());
        };
        if let Some(first) = found.insert(event.id, index) {
            let detail = format!("names the same event as items[{first}].");
            return Err(Refusal::field(Code::InvalidValue, field, detail).into());
        }
        named.push(CorrectionItem { event: event.id, change: item.change.clone() });
    }
    Ok(named)
}

fn view(tx: &mut ProjectTx<'_>, id: UsageCorrectionId) -> Result<UsageCorrectionView, Error> {
    let found = usage_corrections::get(tx, id)?.ok_or_else(Error::not_found)?;
    let viewed = views(tx, vec![found])?.pop();
    viewed.ok_or_else(|| Error::Bug("a correction was lost on its way to its reader".to_owned()))
}

fn views(tx: &mut ProjectTx<'_>, found: Vec<UsageCorrection>) -> Result<Vec<UsageCorrectionView>, Error> {
    let ids: Vec<UsageCorrectionId> = found.iter().map(|correction| correction.id).collect();
    let mut steps: BTreeMap<UsageCorrectionId, Vec<CorrectionStep>> = BTreeMap::new();
    for (correction, step) in usage_corrections::steps(tx, &ids)? {
        steps.entry(correction).or_default().push(step);
    }
    let told = found.into_iter().map(|correction| {
        let steps = steps.remove(&correction.id).unwrap_or_default();
        let step = |state| steps.iter().find(|step| step.state == state).map(CorrectionStepView::of);
        UsageCorrectionView {
            id: correction.id,
            state: state_of(&steps),
            items: correction.items,
            reason_code: correction.reason.code.as_str().to_owned(),
            reason: correction.reason.text,
            created_by: correction.created_by.name,
            created_at: correction.created_at,
            applied: step(CorrectionState::Applied),
            reverted: step(CorrectionState::Reverted),
        }
    });
    Ok(told.collect())
}

/// The state after the last step.
fn state_of(steps: &[CorrectionStep]) -> CorrectionState {
    steps.last().map_or(CorrectionState::Proposed, |step| step.state)
}

impl CorrectionStepView {
    fn of(step: &CorrectionStep) -> CorrectionStepView {
        CorrectionStepView {
            at: step.at,
            by: step.by.name.clone(),
            reason_code: step.reason.code.as_str().to_owned(),
            reason: step.reason.text.clone(),
            batch_id: step.batch,
            rollup_seq: step.seq,
        }
    }
}

fn tell(item: CorrectionItem) -> Result<CorrectedEvent, Error> {
    let action = item.change.action();
    let amendment = match item.change {
        EventChange::Void => domain::ingest::correction::Amendment::default(),
        EventChange::Amend(amendment) => amendment,
    };
    let properties = amendment.properties.map(RawValue::from_string).transpose();
    Ok(CorrectedEvent {
        event_id: item.event,
        action,
        units: amendment.units,
        timestamp: amendment.at,
        properties: properties.map_err(|error| Error::Bug(format!("stored properties are no JSON: {error}")))?,
    })
}

/// The refusal of an event that does not count.
fn voided(field: Option<String>, event: EventId, turn: &usage_voids::UsageVoid) -> Refusal {
    let instead = turn.replacement.map(|event| format!(" {event} counts in its place.")).unwrap_or_default();
    let detail = format!("{event} does not count any more, by the correction {}.{instead}", turn.correction);
    match field {
        Some(field) => Refusal::field(Code::EventVoided, field, detail),
        None => Refusal::new(Code::EventVoided, detail),
    }
}
