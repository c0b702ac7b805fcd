//! Metering: every aggregation, exact at once, whatever is folded and wherever edges lie; versions, schemas, levels, damage.

pub mod cut;
mod damage;
mod levels;
pub mod naive;
mod reader;
pub mod rows;
mod schemas;
pub mod totals;
