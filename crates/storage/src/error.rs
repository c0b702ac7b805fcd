//! What can go wrong with a database, in words that mean the same on both drivers.

use std::error::Error;

/// A failed operation of the database.
///
/// Constraint names are the names the schema gives them, on both databases. A foreign key violated on SQLite is
/// reported as `foreign_key`, because SQLite does not say which one: repositories check references themselves.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// A unique or primary key already holds this value.
    #[error("the constraint {constraint} already holds this value")]
    UniqueViolation { constraint: String },
    /// A check, a reference, a missing value, or the immutability of a table stands against the change.
    #[error("the database refused the change: {constraint}")]
    Refused { constraint: String },
    /// Another writer held a lock, or every connection was taken, for longer than the configured wait.
    #[error("the database is busy: {waiting_for}")]
    Busy { waiting_for: &'static str },
    /// The transaction lost against a concurrent one; repeating it as a whole is right.
    #[error("the transaction lost against a concurrent one")]
    Serialization,
    /// An earlier statement of this transaction failed, so nothing of it can be committed.
    #[error("an earlier statement of the transaction failed")]
    Aborted,
    /// The database cannot be reached or stopped answering. With `outcome_unknown` the commit was under way: it may
    /// have happened, and only reading back tells.
    #[error("the database is not available")]
    Unavailable {
        outcome_unknown: bool,
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    #[error("the disk of the database is full")]
    DiskFull,
    /// Stored data is not what was written: a damaged file, or a value outside its type.
    #[error("stored data is damaged: {what}")]
    Corrupt { what: String },
    /// The schema is not the one this program was built for, or the database is not fit to be used.
    #[error("{problem}; {remedy}")]
    Schema { problem: String, remedy: String },
    #[error("the database refused a statement")]
    Driver(#[source] Box<dyn Error + Send + Sync>),
}

/// Whether the whole transaction may be run again after this error.
pub trait Retryable {
    fn is_retryable(&self) -> bool;
}

impl Retryable for StorageError {
    fn is_retryable(&self) -> bool {
        match self {
            StorageError::Serialization | StorageError::Busy { .. } => true,
            StorageError::UniqueViolation { .. }
            | StorageError::Refused { .. }
            | StorageError::Aborted
            | StorageError::Unavailable { .. }
            | StorageError::DiskFull
            | StorageError::Corrupt { .. }
            | StorageError::Schema { .. }
            | StorageError::Driver(_) => false,
        }
    }
}

impl StorageError {
    /// A stored value that cannot be read as what it should be.
    pub(crate) fn corrupt(what: impl Into<String>) -> StorageError {
        StorageError::Corrupt { what: what.into() }
    }

    pub(crate) fn driver(source: impl Into<Box<dyn Error + Send + Sync>>) -> StorageError {
        StorageError::Driver(source.into())
    }

    /// Whether the violated unique constraint is this one.
    pub fn violates(&self, name: &str) -> bool {
        matches!(self, StorageError::UniqueViolation { constraint } if constraint == name)
    }

    /// The short name used in metrics.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            StorageError::UniqueViolation { .. } => "unique_violation",
            StorageError::Refused { .. } => "refused",
            StorageError::Busy { .. } => "busy",
            StorageError::Serialization => "serialization",
            StorageError::Aborted => "aborted",
            StorageError::Unavailable { .. } => "unavailable",
            StorageError::DiskFull => "disk_full",
            StorageError::Corrupt { .. } => "corrupt",
            StorageError::Schema { .. } => "schema",
            StorageError::Driver(_) => "driver",
        }
    }
}
