//! PostgreSQL's error codes in our words.

use std::error::Error;

use postgres::error::DbError;

use crate::error::StorageError;
use crate::sql::sqlite_value::NUL;

/// An error of a statement or a connection in use.
pub(crate) fn classify(error: &postgres::Error) -> StorageError {
    if let Some(refusal) = error.as_db_error() {
        return classify_refusal(refusal);
    }
    let lost = error.is_closed() || error.source().is_some_and(<dyn Error>::is::<std::io::Error>);
    let source = chain(error).into();
    if lost { StorageError::Unavailable { outcome_unknown: false, source } } else { StorageError::Driver(source) }
}

/// An error while connecting: nothing has been sent, so nothing is in doubt.
pub(crate) fn unreachable_server(error: postgres::Error) -> StorageError {
    match error.as_db_error() {
        Some(refusal) => classify_refusal(refusal),
        None => StorageError::Unavailable { outcome_unknown: false, source: chain(&error).into() },
    }
}

fn classify_refusal(refusal: &DbError) -> StorageError {
    let code = refusal.code().code();
    let constraint = || refusal.constraint().unwrap_or(refusal.message()).to_owned();
    let source = || format!("{} (SQLSTATE {code})", refusal.message()).into();
    match code {
        "23505" => StorageError::UniqueViolation { constraint: constraint() },
        "23502" => StorageError::Refused {
            constraint: format!("{}.{}", refusal.table().unwrap_or_default(), refusal.column().unwrap_or_default()),
        },
        // Checks, references, exclusions, rights, a write in a reading transaction, and triggers that object.
        "23503" | "23514" | "23P01" | "42501" | "25006" | "P0001" => StorageError::Refused { constraint: constraint() },
        "22021" | "22P05" => StorageError::Refused { constraint: NUL.to_owned() },
        "22003" if refusal.message() == "numeric field overflow" => {
            StorageError::Refused { constraint: "a number has at most 38 digits".to_owned() }
        }
        "40001" | "40P01" => StorageError::Serialization,
        _ if is_stale_plan(refusal) => StorageError::Serialization,
        "55P03" => StorageError::Busy { waiting_for: "a lock" },
        "57014" => StorageError::Busy { waiting_for: "a statement that took too long" },
        "53100" => StorageError::DiskFull,
        // Too many connections, shutting down, starting up, connection lost, idle for too long.
        "53300" | "57P01" | "57P02" | "57P03" | "25P03" => {
            StorageError::Unavailable { outcome_unknown: false, source: source() }
        }
        code if code.starts_with("08") => StorageError::Unavailable { outcome_unknown: false, source: source() },
        "XX001" | "XX002" => StorageError::corrupt(refusal.message()),
        _ => StorageError::Driver(source()),
    }
}

/// A migration changed a table under a prepared statement.
pub(crate) fn is_stale_plan(refusal: &DbError) -> bool {
    refusal.code().code() == "0A000" && refusal.message().contains("cached plan")
}

/// The error with its causes: the driver's own texts name only the outermost.
fn chain(error: &postgres::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
