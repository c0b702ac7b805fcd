//! Journal entries: what happened, when it counts, when we knew, who did it and why. Written once, never changed.

use super::reason::Reason;
use crate::amount::Amount;
use crate::currency::Currency;
use crate::idempotency::Fingerprint;
use crate::ids::{CustomerId, EntryId};
use crate::named::named;
use crate::time::Instant;

named! {
    /// What kind of event an entry books.
    EntryKind {
        PromotionalGrant = "promotional_grant",
        PaidGrant = "paid_grant",
        Charge = "charge",
        /// A debit by an operator.
        Adjustment = "adjustment",
        Refund = "refund",
        Reversal = "reversal",
        /// What a billing run rated: usage, a fee in arrears, a one-off item, a true-up.
        RatedCharge = "rated_charge",
        /// What was rated comes to less.
        RatedReturn = "rated_return",
        InvoiceIssued = "invoice_issued",
        CreditNote = "credit_note",
        /// The mirror of an issue, or of a recognition of an invoice that became void.
        InvoiceVoided = "invoice_voided",
        PaymentByHand = "payment_by_hand",
        /// The customer's balance pays an invoice.
        BalanceApplied = "balance_applied",
        /// An invoice is given up.
        WriteOff = "write_off",
        /// What was given up is paid after all.
        Recovery = "recovery",
        /// A fee paid in advance is earned.
        Recognition = "recognition",
        /// What is left of a credit lot expires.
        LotExpired = "lot_expired",
    }
}

named! {
    /// What an entry is called where a customer sees it.
    TransactionType {
        Credit = "credit",
        Charge = "charge",
        Debit = "debit",
        Refund = "refund",
        Reversal = "reversal",
        /// What was rated by billing, or comes to less.
        Rated = "rated",
        Invoice = "invoice",
        CreditNote = "creditNote",
        Void = "void",
        Payment = "payment",
        BalanceApplied = "balanceApplied",
        WriteOff = "writeOff",
        Recovery = "recovery",
        Recognition = "recognition",
        Expiry = "expiry",
    }
}

named! {
    /// What brought an entry about.
    CauseType {
        /// A person with a role.
        Operator = "operator",
        /// A machine with a key.
        AccessKey = "accessKey",
        /// The system itself.
        System = "system",
        /// A billing run.
        BillingRun = "billingRun",
        /// What was done to an invoice.
        Invoice = "invoice",
        /// Usage that came after its invoice.
        LateUsage = "lateUsage",
    }
}

/// The version of the canonical form in which entries will be sealed.
pub const CANON_VERSION: i64 = 1;

impl EntryKind {
    pub const fn transaction_type(self) -> TransactionType {
        match self {
            EntryKind::PromotionalGrant | EntryKind::PaidGrant => TransactionType::Credit,
            EntryKind::Charge => TransactionType::Charge,
            EntryKind::Adjustment => TransactionType::Debit,
            EntryKind::Refund => TransactionType::Refund,
            EntryKind::Reversal => TransactionType::Reversal,
            EntryKind::RatedCharge | EntryKind::RatedReturn => TransactionType::Rated,
            EntryKind::InvoiceIssued => TransactionType::Invoice,
            EntryKind::CreditNote => TransactionType::CreditNote,
            EntryKind::InvoiceVoided => TransactionType::Void,
            EntryKind::PaymentByHand => TransactionType::Payment,
            EntryKind::BalanceApplied => TransactionType::BalanceApplied,
            EntryKind::WriteOff => TransactionType::WriteOff,
            EntryKind::Recovery => TransactionType::Recovery,
            EntryKind::Recognition => TransactionType::Recognition,
            EntryKind::LotExpired => TransactionType::Expiry,
        }
    }
}

impl EntryKind {
    /// Whether each entry of this kind has an audit entry and an announcement of its own. What billing posts in numbers is told with what
    /// brought it about: its run, its invoice, its job.
    pub const fn is_told_by_itself(self) -> bool {
        match self {
            EntryKind::PromotionalGrant
            | EntryKind::PaidGrant
            | EntryKind::Charge
            | EntryKind::Adjustment
            | EntryKind::Refund
            | EntryKind::Reversal => true,
            EntryKind::RatedCharge
            | EntryKind::RatedReturn
            | EntryKind::InvoiceIssued
            | EntryKind::CreditNote
            | EntryKind::InvoiceVoided
            | EntryKind::PaymentByHand
            | EntryKind::BalanceApplied
            | EntryKind::WriteOff
            | EntryKind::Recovery
            | EntryKind::Recognition
            | EntryKind::LotExpired => false,
        }
    }
}

impl TransactionType {
    /// The kinds of entries with this name: one or two, as a page of the journal asks for them.
    pub fn kinds(self) -> impl Iterator<Item = EntryKind> {
        EntryKind::ALL.iter().copied().filter(move |kind| kind.transaction_type() == self)
    }
}

/// What brought an entry about: the kind of cause and its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    pub kind: CauseType,
    pub id: String,
}

/// Who acted, as it is kept beside what was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActorName {
    pub kind: String,
    pub id: String,
    pub name: String,
}

/// One entry of the journal, without its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry {
    pub id: EntryId,
    pub kind: EntryKind,
    pub customer: Option<CustomerId>,
    /// What moved, as people would say it; positive. The lines say from where to where.
    pub amount: Amount,
    pub currency: Currency,
    /// The balance of the customer's wallet in this currency after the entry.
    pub balance_after: Option<Amount>,
    pub description: String,
    pub idempotency_key: Option<String>,
    pub fingerprint: Option<Fingerprint>,
    /// When it counts.
    pub effective_at: Instant,
    /// When it happened, where the request said so.
    pub usage_at: Option<Instant>,
    /// When we knew.
    pub recorded_at: Instant,
    pub actor: ActorName,
    pub reason: Option<Reason>,
    pub cause: Cause,
    /// The entry that this one mirrors.
    pub reverses: Option<EntryId>,
    /// The charge that this one gives back, in part or whole.
    pub refunds: Option<EntryId>,
    /// What the caller wanted to keep with it: a JSON object in canonical form.
    pub metadata: Option<String>,
    pub request_id: String,
    pub canon_version: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_under_its_type() {
        // checklist 63
        let found: Vec<EntryKind> = TransactionType::ALL.iter().flat_map(|kind| kind.kinds()).collect();
        assert_eq!(found.len(), EntryKind::ALL.len());
        let credits: Vec<EntryKind> = TransactionType::Credit.kinds().collect();
        assert_eq!(credits, [EntryKind::PromotionalGrant, EntryKind::PaidGrant]);
        assert!(EntryKind::Charge.is_told_by_itself() && !EntryKind::RatedCharge.is_told_by_itself());
        assert!(TransactionType::ALL.iter().all(|kind| matches!(kind.kinds().count(), 1 | 2)));
    }
}
