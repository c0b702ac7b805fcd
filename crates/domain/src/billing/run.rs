//! Billing runs: everything that was due at one time, planned, charged and issued, with an account of every item.

use crate::ids::{BillingItemId, BillingRunId, CustomerId, InvoiceId, JobId, ProjectId, SubscriptionId, derived};
use crate::named::named;
use crate::subscriptions::due::{Item, ItemKind};
use crate::time::Instant;
use crate::window::Span;

named! {
    /// Whether a run bills or only tells what it would bill.
    RunMode {
        Bill = "bill",
        DryRun = "dryRun",
    }
}

named! {
    /// What started it.
    RunTrigger {
        /// Something was due.
        Schedule = "schedule",
        /// A person or a key asked for it.
        Manual = "manual",
    }
}

named! {
    /// How far it is.
    RunPhase {
        /// Items are planned, rated and put on drafts.
        Charge = "charge",
        /// Drafts that waited long enough are issued.
        Issue = "issue",
        Done = "done",
        /// Given up; its job says why. What it stored stays, and the next run goes on from there.
        Failed = "failed",
    }
}

named! {
    /// What became of an item.
    ItemState {
        Charged = "charged",
        /// Nothing of its period is billed, for a reason.
        Skipped = "skipped",
        /// It could not be rated, for a reason; it is tried again.
        Failed = "failed",
    }
}

/// What a run looks at.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunScope {
    /// Only the subscriptions of this customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_key: Option<String>,
    /// Items of periods that overlap with this time are rated again, unless their invoice is issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Span>,
}

/// What became of the planned items: each is in exactly one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunCounts {
    /// Subscriptions that were looked at.
    pub subscriptions: i64,
    pub planned: i64,
    /// Charged, or charged by a difference.
    pub charged: i64,
    /// They were charged before and come to the same.
    pub unchanged: i64,
    pub skipped: i64,
    pub failed: i64,
    /// Invoices that something was put on.
    pub drafts: i64,
    pub issued: i64,
}

/// A run as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillingRun {
    pub id: BillingRunId,
    pub job: JobId,
    pub mode: RunMode,
    pub trigger: RunTrigger,
    pub scope: RunScope,
    /// What was due until then is billed.
    pub as_of: Instant,
    pub phase: RunPhase,
    /// The last payer who was looked at, where a run goes through them in the order of their ids.
    pub last_payer: Option<CustomerId>,
    pub counts: RunCounts,
    pub created_by: String,
    pub created_at: Instant,
}

/// A planned item as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillingItem {
    pub id: BillingItemId,
    pub subscription: SubscriptionId,
    pub customer: CustomerId,
    pub price: String,
    /// Interval, timing and anchor in words.
    pub rhythm: String,
    pub period: Span,
    pub kind: ItemKind,
    pub at: Instant,
    pub due_at: Instant,
    pub state: ItemState,
    /// Why it was skipped or failed.
    pub reason: Option<String>,
    /// Up to which place in the order of folded batches usage was counted.
    pub cut: Option<i64>,
    pub as_of: Instant,
    pub invoice: Option<InvoiceId>,
    /// The run that stored it last.
    pub run: BillingRunId,
}

impl RunCounts {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: RunCounts) -> RunCounts {
        RunCounts {
            subscriptions: self.subscriptions + other.subscriptions,
            planned: self.planned + other.planned,
            charged: self.charged + other.charged,
            unchanged: self.unchanged + other.unchanged,
            skipped: self.skipped + other.skipped,
            failed: self.failed + other.failed,
            drafts: self.drafts + other.drafts,
            issued: self.issued + other.issued,
        }
    }

    /// Whether every planned item is accounted for.
    pub fn is_complete(&self) -> bool {
        self.planned == self.charged + self.unchanged + self.skipped + self.failed
    }
}

impl Item {
    /// The rhythm of its price in words, as it is kept with the item.
    pub fn rhythm(&self) -> String {
        let rhythm = self.price.rhythm;
        format!("{} {} {} {}", rhythm.interval.every, rhythm.interval.unit, rhythm.timing, rhythm.anchor)
    }

    /// Its id: the same one however often it is planned, whatever the late buffer is then.
    pub fn id(&self, project: ProjectId, subscription: SubscriptionId) -> BillingItemId {
        let Item { price, period, kind, at, .. } = self;
        let name = format!("{subscription}/{}/{}/{}/{kind}/{at}", price.price, self.rhythm(), period.start);
        BillingItemId::from_uuid(derived(*at, project, "item", &name))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use uuid::Uuid;

    use super::*;
    use crate::subscriptions::due::Due;
    use crate::subscriptions::samples::*;
    use crate::subscriptions::windows::Windows;

    #[test]
    fn every_item_of_a_subscription_has_an_id_of_its_own_and_keeps_it() {
        // checklist 54
        let told = Told::new("team").then("2024-02-10", seats("7"));
        let (project, id) = (ProjectId::from_uuid(Uuid::from_u128(1)), SubscriptionId::from_uuid(Uuid::from_u128(2)));
        let ids_with = |late_buffer: Duration| -> Vec<BillingItemId> {
            let prices = ["base", "seats", "calls"].map(|price| told.price(price));
            let windows = Windows::named();
            let due = Due { after: None, until: at("2024-06-02"), late_buffer, windows };
            let items = prices.iter().flat_map(|price| told.subscription().items(price, due).unwrap());
            items.map(|item| item.id(project, id)).collect()
        };
        let ids = || ids_with(Duration::ZERO);
        let mut once = ids();
        assert_eq!(once, ids());
        assert_eq!(once, ids_with(Duration::from_secs(3_600)));
        once.sort();
        once.dedup();
        assert_eq!(once.len(), ids().len());
    }

    #[test]
    fn counts_account_for_every_planned_item() {
        let counts = RunCounts { planned: 4, charged: 1, unchanged: 1, skipped: 1, failed: 1, ..RunCounts::default() };
        assert!(counts.is_complete());
        assert!(!RunCounts { planned: 5, ..counts }.is_complete());
        assert_eq!(counts.plus(counts).planned, 8);
    }
}
