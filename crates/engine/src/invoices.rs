//! Invoices: drafts as they would be, issuing, what settles an invoice or takes it back, and why each amount is what it is.

mod credit_notes;
pub(crate) mod drafts;
mod explain;
mod finalize;
mod issue;
pub(crate) mod one_off;
mod open;
mod reconcile;
mod recount;
pub(crate) mod replace;
pub(crate) mod settle;
mod trail;
mod view;

pub use self::credit_notes::NewCreditNote;
pub use self::explain::{ExplainedCharge, ExplainedInvoice, ExplainedLine};
pub use self::issue::IssueMoment;
pub use self::issue::issue_drafts;
pub(crate) use self::issue::{IssuedDrafts, issue_each, locked};
pub use self::one_off::{NewInvoice, NewInvoiceItem};
pub use self::reconcile::{CountedUsage, ReconciledLine, Reconciliation, ReconciliationView};
pub(crate) use self::reconcile::{RECONCILED_MAX, reconcile};
pub use self::settle::{RecordPayment, VoidInvoice};
pub use self::view::{
    CreditNoteView, InvoiceDetail, InvoicePosition, InvoicePositionError, InvoiceQuery, InvoiceView, PaymentView,
};
pub(crate) use self::view::{detail, read_document};
