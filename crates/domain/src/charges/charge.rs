//! A charge: one rated price for one part of a period, or a one-off item, as it is kept and put on an invoice.
//!
//! A charge never changes. When the same part comes to another amount later, a revision holds the difference, so that everything charged
//! under a key sums to what it comes to.

use crate::amount::Amount;
use crate::catalog::coupon::Coupon;
use crate::currency::Currency;
use crate::ids::{
    BillingItemId, BillingRunId, ChargeId, CustomerId, EntryId, InvoiceId, ProjectId, SubscriptionId, derived,
};
use crate::ledger::recipes::{BilledFrom, Income};
use crate::named::named;
use crate::subscriptions::price_ref::VersionRef;
use crate::tax::TaxBehaviour;
use crate::time::Instant;
use crate::window::Span;

named! {
    /// What is charged.
    ChargeKind {
        /// A recurring fee or seats, for time that lies ahead.
        AdvanceFee = "advanceFee",
        /// Unused time of such a fee, which comes back; negative.
        AdvanceCredit = "advanceCredit",
        /// A recurring fee or seats, for time that has passed.
        ArrearsFee = "arrearsFee",
        Usage = "usage",
        /// What is missing to a minimum commitment.
        Commitment = "commitment",
        /// An item that a person put on an invoice.
        OneOff = "oneOff",
    }
}

/// A coupon of the subscription in one of its periods.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChargeCoupon {
    /// As it was when the charge was made.
    pub coupon: Coupon,
    /// Counted from 0 since it was redeemed.
    pub period: u32,
}

/// One charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    pub id: ChargeId,
    /// What it is known by, whatever it comes to.
    pub key: String,
    /// Counted per key from 0. From 1 on, the amount is the difference to what was charged before.
    pub revision: u32,
    /// The planned item that it belongs to; absent for a one-off item.
    pub item: Option<BillingItemId>,
    /// Whose usage or subscription it is.
    pub customer: CustomerId,
    /// Who pays.
    pub payer: CustomerId,
    pub subscription: Option<SubscriptionId>,
    pub kind: ChargeKind,
    /// `base`, `support/hours`; `minimumCommitment` for a true-up; the description of a one-off item is in its content.
    pub price: String,
    /// The version of the plan or add-on that brings the price.
    pub source: Option<VersionRef>,
    /// The whole billing period.
    pub period: Option<Span>,
    /// The part of it that is charged.
    pub part: Option<Span>,
    /// When it came up.
    pub at: Instant,
    /// The instant whose tax rates hold.
    pub rates_at: Instant,
    pub currency: Currency,
    /// In units of the currency, six places; negative for a credit.
    pub amount: Amount,
    /// What of the amount a wallet paid when the charge was made.
    pub prepaid: Amount,
    /// What of that was promotional credit.
    pub promotional: Amount,
    pub tax_category: Option<String>,
    pub tax_behaviour: TaxBehaviour,
    pub coupons: Vec<ChargeCoupon>,
    /// The [`crate::charges::line::ChargeLine`] as JSON: inputs, price snapshot, steps, query of the events. Its bytes are kept.
    pub content: String,
    /// SHA-256 of the content.
    pub digest: [u8; 32],
    /// Up to which place in the order of folded batches usage was counted.
    pub cut: Option<i64>,
    pub as_of: Instant,
    /// The entry that posted it; absent for a fee in advance, which is posted when its invoice is issued.
    pub entry: Option<EntryId>,
    /// The issued invoice that it corrects.
    pub corrects: Option<InvoiceId>,
    pub run: Option<BillingRunId>,
}

impl ChargeKind {
    /// Whether it is posted when it is made, and as what; a fee in advance waits for its invoice.
    pub const fn income(self) -> Option<Income> {
        match self {
            ChargeKind::AdvanceFee | ChargeKind::AdvanceCredit => None,
            ChargeKind::ArrearsFee | ChargeKind::Commitment => Some(Income::Subscription),
            ChargeKind::Usage => Some(Income::Usage),
            ChargeKind::OneOff => Some(Income::Oneoff),
        }
    }
}

impl Charge {
    /// The id of a charge: the same one whenever and wherever it is made.
    pub fn id_of(project: ProjectId, key: &str, revision: u32, at: Instant) -> ChargeId {
        let mut name = format!("{revision}/{key}");
        if cfg!(feature = "mutant_charge_ids_differ") {
            name.push_str(&std::process::id().to_string());
        }
        ChargeId::from_uuid(derived(at, project, "charge", &name))
    }

    /// Whether the part went on when it was made: what it counts ends with a window inside the part.
    pub fn is_open(&self) -> bool {
        #[derive(serde::Deserialize)]
        struct Content {
            events: Option<Counted>,
        }
        #[derive(serde::Deserialize)]
        struct Counted {
            to: Instant,
        }
        let Some(part) = self.part.filter(|_| self.kind == ChargeKind::Usage) else { return false };
        let content: Option<Content> = serde_json::from_str(&self.content).ok();
        content.and_then(|content| content.events).is_some_and(|counted| counted.to < part.end)
    }

    /// Where its money stands before the invoice.
    ///
    /// # Panics
    /// For a fee in advance without a subscription: whoever makes charges gives it one.
    pub fn billed_from(&self) -> BilledFrom {
        match self.kind.income() {
            Some(income) => BilledFrom::Unbilled(income),
            // Cannot fail: only subscriptions have fees in advance.
            None => BilledFrom::Advance(self.subscription.expect("a fee in advance is of a subscription")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn the_id_of_a_charge_is_the_same_whenever_it_is_made_and_another_for_each_revision() {
        // promise P17
        let project = ProjectId::from_uuid(Uuid::from_u128(7));
        let at = Instant::parse("2026-03-01T00:00:00Z").unwrap();
        let id = Charge::id_of(project, "sub/base", 0, at);
        assert_eq!(Charge::id_of(project, "sub/base", 0, at), id);
        let others = [
            Charge::id_of(project, "sub/base", 1, at),
            Charge::id_of(project, "sub/seats", 0, at),
            Charge::id_of(ProjectId::from_uuid(Uuid::from_u128(8)), "sub/base", 0, at),
        ];
        assert!(others.iter().all(|other| *other != id));
    }

    #[test]
    fn only_fees_in_advance_wait_for_their_invoice() {
        let waits: Vec<ChargeKind> = ChargeKind::ALL.iter().copied().filter(|kind| kind.income().is_none()).collect();
        assert_eq!(waits, [ChargeKind::AdvanceFee, ChargeKind::AdvanceCredit]);
    }
}
