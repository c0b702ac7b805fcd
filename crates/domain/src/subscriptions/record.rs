//! What is fixed about a subscription for ever: its ids and its customer. What it is at any time is the fold of its changes.

use crate::ids::{CustomerId, SubscriptionId};
use crate::time::Instant;

/// A subscription as it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionRecord {
    pub id: SubscriptionId,
    /// The project's own name for it: the `subscriptionKey` by which events name it.
    pub external_key: String,
    pub customer: CustomerId,
    pub created_at: Instant,
}
