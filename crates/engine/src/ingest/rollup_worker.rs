//! The thread that keeps the rollups close behind the events. Reads do not depend on it: what is not folded yet is added
//! to every answer. Several nodes may run it at once.

use domain::ids::{BatchId, ProjectId};
use storage::{ProjectTx, ingest_batches};

use super::fold::{self, Folded, Patience};
use crate::engine::Engine;
use crate::error::Error;
use crate::jobs::observe::contended;

impl Engine {
    /// Folds everything that waits, over all projects.
    ///
    /// # Errors
    /// When the database did not do its part; what was folded until then stays folded.
    pub fn fold_rollups(&self) -> Result<(), Error> {
        let projects = self.db().read_installation("find_unfolded", |tx| -> Result<_, Error> {
            Ok(ingest_batches::projects_with_unfolded(tx)?)
        })?;
        projects.into_iter().try_for_each(|project| self.fold_project(project, None, Patience::GoesOn))
    }

    /// Folds everything of a project that is committed now, and returns when it is folded, by this node or another. What comes in
    /// meanwhile may be left.
    ///
    /// # Errors
    /// When the database did not do its part; what was folded until then stays folded.
    pub fn fold_all(&self, project: ProjectId) -> Result<(), Error> {
        let newest = self.read(project, "find_newest_unfolded", |tx| Ok(ingest_batches::newest_unfolded(tx)?))?;
        match newest {
            Some(_) => self.fold_project(project, newest, Patience::Waits),
            None => Ok(()),
        }
    }

    /// Drops the rollups of a project and makes them again from its events, with the same result.
    ///
    /// # Errors
    /// When the database did not do its part; then nothing changed.
    pub fn rebuild_rollups(&self, project: ProjectId) -> Result<(), Error> {
        self.db().write("rebuild_rollups", project, |tx| -> Result<(), Error> { Ok(fold::rebuild(tx)?) })
    }

    /// Folds the batches up to the given one, or all of them.
    fn fold_project(&self, project: ProjectId, newest: Option<BatchId>, patience: Patience) -> Result<(), Error> {
        loop {
            let sums = &self.ingest.sums;
            let collect = |tx: &mut ProjectTx<'_>| Ok(fold::collect(tx, sums, newest)?);
            let Some(delta) = self.read(project, "collect_rollups", collect)? else {
                return Ok(());
            };
            let folded = self.db().write("fold_rollups", project, |tx| -> Result<Folded, Error> {
                Ok(fold::store(tx, &delta, patience)?)
            })?;
            match folded {
                Folded::Stored => {}
                Folded::Overtaken => contended("rollup_cursor"),
                // It will fold what there is, and come by again.
                Folded::HeldByAnother => {
                    contended("rollup_cursor");
                    return Ok(());
                }
            }
        }
    }
}

/// Folds until it is told to stop, and once more then.
pub(crate) fn run(engine: &Engine) {
    loop {
        let goes_on = engine.ingest.wait_for_commits();
        if let Err(error) = engine.fold_rollups() {
            tracing::warn!(error = &error as &dyn std::error::Error, "folding failed; it is tried again");
        }
        if let Err(error) = engine.find_late_usage() {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "looking for late usage failed; it is tried again"
            );
        }
        if let Err(error) = engine.settle_late_usage() {
            tracing::warn!(error = &error as &dyn std::error::Error, "settling late usage failed; it is tried again");
        }
        if !goes_on {
            return;
        }
    }
}
