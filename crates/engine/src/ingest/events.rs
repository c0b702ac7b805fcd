//! Stored usage events, as the people of a project read them.

use domain::access::Permission;
use domain::ids::{AccessKeyId, BatchId, EventId, UsageCorrectionId};
use domain::ingest::{Door, UsageEvent};
use domain::quantity::Quantity;
use domain::time::Instant;
use serde::Serialize;
use serde_json::value::RawValue;
use storage::usage_voids::{self, UsageVoid};
use storage::{ProjectTx, usage_events, usage_keys};
use utoipa::ToSchema;

use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;
use crate::page::page_limit;

/// One stored measurement.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsageEventView {
    /// The id it was given.
    pub id: EventId,
    /// The `eventId` its sender gave; `null` when there was none.
    pub event_id: Option<String>,
    pub idempotency_key: String,
    pub metric_key: String,
    pub units: Quantity,
    /// When it happened.
    pub timestamp: Instant,
    /// When it was received.
    pub received_at: Instant,
    /// A hint: it was received more than an hour after it happened.
    pub late: bool,
    pub customer_key: String,
    pub subscription_key: Option<String>,
    #[schema(value_type = Option<Object>)]
    pub properties: Option<Box<RawValue>>,
    /// The door it came through.
    pub source: Door,
    /// The transaction that stored it.
    pub batch_id: BatchId,
    pub access_key_id: Option<AccessKeyId>,
    pub request_id: String,
    /// The event as it was received.
    pub payload: String,
    /// The correction by which it does not count any more.
    pub voided_by: Option<UsageCorrectionId>,
    /// The event that counts in its place.
    pub amended_by: Option<EventId>,
    /// The event in whose place it counts, or counted.
    pub amends: Option<EventId>,
}

impl Engine {
    /// The newest events first, before the given one; `limit` of them at most.
    ///
    /// # Errors
    /// `forbidden` without the permission to read what was ingested.
    pub fn list_usage_events(
        &self,
        ctx: &Ctx,
        before: Option<EventId>,
        limit: usize,
    ) -> Result<Vec<UsageEventView>, Error> {
        ctx.require(Permission::IngestRead)?;
        self.read(ctx.project, "list_usage_events", |tx| {
            let events = usage_events::page(tx, before, page_limit(limit))?;
            views(tx, events)
        })
    }

    /// One event, by the id it was given or by the `eventId` of its sender.
    ///
    /// # Errors
    /// `not_found` when there is none.
    pub fn get_usage_event(&self, ctx: &Ctx, id: &str) -> Result<UsageEventView, Error> {
        ctx.require(Permission::IngestRead)?;
        self.read(ctx.project, "get_usage_event", |tx| {
            let event = find(tx, id)?.ok_or_else(Error::not_found)?;
            view(tx, event)
        })
    }
}

/// The sender's own id counts first: it is the sender who asks.
pub(crate) fn find(tx: &mut ProjectTx<'_>, id: &str) -> Result<Option<UsageEvent>, Error> {
    let own = match usage_keys::find_event_by_external_id(tx, id)? {
        Some(event) => Some(event),
        None => id.parse().ok(),
    };
    match own {
        Some(event) => Ok(usage_events::get(tx, event)?),
        None => Ok(None),
    }
}

pub(crate) fn view(tx: &mut ProjectTx<'_>, event: UsageEvent) -> Result<UsageEventView, Error> {
    let viewed = views(tx, vec![event])?.pop();
    viewed.ok_or_else(|| Error::Bug("an event was lost on its way to its reader".to_owned()))
}

/// Events as they are read, with what became of them.
pub(crate) fn views(tx: &mut ProjectTx<'_>, events: Vec<UsageEvent>) -> Result<Vec<UsageEventView>, Error> {
    let ids: Vec<EventId> = events.iter().map(|event| event.id).collect();
    let turns = usage_voids::last_of_events(tx, &ids)?;
    let replaced = usage_voids::replaced_by(tx, &ids)?;
    let told = events.into_iter().map(|event| {
        let void = turns.get(&event.id).filter(|turn| turn.is_void);
        let amends = replaced.get(&event.id).copied();
        tell(event, void, amends)
    });
    told.collect()
}

fn tell(event: UsageEvent, void: Option<&UsageVoid>, amends: Option<EventId>) -> Result<UsageEventView, Error> {
    let properties = event.properties.map(RawValue::from_string).transpose();
    Ok(UsageEventView {
        id: event.id,
        event_id: event.external_id,
        idempotency_key: event.idempotency_key,
        metric_key: event.metric_key,
        units: event.units,
        timestamp: event.at,
        received_at: event.received_at,
        late: event.late,
        customer_key: event.customer_key,
        subscription_key: event.subscription_key,
        properties: properties.map_err(|error| Error::Bug(format!("stored properties are no JSON: {error}")))?,
        source: event.door,
        batch_id: event.batch,
        access_key_id: event.access_key,
        request_id: event.request_id,
        payload: event.payload,
        voided_by: void.map(|turn| turn.correction),
        amended_by: void.and_then(|turn| turn.replacement),
        amends,
    })
}
