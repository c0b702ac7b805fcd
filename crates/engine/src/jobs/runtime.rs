//! What the use cases and the worker thread of jobs share: the sign that there is something to do, and the sign to stop.

use std::fmt::Write;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use crate::ports::Random;

/// The longest time the worker waits: other nodes make jobs without a word, and leases end without one.
const WAIT_MAX: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(crate) struct Runtime {
    state: Mutex<State>,
    changed: Condvar,
    node: OnceLock<String>,
}

#[derive(Default)]
struct State {
    announced: bool,
    stopping: bool,
}

impl Runtime {
    /// The name under which this engine holds leases.
    pub fn node(&self, random: &dyn Random) -> &str {
        self.node.get_or_init(|| {
            let mut bytes = [0_u8; 6];
            random.fill(&mut bytes);
            bytes.iter().fold("node-".to_owned(), |mut name, byte| {
                // Cannot fail: a string takes whatever is written to it.
                write!(name, "{byte:02x}").expect("a string can be written to");
                name
            })
        })
    }

    /// Lets the worker run.
    pub fn open(&self) {
        *self.lock() = State::default();
    }

    /// Tells the worker that there is a new job; without it the job begins up to a second later.
    pub fn announce(&self) {
        self.lock().announced = true;
        self.changed.notify_all();
    }

    /// Waits until there may be something to do. False when the worker shall stop.
    pub fn wait(&self) -> bool {
        let waits = |state: &mut State| !state.announced && !state.stopping;
        let (mut state, _) =
            self.changed.wait_timeout_while(self.lock(), WAIT_MAX, waits).unwrap_or_else(PoisonError::into_inner);
        state.announced = false;
        !state.stopping
    }

    /// Ends the work after the chunk at hand.
    pub fn stop(&self) {
        self.lock().stopping = true;
        self.changed.notify_all();
    }

    pub fn is_stopping(&self) -> bool {
        self.lock().stopping
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole between any two statements of this file, so a panic elsewhere does not harm it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
