//! What an operator can set about the server. Values come from the binary's configuration; nothing is read here.

use std::time::Duration;

use crate::client_address::Network;

/// How the server behaves. [`Settings::development`] exposes its documentation; [`Settings::production`] does not.
#[derive(Debug, Clone)]
pub struct Settings {
    pub expose_docs: bool,
    pub expose_openapi: bool,
    pub expose_metrics: bool,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    pub rates: Rates,
    /// Longest body in bytes, except where a route declares its own.
    pub body_bytes_max: usize,
    /// How long a body may take to arrive.
    pub body_time_max: Duration,
    /// How long a request may take from its head to its answer.
    pub request_time_max: Duration,
    /// Calls inside the engine at once.
    pub calls_max: usize,
    /// Calls that may wait to get into the engine.
    pub calls_waiting_max: usize,
    /// Calls at once of those that keep a core busy for long: drawing a document.
    pub heavy_calls_max: usize,
    /// Such calls that may wait.
    pub heavy_calls_waiting_max: usize,
    pub connections_max: usize,
    pub compress_replies: bool,
}

/// Requests per second, each with a burst of the same number of seconds' worth. Counted by each node for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// Of all access keys of one project together.
    pub per_project: Rate,
    /// Of one access key.
    pub per_key: Rate,
    /// Of one user.
    pub per_user: Rate,
}

/// A steady rate and how far it may be exceeded for a moment. Zero is not a rate: it counts as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    pub per_second: u32,
    pub burst: u32,
}

impl Settings {
    pub fn development() -> Settings {
        Settings {
            expose_docs: true,
            expose_openapi: true,
            expose_metrics: true,
            trusted_proxies: Vec::new(),
            rates: Rates {
                per_project: Rate { per_second: 20_000, burst: 40_000 },
                per_key: Rate { per_second: 20_000, burst: 40_000 },
                per_user: Rate { per_second: 1_000, burst: 5_000 },
            },
            body_bytes_max: 64 * 1024,
            body_time_max: Duration::from_secs(30),
            request_time_max: Duration::from_secs(60),
            calls_max: 32,
            calls_waiting_max: 1_024,
            heavy_calls_max: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            heavy_calls_waiting_max: 64,
            connections_max: 8_192,
            compress_replies: false,
        }
    }

    pub fn production() -> Settings {
        Settings { expose_docs: false, expose_openapi: false, expose_metrics: false, ..Settings::development() }
    }
}
