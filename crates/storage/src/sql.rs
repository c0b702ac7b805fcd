//! Statements and the values that go in and come out. `sql!` and `bulk_sql!` are the only ways to write SQL.

pub(crate) mod bulk;
pub(crate) mod numeric;
pub(crate) mod postgres_value;
pub(crate) mod row;
pub(crate) mod sqlite_value;
pub(crate) mod statement;
pub(crate) mod value;

pub(crate) use bulk::{BulkStatement, ColumnType};
pub(crate) use row::Row;
pub(crate) use statement::Statement;
pub(crate) use value::Value;

/// A statement of the form `sql!("-- function_name\nselect …")`, registered so that one test prepares it on both
/// databases. In a `ProjectTx` the project's id is `?1`.
macro_rules! sql {
    ($text:expr) => {{
        static STATEMENT: $crate::sql::Statement = $crate::sql::Statement::new($text);
        #[expect(unsafe_code, reason = "linkme gathers the references in a section of the binary, safely")]
        const _: () = {
            #[linkme::distributed_slice($crate::sql::statement::STATEMENTS)]
            static REGISTERED: &$crate::sql::Statement = &STATEMENT;
        };
        &STATEMENT
    }};
}

/// A statement over many rows: `bulk_sql!("-- function_name\ninsert into t (a, b) {values} …", [a: Uuid, b: Int])`.
macro_rules! bulk_sql {
    ($text:expr, [$($column:ident : $kind:ident),+ $(,)?]) => {{
        static STATEMENT: $crate::sql::BulkStatement = $crate::sql::BulkStatement::new(
            $text,
            &[$((stringify!($column), $crate::sql::ColumnType::$kind)),+],
        );
        #[expect(unsafe_code, reason = "as in `sql!`")]
        const _: () = {
            #[linkme::distributed_slice($crate::sql::bulk::BULK_STATEMENTS)]
            static REGISTERED: &$crate::sql::BulkStatement = &STATEMENT;
        };
        &STATEMENT
    }};
}

/// The values of one statement or one row, in order: `params![id, name, at]`.
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        [$($crate::sql::Value::from($value)),*]
    };
}

pub(crate) use {bulk_sql, params, sql};
