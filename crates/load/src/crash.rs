//! The crash driver (promise P1): it drives a real server from several threads, writes down each acknowledgement when it
//! is read, kills the server with `SIGKILL` at random instants, starts it again, sends what was in flight once more with
//! the same keys, and at the end compares what was acknowledged with what the server has.

mod book;
mod compare;
mod gate;
mod killer;
mod observe;
mod operation;
mod report;
mod worker;

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

pub use book::{Book, Verdict};
pub use compare::{Findings, Observed, ObservedEvent, ObservedTransaction, compare};
pub use operation::{Event, Money, MoneyKind, Operation};
pub use report::{CrashReport, Verification};

use crate::account::{Account, Owner};
use crate::client::Client;
use crate::server_process::{self, ServerOptions, ServerProcess};
use crate::{LoadError, clock};
use gate::Gate;
use worker::Shared;

/// What to drive and how often to kill it.
#[derive(Debug, Clone)]
pub struct CrashOptions {
    /// The `neruba` executable; a mutant is simply another one.
    pub executable: PathBuf,
    /// `postgres://…` or `sqlite://…`; the run adds a user and a project of its own.
    pub database: String,
    /// An existing folder for the server's log.
    pub folder: PathBuf,
    pub kills: usize,
    pub seed: u64,
    pub threads: usize,
    /// Runs `neruba verify` on the stopped server's database at the end.
    pub verify: bool,
    /// Added to the server's environment.
    pub environment: Vec<(String, String)>,
}

impl CrashOptions {
    /// 100 kills, six threads, invariants verified at the end.
    #[must_use]
    pub fn new(executable: PathBuf, database: String, folder: PathBuf) -> CrashOptions {
        CrashOptions {
            executable,
            database,
            folder,
            kills: 100,
            seed: 1,
            threads: 6,
            verify: true,
            environment: Vec::new(),
        }
    }
}

const STOP_WITHIN: Duration = Duration::from_secs(30);
/// Enough for every charge of a run.
const FIRST_CREDIT_MICROS: i64 = 1_000_000_000_000;

/// Runs the whole experiment. Loss and doubling are part of the report, not errors.
///
/// # Errors
/// When the server cannot be started again after a kill, or cannot be asked at the end.
pub fn run(options: &CrashOptions, mut progress: impl FnMut(&str)) -> Result<CrashReport, LoadError> {
    let begun = clock::start();
    let owner = Owner::for_run(&format!("crash-{}", clock::unix_millis()));
    server_process::migrate(&options.executable, &options.database)?;
    server_process::create_user(&options.executable, &options.database, &owner, "Crash test")?;
    let server_options = ServerOptions {
        executable: options.executable.clone(),
        database: options.database.clone(),
        port: server_process::free_port()?,
        log: options.folder.join("server.log"),
        environment: options.environment.clone(),
    };
    let server = ServerProcess::start(&server_options)?;
    let mut client = Client::new(server.base_url())?;
    let account = Account::open(&mut client, &owner, "Crash test", &owner.email)?;
    let shared = Shared {
        base_url: server.base_url().to_owned(),
        owner,
        token: Mutex::new(account.access_token.clone()),
        account,
        book: Mutex::new(Book::default()),
        gate: Gate::default(),
    };
    worker::grant_first_credit(&shared, FIRST_CREDIT_MICROS)?;
    let (server, kills_done) = drive(options, &server_options, server, &shared, &mut progress)?;
    progress("reading back what the server has");
    let (observed, mut findings) = observe::observe(&shared)?;
    let book = shared.book.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    findings.extend(compare(&book, &observed));
    findings.extend(book.findings.clone());
    server.stop(STOP_WITHIN)?;
    let verification = verified(options)?;
    Ok(CrashReport {
        database: options.database.split(':').next().unwrap_or_default().to_owned(),
        seed: options.seed,
        kills: kills_done,
        acknowledged: book.acknowledged(),
        events: book.events(),
        transactions: book.transactions(),
        retried: book.retried,
        repeated: book.repeated,
        findings,
        verification,
        elapsed_millis: clock::millis(begun.elapsed()),
    })
}

/// Workers and killer at once; returns the last server, alive, with nothing in flight.
fn drive(
    options: &CrashOptions,
    server_options: &ServerOptions,
    server: ServerProcess,
    shared: &Shared,
    progress: &mut impl FnMut(&str),
) -> Result<(ServerProcess, usize), LoadError> {
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..options.threads.max(1))
            .map(|number| scope.spawn(move || worker::work(shared, options.seed, number)))
            .collect();
        let killed = killer::kill_again_and_again(options, server_options, server, shared, progress);
        shared.gate.finish(killed.is_ok());
        for worker in workers {
            match worker.join() {
                Ok(outcome) => outcome?,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        killed
    })
}

fn verified(options: &CrashOptions) -> Result<Option<Verification>, LoadError> {
    if !options.verify {
        return Ok(None);
    }
    let (passed, output) = server_process::verify(&options.executable, &options.database)?;
    Ok(Some(Verification { passed, output }))
}
