//! SQLite's result codes in our words.

use rusqlite::ErrorCode;
use rusqlite::ffi;

use crate::constraints::{failed_columns, name_of_unique};
use crate::error::StorageError;

/// The error without a look at the schema: unique constraints keep their columns as their name.
pub(crate) fn classify(error: &rusqlite::Error) -> StorageError {
    classify_with(error, |_| Vec::new())
}

/// The error; `schema_of` gives the `create` statements of a table.
pub(crate) fn classify_with(error: &rusqlite::Error, schema_of: impl Fn(&str) -> Vec<String>) -> StorageError {
    let (failure, message) = match error {
        rusqlite::Error::SqliteFailure(failure, message) => (failure, message.clone().unwrap_or_default()),
        rusqlite::Error::SqlInputError { error, msg, .. } => (error, msg.clone()),
        other => return StorageError::driver(other.to_string()),
    };
    match failure.code {
        ErrorCode::ConstraintViolation => violation(failure.extended_code, &message, schema_of),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            StorageError::Busy { waiting_for: "another process that writes to the database file" }
        }
        ErrorCode::DiskFull => StorageError::DiskFull,
        ErrorCode::DatabaseCorrupt => StorageError::corrupt(format!("the database file: {message}")),
        ErrorCode::NotADatabase => StorageError::corrupt("the file is not a SQLite database"),
        ErrorCode::SystemIoFailure | ErrorCode::CannotOpen => StorageError::Unavailable {
            outcome_unknown: false,
            source: format!("{message} (SQLite code {})", failure.extended_code).into(),
        },
        ErrorCode::AuthorizationForStatementDenied => {
            StorageError::Refused { constraint: format!("the server may not do this: {message}") }
        }
        ErrorCode::ReadOnly => StorageError::Refused { constraint: "a reading transaction may not write".to_owned() },
        _ => StorageError::driver(format!("{message} (SQLite code {})", failure.extended_code)),
    }
}

fn violation(extended_code: i32, message: &str, schema_of: impl Fn(&str) -> Vec<String>) -> StorageError {
    let tail = message.split_once("constraint failed: ").map_or(message, |(_, tail)| tail);
    match extended_code {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            let named =
                failed_columns(message).and_then(|(table, columns)| name_of_unique(&schema_of(table), &columns));
            StorageError::UniqueViolation { constraint: named.unwrap_or_else(|| tail.to_owned()) }
        }
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => StorageError::Refused { constraint: "foreign_key".to_owned() },
        // A check by its name, a missing value by its column, a trigger by its message.
        _ => StorageError::Refused { constraint: tail.to_owned() },
    }
}
