//! Billing: what is due is planned, rated, charged and put on drafts. A run does it for everything that is due; a preview and the next
//! invoice of a customer do the same and store nothing.
//!
//! 1. [`load`]: subscriptions with their history, and what of the catalog they name, in one snapshot.
//! 2. [`usage`]: what was used of their prices, up to the cut of that snapshot.
//! 3. [`decide`]: `domain::billing` says what is to be charged.
//! 4. [`commitments`]: what is missing to minimum commitments, once all else is known.
//! 5. [`save`]: charges, drafts, entries and how far each subscription is billed, in one transaction that first checks that nothing was
//!    changed or billed meanwhile.
//! 6. [`refresh`]: what came since drafts were charged, before they are issued; by [`again`], as the late desk rates.
//! 7. [`run`]: the job that does this chunk by chunk ([`charge`]) and then issues ([`issue`]). [`runs`]: starting runs and reading their report. [`scheduler`]:
//!    starting them when something is due. [`forecast`] and [`walk`]: the same, undone.

pub(crate) mod again;
mod charge;
pub(crate) mod commitments;
pub mod compare;
pub(crate) mod decide;
mod dry_run;
pub mod forecast;
mod issue;
pub(crate) mod load;
pub(crate) mod post;
pub(crate) mod refresh;
mod report;
pub mod reports;
pub(crate) mod run;
pub mod runs;
pub(crate) mod save;
pub(crate) mod scheduler;
mod take;
mod usage;
pub(crate) mod walk;
