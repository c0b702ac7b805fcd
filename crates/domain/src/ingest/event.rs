//! One stored usage event, and what its sender is told about it.

use std::borrow::Cow;

use crate::ids::{AccessKeyId, BatchId, CustomerId, EventId, MetricId};
use crate::quantity::Quantity;
use crate::time::Instant;

use super::outcome::Door;

/// An event counts as late, as a hint to its sender, when it is received this long after it happened: one hour, in
/// microseconds. Whether it is late for an invoice is known only when the invoice is issued.
pub const LATE_AFTER_MICROS: i64 = 3_600_000_000;

/// One immutable measurement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageEvent {
    pub id: EventId,
    pub batch: BatchId,
    pub metric: MetricId,
    pub metric_key: String,
    pub customer: CustomerId,
    pub customer_key: String,
    pub subscription_key: Option<String>,
    /// The `eventId` its sender gave, if any.
    pub external_id: Option<String>,
    pub idempotency_key: String,
    pub units: Quantity,
    /// When it happened.
    pub at: Instant,
    /// When it was received.
    pub received_at: Instant,
    pub late: bool,
    pub door: Door,
    pub access_key: Option<AccessKeyId>,
    pub request_id: String,
    /// A JSON object in canonical form.
    pub properties: Option<String>,
    /// The event as it was received.
    pub payload: String,
}

/// What the sender of an event is told about it: as it is accepted, and again for every replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt<'a> {
    pub event: EventId,
    pub external_id: Option<Cow<'a, str>>,
    /// The key under which the event was accepted.
    pub idempotency_key: Cow<'a, str>,
    pub metric_key: Cow<'a, str>,
    pub units: Quantity,
    pub at: Instant,
    pub received_at: Instant,
    pub customer_key: Cow<'a, str>,
    pub late: bool,
}

impl Receipt<'_> {
    /// The same, independent of what it was read from.
    pub fn into_owned(self) -> Receipt<'static> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Receipt {
            event: self.event,
            external_id: self.external_id.map(own),
            idempotency_key: own(self.idempotency_key),
            metric_key: own(self.metric_key),
            units: self.units,
            at: self.at,
            received_at: self.received_at,
            customer_key: own(self.customer_key),
            late: self.late,
        }
    }
}

/// Whether an event of this time counts as late when it is received at that one.
pub fn is_late(at: Instant, received_at: Instant) -> bool {
    received_at.micros().saturating_sub(at.micros()) > LATE_AFTER_MICROS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_late_after_an_hour() {
        // checklist 35
        let at = |text: &str| Instant::parse(text).unwrap();
        assert!(!is_late(at("2026-03-17T10:15:00Z"), at("2026-03-17T11:15:00Z")));
        assert!(is_late(at("2026-03-17T10:15:00Z"), at("2026-03-17T11:15:00.001Z")));
        assert!(!is_late(at("2026-03-17T10:19:00Z"), at("2026-03-17T10:15:00Z")));
    }
}
