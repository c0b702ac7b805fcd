//! The threads behind the front doors: the ingest writer, the rollup worker and the worker of jobs. They are stopped in an order
//! in which nothing that was accepted is lost.

use std::thread::JoinHandle;

use crate::engine::Engine;
use crate::error::Error;
use crate::ingest::{rollup_worker, run_batcher};
use crate::jobs::worker as job_worker;

/// The running threads. Dropping it stops them, too.
#[must_use]
pub struct Workers {
    engine: Engine,
    batcher: Option<JoinHandle<()>>,
    rollups: Option<JoinHandle<()>>,
    jobs: Option<JoinHandle<()>>,
}

impl Engine {
    /// Starts the threads; from here on usage is served and jobs run.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn start_workers(&self) -> Result<Workers, Error> {
        let mut workers = self.start_ingest()?;
        self.jobs.open();
        workers.jobs = Some(spawn("jobs", self, job_worker::run)?);
        Ok(workers)
    }

    /// Starts the threads that serve usage; jobs are left to other nodes.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn start_ingest(&self) -> Result<Workers, Error> {
        self.ingest.open();
        let batcher = spawn("ingest writer", self, run_batcher)?;
        let rollups = spawn("rollups", self, rollup_worker::run)?;
        Ok(Workers { engine: self.clone(), batcher: Some(batcher), rollups: Some(rollups), jobs: None })
    }
}

impl Workers {
    /// Lets no new usage in, serves what waits, folds it, lets the job at hand go after its chunk, and returns when the threads
    /// have ended.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if self.jobs.is_some() {
            self.engine.jobs.stop();
        }
        self.engine.ingest.close();
        join(self.batcher.take());
        self.engine.ingest.stop_folding();
        join(self.rollups.take());
        join(self.jobs.take());
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.end();
    }
}

fn spawn(name: &str, engine: &Engine, run: fn(&Engine)) -> Result<JoinHandle<()>, Error> {
    let engine = engine.clone();
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || run(&engine))
        .map_err(|error| Error::Bug(format!("the thread {name:?} cannot be started: {error}")))
}

fn join(thread: Option<JoinHandle<()>>) {
    if thread.is_some_and(|thread| thread.join().is_err()) {
        tracing::error!("a worker thread panicked");
    }
}
