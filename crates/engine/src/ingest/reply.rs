//! What a sender is told. One function writes the answer for an event, when it is accepted and for every replay: the same
//! stored event gives the same bytes.

use std::borrow::Cow;
use std::fmt;

use domain::customers::SELF_KEY;
use domain::idempotency::IdempotencyKey;
use domain::ids::EventId;
use domain::ingest::{Item, Outcome, OutcomeCounts, Receipt};
use domain::quantity::Quantity;
use domain::refusal::{Code, Refusal};
use domain::time::Instant;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use super::{Accepted, Answered, Verdict};
use crate::command::Answer;
use crate::error::Error;

/// The answer to one accepted usage event, and to its replays and duplicates.
///
/// Version 1 of the form. A field added later must be left out for events that were answered without it, so that their
/// replays stay the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsageReply<'a> {
    /// The `eventId` that was sent, else the id the event was given.
    #[schema(value_type = String, example = "evt_01k2x5y6z7a8b9c0d1e2f3g4h5")]
    pub event_id: EventName<'a>,
    #[schema(value_type = String, example = "accepted")]
    pub outcome: Outcome,
    #[schema(value_type = String)]
    pub idempotency_key: Cow<'a, str>,
    /// For a duplicate: the key under which the event was accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub original_idempotency_key: Option<Cow<'a, str>>,
    #[schema(value_type = String, example = "api_tokens")]
    pub metric_key: Cow<'a, str>,
    pub units: Quantity,
    /// When it happened.
    pub timestamp: Instant,
    pub received_at: Instant,
    #[schema(value_type = String, example = "self")]
    pub customer_key: Cow<'a, str>,
    /// A hint: it was received more than an hour after it happened.
    pub late: bool,
}

/// How an event is called towards its sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventName<'a> {
    External(Cow<'a, str>),
    Own(EventId),
}

impl fmt::Display for EventName<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EventName::External(id) => out.write_str(id),
            EventName::Own(id) => id.fmt(out),
        }
    }
}

impl Serialize for EventName<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            EventName::External(id) => serializer.serialize_str(id),
            EventName::Own(id) => id.serialize(serializer),
        }
    }
}

/// The answer to a batch: how many of each outcome, and a verdict per item.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BatchReply<'a> {
    #[serde(flatten)]
    pub counts: OutcomeCounts,
    pub results: Vec<BatchResult<'a>>,
}

/// What became of one item of a batch.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BatchResult<'a> {
    /// Its place in the request, from 0.
    pub index: usize,
    /// `null` when none could be read.
    pub idempotency_key: Option<&'a str>,
    #[schema(value_type = String, example = "accepted")]
    pub outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub event_id: Option<EventName<'a>>,
    /// For a duplicate: the key under which the event was accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original_idempotency_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ItemError<'a>>,
}

/// Why one item was refused.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ItemError<'a> {
    #[schema(value_type = String, example = "too_precise")]
    pub code: Code,
    pub detail: &'a str,
    /// The field it is about, when it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<&'a str>,
}

impl Answered {
    /// The answer to a request with one event.
    ///
    /// # Errors
    /// The refusal of a conflict or of a request that failed.
    pub fn single(&self) -> Result<Answer, Error> {
        let ([item], [verdict]) = (self.submission.items.as_slice(), self.verdicts.as_slice()) else {
            return Err(Error::Bug("the answer to one event was asked of a batch".to_owned()));
        };
        let (first, receipt, replayed) = match verdict {
            Verdict::Accepted(accepted) => (Outcome::Accepted, self.receipt(item, accepted)?, false),
            Verdict::Replay { first, receipt } => (*first, Receipt::clone(receipt), true),
            Verdict::Duplicate(receipt) => (Outcome::Duplicate, Receipt::clone(receipt), false),
            Verdict::Conflict(refusal) | Verdict::Failed(refusal) => return Err(Error::Refused(refusal.clone())),
        };
        let reply = reply(first, key_of(item)?, receipt);
        let status = if first == Outcome::Accepted { 201 } else { 200 };
        let body = serde_json::to_string(&reply)
            .map_err(|error| Error::Bug(format!("a reply cannot be written as JSON: {error}")))?;
        Ok(Answer { status, body, replayed })
    }

    /// The answer to a batch.
    pub fn batch(&self) -> BatchReply<'_> {
        let mut counts = OutcomeCounts::default();
        let results = (0..).zip(self.submission.items.iter().zip(&self.verdicts)).map(|(index, (item, verdict))| {
            counts.count(verdict.outcome());
            result(index, item, verdict)
        });
        let results = results.collect();
        BatchReply { counts, results }
    }

    /// An event that was accepted now, in the form in which a stored one is read.
    fn receipt<'a>(&'a self, item: &'a Item, accepted: &Accepted) -> Result<Receipt<'a>, Error> {
        let Ok(request) = &item.request else {
            return Err(Error::Bug("an event that cannot be read was accepted".to_owned()));
        };
        Ok(Receipt {
            event: accepted.event,
            external_id: request.event_id.as_deref().map(Cow::Borrowed),
            idempotency_key: Cow::Borrowed(key_of(item)?),
            metric_key: Cow::Borrowed(&request.metric_key),
            units: accepted.units,
            at: accepted.at,
            received_at: self.submission.received_at,
            customer_key: Cow::Borrowed(request.customer_key.as_deref().unwrap_or(SELF_KEY)),
            late: accepted.late,
        })
    }
}

/// The answer to whoever used `key`; `first` is what the first request with it was.
fn reply<'a>(first: Outcome, key: &'a str, receipt: Receipt<'a>) -> UsageReply<'a> {
    let original = (first == Outcome::Duplicate).then_some(receipt.idempotency_key);
    UsageReply {
        event_id: name_of(receipt.event, receipt.external_id),
        outcome: first,
        idempotency_key: Cow::Borrowed(key),
        original_idempotency_key: original,
        metric_key: receipt.metric_key,
        units: receipt.units,
        timestamp: receipt.at,
        received_at: receipt.received_at,
        customer_key: receipt.customer_key,
        late: receipt.late,
    }
}

fn result<'a>(index: usize, item: &'a Item, verdict: &'a Verdict) -> BatchResult<'a> {
    let mut result = BatchResult {
        index,
        idempotency_key: item.key.as_ref().map(IdempotencyKey::as_str),
        outcome: verdict.outcome(),
        event_id: None,
        original_idempotency_key: None,
        error: None,
    };
    let borrowed =
        |receipt: &'a Receipt<'static>| name_of(receipt.event, receipt.external_id.as_deref().map(Cow::Borrowed));
    match verdict {
        Verdict::Accepted(accepted) => {
            let external = item.request.as_ref().ok().and_then(|request| request.event_id.as_deref());
            result.event_id = Some(name_of(accepted.event, external.map(Cow::Borrowed)));
        }
        Verdict::Replay { first: _, receipt } => result.event_id = Some(borrowed(receipt)),
        Verdict::Duplicate(receipt) => {
            result.event_id = Some(borrowed(receipt));
            result.original_idempotency_key = Some(&receipt.idempotency_key);
        }
        Verdict::Conflict(refusal) | Verdict::Failed(refusal) => result.error = Some(item_error(refusal)),
    }
    result
}

fn item_error(refusal: &Refusal) -> ItemError<'_> {
    ItemError { code: refusal.code, detail: &refusal.detail, field: refusal.first_field() }
}

fn name_of(event: EventId, external: Option<Cow<'_, str>>) -> EventName<'_> {
    external.map_or(EventName::Own(event), EventName::External)
}

fn key_of(item: &Item) -> Result<&str, Error> {
    let key = item.key.as_ref().map(IdempotencyKey::as_str);
    key.ok_or_else(|| Error::Bug("an event without a key was accepted".to_owned()))
}
