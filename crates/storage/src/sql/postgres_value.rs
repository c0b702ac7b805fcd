//! How a value, or a column of values, is written in PostgreSQL's binary format.

use bytes::{BufMut, BytesMut};
use postgres::types::{IsNull, ToSql, Type};

use super::bulk::ColumnType;
use super::numeric;
use super::value::Value;

type EncodeError = Box<dyn std::error::Error + Sync + Send>;

/// Microseconds from 1970-01-01 to 2000-01-01, where PostgreSQL begins to count.
pub(crate) const POSTGRES_EPOCH_MICROS: i64 = 946_684_800_000_000;

/// A value that does not fit the type PostgreSQL expects there.
#[derive(Debug, thiserror::Error)]
#[error("a {value} was bound where {expected} is expected")]
struct Mismatch {
    value: &'static str,
    expected: String,
}

impl ToSql for Value<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, EncodeError> {
        match self {
            Value::Null => return Ok(IsNull::Yes),
            Value::Bool(value) if *ty == Type::BOOL => out.put_u8(u8::from(*value)),
            Value::Int(value) => encode_int(*value, ty, out)?,
            Value::Text(value) if is_text(ty) => out.put_slice(value.as_bytes()),
            Value::Bytes(value) if *ty == Type::BYTEA => out.put_slice(value),
            Value::Uuid(value) if *ty == Type::UUID => out.put_slice(value.as_bytes()),
            Value::Instant(value) if *ty == Type::TIMESTAMPTZ => {
                let micros = value.micros().checked_sub(POSTGRES_EPOCH_MICROS);
                out.put_i64(micros.ok_or_else(|| mismatch("instant out of range", ty))?);
            }
            Value::Json(value) if *ty == Type::JSONB => {
                // The version of the binary form, then the text.
                out.put_u8(1);
                out.put_slice(value.as_bytes());
            }
            Value::Json(value) if is_text(ty) || *ty == Type::JSON => out.put_slice(value.as_bytes()),
            Value::Wide(value) if *ty == Type::NUMERIC => numeric::encode(*value, out),
            Value::Bool(_) => return Err(mismatch("bool", ty).into()),
            Value::Text(_) => return Err(mismatch("text", ty).into()),
            Value::Bytes(_) => return Err(mismatch("byte string", ty).into()),
            Value::Uuid(_) => return Err(mismatch("uuid", ty).into()),
            Value::Instant(_) => return Err(mismatch("instant", ty).into()),
            Value::Json(_) => return Err(mismatch("JSON document", ty).into()),
            Value::Wide(_) => return Err(mismatch("wide integer", ty).into()),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    postgres::types::to_sql_checked!();
}

fn encode_int(value: i64, ty: &Type, out: &mut BytesMut) -> Result<(), EncodeError> {
    match *ty {
        Type::INT8 => out.put_i64(value),
        Type::INT4 => out.put_i32(i32::try_from(value)?),
        Type::INT2 => out.put_i16(i16::try_from(value)?),
        Type::NUMERIC => numeric::encode(i128::from(value), out),
        _ => return Err(mismatch("integer", ty).into()),
    }
    Ok(())
}

fn is_text(ty: &Type) -> bool {
    matches!(*ty, Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN)
}

fn mismatch(value: &'static str, ty: &Type) -> Mismatch {
    Mismatch { value, expected: ty.name().to_owned() }
}

impl ColumnType {
    fn element(self) -> Type {
        match self {
            ColumnType::Bool => Type::BOOL,
            ColumnType::Int => Type::INT8,
            ColumnType::Text => Type::TEXT,
            ColumnType::Bytes => Type::BYTEA,
            ColumnType::Uuid => Type::UUID,
            ColumnType::Instant => Type::TIMESTAMPTZ,
            ColumnType::Json => Type::JSONB,
            ColumnType::Wide => Type::NUMERIC,
        }
    }
}

/// Where the values of one array come from.
#[derive(Debug)]
pub(crate) enum ArraySource<'a, R> {
    /// The same value for each of the rows: the project.
    Repeated(&'a Value<'a>),
    /// The value at this index of each row.
    Index(usize, std::marker::PhantomData<R>),
}

/// One column of many rows, sent as one array without copying the values first.
#[derive(Debug)]
pub(crate) struct ArrayColumn<'a, R> {
    pub kind: ColumnType,
    pub rows: &'a [R],
    pub source: ArraySource<'a, R>,
}

impl<'v, R: AsRef<[Value<'v>]> + std::fmt::Debug> ToSql for ArrayColumn<'_, R> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, EncodeError> {
        let element = self.kind.element();
        // One dimension, may hold nulls, type of the elements, their count, and the first index.
        out.put_i32(1);
        out.put_i32(1);
        out.put_u32(element.oid());
        out.put_i32(i32::try_from(self.rows.len())?);
        out.put_i32(1);
        for row in self.rows {
            match &self.source {
                ArraySource::Repeated(value) => put_element(value, &element, out)?,
                ArraySource::Index(index, _) => {
                    let value = row.as_ref().get(*index).ok_or("a row has too few values")?;
                    put_element(value, &element, out)?;
                }
            }
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    postgres::types::to_sql_checked!();
}

/// An element is its length and its bytes; a length of -1 is null.
fn put_element(value: &Value<'_>, element: &Type, out: &mut BytesMut) -> Result<(), EncodeError> {
    let length_at = out.len();
    out.put_i32(-1);
    if let IsNull::No = value.to_sql(element, out)? {
        let length = i32::try_from(out.len() - length_at - 4)?;
        out[length_at..length_at + 4].copy_from_slice(&length.to_be_bytes());
    }
    Ok(())
}
