//! Several nodes on one database: started, watched, stopped and continued by their process ids.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use domain::ids::ProjectId;
use engine::jobs::JobQuery;
use rustix::process::{Pid, Signal, kill_process};

use crate::installation::Installation;
use crate::node::Stop;
use crate::process::Program;
use crate::template::Copied;
use crate::worker::{WorkerOrders, world_micros};
use crate::world::{NOW, at};

/// Within this everything has happened that is waited for.
const WAIT_MAX: Duration = Duration::from_secs(180);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A running node; killed when this value is dropped.
pub struct WorkingNode {
    child: Child,
}

/// The database of some nodes, and the clock that they share.
pub struct Cluster<'a> {
    program: &'a Program,
    copy: &'a Copied,
    project: ProjectId,
    began_micros: u64,
    ended_before: usize,
}

impl<'a> Cluster<'a> {
    pub fn new(program: &'a Program, copy: &'a Copied, project: ProjectId) -> Cluster<'a> {
        let ended_before = jobs(copy, project).ended;
        Cluster { program, copy, project, began_micros: world_micros(), ended_before }
    }

    pub fn start(&self, seed: u64, stop: Option<Stop>) -> WorkingNode {
        let orders = WorkerOrders { database: self.copy.address.clone(), began_micros: self.began_micros, seed, stop };
        let mut command = Command::new(&self.program.executable);
        let mut child = command.arg("worker").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let text = serde_json::to_string(&orders).unwrap();
        writeln!(child.stdin.as_mut().unwrap(), "{text}").unwrap();
        WorkingNode { child }
    }

    /// Waits until one job more has ended than at first, and none is open.
    pub fn wait_until_billed(&self) {
        until("every job has ended", || {
            let jobs = jobs(self.copy, self.project);
            jobs.open == 0 && jobs.ended > self.ended_before
        });
    }
}

struct Jobs {
    open: usize,
    ended: usize,
}

fn jobs(copy: &Copied, project: ProjectId) -> Jobs {
    let installation = Installation::open(&copy.address);
    let ctx = installation.deed(project, "look", at(NOW));
    let all = installation.engine.list_jobs(&ctx, JobQuery::default(), 200).unwrap();
    let open = all.iter().filter(|job| job.is_open()).count();
    Jobs { open, ended: all.len() - open }
}

impl WorkingNode {
    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap()
    }

    /// Waits until it stands still.
    pub fn wait_until_it_stands_still(&self) {
        let stat = format!("/proc/{}/stat", self.child.id());
        until("the node stands still", || {
            let text = std::fs::read_to_string(&stat).unwrap();
            text.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('T'))
        });
    }

    pub fn goes_on(&self) {
        kill_process(self.pid(), Signal::CONT).unwrap();
    }

    /// Lets it finish the chunk at hand, and waits for its end.
    pub fn end(mut self) {
        drop(self.child.stdin.take());
        let status = self.child.wait().unwrap();
        assert!(status.success(), "a node ended with {status}");
    }
}

impl Drop for WorkingNode {
    fn drop(&mut self) {
        // Both fail harmlessly when it is gone already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Reads the orders of a worker, and waits for the end of standard input afterwards.
pub fn orders_from_stdin() -> (WorkerOrders, impl FnOnce()) {
    let mut lines = BufReader::new(std::io::stdin());
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    let orders = serde_json::from_str(&line).unwrap();
    let ended = move || {
        while lines.read_line(&mut line).unwrap() > 0 {}
    };
    (orders, ended)
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = world_micros();
    while !holds() {
        let waited = Duration::from_micros(world_micros().saturating_sub(began));
        assert!(waited < WAIT_MAX, "it took too long until {what}");
        std::thread::park_timeout(LOOK_EVERY);
    }
}
