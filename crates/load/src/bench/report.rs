//! What the benchmark found, for people and for programs.

use std::fmt;

use serde::Serialize;

use super::{BillingReport, DiskSync, Latency, Machine, RatingReport, median};
use crate::clock;
use crate::server_process::{Memory, ServerProcess};

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BenchReport {
    pub machine: Machine,
    /// `sqlite` or `postgres`.
    pub database: String,
    pub seed: u64,
    pub rounds: usize,
    pub scenario_millis: u64,
    pub disk_sync: DiskSync,
    pub server: ServerFigures,
    pub scenarios: Vec<ScenarioReport>,
    pub ratios: Ratios,
    pub check: Check,
    /// Absent where it was left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rating: Option<RatingReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub billing: Option<BillingReport>,
}

impl BenchReport {
    /// Whether the figures count.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.check.holds()
            && self.rating.as_ref().is_none_or(|rating| rating.check.holds())
            && self.billing.as_ref().is_none_or(|billing| billing.check.holds())
    }
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerFigures {
    /// From the start of the process to its first ready answer.
    pub startup_millis: u64,
    pub idle_resident_kib: Option<u64>,
    pub loaded_resident_kib: Option<u64>,
    pub peak_resident_kib: Option<u64>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScenarioReport {
    pub name: String,
    pub connections: usize,
    pub events_per_request: usize,
    pub requests: u64,
    pub events: u64,
    /// Median of the rounds.
    pub events_per_second: u64,
    pub events_per_second_by_round: Vec<u64>,
    /// Of requests, over all rounds.
    pub latency: Latency,
}

/// How many times as fast as the baseline of the same round, to two places; median of rounds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ratios {
    pub batches_to_baseline: f64,
    pub singles_to_baseline: f64,
}

/// What makes the figures count: nothing acknowledged is missing, and a repeated batch changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// Events answered with success, warm-up included.
    pub acknowledged: u64,
    /// Events the server itself counts as accepted.
    pub stored: Option<u64>,
    /// Events of a batch that was sent once more at the end.
    pub repeated: u64,
    /// Of these, answered as replays.
    pub replayed: Option<u64>,
}

impl Check {
    #[must_use]
    pub fn holds(&self) -> bool {
        self.stored == Some(self.acknowledged) && self.replayed == Some(self.repeated)
    }
}

impl Ratios {
    #[must_use]
    pub fn new(batches: &[u64], singles: &[u64], baseline: &[u64]) -> Ratios {
        let by_round = |fast: &[u64]| {
            let hundredths: Vec<u64> =
                fast.iter().zip(baseline).map(|(fast, base)| fast * 100 / (*base).max(1)).collect();
            f64::from(u32::try_from(median(&hundredths)).unwrap_or(u32::MAX)) / 100.0
        };
        Ratios { batches_to_baseline: by_round(batches), singles_to_baseline: by_round(singles) }
    }
}

impl ServerFigures {
    pub(super) fn new(server: &ServerProcess, idle: Option<Memory>) -> ServerFigures {
        let loaded = server.memory();
        ServerFigures {
            startup_millis: clock::millis(server.startup()),
            idle_resident_kib: idle.map(|memory| memory.resident_kib),
            loaded_resident_kib: loaded.map(|memory| memory.resident_kib),
            peak_resident_kib: loaded.map(|memory| memory.peak_kib),
        }
    }
}

impl fmt::Display for BenchReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { processor, cores, memory_kib, kernel, filesystem } = &self.machine;
        writeln!(f, "machine     {processor}, {cores} cores, {} MiB, Linux {kernel}", memory_kib / 1024)?;
        writeln!(f, "data        {} on {filesystem}", self.database)?;
        let DiskSync { samples, p50_micros, p99_micros } = &self.disk_sync;
        writeln!(f, "disk sync   p50 {p50_micros} µs, p99 {p99_micros} µs ({samples} × 4 KiB + fdatasync)")?;
        let mib = |kib: Option<u64>| kib.map_or("unknown".to_owned(), |kib| format!("{} MiB", kib / 1024));
        let server = &self.server;
        writeln!(
            f,
            "server      up in {} ms; resident {} idle, {} after load, {} at most",
            server.startup_millis,
            mib(server.idle_resident_kib),
            mib(server.loaded_resident_kib),
            mib(server.peak_resident_kib)
        )?;
        writeln!(
            f,
            "run         {} rounds of {} ms per scenario, seed {}",
            self.rounds, self.scenario_millis, self.seed
        )?;
        writeln!(f, "\nscenario  connections  events/request    events/s      p50 µs      p99 µs      max µs")?;
        for row in &self.scenarios {
            let Latency { p50_micros, p99_micros, max_micros } = row.latency;
            writeln!(
                f,
                "{:<9} {:>11} {:>15} {:>11} {p50_micros:>11} {p99_micros:>11} {max_micros:>11}",
                row.name, row.connections, row.events_per_request, row.events_per_second
            )?;
        }
        writeln!(f, "\nbatches / baseline  {:.2}×", self.ratios.batches_to_baseline)?;
        writeln!(f, "singles / baseline  {:.2}×", self.ratios.singles_to_baseline)?;
        let word = if self.check.holds() { "holds" } else { "FAILS" };
        let count = |value: Option<u64>| value.map_or("?".to_owned(), |value| value.to_string());
        let Check { acknowledged, stored, repeated, replayed } = self.check;
        write!(
            f,
            "check {word}: {acknowledged} acknowledged, {} stored; {repeated} sent again, {} replayed",
            count(stored),
            count(replayed)
        )?;
        if let Some(rating) = &self.rating {
            write!(f, "\n\n{rating}")?;
        }
        match &self.billing {
            Some(billing) => write!(f, "\n\n{billing}"),
            None => Ok(()),
        }
    }
}
