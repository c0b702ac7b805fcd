//! Transactions as repositories see them: bound to one project, or (rarely) to the installation.

use domain::ids::ProjectId;

use crate::database::connection::Connection;
use crate::error::StorageError;
use crate::sql::{BulkStatement, Row, Statement, Value};

/// A transaction of one project. Its id is `?1` of every statement, and the first value of every row of a bulk
/// statement; the caller's values begin with `?2`.
pub struct ProjectTx<'a> {
    connection: &'a mut Connection,
    project: ProjectId,
}

/// A transaction of no single project: logins, workers, the ingest batcher. Values begin with `?1`.
pub struct InstallationTx<'a> {
    connection: &'a mut Connection,
}

impl<'a> ProjectTx<'a> {
    pub(crate) fn new(connection: &'a mut Connection, project: ProjectId) -> ProjectTx<'a> {
        ProjectTx { connection, project }
    }

    pub fn project(&self) -> ProjectId {
        self.project
    }

    /// Does something that may turn out to be impossible: when it ends in an error, nothing of it was written, and the transaction goes
    /// on without it. Only an error of the database itself ends the transaction as a whole.
    ///
    /// # Errors
    /// What `part` answers.
    pub fn attempt<T, E: From<StorageError>>(
        &mut self,
        part: impl FnOnce(&mut ProjectTx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.connection.begin_part()?;
        let result = part(&mut ProjectTx::new(self.connection, self.project));
        match &result {
            Ok(_) => self.connection.keep_part()?,
            Err(_) => self.connection.undo_part()?,
        }
        result
    }

    /// How many rows it changed.
    pub(crate) fn execute(&mut self, statement: &'static Statement, params: &[Value<'_>]) -> Result<u64, StorageError> {
        let project = Value::from(self.project);
        self.connection.execute(statement, Some(&project), params)
    }

    /// Every row.
    pub(crate) fn query<T>(
        &mut self,
        statement: &'static Statement,
        params: &[Value<'_>],
        read: impl FnMut(&Row<'_>) -> Result<T, StorageError>,
    ) -> Result<Vec<T>, StorageError> {
        let project = Value::from(self.project);
        self.connection.query(statement, Some(&project), params, read)
    }

    /// The row, if there is one; more than one is an error.
    pub(crate) fn query_opt<T>(
        &mut self,
        statement: &'static Statement,
        params: &[Value<'_>],
        read: impl FnMut(&Row<'_>) -> Result<T, StorageError>,
    ) -> Result<Option<T>, StorageError> {
        at_most_one(statement, self.query(statement, params, read)?)
    }

    /// The row; none or more than one is an error.
    pub(crate) fn query_one<T>(
        &mut self,
        statement: &'static Statement,
        params: &[Value<'_>],
        read: impl FnMut(&Row<'_>) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        exactly_one(statement, self.query(statement, params, read)?)
    }

    /// How many rows it changed, over all of them.
    pub(crate) fn execute_many<'v, R: AsRef<[Value<'v>]> + Sync + std::fmt::Debug>(
        &mut self,
        statement: &'static BulkStatement,
        rows: &[R],
    ) -> Result<u64, StorageError> {
        let project = self.leading(statement);
        self.connection.execute_many(statement, Some(&project), rows)
    }

    /// Every row that comes back, over all of them, in no order.
    pub(crate) fn query_many<'v, T, R: AsRef<[Value<'v>]> + Sync + std::fmt::Debug>(
        &mut self,
        statement: &'static BulkStatement,
        rows: &[R],
        read: impl FnMut(&Row<'_>) -> Result<T, StorageError>,
    ) -> Result<Vec<T>, StorageError> {
        let project = self.leading(statement);
        self.connection.query_many(statement, Some(&project), rows, read)
    }

    fn leading(&self, statement: &BulkStatement) -> Value<'static> {
        let first = statement.columns().first().map(|(name, _)| *name);
        assert_eq!(first, Some("project_id"), "{} begins with the project", statement.name());
        Value::from(self.project)
    }
}

impl<'a> InstallationTx<'a> {
    pub(crate) fn new(connection: &'a mut Connection) -> InstallationTx<'a> {
        InstallationTx { connection }
    }

    /// The same transaction, bound to one project. It keeps the rights of the installation, so nothing has to be said
    /// to the database: the binding is that of the statements.
    pub fn in_project(&mut self, project: ProjectId) -> ProjectTx<'_> {
        ProjectTx::new(self.connection, project)
    }

    #[cfg(feature = "raw")]
    pub(crate) fn prepare(&mut self, text: &'static str) -> Result<(), StorageError> {
        self.connection.prepare(text)
    }

    /// How many rows it changed.
    pub(crate) fn execute(&mut self, statement: &'static Statement, params: &[Value<'_>]) -> Result<u64, StorageError> {
        self.connection.execute(statement, None, params)
    }

    /// Every row.
    pub(crate) fn query<T>(
        &mut self,
        statement: &'static Statement,
        params: &[Value<'_>],
        read: impl FnMut(&Row<'_>) -> Result<T, StorageError>,
    ) -> Result<Vec<T>, StorageError> {
        self.connection.query(statement, None, params, read)
    }

    /// The row, if there is one; more than one is an error.
    pub(crate) fn query_opt<T>(
        &mut self,
        statement: &'static Statement,
        params: &[Value<'_>],
        read: impl FnMut(&Row<'_>) -> Result<T, StorageError>,
    ) -> Result<Option<T>, StorageError> {
        at_most_one(statement, self.query(statement, params, read)?)
    }

    /// The row; none or more than one is an error.
    pub(crate) fn query_one<T>(
        &mut self,
        statement: &'static Statement,
        params: &[Value<'_>],
        read: impl FnMut(&Row<'_>) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        exactly_one(statement, self.query(statement, params, read)?)
    }

    /// How many rows it changed, over all of them.
    pub(crate) fn execute_many<'v, R: AsRef<[Value<'v>]> + Sync + std::fmt::Debug>(
        &mut self,
        statement: &'static BulkStatement,
        rows: &[R],
    ) -> Result<u64, StorageError> {
        self.connection.execute_many(statement, None, rows)
    }

    /// Every row that comes back, over all of them, in no order.
    pub(crate) fn query_many<'v, T, R: AsRef<[Value<'v>]> + Sync + std::fmt::Debug>(
        &mut self,
        statement: &'static BulkStatement,
        rows: &[R],
        read: impl FnMut(&Row<'_>) -> Result<T, StorageError>,
    ) -> Result<Vec<T>, StorageError> {
        self.connection.query_many(statement, None, rows, read)
    }
}

fn at_most_one<T>(statement: &Statement, found: Vec<T>) -> Result<Option<T>, StorageError> {
    if found.len() > 1 {
        let name = statement.name();
        return Err(StorageError::corrupt(format!("{name} found {} rows instead of one", found.len())));
    }
    Ok(found.into_iter().next())
}

fn exactly_one<T>(statement: &Statement, found: Vec<T>) -> Result<T, StorageError> {
    let name = statement.name();
    at_most_one(statement, found)?.ok_or_else(|| StorageError::corrupt(format!("{name} found no row")))
}
