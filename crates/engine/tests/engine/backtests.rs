//! Backtests: the figures of many customers at once are those of an estimate for each, whatever happens to the job.

mod figures;
mod runs;
pub(crate) mod shop;
mod starts;
