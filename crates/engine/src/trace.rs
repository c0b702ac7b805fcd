//! Everything that one key, event, transaction or invoice touched: request → event → batch → rollup → charge → invoice line, and
//! request → entry → postings.

mod billed;

pub use self::billed::TraceInvoiceLine;

use std::collections::{BTreeMap, BTreeSet};

use domain::access::Permission;
use domain::charges::charge::Charge;
use domain::idempotency::Family;
use domain::ids::{AccessKeyId, BatchId, ChargeId, EntryId, EventId, InvoiceId, RejectionId};
use domain::ingest::rollup::Width;
use domain::ingest::series::SeriesRule;
use domain::ingest::{Operation, Outcome, UsageEvent};
use domain::ledger::entry::JournalEntry;
use domain::quantity::QuantitySum;
use domain::time::Instant;
use serde::Serialize;
use storage::ingest_attempts::{self, IngestAttempt};
use storage::rejections::{self, Rejection};
use storage::rollups::{self, Group, RollupKey};
use storage::{
    ProjectTx, idempotency_keys, ingest_batches, issued_invoices, journal, metrics, usage_events, usage_keys,
};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ctx::Ctx;
use crate::engine::Engine;
use crate::error::Error;
use crate::ingest::events::{self, UsageEventView};
use crate::ledger::{EntryView, views};

/// The most attempts of one kind and key that are told, the oldest first.
const ATTEMPTS_MAX: i64 = 1_000;

/// Everything that one key, event or transaction touched.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Trace {
    /// What was asked for.
    pub key: String,
    /// Every idempotency key that belongs to it.
    pub idempotency_keys: Vec<String>,
    /// Every request that used one of the keys or met one of the events, in the order of time.
    pub attempts: Vec<TraceAttempt>,
    /// The usage events.
    pub events: Vec<TraceEvent>,
    /// What is remembered of requests that move money or change something else.
    pub requests: Vec<TraceRequest>,
    /// The ledger entries with their postings.
    pub entries: Vec<EntryView>,
    /// The charges that counted the events or made the entries, with the lines of invoices that show them.
    pub invoice_lines: Vec<TraceInvoiceLine>,
}

/// One request.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TraceAttempt {
    pub at: Instant,
    /// What was asked: `usage`, `charge`, `credit`…
    #[schema(example = "usage")]
    pub operation: String,
    pub outcome: Outcome,
    pub idempotency_key: Option<String>,
    pub request_id: String,
    pub access_key_id: Option<AccessKeyId>,
    /// The event it stored or met, or that an operator made of it.
    pub event_id: Option<EventId>,
    /// The entry it brought about.
    pub transaction_id: Option<EntryId>,
    /// Where its refusal is kept.
    pub rejection_id: Option<RejectionId>,
    /// Why it was refused.
    pub code: Option<String>,
    #[serde(skip)]
    order: Uuid,
}

/// One event, with where it went.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TraceEvent {
    pub event: UsageEventView,
    pub batch: TraceBatch,
    /// The sum it is part of; `null` until its batch is folded. Reads add it by itself until then.
    pub rollup: Option<TraceRollup>,
}

/// The transaction that stored an event.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TraceBatch {
    pub id: BatchId,
    pub committed_at: Instant,
    /// How many events of the project it stored.
    pub events: i64,
    /// Its place in the order of folding.
    pub rollup_seq: Option<i64>,
}

/// The quarter of an hour in which an event is added up.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TraceRollup {
    pub start: Instant,
    pub sum: QuantitySum,
    pub events: i64,
}

/// What is remembered of a request under its key.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TraceRequest {
    pub idempotency_key: String,
    pub family: Family,
    #[schema(example = "credit")]
    pub operation: String,
    /// The status that was answered, and is answered to every repetition.
    pub status: u16,
    pub created_at: Instant,
}

impl Engine {
    /// Looks a text up as an idempotency key, as an event id (ours or the sender's), as the id of a transaction, and as the id or the number of
    /// an invoice.
    ///
    /// # Errors
    /// `not_found` when it is none of these.
    pub fn trace(&self, ctx: &Ctx, key: &str) -> Result<Trace, Error> {
        ctx.require(Permission::IngestRead)?;
        self.read(ctx.project, "trace", |tx| {
            let mut found = Found::default();
            found.look_up(tx, key)?;
            found.follow_keys(tx)?;
            found.follow_money(tx)?;
            found.tell(tx, key)
        })
    }
}

/// What was found so far.
#[derive(Debug, Default)]
struct Found {
    keys: BTreeSet<String>,
    events: BTreeMap<EventId, UsageEvent>,
    entries: BTreeMap<EntryId, JournalEntry>,
    attempts: BTreeMap<Uuid, TraceAttempt>,
    requests: Vec<TraceRequest>,
    charges: BTreeMap<ChargeId, Charge>,
    invoices: BTreeSet<InvoiceId>,
}

impl Found {
    fn look_up(&mut self, tx: &mut ProjectTx<'_>, text: &str) -> Result<(), Error> {
        self.keys.insert(text.to_owned());
        if let Some((event, _)) = usage_keys::find_event_by_key(tx, text)? {
            self.add_event(tx, event)?;
        }
        if let Some(event) = events::find(tx, text)? {
            self.add_event(tx, event.id)?;
        }
        if let Some(entry) = text.parse().ok().map(|id| journal::get(tx, id)).transpose()?.flatten() {
            self.keys.extend(entry.idempotency_key.clone());
            self.entries.insert(entry.id, entry);
        }
        self.invoices.extend(billed::named(tx, text)?);
        Ok(())
    }

    /// To the charges that counted the events and to the invoices they are on, and from invoices to the entries that booked them.
    fn follow_money(&mut self, tx: &mut ProjectTx<'_>) -> Result<(), Error> {
        for event in self.events.values() {
            let counting = billed::counting(tx, event)?;
            self.charges.extend(counting.into_iter().map(|charge| (charge.id, charge)));
        }
        for id in self.invoices.clone() {
            let booked = issued_invoices::get(tx, id)?.and_then(|issued| issued.entry);
            if let Some(entry) = booked.map(|entry| journal::get(tx, entry)).transpose()?.flatten() {
                self.entries.insert(entry.id, entry);
            }
        }
        for entry in self.entries.values() {
            let (charges, invoice) = billed::of_entry(tx, entry)?;
            self.charges.extend(charges.into_iter().map(|charge| (charge.id, charge)));
            self.invoices.extend(invoice);
        }
        Ok(())
    }

    fn add_event(&mut self, tx: &mut ProjectTx<'_>, id: EventId) -> Result<(), Error> {
        let Some(event) = usage_events::get(tx, id)? else {
            return Ok(());
        };
        self.keys.insert(event.idempotency_key.clone());
        for attempt in ingest_attempts::of_event(tx, id, ATTEMPTS_MAX)? {
            self.keys.insert(attempt.idempotency_key.clone());
            self.add_attempt(of_attempt(attempt));
        }
        self.add_attempt(of_event(&event));
        self.events.insert(id, event);
        Ok(())
    }

    fn follow_keys(&mut self, tx: &mut ProjectTx<'_>) -> Result<(), Error> {
        for key in self.keys.clone() {
            for attempt in ingest_attempts::of_key(tx, &key, ATTEMPTS_MAX)? {
                self.add_attempt(of_attempt(attempt));
            }
            for rejection in rejections::of_key(tx, &key, ATTEMPTS_MAX)? {
                self.add_attempt(of_rejection(rejection));
            }
            for entry in journal::find_by_key(tx, &key)? {
                self.entries.insert(entry.id, entry);
            }
            for family in [Family::Money, Family::Other] {
                if let Some(record) = idempotency_keys::find(tx, family, &key)? {
                    self.requests.push(TraceRequest {
                        idempotency_key: key.clone(),
                        family,
                        operation: record.operation,
                        status: record.status,
                        created_at: record.created_at,
                    });
                }
            }
        }
        for entry in self.entries.values() {
            let attempt = of_entry(entry, &self.requests);
            self.attempts.insert(attempt.order, attempt);
        }
        Ok(())
    }

    fn add_attempt(&mut self, attempt: TraceAttempt) {
        self.attempts.insert(attempt.order, attempt);
    }

    fn tell(self, tx: &mut ProjectTx<'_>, key: &str) -> Result<Trace, Error> {
        let is_billed = !self.invoices.is_empty() || !self.entries.is_empty();
        if self.attempts.is_empty() && self.events.is_empty() && self.requests.is_empty() && !is_billed {
            return Err(Error::not_found());
        }
        let mut attempts: Vec<TraceAttempt> = self.attempts.into_values().collect();
        attempts.sort_by_key(|attempt| (attempt.at, attempt.order));
        // The text that was asked for may be an id of something else, and no key at all.
        let used: BTreeSet<&str> = attempts
            .iter()
            .filter_map(|attempt| attempt.idempotency_key.as_deref())
            .chain(self.requests.iter().map(|request| request.idempotency_key.as_str()))
            .collect();
        let idempotency_keys = used.into_iter().map(str::to_owned).collect();
        let events = self.events.into_values().map(|event| tell_event(tx, event)).collect::<Result<_, Error>>()?;
        let entries = views(tx, self.entries.into_values().collect())?;
        let invoice_lines = billed::tell(tx, self.charges, &self.invoices)?;
        let (key, requests) = (key.to_owned(), self.requests);
        Ok(Trace { key, idempotency_keys, attempts, events, requests, entries, invoice_lines })
    }
}

fn tell_event(tx: &mut ProjectTx<'_>, event: UsageEvent) -> Result<TraceEvent, Error> {
    let batch = ingest_batches::get(tx, event.batch)?
        .ok_or_else(|| Error::Bug(format!("the batch of the event {} is not stored", event.id)))?;
    let cell = cell_of(tx, &event)?;
    let event = events::view(tx, event)?;
    let rollup = match (batch.rollup_seq, cell) {
        (Some(_), Some(key)) if event.voided_by.is_none() => rollups::find_many(tx, &[&key])?.into_iter().next(),
        (Some(_), Some(_)) | (None, _) | (_, None) => None,
    };
    Ok(TraceEvent {
        event,
        batch: TraceBatch {
            id: batch.id,
            committed_at: batch.received_at,
            events: batch.events,
            rollup_seq: batch.rollup_seq,
        },
        rollup: rollup.map(|(key, cell)| TraceRollup { start: key.slice_start, sum: cell.sum, events: cell.events }),
    })
}

/// The cell of the current version of its metric that holds the event; `None` when the event does not count.
fn cell_of(tx: &mut ProjectTx<'_>, event: &UsageEvent) -> Result<Option<RollupKey>, Error> {
    let Some(metric) = metrics::find_by_key(tx, &event.metric_key)? else {
        return Ok(None);
    };
    let place = SeriesRule::of(&metric.definition).place(event.at, event.properties.as_deref());
    Ok(place.map(|place| RollupKey {
        group: Group {
            metric: metric.id,
            series: metric.series,
            customer: event.customer,
            subscription_key: event.subscription_key.clone().unwrap_or_default(),
            dimensions: place.dimensions,
        },
        width: Width::Slice,
        slice_start: Width::Slice.start(event.at),
    }))
}

fn of_event(event: &UsageEvent) -> TraceAttempt {
    TraceAttempt {
        at: event.received_at,
        operation: Operation::Usage.as_str().to_owned(),
        outcome: Outcome::Accepted,
        idempotency_key: Some(event.idempotency_key.clone()),
        request_id: event.request_id.clone(),
        access_key_id: event.access_key,
        event_id: Some(event.id),
        transaction_id: None,
        rejection_id: None,
        code: None,
        order: event.id.uuid(),
    }
}

fn of_attempt(attempt: IngestAttempt) -> TraceAttempt {
    TraceAttempt {
        at: attempt.received_at,
        operation: attempt.operation.as_str().to_owned(),
        outcome: attempt.outcome,
        idempotency_key: Some(attempt.idempotency_key),
        request_id: attempt.request_id,
        access_key_id: attempt.access_key,
        event_id: attempt.event,
        transaction_id: None,
        rejection_id: None,
        code: None,
        order: attempt.id.uuid(),
    }
}

fn of_rejection(rejection: Rejection) -> TraceAttempt {
    TraceAttempt {
        at: rejection.received_at,
        operation: rejection.operation.as_str().to_owned(),
        outcome: rejection.outcome,
        idempotency_key: rejection.idempotency_key,
        request_id: rejection.request_id,
        access_key_id: rejection.access_key,
        event_id: rejection.event,
        transaction_id: None,
        rejection_id: Some(rejection.id),
        code: Some(rejection.code),
        order: rejection.id.uuid(),
    }
}

fn of_entry(entry: &JournalEntry, requests: &[TraceRequest]) -> TraceAttempt {
    let of_key = |request: &&TraceRequest| Some(&request.idempotency_key) == entry.idempotency_key.as_ref();
    let operation = requests.iter().find(of_key).map_or(entry.kind.as_str(), |request| request.operation.as_str());
    TraceAttempt {
        at: entry.recorded_at,
        operation: operation.to_owned(),
        outcome: Outcome::Accepted,
        idempotency_key: entry.idempotency_key.clone(),
        request_id: entry.request_id.clone(),
        access_key_id: entry.actor.id.parse().ok(),
        event_id: None,
        transaction_id: Some(entry.id),
        rejection_id: None,
        code: None,
        order: entry.id.uuid(),
    }
}
