//! `/ingest` and `/projects/{projectId}/ingest`: what machines send, and what people see of it.

mod batch;
mod charge;
mod cloud_events;
mod events;
mod outcomes;
mod rejections;
pub mod send;
mod usage;
