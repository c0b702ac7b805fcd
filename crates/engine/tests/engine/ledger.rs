//! Money: credits, charges, debits, refunds, reversals, and what they leave in the books.

mod closings;
mod concurrency;
mod corrections;
mod damage;
mod many;
mod model;
pub mod money;
mod stories;
