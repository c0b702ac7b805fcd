//! Invoices: what charges come to, what can happen to an invoice, and how invoices are numbered. What they post is in
//! [`crate::ledger::recipes`].

pub mod bill;
pub mod credit;
pub mod discounts;
pub mod document;
pub mod freeze;
pub mod issued;
pub mod parties;
pub mod record;
pub mod series;
pub mod settings;
pub mod standing;
