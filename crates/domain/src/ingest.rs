//! What a usage event is, how each door's body becomes one, what makes two requests the same, and how events add up.

pub mod batch;
pub mod charge;
pub mod cloud_event;
pub mod correction;
pub mod event;
mod fingerprint;
pub mod item;
mod json;
mod number;
pub mod outcome;
pub mod payload;
pub mod properties;
pub mod rollup;
pub mod schema;
pub mod series;
pub mod usage;

pub use event::{Receipt, UsageEvent};
pub use item::Item;
pub use outcome::{Door, Operation, Outcome, OutcomeCounts};
pub use usage::UsageRequest;
