//! What an operator wants to know of a database: its version, and settings that could lose commits.

use crate::database::Database;
use crate::dialect::Dialect;
use crate::error::StorageError;
use crate::sql::sql;

impl Database {
    /// Name and version, such as `SQLite 3.54.0` or `PostgreSQL 17.2`.
    ///
    /// # Errors
    /// Whatever keeps the database from answering.
    pub fn version(&self) -> Result<String, StorageError> {
        let product = match self.dialect() {
            Dialect::Sqlite => "SQLite",
            Dialect::Postgres => "PostgreSQL",
        };
        let version: String = self.read_installation("version", |tx| {
            tx.query_one(sql!("-- database_version\nselect {version}"), &[], |row| row.get(0))
        })?;
        Ok(format!("{product} {version}"))
    }

    /// Settings of the server under which a crash could lose what was committed, each as a sentence; empty when all is
    /// well. SQLite has none: its settings are made by this crate.
    ///
    /// # Errors
    /// Whatever keeps the database from answering.
    pub fn durability_risks(&self) -> Result<Vec<String>, StorageError> {
        let risky: Vec<String> = self.read_installation("durability_risks", |tx| {
            tx.query(
                sql!(
                    "-- durability_risks
                    select name
                    from {settings_that_sync}
                    where setting = 'off'
                    order by name"
                ),
                &[],
                |row| row.get(0),
            )
        })?;
        Ok(risky
            .into_iter()
            .map(|name| {
                format!(
                    "the server runs with {name} = off: a crash of its machine can lose or damage what was committed"
                )
            })
            .collect())
    }
}
