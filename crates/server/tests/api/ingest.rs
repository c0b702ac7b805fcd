//! `/ingest`: what machines send.

mod charge;
