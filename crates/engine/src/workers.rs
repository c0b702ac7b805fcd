//! The threads behind the front doors: the ingest writer and the rollup worker. They are stopped in an order in which
//! nothing that was accepted is lost.

use std::thread::JoinHandle;

use crate::engine::Engine;
use crate::error::Error;
use crate::ingest::{rollup_worker, run_batcher};

/// The running threads. Dropping it stops them, too.
#[must_use]
pub struct Workers {
    engine: Engine,
    batcher: Option<JoinHandle<()>>,
    rollups: Option<JoinHandle<()>>,
}

impl Engine {
    /// Starts the threads; from here on usage is served.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn start_workers(&self) -> Result<Workers, Error> {
        self.ingest.open();
        let batcher = spawn("ingest writer", self, run_batcher)?;
        let rollups = spawn("rollups", self, rollup_worker::run)?;
        Ok(Workers { engine: self.clone(), batcher: Some(batcher), rollups: Some(rollups) })
    }
}

impl Workers {
    /// Lets no new usage in, serves what waits, folds it, and returns when the threads have ended.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.engine.ingest.close();
        join(self.batcher.take());
        self.engine.ingest.stop_folding();
        join(self.rollups.take());
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
