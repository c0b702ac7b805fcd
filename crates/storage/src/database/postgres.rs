//! PostgreSQL: a small pool of blocking connections that act as the role `neruba_server`.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::time::Duration;

use postgres::types::ToSql;
use postgres::{Client, Config, NoTls};

use crate::dialect::Dialect;
use crate::error::StorageError;
use crate::pool::{Leased, Pool};
use crate::sql::postgres_value::{ArrayColumn, ArraySource};
use crate::sql::{BulkStatement, Row, Statement, Value};
use crate::url::{PostgresUrl, Tls};

use super::OpenOptions;
use super::connection::{Access, Connection, Scope};
use super::postgres_error::{classify, is_stale_plan, unreachable_server};
use super::postgres_plans::{PLAN_CHECKS_ONCE, PLAN_EACH_TIME, SETTINGS};

/// The role every connection of the server takes: it can neither change the schema nor what is written once.
pub(crate) const SERVER_ROLE: &str = "neruba_server";
/// PostgreSQL 15.
const VERSION_MIN: i32 = 150_000;
/// Rows that are sent as one set of arrays.
const ROWS_PER_STATEMENT: usize = 10_000;
/// From so many rows on, to plan the checks of each costs more than to say that they are planned once.
const MANY_ROWS: usize = 50;
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// A server that stops answering is noticed after about this time.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// A migration may wait long for its turn, and take long.
const MIGRATION_LOCK_WAIT_MAX: Duration = Duration::from_secs(120);

pub(crate) struct PostgresDatabase {
    config: Config,
    tls: Tls,
    options: OpenOptions,
    pool: Pool<Connection>,
}

impl PostgresDatabase {
    pub fn open(url: &PostgresUrl, options: &OpenOptions) -> Result<PostgresDatabase, StorageError> {
        // The driver's message does not repeat the address.
        let mut config: Config = url.driver_url.parse().map_err(unreadable)?;
        config.application_name(&options.application_name);
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIME_MAX);
        }
        config.tcp_user_timeout(SILENCE_MAX).keepalives_idle(SILENCE_MAX);
        let database = PostgresDatabase {
            config,
            tls: url.tls.clone(),
            options: options.clone(),
            pool: Pool::new(options.connections_max, options.wait_max),
        };
        check_version(&mut database.connect()?)?;
        Ok(database)
    }

    pub fn lease(&self) -> Result<Leased<'_, Connection>, StorageError> {
        self.pool.take(|| {
            let mut client = self.connect()?;
            client.batch_execute(&self.session_settings()).map_err(|error| role_refused(&error))?;
            Ok(Connection::postgres(PostgresDriver::new(client)))
        })
    }

    pub fn open_for_migration(&self) -> Result<Connection, StorageError> {
        let mut client = self.connect()?;
        let wait = MIGRATION_LOCK_WAIT_MAX.as_millis();
        let settings = format!("set lock_timeout = {wait}; set client_min_messages = warning");
        client.batch_execute(&settings).map_err(|error| classify(&error))?;
        Ok(Connection::postgres(PostgresDriver::new(client)))
    }

    pub fn recycle(&self) {
        self.pool.recycle();
    }

    fn connect(&self) -> Result<Client, StorageError> {
        let client = match &self.tls {
            Tls::Off => self.config.connect(NoTls),
            Tls::Verified { roots } => self.config.connect(super::postgres_tls::connector(roots.as_deref())?),
        };
        client.map_err(unreachable_server)
    }

    /// `synchronous_commit` is raised where it is too weak to survive a crash, and left where it is stronger.
    fn session_settings(&self) -> String {
        let statement = self.options.statement_time_max.as_millis();
        let lock = self.options.lock_wait_max.as_millis();
        format!(
            "set role {SERVER_ROLE};
             set statement_timeout = {statement};
             set lock_timeout = {lock};
             set idle_in_transaction_session_timeout = {statement};
             set client_min_messages = warning;
             {SETTINGS}
             select set_config('synchronous_commit', 'on', false)
             where current_setting('synchronous_commit') not in ('on', 'remote_apply');"
        )
    }
}

fn unreadable(error: postgres::Error) -> StorageError {
    let cause = std::error::Error::source(&error).map(ToString::to_string);
    StorageError::Schema {
        problem: format!("the address of the database cannot be read: {}", cause.unwrap_or_default()),
        remedy: "write it as postgres://user:password@host:5432/name".to_owned(),
    }
}

/// The first of the settings is the role, and the one that fails in practice.
fn role_refused(error: &postgres::Error) -> StorageError {
    match error.as_db_error().map(|refusal| refusal.code().code()) {
        Some("22023") => StorageError::Schema {
            problem: format!("the role {SERVER_ROLE} does not exist on the server"),
            remedy: "run `neruba migrate` first".to_owned(),
        },
        Some("42501") => StorageError::Schema {
            problem: format!("the user of the database address may not act as the role {SERVER_ROLE}"),
            remedy: format!("let an administrator run `grant {SERVER_ROLE} to` that user"),
        },
        _ => classify(error),
    }
}

fn check_version(client: &mut Client) -> Result<(), StorageError> {
    let row = client
        .query_one("select cast(current_setting('server_version_num') as integer)", &[])
        .map_err(|error| classify(&error))?;
    let version: i32 = row.try_get(0).map_err(|error| classify(&error))?;
    require_version(version)
}

fn require_version(version: i32) -> Result<(), StorageError> {
    if version >= VERSION_MIN {
        return Ok(());
    }
    Err(StorageError::Schema {
        problem: format!("the server is PostgreSQL {}", version / 10_000),
        remedy: "upgrade it to 15 or newer".to_owned(),
    })
}

/// A connection of `postgres` with the operations of a transaction.
pub(crate) struct PostgresDriver {
    client: Client,
    prepared: HashMap<&'static str, postgres::Statement>,
}

impl PostgresDriver {
    fn new(client: Client) -> PostgresDriver {
        PostgresDriver { client, prepared: HashMap::new() }
    }

    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// One round trip: the transaction, and whose rows its row-level security lets through.
    pub fn begin(&mut self, access: Access, scope: &Scope) -> Result<(), StorageError> {
        let isolation = match access {
            Access::Read => "repeatable read, read only",
            Access::Write => "read committed",
        };
        let (project, scope) = match scope {
            Scope::Project(project) => (project.uuid().to_string(), "project"),
            Scope::Installation => (String::new(), "installation"),
        };
        self.batch(&format!(
            "begin isolation level {isolation}; \
             set local neruba.project_id = '{project}'; \
             set local neruba.scope = '{scope}'"
        ))
    }

    pub fn commit(&mut self) -> Result<(), StorageError> {
        self.batch("commit")
    }

    pub fn rollback(&mut self) -> Result<(), StorageError> {
        self.batch("rollback")
    }

    pub fn batch(&mut self, text: &str) -> Result<(), StorageError> {
        self.client.batch_execute(text).map_err(|error| classify(&error))
    }

    pub fn execute(
        &mut self,
        statement: &'static Statement,
        first: Option<&Value<'_>>,
        rest: &[Value<'_>],
    ) -> Result<u64, StorageError> {
        let prepared = self.prepare(statement.text(Dialect::Postgres))?;
        let params = checked(&prepared, first, rest)?;
        self.client.execute(&prepared, &params).map_err(|error| self.explain(&error))
    }

    pub fn query<T>(
        &mut self,
        statement: &'static Statement,
        first: Option<&Value<'_>>,
        rest: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T, StorageError>,
    ) -> Result<Vec<T>, StorageError> {
        let prepared = self.prepare(statement.text(Dialect::Postgres))?;
        let params = checked(&prepared, first, rest)?;
        let rows = self.client.query(&prepared, &params).map_err(|error| self.explain(&error))?;
        rows.iter().map(|row| read(&Row::Postgres(row))).collect()
    }

    pub fn query_many<'v, T, R: AsRef<[Value<'v>]> + Sync + std::fmt::Debug>(
        &mut self,
        statement: &'static BulkStatement,
        first: Option<&Value<'_>>,
        rows: &[R],
        mut read: impl FnMut(&Row<'_>) -> Result<T, StorageError>,
    ) -> Result<Vec<T>, StorageError> {
        let prepared = self.prepare(statement.text(Dialect::Postgres))?;
        let mut found = Vec::new();
        for chunk in rows.chunks(ROWS_PER_STATEMENT) {
            let arrays = arrays(statement, first, chunk);
            let results = self.client.query(&prepared, &borrowed(&arrays)).map_err(|error| classify(&error))?;
            for row in &results {
                found.push(read(&Row::Postgres(row))?);
            }
        }
        Ok(found)
    }

    pub fn execute_many<'v, R: AsRef<[Value<'v>]> + Sync + std::fmt::Debug>(
        &mut self,
        statement: &'static BulkStatement,
        first: Option<&Value<'_>>,
        rows: &[R],
    ) -> Result<u64, StorageError> {
        let prepared = self.prepare(statement.text(Dialect::Postgres))?;
        let has_many_rows = statement.inserts() && rows.len() >= MANY_ROWS;
        if has_many_rows {
            self.batch(PLAN_CHECKS_ONCE)?;
        }
        let mut changed = 0;
        for chunk in rows.chunks(ROWS_PER_STATEMENT) {
            let arrays = arrays(statement, first, chunk);
            changed += self.client.execute(&prepared, &borrowed(&arrays)).map_err(|error| classify(&error))?;
        }
        if has_many_rows {
            self.batch(PLAN_EACH_TIME)?;
        }
        Ok(changed)
    }

    /// The error in our words; stale prepared statements are forgotten, so that the next attempt makes new ones.
    fn explain(&mut self, error: &postgres::Error) -> StorageError {
        if error.as_db_error().is_some_and(is_stale_plan) {
            self.prepared.clear();
        }
        classify(error)
    }

    #[cfg(feature = "raw")]
    pub fn check(&mut self, text: &'static str) -> Result<(), StorageError> {
        self.prepare(text).map(drop)
    }

    /// Prepared once per connection. The texts are a fixed set, so the cache needs no limit.
    fn prepare(&mut self, text: &'static str) -> Result<postgres::Statement, StorageError> {
        if let Some(prepared) = self.prepared.get(text) {
            return Ok(prepared.clone());
        }
        let prepared = self.client.prepare(text).map_err(|error| classify(&error))?;
        self.prepared.insert(text, prepared.clone());
        Ok(prepared)
    }
}

/// The parameters in the driver's form. The driver panics on a wrong count; a mistake becomes an error here.
fn checked<'a>(
    prepared: &postgres::Statement,
    first: Option<&'a Value<'_>>,
    rest: &'a [Value<'_>],
) -> Result<Vec<&'a (dyn ToSql + Sync)>, StorageError> {
    let params: Vec<&(dyn ToSql + Sync)> =
        first.into_iter().chain(rest).map(|value| value as &(dyn ToSql + Sync)).collect();
    let (given, expected) = (params.len(), prepared.params().len());
    if given == expected {
        return Ok(params);
    }
    Err(StorageError::driver(format!("{given} values for a statement with {expected} parameters")))
}

fn arrays<'a, R>(statement: &BulkStatement, first: Option<&'a Value<'a>>, rows: &'a [R]) -> Vec<ArrayColumn<'a, R>> {
    let repeated = usize::from(first.is_some());
    (0..)
        .zip(statement.columns())
        .map(|(position, (_, kind)): (usize, _)| ArrayColumn {
            kind: *kind,
            rows,
            source: match first {
                Some(value) if position == 0 => ArraySource::Repeated(value),
                _ => ArraySource::Index(position - repeated, PhantomData),
            },
        })
        .collect()
}

fn borrowed<'a, 'v, R: AsRef<[Value<'v>]> + Sync + std::fmt::Debug>(
    arrays: &'a [ArrayColumn<'_, R>],
) -> Vec<&'a (dyn ToSql + Sync)> {
    arrays.iter().map(|array| array as &(dyn ToSql + Sync)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_older_than_15_is_refused() {
        assert!(matches!(require_version(140_011), Err(StorageError::Schema { .. })));
        assert!(require_version(150_000).is_ok());
    }
}
