//! One connection and its transaction, the same for both drivers: after a failed statement nothing more runs in it.

use domain::ids::ProjectId;

use crate::error::StorageError;
use crate::failpoints::{self, Step};
use crate::pool::Pooled;
use crate::sql::{BulkStatement, Row, Statement, Value};

use super::postgres::PostgresDriver;
use super::sqlite::SqliteDriver;

/// What a transaction may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// Whose rows a transaction is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Project(ProjectId),
    Installation,
}

pub(crate) struct Connection {
    driver: Driver,
    phase: Phase,
}

enum Driver {
    Sqlite(SqliteDriver),
    Postgres(Box<PostgresDriver>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Idle,
    Running(Access),
    /// A statement failed. PostgreSQL refuses everything until the rollback; SQLite would go on, so it is held to the
    /// same rule.
    Failed(Access),
    /// The state of the session is not known.
    Broken,
}

impl Pooled for Connection {
    fn is_reusable(&self) -> bool {
        let open = match &self.driver {
            Driver::Sqlite(_) => true,
            Driver::Postgres(driver) => !driver.is_closed(),
        };
        open && self.phase == Phase::Idle
    }
}

impl Connection {
    pub fn sqlite(driver: SqliteDriver) -> Connection {
        Connection { driver: Driver::Sqlite(driver), phase: Phase::Idle }
    }

    pub fn postgres(driver: PostgresDriver) -> Connection {
        Connection { driver: Driver::Postgres(Box::new(driver)), phase: Phase::Idle }
    }

    pub fn begin(&mut self, access: Access, scope: &Scope) -> Result<(), StorageError> {
        assert_eq!(self.phase, Phase::Idle, "a transaction begins on an idle connection");
        let begun = match &mut self.driver {
            Driver::Sqlite(driver) => driver.begin(access),
            Driver::Postgres(driver) => driver.begin(access, scope),
        };
        self.phase = match &begun {
            Ok(()) => Phase::Running(access),
            // Somebody else writes to the file; nothing has happened here.
            Err(StorageError::Busy { .. }) => Phase::Idle,
            Err(_) => Phase::Broken,
        };
        begun
    }

    pub fn commit(&mut self) -> Result<(), StorageError> {
        let access = match self.phase {
            Phase::Running(access) => access,
            Phase::Failed(_) => {
                self.rollback();
                return Err(StorageError::Aborted);
            }
            Phase::Idle | Phase::Broken => unreachable!("a commit ends a transaction"),
        };
        let committed = match &mut self.driver {
            Driver::Sqlite(driver) => driver.commit(),
            Driver::Postgres(driver) => driver.commit(),
        };
        match committed {
            Ok(()) => {
                self.phase = Phase::Idle;
                Ok(())
            }
            Err(error) => {
                self.phase = Phase::Failed(access);
                self.rollback();
                Err(match error {
                    // The reply to a commit is lost: only reading back tells whether it happened.
                    StorageError::Unavailable { source, .. } => {
                        self.phase = Phase::Broken;
                        StorageError::Unavailable { outcome_unknown: access == Access::Write, source }
                    }
                    error => error,
                })
            }
        }
    }

    /// Undoes the transaction; a connection that cannot even do that is not used again.
    pub fn rollback(&mut self) {
        let undone = match &mut self.driver {
            Driver::Sqlite(driver) => driver.rollback(),
            Driver::Postgres(driver) => driver.rollback(),
        };
        self.phase = match undone {
            Ok(()) => Phase::Idle,
            Err(error) => {
                tracing::warn!(error = error.label(), "a rollback failed; the connection is closed");
                Phase::Broken
            }
        };
    }

    /// Begins a part of the transaction that can be undone by itself.
    pub fn begin_part(&mut self) -> Result<(), StorageError> {
        self.batch("savepoint part")
    }

    /// Ends the part that began last.
    pub fn keep_part(&mut self) -> Result<(), StorageError> {
        self.batch("release savepoint part")
    }

    /// Undoes the part that began last. After a failed statement there is nothing to undo: nothing more runs in the transaction.
    pub fn undo_part(&mut self) -> Result<(), StorageError> {
        match self.phase {
            Phase::Running(_) => self.batch("rollback to savepoint part; release savepoint part"),
            Phase::Failed(_) | Phase::Idle | Phase::Broken => Ok(()),
        }
    }

    /// Runs text of several statements as it is. For migrations, and for parts of a transaction.
    pub fn batch(&mut self, text: &str) -> Result<(), StorageError> {
        self.guarded(|driver| match driver {
            Driver::Sqlite(driver) => driver.batch(text),
            Driver::Postgres(driver) => driver.batch(text),
        })
    }

    /// Runs text outside a transaction. For tests: some statements refuse to run in one.
    #[cfg(feature = "raw")]
    pub fn batch_alone(&mut self, text: &str) -> Result<(), StorageError> {
        match &mut self.driver {
            Driver::Sqlite(driver) => driver.batch(text),
            Driver::Postgres(driver) => driver.batch(text),
        }
    }

    /// Lets the database read the text without running it. For tests.
    #[cfg(feature = "raw")]
    pub fn prepare(&mut self, text: &'static str) -> Result<(), StorageError> {
        self.guarded(|driver| match driver {
            Driver::Sqlite(driver) => driver.check(text),
            Driver::Postgres(driver) => driver.check(text),
        })
    }

    /// Runs a statement and tells how many rows it changed. `first` is bound before `rest`.
    pub fn execute(
        &mut self,
        statement: &'static Statement,
        first: Option<&Value<'_>>,
        rest: &[Value<'_>],
    ) -> Result<u64, StorageError> {
        self.runs(statement.name());
        self.guarded(|driver| match driver {
            Driver::Sqlite(driver) => driver.execute(statement, first, rest),
            Driver::Postgres(driver) => driver.execute(statement, first, rest),
        })
    }

    /// Runs a statement and reads every row.
    pub fn query<T>(
        &mut self,
        statement: &'static Statement,
        first: Option<&Value<'_>>,
        rest: &[Value<'_>],
        read: impl FnMut(&Row<'_>) -> Result<T, StorageError>,
    ) -> Result<Vec<T>, StorageError> {
        self.runs(statement.name());
        self.guarded(|driver| match driver {
            Driver::Sqlite(driver) => driver.query(statement, first, rest, read),
            Driver::Postgres(driver) => driver.query(statement, first, rest, read),
        })
    }

    /// Runs a statement for each of the rows and reads every row that comes back.
    pub fn query_many<'v, T, R: AsRef<[Value<'v>]> + Sync + std::fmt::Debug>(
        &mut self,
        statement: &'static BulkStatement,
        first: Option<&Value<'_>>,
        rows: &[R],
        read: impl FnMut(&Row<'_>) -> Result<T, StorageError>,
    ) -> Result<Vec<T>, StorageError> {
        check_width(statement, first, rows)?;
        self.runs(statement.name());
        self.guarded(|driver| match driver {
            Driver::Sqlite(driver) => driver.query_many(statement, first, rows, read),
            Driver::Postgres(driver) => driver.query_many(statement, first, rows, read),
        })
    }

    /// Runs a statement for each of the rows and tells how many rows it changed in all.
    pub fn execute_many<'v, R: AsRef<[Value<'v>]> + Sync + std::fmt::Debug>(
        &mut self,
        statement: &'static BulkStatement,
        first: Option<&Value<'_>>,
        rows: &[R],
    ) -> Result<u64, StorageError> {
        check_width(statement, first, rows)?;
        self.runs(statement.name());
        self.guarded(|driver| match driver {
            Driver::Sqlite(driver) => driver.execute_many(statement, first, rows),
            Driver::Postgres(driver) => driver.execute_many(statement, first, rows),
        })
    }

    /// A statement that only reads is no failpoint: whatever stops there has changed nothing.
    fn runs(&self, statement: &'static str) {
        if self.phase == Phase::Running(Access::Write) {
            failpoints::reach(Step::Statement, statement);
        }
    }

    fn guarded<T>(&mut self, run: impl FnOnce(&mut Driver) -> Result<T, StorageError>) -> Result<T, StorageError> {
        let Phase::Running(access) = self.phase else {
            return Err(StorageError::Aborted);
        };
        let result = run(&mut self.driver);
        if result.is_err() {
            self.phase = Phase::Failed(access);
        }
        result
    }
}

/// A row with a value too few would silently take the one of the row before it.
fn check_width<'v, R: AsRef<[Value<'v>]>>(
    statement: &BulkStatement,
    first: Option<&Value<'_>>,
    rows: &[R],
) -> Result<(), StorageError> {
    let expected = statement.columns().len() - usize::from(first.is_some());
    if rows.iter().all(|row| row.as_ref().len() == expected) {
        return Ok(());
    }
    let name = statement.name();
    Err(StorageError::driver(format!("every row of {name} has {expected} values")))
}
