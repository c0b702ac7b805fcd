//! Lets only so many threads at once do something expensive, lets a few wait for their turn, and turns away the rest.

use std::num::NonZeroUsize;
use std::sync::{Condvar, Mutex};

/// A number of places, and a bounded queue in front of them.
#[derive(Debug)]
pub(crate) struct Gate {
    state: Mutex<State>,
    freed: Condvar,
    places: usize,
    waiting_max: usize,
}

#[derive(Debug)]
struct State {
    busy: usize,
    waiting: usize,
}

/// A place; dropping it lets the next one in.
#[derive(Debug)]
pub(crate) struct Pass<'a> {
    gate: &'a Gate,
}

impl Gate {
    pub fn new(places: NonZeroUsize, waiting_max: usize) -> Gate {
        Gate {
            state: Mutex::new(State { busy: 0, waiting: 0 }),
            freed: Condvar::new(),
            places: places.get(),
            waiting_max,
        }
    }

    /// Waits for a place. `None` at once when the queue is full.
    pub fn enter(&self) -> Option<Pass<'_>> {
        let mut state = self.lock();
        if state.busy >= self.places {
            if state.waiting >= self.waiting_max {
                return None;
            }
            state.waiting += 1;
            while state.busy >= self.places {
                // Cannot fail: nothing panics while the lock is held.
                state = self.freed.wait(state).expect("the gate is not poisoned");
            }
            state.waiting -= 1;
        }
        state.busy += 1;
        Some(Pass { gate: self })
    }

    #[cfg(test)]
    fn waiting(&self) -> usize {
        self.lock().waiting
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // Cannot fail: nothing panics while the lock is held.
        self.state.lock().expect("the gate is not poisoned")
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.gate.lock().busy -= 1;
        self.gate.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queue_is_bounded_and_drains() {
        let gate = Gate::new(NonZeroUsize::MIN, 1);
        let first = gate.enter().unwrap();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| gate.enter().is_some());
            while gate.waiting() == 0 {
                std::thread::yield_now();
            }
            assert!(gate.enter().is_none(), "one is inside, one waits, the third is turned away");
            drop(first);
            assert!(second.join().unwrap());
        });
        assert!(gate.enter().is_some());
    }
}
