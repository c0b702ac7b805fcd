//! How a value is bound on SQLite.

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};

use super::value::Value;

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
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
