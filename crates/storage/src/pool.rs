//! A bounded pool of connections: first come, first served, with a limit on the wait. A connection comes back only
//! when its transaction ended cleanly; anything else is closed.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::StorageError;

/// What the pool must know of a connection.
pub(crate) trait Pooled {
    /// Whether it can serve another transaction.
    fn is_reusable(&self) -> bool;
}

pub(crate) struct Pool<C> {
    state: Mutex<State<C>>,
    changed: Condvar,
    size: usize,
    wait: Duration,
}

struct State<C> {
    idle: Vec<C>,
    /// Connections that exist or are being made, idle ones included.
    open: usize,
    /// Who waits, in order.
    queue: VecDeque<u64>,
    next_ticket: u64,
    /// Connections made before the last recycling are not taken back.
    generation: u64,
}

impl<C: Pooled> Pool<C> {
    pub fn new(size: usize, wait: Duration) -> Pool<C> {
        assert!(size > 0, "a pool holds at least one connection");
        Pool {
            state: Mutex::new(State {
                idle: Vec::new(),
                open: 0,
                queue: VecDeque::new(),
                next_ticket: 0,
                generation: 0,
            }),
            changed: Condvar::new(),
            size,
            wait,
        }
    }

    /// An idle connection, or a new one while there is room, or whatever comes back first.
    pub fn take(&self, open: impl FnOnce() -> Result<C, StorageError>) -> Result<Leased<'_, C>, StorageError> {
        let mut state = self.lock();
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        state.queue.push_back(ticket);
        let (mut state, _) = self
            .changed
            .wait_timeout_while(state, self.wait, |state| !self.may_take(state, ticket))
            .unwrap_or_else(PoisonError::into_inner);
        let allowed = self.may_take(&state, ticket);
        state.queue.retain(|waiting| *waiting != ticket);
        self.changed.notify_all();
        if !allowed {
            return Err(StorageError::Busy { waiting_for: "a free connection" });
        }
        let generation = state.generation;
        let mut lease = Leased { pool: self, connection: state.idle.pop(), generation, fresh: false };
        if lease.connection.is_none() {
            state.open += 1;
            drop(state);
            lease.fresh = true;
            // On failure the lease gives its place back.
            lease.connection = Some(open()?);
        }
        Ok(lease)
    }

    /// Closes the idle connections; those in use are closed when they come back.
    pub fn recycle(&self) {
        let mut state = self.lock();
        state.generation += 1;
        let closed = std::mem::take(&mut state.idle);
        state.open -= closed.len();
        drop(state);
        self.changed.notify_all();
    }

    fn may_take(&self, state: &State<C>, ticket: u64) -> bool {
        state.queue.front() == Some(&ticket) && (!state.idle.is_empty() || state.open < self.size)
    }

    fn lock(&self) -> MutexGuard<'_, State<C>> {
        // The state is whole between any two statements of this file, so a panic elsewhere does not harm it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection in use. Dropping it gives it back, or closes it when it is not reusable.
pub(crate) struct Leased<'p, C: Pooled> {
    pool: &'p Pool<C>,
    connection: Option<C>,
    generation: u64,
    fresh: bool,
}

impl<C: Pooled> Leased<'_, C> {
    pub fn connection(&mut self) -> &mut C {
        // Cannot fail: only `drop` takes it.
        self.connection.as_mut().expect("a lease holds its connection")
    }

    /// Whether it was opened for this lease.
    pub fn is_fresh(&self) -> bool {
        self.fresh
    }
}

impl<C: Pooled> Drop for Leased<'_, C> {
    fn drop(&mut self) {
        let connection = self.connection.take();
        let mut state = self.pool.lock();
        let (kept, closed) = match connection {
            Some(connection) if connection.is_reusable() && self.generation == state.generation => {
                (Some(connection), None)
            }
            other => (None, other),
        };
        match kept {
            Some(connection) => state.idle.push(connection),
            None => state.open -= 1,
        }
        drop(state);
        // Closing talks to the server: not under the lock.
        drop(closed);
        self.pool.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fake {
        reusable: bool,
        number: u32,
    }

    impl Pooled for Fake {
        fn is_reusable(&self) -> bool {
            self.reusable
        }
    }

    fn fake(number: u32) -> impl FnOnce() -> Result<Fake, StorageError> {
        move || Ok(Fake { reusable: true, number })
    }

    #[test]
    fn a_returned_connection_serves_the_next() {
        let pool = Pool::new(1, Duration::from_millis(1));
        drop(pool.take(fake(1)).unwrap());
        assert_eq!(pool.take(fake(2)).unwrap().connection().number, 1);
    }

    #[test]
    fn a_broken_connection_is_replaced() {
        let pool = Pool::new(1, Duration::from_millis(1));
        pool.take(fake(1)).unwrap().connection().reusable = false;
        assert_eq!(pool.take(fake(2)).unwrap().connection().number, 2);
    }

    #[test]
    fn a_full_pool_refuses_after_the_wait() {
        let pool = Pool::new(1, Duration::from_millis(1));
        let held = pool.take(fake(1)).unwrap();
        assert!(matches!(pool.take(fake(2)), Err(StorageError::Busy { .. })));
        drop(held);
        assert!(pool.take(fake(3)).is_ok());
    }

    #[test]
    fn recycling_closes_idle_and_used_connections() {
        let pool = Pool::new(2, Duration::from_millis(1));
        let used = pool.take(fake(1)).unwrap();
        drop(pool.take(fake(2)).unwrap());
        pool.recycle();
        drop(used);
        assert_eq!(pool.take(fake(3)).unwrap().connection().number, 3);
    }

    #[test]
    fn a_failed_opening_gives_its_place_back() {
        let pool = Pool::<Fake>::new(1, Duration::from_millis(1));
        assert!(pool.take(|| Err(StorageError::DiskFull)).is_err());
        assert!(pool.take(fake(1)).is_ok());
    }

    #[test]
    fn waiting_threads_all_get_their_turn() {
        let pool = Pool::new(2, Duration::from_secs(30));
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    for number in 0..100 {
                        drop(pool.take(fake(number)).unwrap());
                    }
                });
            }
        });
        assert!(pool.lock().open <= 2);
    }
}
