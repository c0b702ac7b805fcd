//! One stored usage event, and what its sender is told about it.

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
