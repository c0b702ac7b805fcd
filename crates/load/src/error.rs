//! What can go wrong between this crate and a server; each variant says what was being done.

use std::io;
use std::path::PathBuf;

/// Why a run could not go on. A check that merely failed is part of a report, not an error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    #[error("`{url}` cannot be used as a server address: {reason}")]
    Address { url: String, reason: String },

    #[error("cannot connect to {address}: is the server running?")]
    Connect { address: String, source: io::Error },

    #[error("the connection to {address} broke during a request")]
    Exchange { address: String, source: io::Error },

    #[error("{address} sent something that is not an HTTP/1.1 reply: {reason}")]
    Malformed { address: String, reason: String },

    #[error("{request} was answered with {status}: {body}")]
    Unexpected { request: String, status: u16, body: String },

    #[error("the reply to {request} has no usable `{field}`: {body}")]
    MissingField { request: String, field: String, body: String },

    #[error("cannot start `{program}`")]
    Start { program: PathBuf, source: io::Error },

    #[error("`{command}` failed ({status}): {output}")]
    Command { command: String, status: String, output: String },

    #[error("the server ended before it was ready ({status}); the end of its log:\n{log}")]
    EndedEarly { status: String, log: String },

    #[error("the server was not ready within {seconds} s; the end of its log:\n{log}")]
    NotReady { seconds: u64, log: String },

    #[error("cannot {action}")]
    System { action: String, source: io::Error },

    #[error("{0}")]
    Options(String),
}

impl LoadError {
    /// Whether the server may simply be away for a moment: the request can be sent again with the same key.
    #[must_use]
    pub fn is_connection(&self) -> bool {
        matches!(self, LoadError::Connect { .. } | LoadError::Exchange { .. } | LoadError::Malformed { .. })
    }

    pub(crate) fn system(action: impl Into<String>) -> impl FnOnce(io::Error) -> LoadError {
        let action = action.into();
        move |source| LoadError::System { action, source }
    }
}
