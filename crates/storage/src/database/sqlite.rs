//! SQLite: one file, one writer, a pool of readers; every commit is synced to the disk.

use std::path::{Path, PathBuf};

use rusqlite::{CachedStatement, OpenFlags};

use crate::dialect::Dialect;
use crate::error::{Retryable, StorageError};
use crate::pool::{Leased, Pool};
use crate::sql::{BulkStatement, Row, Statement, Value};
use crate::timing::{Stopwatch, pause};

use super::connection::{Access, Connection};
use super::sqlite_error::{classify, classify_with};
use super::{OpenOptions, guard};

/// The first version without the WAL-reset fault that could damage a file.
const VERSION_MIN: i32 = 3_051_003;
/// More than there are statements, so that each is prepared once per connection.
const STATEMENTS_CACHED: usize = 1_024;

pub(crate) struct SqliteDatabase {
    path: PathBuf,
    options: OpenOptions,
    writer: Pool<Connection>,
    readers: Pool<Connection>,
}

impl SqliteDatabase {
    pub fn open(path: &Path, options: &OpenOptions) -> Result<SqliteDatabase, StorageError> {
        check_version(rusqlite::version_number())?;
        if !path.exists() {
            create_file(path, options)?;
        }
        let database = SqliteDatabase {
            path: path.to_owned(),
            options: options.clone(),
            writer: Pool::new(1, options.wait_max),
            readers: Pool::new(options.connections_max, options.wait_max),
        };
        // A damaged file or a file system that cannot share memory shows now, not at the first request.
        database.lease(Access::Write)?;
        Ok(database)
    }

    pub fn lease(&self, access: Access) -> Result<Leased<'_, Connection>, StorageError> {
        match access {
            Access::Read => self.readers.take(|| self.open_guarded(access)),
            Access::Write => self.writer.take(|| self.open_guarded(access)),
        }
    }

    pub fn open_for_migration(&self) -> Result<Connection, StorageError> {
        let connection = self.connect(Access::Write)?;
        Ok(Connection::sqlite(SqliteDriver { connection }))
    }

    pub fn recycle(&self) {
        self.writer.recycle();
        self.readers.recycle();
    }

    fn open_guarded(&self, access: Access) -> Result<Connection, StorageError> {
        let mut connection = self.connect(access)?;
        guard::install(&mut connection)?;
        Ok(Connection::sqlite(SqliteDriver { connection }))
    }

    /// Another process may be switching the new file to WAL at this moment, and that lock does not wait.
    fn connect(&self, access: Access) -> Result<rusqlite::Connection, StorageError> {
        let watch = Stopwatch::start();
        let mut attempts = 1;
        loop {
            match self.connect_once(access) {
                Err(error) if error.is_retryable() && watch.allows_retry(attempts) => {
                    pause(attempts);
                    attempts += 1;
                }
                result => return result,
            }
        }
    }

    fn connect_once(&self, access: Access) -> Result<rusqlite::Connection, StorageError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = rusqlite::Connection::open_with_flags(&self.path, flags).map_err(|error| classify(&error))?;
        let set_up = || -> rusqlite::Result<String> {
            connection.busy_timeout(self.options.wait_max)?;
            let mode = connection.query_row("pragma journal_mode = wal", [], |row| row.get(0))?;
            // `automatic_index`: a join that lacks an index shall be slow in the tests, not large in memory.
            // `recursive_triggers`: without it `insert or replace` would pass by the triggers that guard the journal.
            connection.execute_batch(
                "pragma synchronous = full;
                 pragma foreign_keys = on;
                 pragma recursive_triggers = on;
                 pragma automatic_index = off;
                 pragma trusted_schema = off;
                 pragma temp_store = memory;
                 pragma wal_autocheckpoint = 4000;
                 pragma journal_size_limit = 67108864;",
            )?;
            // Memory in KiB. Readers are many, and the system's cache stands behind theirs.
            connection.execute_batch(match access {
                Access::Read => "pragma cache_size = -4096; pragma query_only = on",
                Access::Write => "pragma cache_size = -32768",
            })?;
            connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
            Ok(mode)
        };
        let mode = set_up().map_err(|error| classify(&error))?;
        if mode != "wal" {
            return Err(StorageError::Schema {
                problem: format!("the database file stays in journal mode {mode}"),
                remedy: "put it on a local disk whose file system can share memory between processes".to_owned(),
            });
        }
        Ok(connection)
    }
}

fn check_version(version: i32) -> Result<(), StorageError> {
    if version >= VERSION_MIN {
        return Ok(());
    }
    Err(StorageError::Schema {
        problem: format!("SQLite {version} can damage a database in WAL mode"),
        remedy: "build with SQLite 3.51.3 or newer (the bundled one is)".to_owned(),
    })
}

/// Makes an empty file that only its owner can read, and its folder.
fn create_file(path: &Path, options: &OpenOptions) -> Result<(), StorageError> {
    if !options.create {
        return Err(StorageError::Schema {
            problem: format!("there is no database at {}", path.display()),
            remedy: "check the address, or let `neruba serve` make a new one".to_owned(),
        });
    }
    let made = || -> std::io::Result<()> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder {
            std::fs::create_dir_all(folder)?;
        }
        let mut file = std::fs::OpenOptions::new();
        file.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
        file.open(path)?.sync_all()?;
        // The entry in the folder must survive a power loss as well as the file does.
        #[cfg(unix)]
        std::fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(())
    };
    made().map_err(|source| StorageError::Unavailable { outcome_unknown: false, source: source.into() })
}

/// A connection of `rusqlite` with the operations of a transaction.
pub(crate) struct SqliteDriver {
    connection: rusqlite::Connection,
}

impl SqliteDriver {
    pub fn begin(&mut self, access: Access) -> Result<(), StorageError> {
        self.batch(match access {
            // The snapshot is taken by the first statement that reads.
            Access::Read => "begin deferred",
            Access::Write => "begin immediate",
        })
    }

    pub fn commit(&mut self) -> Result<(), StorageError> {
        self.batch("commit")
    }

    pub fn rollback(&mut self) -> Result<(), StorageError> {
        // Some errors (disk full, out of memory) have rolled back already.
        if self.connection.is_autocommit() { Ok(()) } else { self.batch("rollback") }
    }

    pub fn batch(&mut self, text: &str) -> Result<(), StorageError> {
        self.connection.execute_batch(text).map_err(|error| classify(&error))
    }

    pub fn execute(
        &mut self,
        statement: &'static Statement,
        first: Option<&Value<'_>>,
        rest: &[Value<'_>],
    ) -> Result<u64, StorageError> {
        let run = || -> rusqlite::Result<usize> {
            let mut prepared = self.prepare(statement.text(Dialect::Sqlite))?;
            bind(&mut prepared, first, rest)?;
            prepared.raw_execute()
        };
        run().map_err(|error| self.explain(&error)).and_then(count)
    }

    pub fn query<T>(
        &mut self,
        statement: &'static Statement,
        first: Option<&Value<'_>>,
        rest: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T, StorageError>,
    ) -> Result<Vec<T>, StorageError> {
        let explain = |error: rusqlite::Error| self.explain(&error);
        let mut prepared = self.prepare(statement.text(Dialect::Sqlite)).map_err(explain)?;
        bind(&mut prepared, first, rest).map_err(explain)?;
        let mut found = Vec::new();
        let mut rows = prepared.raw_query();
        while let Some(row) = rows.next().map_err(explain)? {
            found.push(read(&Row::Sqlite(row))?);
        }
        Ok(found)
    }

    pub fn query_many<'v, T, R: AsRef<[Value<'v>]>>(
        &mut self,
        statement: &'static BulkStatement,
        first: Option<&Value<'_>>,
        rows: &[R],
        mut read: impl FnMut(&Row<'_>) -> Result<T, StorageError>,
    ) -> Result<Vec<T>, StorageError> {
        let explain = |error: rusqlite::Error| self.explain(&error);
        let mut prepared = self.prepare(statement.text(Dialect::Sqlite)).map_err(explain)?;
        let mut found = Vec::new();
        for row in rows {
            bind(&mut prepared, first, row.as_ref()).map_err(explain)?;
            let mut results = prepared.raw_query();
            while let Some(result) = results.next().map_err(explain)? {
                found.push(read(&Row::Sqlite(result))?);
            }
        }
        Ok(found)
    }

    pub fn execute_many<'v, R: AsRef<[Value<'v>]>>(
        &mut self,
        statement: &'static BulkStatement,
        first: Option<&Value<'_>>,
        rows: &[R],
    ) -> Result<u64, StorageError> {
        let run = || -> rusqlite::Result<usize> {
            let mut prepared = self.prepare(statement.text(Dialect::Sqlite))?;
            let mut changed = 0;
            for row in rows {
                bind(&mut prepared, first, row.as_ref())?;
                changed += prepared.raw_execute()?;
            }
            Ok(changed)
        };
        run().map_err(|error| self.explain(&error)).and_then(count)
    }

    #[cfg(feature = "raw")]
    pub fn check(&self, text: &'static str) -> Result<(), StorageError> {
        self.prepare(text).map(drop).map_err(|error| self.explain(&error))
    }

    fn prepare(&self, text: &'static str) -> rusqlite::Result<CachedStatement<'_>> {
        self.connection.prepare_cached(text)
    }

    /// The error in our words; the schema gives a violated unique constraint its name.
    fn explain(&self, error: &rusqlite::Error) -> StorageError {
        classify_with(error, |table| self.schema_of(table).unwrap_or_default())
    }

    fn schema_of(&self, table: &str) -> rusqlite::Result<Vec<String>> {
        let mut prepared =
            self.connection.prepare_cached("select sql from sqlite_schema where tbl_name = ?1 and sql is not null")?;
        let rows = prepared.query_map([table], |row| row.get(0))?;
        rows.collect()
    }
}

/// Binds `?1`, `?2`, …; as many values as the statement has parameters, or it is a mistake.
fn bind(prepared: &mut CachedStatement<'_>, first: Option<&Value<'_>>, rest: &[Value<'_>]) -> rusqlite::Result<()> {
    let given = rest.len() + usize::from(first.is_some());
    if given != prepared.parameter_count() {
        return Err(rusqlite::Error::InvalidParameterCount(given, prepared.parameter_count()));
    }
    for (number, value) in (1..).zip(first.into_iter().chain(rest)) {
        let number: usize = number;
        prepared.raw_bind_parameter(number, value)?;
    }
    Ok(())
}

fn count(changed: usize) -> Result<u64, StorageError> {
    u64::try_from(changed).map_err(StorageError::driver)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sqlite_that_can_damage_files_is_refused() {
        assert!(matches!(check_version(3_051_002), Err(StorageError::Schema { .. })));
        assert!(check_version(VERSION_MIN).is_ok());
        assert!(check_version(rusqlite::version_number()).is_ok());
    }
}
