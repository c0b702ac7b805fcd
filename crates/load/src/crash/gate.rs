//! Tells the workers which life of the server they talk to, and when to come to an end.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Where the experiment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Phase {
    /// New work is begun.
    #[default]
    Driving,
    /// Only what is in flight is brought to an answer.
    Draining,
    /// The server cannot be had again: nothing more can be learned.
    Abandoned,
}

#[derive(Debug, Clone, Copy, Default)]
struct State {
    life: u64,
    phase: Phase,
}

#[derive(Default)]
pub(super) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

impl Gate {
    pub(super) fn phase(&self) -> Phase {
        self.lock().phase
    }

    /// Number of the server's present life.
    pub(super) fn life(&self) -> u64 {
        self.lock().life
    }

    /// The server is ready again.
    pub(super) fn next_life(&self) {
        self.lock().life += 1;
        self.changed.notify_all();
    }

    /// No more kills; `server_lives` says whether what is in flight can still be answered.
    pub(super) fn finish(&self, server_lives: bool) {
        self.lock().phase = if server_lives { Phase::Draining } else { Phase::Abandoned };
        self.changed.notify_all();
    }

    /// Waits until the server has another life than `seen`, or for a short while: the connection may have broken without a kill.
    pub(super) fn wait_for_change(&self, seen: u64) {
        let state = self.lock();
        let waits = |state: &mut State| state.life == seen && state.phase == Phase::Driving;
        drop(self.changed.wait_timeout_while(state, Duration::from_millis(50), waits));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
