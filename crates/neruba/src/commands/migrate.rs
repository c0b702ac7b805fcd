//! `neruba migrate`: brings the schema up to date.

use std::process::ExitCode;

use anyhow::{Context, Result};
use engine::ports::Clock;
use storage::Database;

use crate::cli::DatabaseArgs;
use crate::config::Config;
use crate::world::{self, SystemClock};

pub fn run(arguments: &DatabaseArgs) -> Result<ExitCode> {
    let config = Config::load(&arguments.flags())?;
    let db = world::open_database(&config.database, &config.database_options)?;
    let applied = apply(&db)?;
    match applied.as_slice() {
        [] => println!("{}: nothing to do, the schema is current", config.database),
        names => println!("{}: applied {}", config.database, names.join(", ")),
    }
    Ok(ExitCode::SUCCESS)
}

/// Applies what is pending and returns its names.
///
/// # Errors
/// A database that cannot be migrated, or that a newer program migrated before.
pub fn apply(db: &Database) -> Result<Vec<&'static str>> {
    let report = db.migrate(SystemClock.now()).context("cannot migrate the database")?;
    Ok(report.applied)
}
