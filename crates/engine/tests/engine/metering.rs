//! Metering: every aggregation, exact at once, whatever is folded and wherever edges lie; versions, schemas, levels, damage.

mod cut;
mod damage;
mod levels;
mod naive;
mod reader;
mod rows;
mod schemas;
mod totals;
