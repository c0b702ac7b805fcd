//! Whether this node can serve: the database answers, and its schema is the one this program was built for.

use storage::SchemaState;

use crate::engine::Engine;

/// What `/health/ready` and `neruba doctor` report. Only `Ready` serves requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    Ready,
    /// Names of the migrations that were not applied yet.
    MigrationsPending(Vec<&'static str>),
    /// The schema is not one this program knows.
    SchemaUnknown(String),
    DatabaseUnreachable,
}

impl Engine {
    /// Asks the database. A failure is an answer, not an error; its cause goes to the log.
    pub fn readiness(&self) -> Readiness {
        if let Err(error) = self.db().ping() {
            tracing::warn!(error = &error as &dyn std::error::Error, "the database does not answer");
            return Readiness::DatabaseUnreachable;
        }
        match self.db().check_schema() {
            Ok(SchemaState::Current) => Readiness::Ready,
            Ok(SchemaState::Pending(names)) => Readiness::MigrationsPending(names),
            Err(error) => Readiness::SchemaUnknown(error.to_string()),
        }
    }
}
