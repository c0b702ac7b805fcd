//! The late desk: usage that arrives, or is corrected, after its invoice was issued.
//!
//! [`find`] looks for it after each fold; [`settle`] decides about it, after [`rate`] has said what it comes to, and [`book`] does it.

mod book;
mod find;
mod rate;
mod settle;
mod view;

pub(crate) use settle::LateUsageDesk;
pub use settle::ResolveLateUsage;
pub use view::{LateUsageDetail, LateUsageEffect, LateUsageQuery, LateUsageView};
