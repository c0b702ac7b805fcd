//! The three scenarios, their figures by round, and the final look at what the server stored.

use std::time::Duration;

use serde_json::Value;

use super::drive::{self, Lane, Measured};
use super::latency::{Latency, median};
use super::report::{Check, Ratios, ScenarioReport};
use super::template::Template;
use super::{BenchOptions, mint};
use crate::account::Account;
use crate::client::Client;
use crate::random::Random;
use crate::server_process::ServerProcess;
use crate::{LoadError, clock, requests};

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One connection, one event at a time: each commits alone.
    Baseline,
    /// Batches with time-ordered keys from a few connections.
    Batches,
    /// One event per request from many connections.
    Singles,
}

impl Kind {
    pub(super) const ALL: [Kind; 3] = [Kind::Baseline, Kind::Batches, Kind::Singles];

    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Baseline => "baseline",
            Kind::Batches => "batches",
            Kind::Singles => "singles",
        }
    }
}

struct Scenario {
    kind: Kind,
    lanes: Vec<Lane>,
    events_per_second: Vec<u64>,
    events: u64,
    requests: u64,
    latencies_micros: Vec<u64>,
}

/// A server, its lanes and what was measured so far.
pub(super) struct Bench<'a> {
    server: &'a ServerProcess,
    account: &'a Account,
    client: Client,
    address: String,
    scenarios: Vec<Scenario>,
    acknowledged: u64,
}

/// How long a server may take to become quiet between two scenarios.
const QUIET_WITHIN: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(100);

impl<'a> Bench<'a> {
    pub(super) fn prepare(
        options: &BenchOptions,
        account: &'a Account,
        server: &'a ServerProcess,
        client: Client,
    ) -> Self {
        let address = server.base_url().trim_start_matches("http://").to_owned();
        let mut lane_number = 0;
        let mut lane = |kind: Kind| {
            lane_number += 1;
            let mut random = Random::fork(options.seed, 1_000 + lane_number);
            let template = match kind {
                Kind::Batches => Template::batch(&address, account, &mut random, options.events_per_batch),
                Kind::Baseline | Kind::Singles => Template::single(&address, account, &mut random),
            };
            Lane { template, mint: mint(options.seed, lane_number) }
        };
        let scenarios = Kind::ALL
            .into_iter()
            .map(|kind| {
                let connections = match kind {
                    Kind::Baseline => 1,
                    Kind::Batches => options.batch_connections,
                    Kind::Singles => options.single_connections,
                };
                let lanes = std::iter::repeat_with(|| lane(kind)).take(connections).collect();
                Scenario {
                    kind,
                    lanes,
                    events_per_second: Vec::new(),
                    events: 0,
                    requests: 0,
                    latencies_micros: Vec::new(),
                }
            })
            .collect();
        Bench { server, account, client, address, scenarios, acknowledged: 0 }
    }

    /// Every scenario once, unmeasured: files grow, caches and statements are there.
    pub(super) fn warm_up(&mut self, length: Duration, progress: &mut impl FnMut(&str)) -> Result<(), LoadError> {
        progress("warming up");
        for kind in Kind::ALL {
            self.drive(kind, length)?;
        }
        Ok(())
    }

    /// One stretch of one scenario; gives its events per second.
    pub(super) fn measure(&mut self, kind: Kind, length: Duration) -> Result<u64, LoadError> {
        self.wait_until_quiet();
        let measured = self.drive(kind, length)?;
        let speed = per_second(measured.events, measured.elapsed);
        let scenario = self.scenario(kind);
        scenario.events_per_second.push(speed);
        scenario.events += measured.events;
        scenario.requests += measured.requests;
        scenario.latencies_micros.extend(measured.latencies_micros);
        Ok(speed)
    }

    fn drive(&mut self, kind: Kind, length: Duration) -> Result<Measured, LoadError> {
        let address = self.address.clone();
        let measured = drive::drive(&address, &mut self.scenario(kind).lanes, length)?;
        self.acknowledged += measured.events;
        if let Some((status, body)) = measured.refusal {
            return Err(LoadError::Unexpected { request: format!("the {} scenario", kind.name()), status, body });
        }
        Ok(measured)
    }

    fn scenario(&mut self, kind: Kind) -> &mut Scenario {
        let found = self.scenarios.iter_mut().find(|scenario| scenario.kind == kind);
        // Cannot fail: `prepare` makes one scenario of each kind.
        found.expect("every kind has its scenario")
    }

    /// Work left from the scenario before (folding rollups, checkpoints) must not be charged to the next one.
    fn wait_until_quiet(&self) {
        let begun = clock::start();
        let mut before = self.server.processor_ticks();
        while begun.elapsed() < QUIET_WITHIN {
            clock::pause(LOOK_EVERY);
            let now = self.server.processor_ticks();
            match (before, now) {
                (Some(earlier), Some(later)) if later > earlier + 1 => before = now,
                _ => return,
            }
        }
    }

    /// The server's own count against what was acknowledged, and one batch sent again.
    pub(super) fn check(&mut self) -> Result<Check, LoadError> {
        self.wait_until_quiet();
        let request = requests::overview(&self.account.access_token, &self.account.project_id);
        let overview = self.client.send(&request)?.require(&request.name(), &[200])?.json();
        let accepted = overview["ingest"]["accepted"].as_u64();
        let batch = &self.scenario(Kind::Batches).lanes[0].template;
        let (bytes, events) = (batch.bytes().to_vec(), batch.events());
        let replayed = repeat(&self.address, &bytes)?["replayed"].as_u64();
        Ok(Check {
            acknowledged: self.acknowledged,
            stored: accepted,
            repeated: u64::try_from(events).unwrap_or(u64::MAX),
            replayed,
        })
    }

    pub(super) fn reports(&self) -> Vec<ScenarioReport> {
        self.scenarios.iter().map(Scenario::report).collect()
    }

    /// Medians over the rounds of scenario to baseline of the same round.
    pub(super) fn ratios(&self) -> Ratios {
        let speeds = |kind: Kind| {
            let found = self.scenarios.iter().find(|scenario| scenario.kind == kind);
            found.map(|scenario| scenario.events_per_second.clone()).unwrap_or_default()
        };
        let baseline = speeds(Kind::Baseline);
        Ratios::new(&speeds(Kind::Batches), &speeds(Kind::Singles), &baseline)
    }
}

impl Scenario {
    fn report(&self) -> ScenarioReport {
        ScenarioReport {
            name: self.kind.name().to_owned(),
            connections: self.lanes.len(),
            events_per_request: self.lanes.first().map_or(0, |lane| lane.template.events()),
            requests: self.requests,
            events: self.events,
            events_per_second: median(&self.events_per_second),
            events_per_second_by_round: self.events_per_second.clone(),
            latency: Latency::of(&self.latencies_micros),
        }
    }
}

/// Sends prepared bytes once more on a connection of their own.
fn repeat(address: &str, bytes: &[u8]) -> Result<Value, LoadError> {
    let reply = crate::client::exchange_bytes(address, bytes)?;
    Ok(reply.require("the repeated batch", &[200])?.json())
}

fn per_second(events: u64, elapsed: Duration) -> u64 {
    events.saturating_mul(1_000_000) / clock::micros(elapsed).max(1)
}
