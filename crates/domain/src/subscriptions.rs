//! Subscriptions: dated changes that are only ever added, the fold that makes a state of them, and what each state bills when.
//!
//! - [`record`]: which subscription of which customer it is; all else is in its changes.
//! - [`wish`] and [`request`]: what people ask for, and when it takes effect.
//! - [`change`] and [`history`]: what was asked for, by whom, for when; what is refused; withdrawal of what lies ahead.
//! - [`state`] and [`timeline`]: the fold. Changes are ordered by effective time, then by submission; nothing else counts.
//! - [`offers`]: the plan and add-on versions that the changes name, and what a subscription may not be by the catalog.
//! - [`segments`]: one price in one billing period: stretches that tile it, and segments in which counters go on.
//! - [`cuts`] and [`lines`]: recurring fees and seats: charges, and credits of unused time, whose parts sum to the whole.
//! - [`charging`]: both as charges, by the code that estimates are made by.
//! - [`commitments`]: what its plan commits it to in an interval.
//! - [`windows`]: the windows in which usage is rated before its period closes.
//! - [`due`]: what is to be billed when. [`revisions`]: what is left to bill when some of it was billed before.
//! - [`usage`]: which subscription prices an event, or why none does. [`coupons`]: which apply to a period.
//!
//! Nothing here reads a clock or looks up what was billed: the same changes give the same lines for ever.

pub mod change;
pub mod charging;
pub mod commitments;
pub mod coupons;
pub mod cuts;
pub mod due;
pub mod history;
pub mod lines;
pub mod offers;
pub mod policy;
pub mod price_ref;
pub mod record;
pub mod request;
pub mod revisions;
pub mod segments;
pub mod state;
pub mod timeline;
pub mod usage;
pub mod version;
pub mod windows;
pub mod wish;

#[cfg(test)]
pub(crate) mod samples;
