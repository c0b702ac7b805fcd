//! Billing: what is due is charged once, at the right moment, whatever happens in between.

mod commitments;
pub mod desk;
mod differences;
mod dry_runs;
mod late;
mod previews;
mod refreshed;
mod refused;
mod runs;
mod windows;
