//! How a value is bound on SQLite, and which values are refused because PostgreSQL could not hold them.

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};

use super::value::Value;

/// A value that only SQLite could store.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotPortable(pub &'static str);

/// The first number `numeric(38,0)` cannot hold.
const WIDE_END: u128 = 10u128.pow(38);

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        if let Some(problem) = problem(self) {
            return Err(rusqlite::Error::ToSqlConversionFailure(Box::new(NotPortable(problem))));
        }
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Bool(value) => ValueRef::Integer(i64::from(*value)),
            Value::Int(value) => ValueRef::Integer(*value),
            Value::Text(value) | Value::Json(value) => ValueRef::Text(value.as_bytes()),
            Value::Bytes(value) => ValueRef::Blob(value),
            Value::Uuid(value) => ValueRef::Blob(value.as_bytes()),
            Value::Instant(value) => ValueRef::Integer(value.micros()),
            Value::Wide(value) => {
                let bytes = value.to_be_bytes().to_vec();
                return Ok(ToSqlOutput::Owned(rusqlite::types::Value::Blob(bytes)));
            }
        }))
    }
}

fn problem(value: &Value<'_>) -> Option<&'static str> {
    match value {
        Value::Text(text) if text.contains('\0') => Some(NUL),
        Value::Json(text) if holds_escaped_nul(text) => Some(NUL),
        Value::Wide(number) if number.unsigned_abs() >= WIDE_END => Some("a number has at most 38 digits"),
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Text(_)
        | Value::Bytes(_)
        | Value::Uuid(_)
        | Value::Instant(_)
        | Value::Json(_)
        | Value::Wide(_) => None,
    }
}

pub(crate) const NUL: &str = "a text holds no NUL character";

/// Whether `\u0000` stands in the document as an escape, and not as an escaped backslash followed by `u0000`.
fn holds_escaped_nul(document: &str) -> bool {
    document.match_indices("\\u0000").any(|(position, _)| {
        let backslashes = document[..position].bytes().rev().take_while(|byte| *byte == b'\\').count();
        backslashes % 2 == 0
    })
}
