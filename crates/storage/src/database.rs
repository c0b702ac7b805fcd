//! A database of either kind: opening it, and running named transactions with retry and metrics.

pub(crate) mod connection;
pub(crate) mod guard;
mod postgres;
mod postgres_error;
pub(crate) mod postgres_plans;
mod postgres_tls;
mod sqlite;
mod sqlite_error;
pub(crate) mod sqlite_statistics;

use std::sync::Arc;
use std::time::Duration;

use domain::ids::ProjectId;

use crate::dialect::Dialect;
use crate::error::{Retryable, StorageError};
use crate::failpoints::{self, Step};
use crate::pool::Leased;
use crate::sql::sql;
use crate::timing::{Stopwatch, pause};
use crate::tx::{InstallationTx, ProjectTx};
use crate::url::{DatabaseUrl, Kind};

use self::connection::{Access, Connection, Scope};
use self::postgres::PostgresDatabase;
use self::sqlite::SqliteDatabase;

pub(crate) use self::postgres::SERVER_ROLE;

/// A handle on a database; clones share its connections.
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

enum Inner {
    Sqlite(SqliteDatabase),
    Postgres(PostgresDatabase),
}

/// How a database is opened. [`OpenOptions::standard`] suits a server.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// Whether a SQLite file that does not exist is made.
    pub create: bool,
    /// Connections at most: for reading on SQLite (which has one more for writing), for everything on PostgreSQL.
    pub connections_max: usize,
    /// How long a transaction waits for a connection, or for another process that writes to the same SQLite file.
    pub wait_max: Duration,
    /// The longest time one statement may take on PostgreSQL.
    pub statement_time_max: Duration,
    /// The longest time a statement waits for a lock on PostgreSQL.
    pub lock_wait_max: Duration,
    /// How this process is called in PostgreSQL's list of sessions.
    pub application_name: String,
}

impl OpenOptions {
    /// For a server: 16 connections, waits of 5 seconds, statements of 30 seconds at most; a missing file is made.
    pub fn standard() -> OpenOptions {
        OpenOptions {
            create: true,
            connections_max: 16,
            wait_max: Duration::from_secs(5),
            statement_time_max: Duration::from_secs(30),
            lock_wait_max: Duration::from_secs(10),
            application_name: "neruba".to_owned(),
        }
    }
}

impl Database {
    /// Opens a database and checks that it is fit to be used. It neither makes nor changes tables.
    ///
    /// # Errors
    /// [`StorageError::Schema`] when the database is too old or set up in a way that could lose commits,
    /// [`StorageError::Unavailable`] when it cannot be reached, [`StorageError::Corrupt`] when the file is damaged.
    pub fn open(url: &DatabaseUrl, options: &OpenOptions) -> Result<Database, StorageError> {
        let inner = match url.kind() {
            Kind::Sqlite(path) => Inner::Sqlite(SqliteDatabase::open(path, options)?),
            Kind::Postgres(url) => Inner::Postgres(PostgresDatabase::open(url, options)?),
        };
        Ok(Database { inner: Arc::new(inner) })
    }

    pub fn dialect(&self) -> Dialect {
        match &*self.inner {
            Inner::Sqlite(_) => Dialect::Sqlite,
            Inner::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Asks the database for an answer, through a connection of the pool.
    ///
    /// # Errors
    /// Whatever keeps it from answering.
    pub fn ping(&self) -> Result<(), StorageError> {
        self.read_installation("ping", |tx| tx.query_one(sql!("-- ping\nselect 1"), &[], |_| Ok(())))
    }

    /// Runs one transaction that reads and writes one project. A retryable error runs `body` again from the start.
    ///
    /// # Errors
    /// What `body` returned, or the failure to begin or commit.
    pub fn write<T, E: From<StorageError> + Retryable>(
        &self,
        name: &'static str,
        project: ProjectId,
        mut body: impl FnMut(&mut ProjectTx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let scope = Scope::Project(project);
        self.transact(name, Access::Write, &scope, |connection| body(&mut ProjectTx::new(connection, project)))
    }

    /// Runs one transaction that reads one project, all of it as of one moment.
    ///
    /// # Errors
    /// What `body` returned, or the failure to begin.
    pub fn read<T, E: From<StorageError> + Retryable>(
        &self,
        name: &'static str,
        project: ProjectId,
        mut body: impl FnMut(&mut ProjectTx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let scope = Scope::Project(project);
        self.transact(name, Access::Read, &scope, |connection| body(&mut ProjectTx::new(connection, project)))
    }

    /// Runs one transaction that belongs to no single project: login, workers, the ingest batcher.
    ///
    /// # Errors
    /// What `body` returned, or the failure to begin or commit.
    pub fn write_installation<T, E: From<StorageError> + Retryable>(
        &self,
        name: &'static str,
        mut body: impl FnMut(&mut InstallationTx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.transact(name, Access::Write, &Scope::Installation, |connection| {
            body(&mut InstallationTx::new(connection))
        })
    }

    /// Runs one transaction that writes, answers what `body` made of it, and undoes all of it: what would be, by the code that does it.
    ///
    /// # Errors
    /// What `body` returned, or the failure to begin.
    pub fn rehearse_installation<T, E: From<StorageError> + Retryable>(
        &self,
        name: &'static str,
        mut body: impl FnMut(&mut InstallationTx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let rehearsed = self.transact(name, Access::Write, &Scope::Installation, |connection| {
            let done = body(&mut InstallationTx::new(connection)).map_err(Rehearsal::Failed)?;
            Err::<(), Rehearsal<T, E>>(Rehearsal::Done(done))
        });
        match rehearsed {
            Err(Rehearsal::Done(done)) => Ok(done),
            Err(Rehearsal::Failed(error)) => Err(error),
            // Cannot happen: the body never ends well, so that nothing is committed.
            Ok(()) => Err(StorageError::corrupt("a rehearsal was committed").into()),
        }
    }

    /// Runs one transaction that reads across projects, all of it as of one moment.
    ///
    /// # Errors
    /// What `body` returned, or the failure to begin.
    pub fn read_installation<T, E: From<StorageError> + Retryable>(
        &self,
        name: &'static str,
        mut body: impl FnMut(&mut InstallationTx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.transact(name, Access::Read, &Scope::Installation, |connection| body(&mut InstallationTx::new(connection)))
    }

    fn transact<T, E: From<StorageError> + Retryable>(
        &self,
        name: &'static str,
        access: Access,
        scope: &Scope,
        mut body: impl FnMut(&mut Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        let watch = Stopwatch::start();
        let mut attempts = 1;
        let result = loop {
            match self.attempt(name, access, scope, &mut body) {
                Err(error) if error.is_retryable() && watch.allows_retry(attempts) => {
                    metrics::counter!("neruba_db_retries_total", "name" => name).increment(1);
                    pause(attempts);
                    attempts += 1;
                }
                result => break result,
            }
        };
        let outcome = if result.is_ok() { "committed" } else { "rolled_back" };
        metrics::counter!("neruba_db_transactions_total", "name" => name, "outcome" => outcome).increment(1);
        metrics::histogram!("neruba_db_transaction_seconds", "name" => name).record(watch.elapsed());
        result
    }

    fn attempt<T, E: From<StorageError>>(
        &self,
        name: &'static str,
        access: Access,
        scope: &Scope,
        body: &mut impl FnMut(&mut Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut lease = self.begin(access, scope)?;
        let connection = lease.connection();
        let reach = |step| {
            if access == Access::Write {
                failpoints::reach(step, name)
            }
        };
        reach(Step::Begun);
        // A panic in the body leaves the transaction open: the lease then closes the connection, which rolls back.
        match body(connection) {
            Ok(value) => {
                reach(Step::Commit);
                connection.commit()?;
                reach(Step::Committed);
                Ok(value)
            }
            Err(error) => {
                connection.rollback();
                Err(error)
            }
        }
    }

    /// A connection with an open transaction. An idle connection may have died while nobody looked: nothing has
    /// happened in its transaction yet, so a fresh connection may take over.
    fn begin(&self, access: Access, scope: &Scope) -> Result<Leased<'_, Connection>, StorageError> {
        loop {
            let mut lease = self.lease(access)?;
            match lease.connection().begin(access, scope) {
                Ok(()) => return Ok(lease),
                Err(StorageError::Unavailable { .. }) if !lease.is_fresh() => self.recycle(),
                Err(error) => return Err(error),
            }
        }
    }

    fn lease(&self, access: Access) -> Result<Leased<'_, Connection>, StorageError> {
        match &*self.inner {
            Inner::Sqlite(database) => database.lease(access),
            Inner::Postgres(database) => database.lease(),
        }
    }

    /// A connection outside the pool that may change the schema.
    pub(crate) fn open_for_migration(&self) -> Result<Connection, StorageError> {
        match &*self.inner {
            Inner::Sqlite(database) => database.open_for_migration(),
            Inner::Postgres(database) => database.open_for_migration(),
        }
    }

    /// Lets every connection be made anew: after a migration their prepared statements are stale.
    pub(crate) fn recycle(&self) {
        match &*self.inner {
            Inner::Sqlite(database) => database.recycle(),
            Inner::Postgres(database) => database.recycle(),
        }
    }
}

/// How a rehearsal ends: never well, so that it is rolled back.
enum Rehearsal<T, E> {
    Done(T),
    Failed(E),
}

impl<T, E: From<StorageError>> From<StorageError> for Rehearsal<T, E> {
    fn from(error: StorageError) -> Rehearsal<T, E> {
        Rehearsal::Failed(error.into())
    }
}

impl<T, E: Retryable> Retryable for Rehearsal<T, E> {
    fn is_retryable(&self) -> bool {
        match self {
            Rehearsal::Done(_) => false,
            Rehearsal::Failed(error) => error.is_retryable(),
        }
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Database({})", self.dialect().as_str())
    }
}
