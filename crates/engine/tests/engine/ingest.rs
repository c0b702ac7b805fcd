//! Ingest: identity, policies, the writer, the rollups, and what is kept of refusals.

mod damage;
mod identity;
mod policies;
mod races;
mod rejections;
pub mod send;
mod sums;
mod writer;
