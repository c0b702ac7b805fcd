//! SQLite's result codes in our words.

use rusqlite::ErrorCode;
use rusqlite::ffi;

use crate::constraints::{failed_columns, name_of_unique};
use crate::error::StorageError;
use crate::sql::sqlite_value::NotPortable;

/// The error without a look at the schema: unique constraints keep their columns as their name.
pub(crate) fn classify(error: &rusqlite::Error) -> StorageError {
    classify_with(error, |_| Vec::new())
}

/// The error; `schema_of` gives the `create` statements of a table.
pub(crate) fn classify_with(error: &rusqlite::Error, schema_of: impl Fn(&str) -> Vec<String>) -> StorageError {
    let (failure, message) = match error {
        rusqlite::Error::SqliteFailure(failure, message) => (failure, message.clone().unwrap_or_default()),
        rusqlite::Error::SqlInputError { error, msg, .. } => (error, msg.clone()),
        rusqlite::Error::ToSqlConversionFailure(source) => {
            return match source.downcast_ref::<NotPortable>() {
                Some(NotPortable(problem)) => StorageError::Refused { constraint: (*problem).to_owned() },
                None => StorageError::driver(source.to_string()),
            };
        }
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

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    fn error_of(connection: &Connection, text: &str) -> StorageError {
        classify(&connection.execute_batch(text).unwrap_err())
    }

    #[test]
    fn a_full_disk_is_told_from_other_failures() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("create table t (a blob); pragma max_page_count = 3").unwrap();
        let error = error_of(&connection, "insert into t values (zeroblob(100000))");
        assert!(matches!(error, StorageError::DiskFull), "{error:?}");
    }

    #[test]
    fn a_damaged_file_is_told_from_other_failures() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("damaged.db");
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch("create table t (a text); insert into t values ('x')").unwrap();
        drop(connection);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[4096..].fill(0xff);
        std::fs::write(&path, bytes).unwrap();
        let error = error_of(&Connection::open(&path).unwrap(), "select a from t");
        assert!(matches!(error, StorageError::Corrupt { .. }), "{error:?}");
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_unavailable() {
        let error = classify(&Connection::open("/nowhere/at/all.db").unwrap_err());
        assert!(matches!(error, StorageError::Unavailable { outcome_unknown: false, .. }), "{error:?}");
    }
}
