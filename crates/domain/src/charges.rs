//! From prices and what was used of them to charges: the same pure code for estimates, backtests and invoices.
//!
//! 1. [`cut`]: which billing periods of a price lie in a range, which share of each, between which effective dates, and the spans of
//!    time for which counters are needed.
//! 2. [`rate`]: counters, events, seats or time of these spans become one rated amount for each period.
//! 3. [`line`]: a rated amount with everything that explains it; [`commitment`]: what is missing to a minimum commitment;
//!    [`conversion`]: custom assets as money; [`events`]: the query of the events it counts.
//! 4. [`charge`]: what is kept of a line when it is billed.
//! 5. [`estimate`]: the lines of a customer with discounts, tax and the one rounding.
//!
//! A part of a period that lies in the range is a segment of its own: allowance, flat fees, minimum, cap, recurring amounts and seats are
//! those of its share. Nothing is looked up here: metric, counters and rates are given.

pub mod charge;
pub mod commitment;
pub mod conversion;
pub mod cut;
pub mod estimate;
pub mod events;
pub mod given;
mod inputs;
pub mod line;
pub mod one_off;
pub mod rate;
pub mod usage;

#[cfg(test)]
pub(crate) mod tests;
