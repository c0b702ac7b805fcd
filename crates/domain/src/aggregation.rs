//! Aggregations: how the events of a window become one quantity. Each is a cell that is folded event by event and merged cell by cell, in
//! any order and any grouping, with the same result: a rebuild from events gives what was folded before.
//!
//! `sum`, `count`, `max` and `latest` are parts of [`crate::ingest::rollup::Cell`]; `unique` and `weightedSum` keep more than a number.

pub mod rounding;
pub mod unique;
pub mod weighted;
