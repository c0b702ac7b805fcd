//! What the front doors and the worker threads share: the queue of requests, and the sign that there is something to fold.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::meaning::Meanings;
use super::queue::{FairQueue, QueueLimits, Size};
use super::sums::Sums;
use super::{Answered, Submission};
use crate::error::Error;

/// What is called with the answer, exactly once, by the writer thread.
pub(crate) type Callback = Box<dyn FnOnce(Result<Answered, Error>) + Send>;

/// A request on its way to the writer.
pub(crate) struct Waiting {
    pub submission: Submission,
    pub answer: Callback,
}

/// After this many committed events the rollup worker does not wait any longer.
const FOLD_EVENTS: usize = 50_000;
/// The longest time the rollup worker waits: other nodes commit without a word.
const FOLD_WAIT_MAX: Duration = Duration::from_secs(1);
/// What an overloaded server asks its callers to wait.
const RETRY_AFTER_SECONDS: u32 = 1;

pub(crate) struct Runtime {
    queue: Mutex<State>,
    arrived: Condvar,
    folding: Mutex<Folding>,
    committed: Condvar,
    pub sums: Sums,
    pub meanings: Meanings,
}

struct State {
    waiting: FairQueue<Waiting>,
    /// While workers run. Without them nobody would ever answer.
    open: bool,
}

struct Folding {
    events: usize,
    stopping: bool,
}

impl Runtime {
    pub fn new(limits: QueueLimits) -> Runtime {
        Runtime {
            queue: Mutex::new(State { waiting: FairQueue::new(limits), open: false }),
            arrived: Condvar::new(),
            folding: Mutex::new(Folding { events: 0, stopping: false }),
            committed: Condvar::new(),
            sums: Sums::default(),
            meanings: Meanings::default(),
        }
    }

    /// Puts a request in the queue.
    ///
    /// # Errors
    /// [`Error::Overloaded`] at once when there is no room, or no worker.
    pub fn push(&self, waiting: Waiting) -> Result<(), Error> {
        let overloaded = Error::Overloaded { retry_after_seconds: RETRY_AFTER_SECONDS };
        let size = Size { events: waiting.submission.items.len(), bytes: waiting.submission.weight() };
        let mut state = lock(&self.queue);
        if !state.open {
            return Err(overloaded);
        }
        let pushed = state.waiting.push(waiting.submission.project, size, waiting);
        drop(state);
        if pushed.is_err() {
            metrics::counter!("neruba_ingest_overloaded_total").increment(1);
            return Err(overloaded);
        }
        self.arrived.notify_one();
        Ok(())
    }

    /// What the next transaction holds; waits for the first request. `None` when the queue is closed and empty.
    pub fn take(&self) -> Option<Vec<Waiting>> {
        let mut state = lock(&self.queue);
        while state.waiting.is_empty() {
            if !state.open {
                return None;
            }
            state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        Some(state.waiting.take())
    }

    pub fn open(&self) {
        lock(&self.queue).open = true;
        lock(&self.folding).stopping = false;
    }

    /// Lets nothing more in; what waits is still served.
    pub fn close(&self) {
        lock(&self.queue).open = false;
        self.arrived.notify_all();
    }

    /// Tells the rollup worker that there is something to fold.
    pub fn announce_commit(&self, events: usize) {
        let mut folding = lock(&self.folding);
        folding.events += events;
        if folding.events >= FOLD_EVENTS {
            drop(folding);
            self.committed.notify_all();
        }
    }

    /// Waits until folding is worth it, or due. False when the worker shall stop.
    pub fn wait_for_commits(&self) -> bool {
        let waits = |folding: &mut Folding| folding.events < FOLD_EVENTS && !folding.stopping;
        let (mut folding, _) = self
            .committed
            .wait_timeout_while(lock(&self.folding), FOLD_WAIT_MAX, waits)
            .unwrap_or_else(PoisonError::into_inner);
        folding.events = 0;
        !folding.stopping
    }

    pub fn stop_folding(&self) {
        lock(&self.folding).stopping = true;
        self.committed.notify_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // The state is whole between any two statements of this file, so a panic elsewhere does not harm it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
