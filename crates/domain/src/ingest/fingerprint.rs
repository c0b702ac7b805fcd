//! What makes two usage requests the same: the typed body as it was sent, whichever door it came through.

use crate::idempotency::{Canonical, Fingerprint};

use super::usage::UsageRequest;

impl UsageRequest {
    /// The fingerprint of the event alone: defaults, door, white space and the spelling of numbers and times do not matter.
    pub fn fingerprint(&self) -> Fingerprint {
        Canonical::new("usage")
            .text(&self.metric_key)
            .optional(self.units, |form, units| form.micros(units.micros()))
            .optional(self.timestamp, Canonical::instant)
            .optional(self.customer_key.as_deref(), Canonical::text)
            .optional(self.subscription_key.as_deref(), Canonical::text)
            .optional(self.event_id.as_deref(), Canonical::text)
            .optional(self.properties.as_deref(), Canonical::json)
            .fingerprint()
    }
}

/// The fingerprint of a payload that could not be read: the text as it is kept. When an operator fixes and replays it,
/// the client's own retry is recognised by this.
pub(super) fn of_unreadable(payload: &str) -> Fingerprint {
    Canonical::new("usage.unreadable").text(payload).fingerprint()
}
