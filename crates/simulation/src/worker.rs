//! A node with all its threads: ingest, rollups, jobs and the calendar, as a server has them. Several run on one database, on a clock that
//! they share and that goes faster than the world's, so that a lease ends within seconds.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use domain::time::Instant;
use engine::ports::Clock;
use serde::{Deserialize, Serialize};
use testkit::random::SeededRandom;

use crate::installation;
use crate::node::{Stop, watch};
use crate::world::{NOW, at};

/// A minute, the length of a lease, takes five seconds: a chunk takes less, also in a debug build on a busy machine.
const SPEED: u32 = 12;

/// What a node that stands still in a transaction has locked is free again after so long: until then another one has taken over, and is
/// in the middle of the run.
const STATEMENT_MAX: Duration = Duration::from_secs(60);

/// What a worker is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerOrders {
    pub database: String,
    /// When it was [`NOW`], in microseconds since 1970 of the world's clock; the same for all nodes.
    pub began_micros: u64,
    /// Another one for each node.
    pub seed: u64,
    pub stop: Option<Stop>,
}

/// The clock that nodes share.
#[derive(Debug, Clone, Copy)]
pub struct FastClock {
    pub began_micros: u64,
}

impl Clock for FastClock {
    fn now(&self) -> Instant {
        let passed = Duration::from_micros(world_micros().saturating_sub(self.began_micros));
        at(NOW).checked_add(passed * SPEED).unwrap()
    }
}

/// The world's clock in microseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "processes share no other clock")]
pub fn world_micros() -> u64 {
    let passed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    u64::try_from(passed.as_micros()).unwrap()
}

/// Works until `stopped` returns; a chunk at hand is finished.
pub fn work(orders: &WorkerOrders, stopped: impl FnOnce()) {
    let clock = Arc::new(FastClock { began_micros: orders.began_micros });
    let random = Arc::new(SeededRandom::new(orders.seed));
    let engine = installation::open(&orders.database, STATEMENT_MAX, clock, random);
    watch(orders.stop.clone());
    let workers = engine.start_workers().unwrap();
    stopped();
    workers.stop();
}
