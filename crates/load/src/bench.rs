//! The benchmark behind `neruba bench`: the normal server over HTTP on loopback, durable and deduplicated, measured against
//! a baseline in the same run that commits each event alone. Rounds are interleaved, so that a noisy machine disturbs
//! every scenario alike, and ratios are medians of rounds.

mod billing;
mod disk;
mod drive;
mod latency;
mod machine;
mod plan;
mod project;
mod rating;
mod report;
mod scenario;
mod template;
mod usage;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use billing::{BillingCheck, BillingOptions, BillingReport};
pub use disk::DiskSync;
pub use latency::{Latency, median, percentile};
pub use machine::Machine;
pub use rating::{RatingCheck, RatingOptions, RatingReport};
pub use report::{BenchReport, Check, Ratios, ScenarioReport, ServerFigures};

use crate::account::{Account, Owner};
use crate::client::Client;
use crate::keys::KeyMint;
use crate::random::Random;
use crate::server_process::{self, ServerOptions, ServerProcess};
use crate::{LoadError, clock};
use scenario::{Bench, Kind};

/// What to measure, on what.
#[derive(Debug, Clone)]
pub struct BenchOptions {
    /// The `neruba` executable that is measured.
    pub executable: PathBuf,
    /// `postgres://…` or `sqlite://…`; `None`: a fresh SQLite file below `folder`, removed afterwards.
    pub database: Option<String>,
    /// The data folder whose disk is probed.
    pub folder: PathBuf,
    pub rounds: usize,
    /// Of each scenario in each round.
    pub scenario_length: Duration,
    pub events_per_batch: usize,
    pub batch_connections: usize,
    pub single_connections: usize,
    pub seed: u64,
    /// `None` leaves rating out.
    pub rating: Option<RatingOptions>,
    /// `None` leaves billing runs out.
    pub billing: Option<BillingOptions>,
    /// Added to the server's environment.
    pub environment: Vec<(String, String)>,
}

impl BenchOptions {
    /// Five rounds of two seconds per scenario, batches of 1,000 on 4 connections, single posts on 64.
    #[must_use]
    pub fn new(executable: PathBuf, folder: PathBuf) -> BenchOptions {
        BenchOptions {
            executable,
            database: None,
            folder,
            rounds: 5,
            scenario_length: Duration::from_secs(2),
            events_per_batch: 1_000,
            batch_connections: 4,
            single_connections: 64,
            seed: 1,
            rating: Some(RatingOptions::new(1)),
            billing: Some(BillingOptions::new(1)),
            environment: Vec::new(),
        }
    }
}

const WARM_UP: Duration = Duration::from_millis(400);
const IDLE_BEFORE_MEASURING: Duration = Duration::from_secs(1);
const STOP_WITHIN: Duration = Duration::from_secs(30);

/// Starts a server, measures, stops it.
///
/// # Errors
/// When a process cannot be run, or when the server refuses what a benchmark must be able to send.
pub fn run(options: &BenchOptions, mut progress: impl FnMut(&str)) -> Result<BenchReport, LoadError> {
    if options.rounds == 0 || options.events_per_batch == 0 {
        return Err(LoadError::Options("a benchmark needs at least one round and one event per batch".to_owned()));
    }
    let scratch = Scratch::create(&options.folder)?;
    let database = options.database.clone().unwrap_or_else(|| format!("sqlite://{}/bench.db", scratch.path.display()));
    progress("measuring the disk");
    let disk_sync = disk::measure(&scratch.path)?;
    let owner = Owner::for_run(&format!("bench-{}", clock::unix_millis()));
    server_process::migrate(&options.executable, &database)?;
    server_process::create_user(&options.executable, &database, &owner, "Bench")?;
    let server = start_server(options, &database, &scratch)?;
    clock::pause(IDLE_BEFORE_MEASURING);
    let idle = server.memory();
    let mut client = Client::new(server.base_url())?;
    let account = Account::open(&mut client, &owner, "Bench", &owner.email)?;
    let mut bench = Bench::prepare(options, &account, &server, client);
    bench.warm_up(WARM_UP, &mut progress)?;
    for round in 1..=options.rounds {
        for kind in Kind::ALL {
            let measured = bench.measure(kind, options.scenario_length)?;
            progress(&format!("round {round} of {}: {:<9} {measured:>8} events/s", options.rounds, kind.name()));
        }
    }
    progress("checking what was stored");
    let check = bench.check()?;
    let server_figures = ServerFigures::new(&server, idle);
    let (ratios, scenarios) = (bench.ratios(), bench.reports());
    server.stop(STOP_WITHIN)?;
    let rating = match options.rating {
        Some(rating) => Some(measure_rating(rating, options, &database, &scratch, &owner, &mut progress)?),
        None => None,
    };
    let billing = match options.billing {
        Some(billing) => Some(measure_billing(billing, options, &database, &scratch, &owner, &mut progress)?),
        None => None,
    };
    Ok(BenchReport {
        machine: Machine::look(&options.folder),
        database: database.split(':').next().unwrap_or_default().to_owned(),
        seed: options.seed,
        rounds: options.rounds,
        scenario_millis: clock::millis(options.scenario_length),
        disk_sync,
        server: server_figures,
        ratios,
        scenarios,
        check,
        rating,
        billing,
    })
}

/// On a server of its own, so that its memory is that of rating.
fn measure_rating(
    rating: RatingOptions,
    options: &BenchOptions,
    database: &str,
    scratch: &Scratch,
    owner: &Owner,
    progress: impl FnMut(&str),
) -> Result<RatingReport, LoadError> {
    let server = start_server(options, database, scratch)?;
    let mut client = Client::new(server.base_url())?;
    let account = Account::open(&mut client, owner, "Rating", &format!("rating-{}", owner.email))?;
    let report = rating::run(rating, &mut client, &account, &server, progress)?;
    server.stop(STOP_WITHIN)?;
    Ok(report)
}

/// On a server of its own, too.
fn measure_billing(
    billing: BillingOptions,
    options: &BenchOptions,
    database: &str,
    scratch: &Scratch,
    owner: &Owner,
    progress: impl FnMut(&str),
) -> Result<BillingReport, LoadError> {
    let server = start_server(options, database, scratch)?;
    let mut client = Client::new(server.base_url())?;
    let report = billing::run(billing, &mut client, owner, &server, progress)?;
    server.stop(STOP_WITHIN)?;
    Ok(report)
}

fn start_server(options: &BenchOptions, database: &str, scratch: &Scratch) -> Result<ServerProcess, LoadError> {
    ServerProcess::start(&ServerOptions {
        executable: options.executable.clone(),
        database: database.to_owned(),
        port: server_process::free_port()?,
        log: scratch.path.join("server.log"),
        environment: options.environment.clone(),
    })
}

/// A folder of this run, removed with everything in it at the end.
struct Scratch {
    path: PathBuf,
}

impl Scratch {
    fn create(folder: &Path) -> Result<Scratch, LoadError> {
        let name = format!("bench-{}-{}", clock::unix_millis(), std::process::id());
        let action = format!("create a folder in {}", folder.display());
        let path = folder.join(name);
        std::fs::create_dir_all(&path).map_err(LoadError::system(action.clone()))?;
        let path = path.canonicalize().map_err(LoadError::system(action))?;
        Ok(Scratch { path })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A folder that cannot be removed is left for a person; the report is already made.
        std::fs::remove_dir_all(&self.path).ok();
    }
}

/// Keys for one lane; lanes of one run never make the same key.
fn mint(seed: u64, lane: u64) -> KeyMint {
    KeyMint::new(Random::fork(seed, lane))
}
