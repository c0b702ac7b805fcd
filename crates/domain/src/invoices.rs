//! Invoices: what can happen to one, and how they are numbered. What is on them is made by [`crate::invoice_totals`], and what they post
//! by [`crate::ledger::recipes`].

pub mod document;
pub mod record;
pub mod series;
pub mod standing;
