//! What is kept of documents that were issued, and of what settled them: written once, never changed.

use crate::amount::Amount;
use crate::currency::Currency;
use crate::ids::{CreditNoteId, CustomerId, EntryId, InvoiceId, InvoicePaymentId};
use crate::invoices::settings::SeriesName;
use crate::ledger::reason::Reason;
use crate::ledger::recipes::Overpaid;
use crate::named::named;
use crate::time::Instant;

/// A number as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenNumber {
    pub series: SeriesName,
    /// From 1, without gaps.
    pub number: u64,
    /// As it is printed.
    pub text: String,
}

/// An issued invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedInvoice {
    pub invoice: InvoiceId,
    pub number: GivenNumber,
    /// The entry that books it; absent where nothing moves.
    pub entry: Option<EntryId>,
    /// What was to be paid, before the customer's balance; in whole minor units. Less than zero, it became the customer's balance.
    pub due: Amount,
    /// What it came to before wallets paid of it; absent of invoices from before this was kept.
    pub billed: Option<Amount>,
    pub currency: Currency,
    /// The canonical form of its [`crate::invoices::document::Document`], byte for byte.
    pub document: String,
    /// SHA-256 of the document.
    pub digest: [u8; 32],
    pub issued_at: Instant,
}

named! {
    /// Where a payment came from.
    PaymentSource {
        /// Recorded by a person.
        Manual = "manual",
        /// The customer's balance, when the invoice was issued.
        Balance = "balance",
    }
}

/// Something that was paid on an invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoicePayment {
    pub id: InvoicePaymentId,
    pub invoice: InvoiceId,
    pub customer: CustomerId,
    pub source: PaymentSource,
    pub currency: Currency,
    pub amount: Amount,
    /// What of it settled the invoice; the rest is the customer's balance.
    pub settled: Amount,
    /// What of that had been written off.
    pub recovered: Amount,
    /// When the money came, as the person said it.
    pub paid_at: Instant,
    /// What the bank statement says.
    pub reference: Option<String>,
    pub entry: EntryId,
    pub recorded_at: Instant,
}

/// An issued credit note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditNoteRecord {
    pub id: CreditNoteId,
    pub invoice: InvoiceId,
    pub customer: CustomerId,
    pub number: GivenNumber,
    pub currency: Currency,
    /// What the customer owes less or gets back, in whole minor units.
    pub total: Amount,
    /// What of it took from what was open.
    pub settled: Amount,
    /// What went back to wallets on top of the total.
    pub returned: Amount,
    /// Where the rest of the total went.
    pub overpaid: Overpaid,
    /// The entry that books it; absent where only a wallet got something back.
    pub entry: Option<EntryId>,
    pub reason: Reason,
    /// The canonical form of its document.
    pub document: String,
    pub digest: [u8; 32],
    pub issued_at: Instant,
    pub lines: Vec<CreditedPart>,
}

/// What a credit note takes back of one line of its invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CreditedPart {
    /// The number of the line on the invoice, from 1.
    pub line: u32,
    /// Without tax, and without what went back to a wallet.
    pub net: Amount,
    pub tax: Amount,
    /// What went back to the wallet that had paid it.
    pub returned: Amount,
}
