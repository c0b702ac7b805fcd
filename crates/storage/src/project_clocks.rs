//! The clocks of projects: how far each is ahead of the world's.

use domain::clock::ProjectClock;
use domain::projects::Mode;

use crate::error::StorageError;
use crate::sql::{Row, params, sql};
use crate::tx::ProjectTx;

/// The mode of the project and its clock; `None` when there is no such project.
pub fn get(tx: &mut ProjectTx<'_>) -> Result<Option<(Mode, ProjectClock)>, StorageError> {
    tx.query_opt(
        sql!(
            "-- get_project_clock
            select mode, clock_ahead_micros
            from projects
            where id = ?1"
        ),
        &[],
        |row| Ok((row.named(0, Mode::parse)?, read(row, 1)?)),
    )
}

/// Moves the clock; one that is further ahead stays.
pub fn put(tx: &mut ProjectTx<'_>, clock: ProjectClock) -> Result<(), StorageError> {
    tx.execute(
        sql!(
            "-- put_project_clock
            update projects
            set clock_ahead_micros = ?2
            where id = ?1 and clock_ahead_micros < ?2"
        ),
        &params![clock.micros()],
    )?;
    Ok(())
}

pub(crate) fn read(row: &Row<'_>, index: usize) -> Result<ProjectClock, StorageError> {
    let micros = row.get(index)?;
    ProjectClock::from_micros(micros).ok_or_else(|| StorageError::corrupt("the clock of a project is behind"))
}
