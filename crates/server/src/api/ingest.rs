//! `/ingest`: what machines send. Bodies go to the engine as they were sent, because what is refused is kept as it was sent.

pub(crate) mod batch;
pub(crate) mod charge;
mod submit;
pub(crate) mod usage;
