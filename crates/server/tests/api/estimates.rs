//! `/projects/{projectId}/estimate`: what a plan would cost, and why.

mod documented;
mod measured;
mod plans;
mod quantities;
mod refusals;
