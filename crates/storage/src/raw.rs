//! For tests only (feature `raw`): statements and migrations of their own, and a look at the registered statements.

use crate::database::Database;
use crate::database::connection::{Access, Scope};
use crate::error::StorageError;
use crate::sql::bulk::BULK_STATEMENTS;
use crate::sql::statement::STATEMENTS;
use crate::tx::{InstallationTx, ProjectTx};

use domain::time::Instant;

pub use crate::database::guard::{APPEND_ONLY_TABLES, KEPT_TABLES};
pub use crate::database::postgres_plans::SETTINGS as POSTGRES_SETTINGS;
pub use crate::migrations::Migration;
pub use crate::migrations::{MigrationReport, SchemaState};
pub use crate::sql::bulk::{BulkStatement, ColumnType};
pub use crate::sql::row::{FromColumn, Row};
pub use crate::sql::statement::Statement;
pub use crate::sql::value::Value;

/// A statement that is not part of the registry.
pub const fn statement(text: &'static str) -> Statement {
    Statement::new(text)
}

/// A bulk statement that is not part of the registry.
pub const fn bulk_statement(text: &'static str, columns: &'static [(&'static str, ColumnType)]) -> BulkStatement {
    BulkStatement::new(text, columns)
}

/// Name, text and spelling for a dialect of every registered statement, bulk statements included.
pub fn registered(dialect: crate::Dialect) -> Vec<(&'static str, &'static str, &'static str)> {
    let single = STATEMENTS.iter().map(|s| (s.name(), s.source(), s.text(dialect)));
    let bulk = BULK_STATEMENTS.iter().map(|s| (s.name(), s.source(), s.text(dialect)));
    single.chain(bulk).collect()
}

/// Applies these migrations instead of the program's own.
///
/// # Errors
/// As [`Database::migrate`].
pub fn migrate(
    database: &Database,
    migrations: &'static [Migration],
    now: Instant,
) -> Result<MigrationReport, StorageError> {
    database.migrate_with(migrations, now)
}

/// Compares the schema with these migrations instead of the program's own.
///
/// # Errors
/// As [`Database::check_schema`].
pub fn check_schema(database: &Database, migrations: &'static [Migration]) -> Result<SchemaState, StorageError> {
    database.check_schema_with(migrations)
}

/// Runs text as the owner of the schema, outside every guard, in one transaction: for tests that damage a database.
///
/// # Errors
/// Whatever the database refuses.
pub fn run_as_owner(database: &Database, text: &str) -> Result<(), StorageError> {
    let mut connection = database.open_for_migration()?;
    connection.begin(Access::Write, &Scope::Installation)?;
    connection.batch(text)?;
    connection.commit()
}

/// Runs one statement as the owner of the schema, outside any transaction: `create database` demands that.
///
/// # Errors
/// Whatever the database refuses.
pub fn run_alone(database: &Database, text: &str) -> Result<(), StorageError> {
    database.open_for_migration()?.batch_alone(text)
}

/// Reads rows as the owner of the schema, outside every guard: for tests that look at the schema.
///
/// # Errors
/// Whatever the database refuses, and what `read` returns.
pub fn query_as_owner<T>(
    database: &Database,
    text: &str,
    read: impl FnMut(&Row<'_>) -> Result<T, StorageError>,
) -> Result<Vec<T>, StorageError> {
    let mut connection = database.open_for_migration()?;
    connection.begin(Access::Write, &Scope::Installation)?;
    let rows = connection.query(leaked(text), None, &[], read);
    connection.rollback();
    rows
}

/// Lets the database read the text of a statement without running it, with the rights of the server.
///
/// # Errors
/// Whatever the database finds wrong with it.
pub fn prepare(database: &Database, text: &'static str) -> Result<(), StorageError> {
    database.write_installation("prepare", |tx| tx.prepare(text))
}

/// As [`prepare`], with the rights of the owner of the schema.
///
/// # Errors
/// Whatever the database finds wrong with it.
pub fn prepare_as_owner(database: &Database, text: &'static str) -> Result<(), StorageError> {
    let mut connection = database.open_for_migration()?;
    connection.begin(Access::Read, &Scope::Installation)?;
    connection.prepare(text)
}

/// A statement whose text is made at run time: tests make few of them.
pub fn leaked(text: &str) -> &'static Statement {
    Box::leak(Box::new(Statement::new(text.to_owned().leak())))
}

/// The methods that only this crate has otherwise.
pub trait RawTx {
    /// How many rows it changed.
    ///
    /// # Errors
    /// Whatever the database refuses.
    fn execute(&mut self, statement: &'static Statement, params: &[Value<'_>]) -> Result<u64, StorageError>;

    /// Every row.
    ///
    /// # Errors
    /// Whatever the database refuses, and what `read` returns.
    fn query<T>(
        &mut self,
        statement: &'static Statement,
        params: &[Value<'_>],
        read: impl FnMut(&Row<'_>) -> Result<T, StorageError>,
    ) -> Result<Vec<T>, StorageError>;

    /// How many rows it changed, over all of them.
    ///
    /// # Errors
    /// Whatever the database refuses.
    fn execute_many(&mut self, statement: &'static BulkStatement, rows: &[Vec<Value<'_>>])
    -> Result<u64, StorageError>;

    /// Every row that comes back.
    ///
    /// # Errors
    /// Whatever the database refuses, and what `read` returns.
    fn query_many<T>(
        &mut self,
        statement: &'static BulkStatement,
        rows: &[Vec<Value<'_>>],
        read: impl FnMut(&Row<'_>) -> Result<T, StorageError>,
    ) -> Result<Vec<T>, StorageError>;
}

macro_rules! raw_tx {
    ($($tx:ty),*) => {$(
        impl RawTx for $tx {
            fn execute(&mut self, statement: &'static Statement, params: &[Value<'_>]) -> Result<u64, StorageError> {
                <$tx>::execute(self, statement, params)
            }

            fn query<T>(
                &mut self,
                statement: &'static Statement,
                params: &[Value<'_>],
                read: impl FnMut(&Row<'_>) -> Result<T, StorageError>,
            ) -> Result<Vec<T>, StorageError> {
                <$tx>::query(self, statement, params, read)
            }

            fn execute_many(
                &mut self,
                statement: &'static BulkStatement,
                rows: &[Vec<Value<'_>>],
            ) -> Result<u64, StorageError> {
                <$tx>::execute_many(self, statement, rows)
            }

            fn query_many<T>(
                &mut self,
                statement: &'static BulkStatement,
                rows: &[Vec<Value<'_>>],
                read: impl FnMut(&Row<'_>) -> Result<T, StorageError>,
            ) -> Result<Vec<T>, StorageError> {
                <$tx>::query_many(self, statement, rows, read)
            }
        }
    )*};
}

raw_tx!(ProjectTx<'_>, InstallationTx<'_>);
