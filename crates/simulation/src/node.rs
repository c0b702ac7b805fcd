//! What a child process does: it bills what is due in a world, as a scheduler would, until nothing is, and tells what came of it. It dies or
//! stands still where it is told to.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use domain::ids::ProjectId;
use domain::jobs::{JobState, LEASE};
use engine::jobs::JobQuery;
use serde::{Deserialize, Serialize};

use crate::installation::Installation;
use crate::outcome::{self, Outcome, Pdfs};
use crate::world::{NOW, at};

/// How often a node looks again for work that another one, dead or alive, held before it.
const LOOKS_MAX: u32 = 5;

/// What a node is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orders {
    /// The address of the database.
    pub database: String,
    pub project: ProjectId,
    /// Where to stop in the middle.
    pub stop: Option<Stop>,
    /// Threads that look for jobs at the same time.
    pub threads: usize,
    pub pdfs: Pdfs,
}

/// Where and how a process stops.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// The name of the failpoint: `commit store_billing`.
    pub point: String,
    /// At the how manieth time it gets there, counted from 1.
    pub hit: u64,
    pub how: Ending,
}

/// How a process stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// At once, without a word to anybody: no destructor runs, no connection is closed.
    Dies,
    /// Until somebody sends `SIGCONT`.
    StandsStill,
}

/// What a node tells that came to the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// How often it reached each failpoint of its work.
    pub hits: BTreeMap<String, u64>,
    pub outcome: Outcome,
}

/// Does what the orders say.
pub fn run(orders: &Orders) -> Told {
    let installation = Installation::open(&orders.database);
    let hits = watch(orders.stop.clone());
    bill(&installation, orders);
    let hits = hits.lock().unwrap().clone();
    let ctx = installation.deed(orders.project, "read", at(NOW));
    Told { hits, outcome: outcome::read(&installation.engine, &ctx, orders.pdfs) }
}

fn bill(installation: &Installation, orders: &Orders) {
    let engine = &installation.engine;
    installation.begin("run", at(NOW));
    for _ in 0..LOOKS_MAX {
        let ctx = engine.clocked_ctx("due work", orders.project).unwrap();
        if orders.threads > 1 {
            engine.schedule_billing(&ctx).unwrap();
            std::thread::scope(|scope| {
                for _ in 0..orders.threads {
                    scope.spawn(|| engine.run_jobs_of(orders.project).unwrap());
                }
            });
        }
        // As a worker does: jobs that are open, then what the calendar says.
        engine.run_jobs_of(orders.project).unwrap();
        // An error says that work is left which somebody else holds, or held when it died.
        let done = engine.run_due_work(&ctx);
        let open =
            engine.list_jobs(&ctx, JobQuery { state: Some(JobState::Running), ..JobQuery::default() }, 1).unwrap();
        match done {
            Ok(()) if open.is_empty() => return,
            Ok(()) => eprintln!("a job is open"),
            Err(error) => eprintln!("{error}"),
        }
        installation.clock.advance(LEASE);
    }
    panic!("the run did not come to an end");
}

/// Within this a signal has reached all threads of a process, however busy the machine is.
const STOPPED_WITHIN: Duration = Duration::from_secs(2);

/// Counts failpoints, and stops at the one that is named.
pub(crate) fn watch(stop: Option<Stop>) -> Arc<Mutex<BTreeMap<String, u64>>> {
    let hits = Arc::new(Mutex::new(BTreeMap::<String, u64>::new()));
    let counted = Arc::clone(&hits);
    storage::failpoints::watch(move |point| {
        let hit = {
            let mut counted = counted.lock().unwrap();
            let hit = counted.entry(point.to_owned()).or_insert(0);
            *hit += 1;
            *hit
        };
        if let Some(stop) = stop.as_ref().filter(|stop| stop.point == point && stop.hit == hit) {
            let signal = match stop.how {
                Ending::Dies => rustix::process::Signal::KILL,
                Ending::StandsStill => rustix::process::Signal::STOP,
            };
            rustix::process::kill_process(rustix::process::getpid(), signal).unwrap();
            // Another thread may be the one that takes the signal: until all are stopped this one goes no further.
            // (To park would return at once: a scope that ended has left its token.)
            let nothing = Mutex::new(());
            let waited = Condvar::new().wait_timeout_while(nothing.lock().unwrap(), STOPPED_WITHIN, |()| true);
            drop(waited);
        }
    });
    hits
}
