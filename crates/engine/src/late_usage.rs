//! The late desk: usage that arrives, or is corrected, after its invoice was issued.
//!
//! [`find`] looks for it after each fold; [`settle`] decides about it, after [`rate`] has said what it comes to, and [`book`] does it.
//! [`rehearse`] does all of it for a preview.

mod book;
mod find;
mod rate;
mod rehearse;
mod settle;
mod view;

pub(crate) use find::{metric_of, outdated_drafts};
pub(crate) use rehearse::{Rehearsed, rehearse};
pub(crate) use settle::LateUsageDesk;
pub use settle::ResolveLateUsage;
pub use view::{LateUsageDetail, LateUsageEffect, LateUsageQuery, LateUsageView};
