//! One row of a result, read in the same way on both databases.

use domain::amount::Amount;
use domain::currency::Currency;
use domain::quantity::{Quantity, QuantitySum};
use domain::time::Instant;
use postgres::types::{FromSql, Type};
use rusqlite::types::ValueRef;
use uuid::Uuid;

use crate::error::StorageError;

use super::numeric;
use super::postgres_value::POSTGRES_EPOCH_MICROS;
use super::value::JsonText;

/// A row; columns are counted from 0, in the order of the select.
pub enum Row<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a postgres::Row),
}

impl Row<'_> {
    /// The value of a column.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] when the stored value is not of this type.
    pub fn get<T: FromColumn>(&self, index: usize) -> Result<T, StorageError> {
        let read = self.cell(index).and_then(T::from_cell);
        read.map_err(|error| self.corrupt(index, &error.to_string()))
    }

    /// A text column read as one of a closed list of names, with the type's own `parse`.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] when the stored text is none of them.
    pub fn named<T>(&self, index: usize, parse: impl Fn(&str) -> Option<T>) -> Result<T, StorageError> {
        let text: String = self.get(index)?;
        parse(&text).ok_or_else(|| self.corrupt(index, &format!("{text:?} is not a known name")))
    }

    fn cell(&self, index: usize) -> Result<Cell<'_>, CellError> {
        match self {
            Row::Sqlite(row) => {
                row.get_ref(index).map(Cell::Sqlite).map_err(|_| CellError("the select has no such column"))
            }
            Row::Postgres(row) => row
                .try_get::<_, PostgresCell>(index)
                .map(Cell::Postgres)
                .map_err(|_| CellError("the select has no such column")),
        }
    }

    fn corrupt(&self, index: usize, problem: &str) -> StorageError {
        let name = match self {
            Row::Sqlite(row) => row.as_ref().column_name(index).map(str::to_owned).ok(),
            Row::Postgres(row) => row.columns().get(index).map(|column| column.name().to_owned()),
        };
        let name = name.unwrap_or_default();
        StorageError::corrupt(format!("column {index} ({name}): {problem}"))
    }
}

/// Why a column could not be read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CellError(&'static str);

/// The raw value of one column.
pub enum Cell<'a> {
    Sqlite(ValueRef<'a>),
    Postgres(PostgresCell<'a>),
}

/// Type and bytes as PostgreSQL sent them; no bytes for null.
pub struct PostgresCell<'a> {
    ty: Type,
    bytes: Option<&'a [u8]>,
}

impl<'a> FromSql<'a> for PostgresCell<'a> {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(PostgresCell { ty: ty.clone(), bytes: Some(raw) })
    }

    fn from_sql_null(ty: &Type) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(PostgresCell { ty: ty.clone(), bytes: None })
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

impl<'a> Cell<'a> {
    pub(crate) fn is_null(&self) -> bool {
        match self {
            Cell::Sqlite(value) => matches!(value, ValueRef::Null),
            Cell::Postgres(cell) => cell.bytes.is_none(),
        }
    }

    pub(crate) fn int(&self) -> Result<i64, CellError> {
        const WRONG: CellError = CellError("not an integer");
        match self {
            Cell::Sqlite(ValueRef::Integer(value)) => Ok(*value),
            Cell::Sqlite(_) => Err(WRONG),
            Cell::Postgres(cell) => match (&cell.ty, cell.bytes) {
                (&Type::INT8, Some(bytes)) => Ok(i64::from_be_bytes(fixed(bytes)?)),
                (&Type::INT4, Some(bytes)) => Ok(i64::from(i32::from_be_bytes(fixed(bytes)?))),
                (&Type::INT2, Some(bytes)) => Ok(i64::from(i16::from_be_bytes(fixed(bytes)?))),
                _ => Err(WRONG),
            },
        }
    }

    pub(crate) fn bool(&self) -> Result<bool, CellError> {
        const WRONG: CellError = CellError("not a truth value");
        match self {
            Cell::Sqlite(ValueRef::Integer(0)) => Ok(false),
            Cell::Sqlite(ValueRef::Integer(1)) => Ok(true),
            Cell::Sqlite(_) => Err(WRONG),
            Cell::Postgres(cell) => match (&cell.ty, cell.bytes) {
                (&Type::BOOL, Some([byte])) => Ok(*byte != 0),
                _ => Err(WRONG),
            },
        }
    }

    pub(crate) fn text(&self) -> Result<&'a str, CellError> {
        const WRONG: CellError = CellError("not a text");
        let bytes = match self {
            Cell::Sqlite(ValueRef::Text(bytes)) => *bytes,
            Cell::Sqlite(_) => return Err(WRONG),
            Cell::Postgres(cell) => match (&cell.ty, cell.bytes) {
                (&(Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::JSON), Some(bytes)) => bytes,
                // The version of the binary form, then the text.
                (&Type::JSONB, Some([1, bytes @ ..])) => bytes,
                _ => return Err(WRONG),
            },
        };
        std::str::from_utf8(bytes).map_err(|_| CellError("not UTF-8"))
    }

    pub(crate) fn bytes(&self) -> Result<&'a [u8], CellError> {
        match self {
            Cell::Sqlite(ValueRef::Blob(bytes)) => Ok(bytes),
            Cell::Postgres(PostgresCell { ty: Type::BYTEA, bytes: Some(bytes) }) => Ok(bytes),
            Cell::Sqlite(_) | Cell::Postgres(_) => Err(CellError("not a byte string")),
        }
    }

    pub(crate) fn uuid(&self) -> Result<Uuid, CellError> {
        match self {
            Cell::Sqlite(ValueRef::Blob(bytes)) => Ok(Uuid::from_bytes(fixed(bytes)?)),
            Cell::Postgres(PostgresCell { ty: Type::UUID, bytes: Some(bytes) }) => Ok(Uuid::from_bytes(fixed(bytes)?)),
            Cell::Sqlite(_) | Cell::Postgres(_) => Err(CellError("not a uuid")),
        }
    }

    pub(crate) fn instant(&self) -> Result<Instant, CellError> {
        const WRONG: CellError = CellError("not an instant");
        let micros = match self {
            Cell::Sqlite(ValueRef::Integer(micros)) => *micros,
            Cell::Postgres(PostgresCell { ty: Type::TIMESTAMPTZ, bytes: Some(bytes) }) => {
                let since_2000 = i64::from_be_bytes(fixed(bytes)?);
                since_2000.checked_add(POSTGRES_EPOCH_MICROS).ok_or(WRONG)?
            }
            Cell::Sqlite(_) | Cell::Postgres(_) => return Err(WRONG),
        };
        Instant::from_micros(micros).map_err(|_| WRONG)
    }

    pub(crate) fn wide(&self) -> Result<i128, CellError> {
        const WRONG: CellError = CellError("not a wide integer");
        match self {
            Cell::Sqlite(ValueRef::Blob(bytes)) => Ok(i128::from_be_bytes(fixed(bytes)?)),
            Cell::Postgres(PostgresCell { ty: Type::NUMERIC, bytes: Some(bytes) }) => {
                numeric::decode(bytes).ok_or(WRONG)
            }
            Cell::Sqlite(_) | Cell::Postgres(_) => Err(WRONG),
        }
    }
}

fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N], CellError> {
    bytes.try_into().map_err(|_| CellError("of another length"))
}

/// A type that can be read from a column.
pub trait FromColumn: Sized {
    /// # Errors
    /// [`CellError`] when the column holds something else.
    fn from_cell(cell: Cell<'_>) -> Result<Self, CellError>;
}

/// `type => |cell| expression`, one line per type.
macro_rules! from_column {
    ($($type:ty => |$cell:ident| $read:expr;)*) => {$(
        impl FromColumn for $type {
            fn from_cell($cell: Cell<'_>) -> Result<Self, CellError> {
                $read
            }
        }
    )*};
}

from_column! {
    bool => |cell| cell.bool();
    i64 => |cell| cell.int();
    i32 => |cell| i32::try_from(cell.int()?).map_err(|_| CellError("out of range"));
    u32 => |cell| u32::try_from(cell.int()?).map_err(|_| CellError("out of range"));
    u16 => |cell| u16::try_from(cell.int()?).map_err(|_| CellError("out of range"));
    u64 => |cell| u64::try_from(cell.int()?).map_err(|_| CellError("out of range"));
    i128 => |cell| cell.wide();
    String => |cell| cell.text().map(str::to_owned);
    Vec<u8> => |cell| cell.bytes().map(<[u8]>::to_vec);
    Uuid => |cell| cell.uuid();
    Instant => |cell| cell.instant();
    Amount => |cell| cell.int().map(Amount::from_micros);
    Quantity => |cell| cell.int().map(Quantity::from_micros);
    QuantitySum => |cell| cell.wide().map(QuantitySum::from_micros);
    Currency => |cell| Currency::parse(cell.text()?).map_err(|_| CellError("not a currency"));
    JsonText => |cell| cell.text().map(|text| JsonText(text.to_owned()));
    serde_json::Value => |cell| serde_json::from_str(cell.text()?).map_err(|_| CellError("not JSON"));
}

impl<const N: usize> FromColumn for [u8; N] {
    fn from_cell(cell: Cell<'_>) -> Result<Self, CellError> {
        fixed(cell.bytes()?)
    }
}

impl<T: FromColumn> FromColumn for Option<T> {
    fn from_cell(cell: Cell<'_>) -> Result<Self, CellError> {
        if cell.is_null() { Ok(None) } else { T::from_cell(cell).map(Some) }
    }
}
