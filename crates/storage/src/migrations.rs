//! The schema's history: numbered files in two folders, applied once each, in order, under a lock, and never changed
//! after a release.

use domain::time::Instant;
use sha2::{Digest, Sha256};

use crate::database::connection::{Access, Connection, Scope};
use crate::database::{Database, SERVER_ROLE, postgres_plans, sqlite_statistics};
use crate::dialect::Dialect;
use crate::error::{Retryable, StorageError};
use crate::sql::{params, sql};
use crate::timing::{Stopwatch, pause};

/// One step of the schema, as the text of each database.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Number and name, as the files are called: `0001_access`.
    pub name: &'static str,
    pub sqlite: &'static str,
    pub postgres: &'static str,
}

macro_rules! migrations {
    ($($name:literal),* $(,)?) => {
        &[$(Migration {
            name: $name,
            sqlite: include_str!(concat!("../migrations/sqlite/", $name, ".sql")),
            postgres: include_str!(concat!("../migrations/postgres/", $name, ".sql")),
        }),*]
    };
}

/// Every migration, in order. A test compares the list with the folders.
pub(crate) const MIGRATIONS: &[Migration] = migrations![
    "0001_access",
    "0002_ledger",
    "0003_ingest",
    "0004_metering",
    "0005_catalog",
    "0006_jobs",
    "0007_tax",
    "0008_backtests",
    "0009_events_by_customer",
    "0010_subscriptions",
    "0011_billing",
    "0012_billing_settings",
    "0013_accounting",
    "0014_clock",
    "0015_credit_notes",
    "0016_reconciliations",
    "0017_usage_corrections",
    "0018_late_usage",
    "0020_billing_reports",
    "0021_recognition",
    "0022_plans",
];

/// What `migrate` did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationReport {
    /// Names of the migrations applied by this call; empty when the schema was current.
    pub applied: Vec<&'static str>,
}

/// How the database's schema compares with this program's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaState {
    Current,
    /// Names of the migrations that are not applied yet.
    Pending(Vec<&'static str>),
}

impl Database {
    /// Brings the schema up to this program's version. Safe to repeat, and to run on several nodes at once.
    ///
    /// # Errors
    /// [`StorageError::Schema`] when the database knows a migration this program does not, or knows it differently.
    pub fn migrate(&self, now: Instant) -> Result<MigrationReport, StorageError> {
        self.migrate_with(MIGRATIONS, now)
    }

    /// Compares the schema with this program's, without changing anything.
    ///
    /// # Errors
    /// [`StorageError::Schema`] when the database knows a migration this program does not, or knows it differently.
    pub fn check_schema(&self) -> Result<SchemaState, StorageError> {
        self.check_schema_with(MIGRATIONS)
    }

    pub(crate) fn migrate_with(
        &self,
        migrations: &'static [Migration],
        now: Instant,
    ) -> Result<MigrationReport, StorageError> {
        let mut connection = self.open_for_migration()?;
        let mut applied = Vec::new();
        let watch = Stopwatch::start();
        let mut attempts = 1;
        loop {
            match self.apply_next(&mut connection, migrations, now) {
                Ok(Some(name)) => applied.push(name),
                Ok(None) => break,
                Err(error) if is_race(&error) && watch.allows_retry(attempts) => {
                    pause(attempts);
                    attempts += 1;
                }
                Err(error) => return Err(error),
            }
        }
        if !applied.is_empty() {
            self.recycle();
        }
        Ok(MigrationReport { applied })
    }

    pub(crate) fn check_schema_with(&self, migrations: &'static [Migration]) -> Result<SchemaState, StorageError> {
        let mut connection = self.open_for_migration()?;
        connection.begin(Access::Read, &Scope::Installation)?;
        let known = self.known(&mut connection);
        connection.rollback();
        let pending = pending(migrations, &known?, self.dialect())?;
        if pending.is_empty() {
            return Ok(SchemaState::Current);
        }
        Ok(SchemaState::Pending(pending.iter().map(|migration| migration.name).collect()))
    }

    /// Applies one migration in one transaction and returns its name; `None` when there is none left.
    fn apply_next(
        &self,
        connection: &mut Connection,
        migrations: &'static [Migration],
        now: Instant,
    ) -> Result<Option<&'static str>, StorageError> {
        connection.begin(Access::Write, &Scope::Installation)?;
        match self.apply_within(connection, migrations, now) {
            Ok(name) => connection.commit().map(|()| name),
            Err(error) => {
                connection.rollback();
                Err(error)
            }
        }
    }

    fn apply_within(
        &self,
        connection: &mut Connection,
        migrations: &'static [Migration],
        now: Instant,
    ) -> Result<Option<&'static str>, StorageError> {
        self.lock(connection)?;
        let known = self.known(connection)?;
        let Some(next) = pending(migrations, &known, self.dialect())?.first() else {
            return Ok(None);
        };
        let text = next.text(self.dialect());
        connection.batch(text)?;
        connection.batch(match self.dialect() {
            Dialect::Sqlite => sqlite_statistics::STATISTICS,
            Dialect::Postgres => postgres_plans::STATISTICS,
        })?;
        connection.execute(
            sql!(
                "-- record_migration\ninsert into schema_migrations (name, checksum, applied_at)\nvalues (?1, ?2, ?3)"
            ),
            None,
            &params![next.name, checksum(text), now],
        )?;
        tracing::info!(migration = next.name, "schema migrated");
        Ok(Some(next.name))
    }

    /// Keeps other nodes out until the transaction ends. On SQLite the transaction itself does.
    fn lock(&self, connection: &mut Connection) -> Result<(), StorageError> {
        let exists = self.table_exists(connection)?;
        match self.dialect() {
            Dialect::Sqlite if exists => Ok(()),
            Dialect::Sqlite => connection.batch(
                "create table schema_migrations (
                    name text not null,
                    checksum text not null,
                    applied_at integer not null,
                    constraint schema_migrations_pk primary key (name)
                ) strict",
            ),
            Dialect::Postgres => {
                if !exists {
                    connection.batch(&first_steps_on_postgres())?;
                }
                connection.batch("lock table schema_migrations in access exclusive mode")
            }
        }
    }

    fn known(&self, connection: &mut Connection) -> Result<Vec<Known>, StorageError> {
        if !self.table_exists(connection)? {
            return Ok(Vec::new());
        }
        connection.query(
            sql!("-- known_migrations\nselect name, checksum\nfrom schema_migrations\norder by name"),
            None,
            &[],
            |row| Ok(Known { name: row.get(0)?, checksum: row.get(1)? }),
        )
    }

    fn table_exists(&self, connection: &mut Connection) -> Result<bool, StorageError> {
        let found = connection.query(
            sql!("-- schema_migrations_exists\nselect 1\nfrom {tables}\nwhere name = 'schema_migrations'"),
            None,
            &[],
            |_| Ok(()),
        )?;
        Ok(!found.is_empty())
    }
}

struct Known {
    name: String,
    checksum: String,
}

impl Migration {
    fn text(&self, dialect: Dialect) -> &'static str {
        match dialect {
            Dialect::Sqlite => self.sqlite,
            Dialect::Postgres => self.postgres,
        }
    }
}

/// The migrations that are still to be applied.
fn pending<'m>(
    migrations: &'m [Migration],
    known: &[Known],
    dialect: Dialect,
) -> Result<&'m [Migration], StorageError> {
    for (position, found) in known.iter().enumerate() {
        let Some(expected) = migrations.get(position).filter(|migration| migration.name == found.name) else {
            return Err(StorageError::Schema {
                problem: format!("the database has the migration {}, which this program does not know", found.name),
                remedy: "run the version of Neruba that made it, or a newer one".to_owned(),
            });
        };
        if checksum(expected.text(dialect)) != found.checksum {
            return Err(StorageError::Schema {
                problem: format!("the migration {} was applied from another text than this program's", found.name),
                remedy: "run a released version of Neruba, or restore the database from a backup of that version"
                    .to_owned(),
            });
        }
    }
    Ok(&migrations[known.len()..])
}

/// The role that the server acts as, the right to act as it, and the list of migrations. Roles belong to the whole
/// server and not to one database, so another database may have made it already or be making it now.
fn first_steps_on_postgres() -> String {
    format!(
        "do $$
         declare
            acting text := case when current_setting('server_version_num')::int >= 160000 then 'SET' else 'MEMBER' end;
         begin
            if not exists (select from pg_roles where rolname = '{SERVER_ROLE}') then
                begin
                    create role {SERVER_ROLE} nologin;
                exception when duplicate_object or unique_violation then
                    null;
                end;
            end if;
            if not pg_has_role(current_user, '{SERVER_ROLE}', acting) then
                execute format('grant {SERVER_ROLE} to %I', current_user);
            end if;
         end
         $$;
         create table schema_migrations (
            name text not null,
            checksum text not null,
            applied_at timestamptz not null,
            constraint schema_migrations_pk primary key (name)
         );
         grant select on schema_migrations to {SERVER_ROLE};"
    )
}

/// Two nodes that meet on an empty database: one makes the list, the other finds it on its next attempt.
fn is_race(error: &StorageError) -> bool {
    match error {
        StorageError::UniqueViolation { constraint } => constraint.starts_with("pg_"),
        StorageError::Driver(source) => {
            let text = source.to_string();
            // The table, its row type, or the role's membership exists by now.
            let exists = text.contains("42P07") || text.contains("42710");
            (exists && text.contains("schema_migrations")) || text.contains("tuple concurrently updated")
        }
        other => other.is_retryable(),
    }
}

fn checksum(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_names_every_file_of_both_folders() {
        let listed: Vec<String> = MIGRATIONS.iter().map(|migration| format!("{}.sql", migration.name)).collect();
        for folder in ["sqlite", "postgres"] {
            let path = format!("{}/migrations/{folder}", env!("CARGO_MANIFEST_DIR"));
            let entries = std::fs::read_dir(path).unwrap();
            let mut files: Vec<String> =
                entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            files.sort();
            assert_eq!(files, listed, "{folder}");
        }
    }
}
