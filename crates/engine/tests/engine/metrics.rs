//! Metrics: changing what they mean, and what that does to usage that is stored.

mod backfill;
mod limit;
pub mod meaning;
mod preview;
mod versions;
