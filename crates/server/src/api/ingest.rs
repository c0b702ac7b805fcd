//! `/ingest`: what machines send.

pub(crate) mod charge;
