//! Prices and rating: one model per file, each with its formula and a worked example, and one pure function that rates.
//!
//! [`rate()`] takes terms and inputs and gives the exact amount, the amount rounded once (half-even, to 10⁻⁶), and its explanation.
//! The same inputs give the same result for ever. What a window or a period is, and which events belong to it, is decided elsewhere.
//!
//! What holds for every model:
//! - The **included allowance** is taken out first: tiers, packages and percentages begin at the first unit that is not included.
//!   Entries with rates of their own use it up in the order in which they are listed, after the general rate.
//! - A **tier's flat fee** is due once a unit falls into the tier. Base fees that are due without usage are `recurring` prices.
//! - The **minimum** raises the total of the price to itself, also when nothing was used; the **cap** lowers it. Both apply at the close
//!   of a period only, and after everything else.
//! - `share` is the part of a period that the terms were in force. Allowance, flat fees, minimum, cap and recurring amounts are
//!   multiplied by it; the edges of tiers are not.

pub mod dynamic;
pub mod explanation;
pub mod graduated;
pub mod inputs;
pub mod model;
pub mod package;
pub mod per_unit;
pub mod percentage;
mod rate;
pub mod recurring;
pub mod seat;
pub mod snapshot;
pub mod terms;
pub mod tier;
pub mod volume;

pub use rate::{Dated, RateError, Rated, amount_dated, increment, rate, rate_dated};
