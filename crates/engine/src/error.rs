//! The one error of the engine: refused, overloaded, or the database.

use domain::ratio::OutOfRange;
use domain::refusal::{Code, Refusal};
use storage::{Retryable, StorageError};

/// Why a use case did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request is not acceptable, now or as it stands. Nothing changed; its idempotency key is free.
    #[error(transparent)]
    Refused(Refusal),
    /// The state of the ledger forbids it. Nothing changed but the idempotency key, which keeps this answer for ever.
    #[error(transparent)]
    RefusedForGood(Refusal),
    /// A queue is full; the same request may succeed later.
    #[error("the server is at its limit")]
    Overloaded { retry_after_seconds: u32 },
    /// The database did not do its part.
    #[error("the database failed")]
    Storage(#[source] StorageError),
    /// An invariant of ours does not hold.
    #[error("a bug: {0}")]
    Bug(String),
}

impl Error {
    pub fn refused(code: Code, detail: impl Into<String>) -> Error {
        Error::Refused(Refusal::new(code, detail))
    }

    pub fn not_found() -> Error {
        Error::Refused(Refusal::not_found())
    }

    /// What the caller is told: the refusal itself, or a refusal without internals for what is our fault.
    pub fn to_refusal(&self) -> Refusal {
        match self {
            Error::Refused(refusal) | Error::RefusedForGood(refusal) => refusal.clone(),
            Error::Overloaded { .. } => {
                Refusal::new(Code::Overloaded, "The server is at its limit. Send the same request again later.")
            }
            Error::Storage(StorageError::DiskFull) => Refusal::new(
                Code::StorageFull,
                "The disk is full. Nothing was stored; send the same request again later.",
            ),
            Error::Storage(StorageError::Unavailable { .. } | StorageError::Busy { .. }) => Refusal::new(
                Code::Unavailable,
                "The database cannot be reached. Send the same request with the same key again later.",
            ),
            Error::Storage(_) | Error::Bug(_) => {
                Refusal::new(Code::Internal, "Something is wrong on our side. Give the requestId to support.")
            }
        }
    }
}

impl From<StorageError> for Error {
    fn from(error: StorageError) -> Error {
        Error::Storage(error)
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Error {
        Error::Refused(refusal)
    }
}

impl From<OutOfRange> for Error {
    fn from(error: OutOfRange) -> Error {
        Error::Refused(error.into())
    }
}

impl Retryable for Error {
    fn is_retryable(&self) -> bool {
        match self {
            Error::Storage(error) => error.is_retryable(),
            Error::Refused(_) | Error::RefusedForGood(_) | Error::Overloaded { .. } | Error::Bug(_) => false,
        }
    }
}
