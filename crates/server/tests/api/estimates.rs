//! `/projects/{projectId}/estimate`: what a plan would cost, and why.

mod measured;
mod plans;
mod quantities;
mod refusals;
