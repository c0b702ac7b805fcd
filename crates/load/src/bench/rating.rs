//! Rating: a year of usage of many customers rated again under a draft, as a backtest does it, against a baseline in the same run
//! that asks for the estimate of one customer after the other. Both must come to the same amounts.

mod report;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil::Date;
use serde_json::json;

pub use report::{RatingCheck, RatingReport};

use super::plan;
use super::project::{Project, wait_until_quiet};
use super::usage::{self, Year};
use crate::account::Account;
use crate::client::Client;
use crate::random::Random;
use crate::server_process::ServerProcess;
use crate::{LoadError, clock, requests};
use report::Figures;

/// How much is rated.
#[derive(Debug, Clone, Copy)]
pub struct RatingOptions {
    pub customers: u64,
    pub months: u64,
    /// Of one customer, metric and month.
    pub events: u64,
    /// Customers whose estimates are asked for one by one.
    pub baseline_customers: u64,
    pub seed: u64,
}

impl RatingOptions {
    /// 10,000 customers × 12 months with 4 events of each of three metrics in a month; estimates of 100 of them.
    #[must_use]
    pub fn new(seed: u64) -> RatingOptions {
        RatingOptions { customers: 10_000, months: 12, events: 4, baseline_customers: 100, seed }
    }
}

const LOOK_EVERY: Duration = Duration::from_millis(20);
const BACKTEST_WITHIN: Duration = Duration::from_secs(600);
/// The first day of the year that is measured: a closed one, so that every run rates the same usage.
const FIRST_DAY: Date = jiff::civil::date(2025, 1, 1);

/// Fills a project of its own and rates it.
///
/// # Errors
/// When the server refuses what a benchmark must be able to send, or when a backtest fails or does not end.
pub(super) fn run(
    options: RatingOptions,
    client: &mut Client,
    account: &Account,
    server: &ServerProcess,
    mut progress: impl FnMut(&str),
) -> Result<RatingReport, LoadError> {
    let RatingOptions { customers, months, events, baseline_customers, seed } = options;
    let year = Year { first_day: FIRST_DAY, customers, months, events, seed };
    let mut run = Run { project: Project { client, account }, year };
    run.project.declare()?;
    run.draft()?;
    progress(&format!("sending {} events of {customers} customers", year.event_count()));
    run.project.send(year)?;
    wait_until_quiet(server);
    let resident_before = server.memory().map(|memory| memory.resident_kib);
    progress("rating all of them in one backtest");
    let (backtest, backtest_micros) = run.backtest()?;
    let memory = server.memory();
    progress(&format!("asking for the estimates of {baseline_customers} of them"));
    let (estimates_micros, check) = run.estimates(&backtest, baseline_customers)?;
    Ok(RatingReport::new(Figures {
        customers,
        months,
        prices: plan::PRICES,
        events: year.event_count(),
        backtest_micros,
        baseline_customers,
        estimates_micros,
        resident_before_kib: resident_before,
        peak_resident_kib: memory.map(|memory| memory.peak_kib),
        check,
    }))
}

struct Run<'a> {
    project: Project<'a>,
    year: Year,
}

impl Run<'_> {
    /// A draft with a higher price, beside the published version.
    fn draft(&mut self) -> Result<(), LoadError> {
        self.project.post(&format!("/plans/{}/versions", plan::PLAN), &plan::version("0.00035"), &[201])?;
        Ok(())
    }

    /// Rates everything; gives the backtest's id and how long it took from request to result.
    fn backtest(&mut self) -> Result<(String, u64), LoadError> {
        let body = json!({
            "plan": { "key": plan::PLAN, "version": 2 }, "baseline": { "key": plan::PLAN, "version": 1 },
            "from": self.year.from(), "to": self.year.to(),
        });
        let begun = clock::start();
        let made = self.project.post("/backtests", &body, &[202])?;
        let id = made["id"].as_str().unwrap_or_default().to_owned();
        loop {
            let state = self.project.read(&format!("/backtests/{id}"))?;
            let elapsed = begun.elapsed();
            match state["state"].as_str() {
                Some("done") => return Ok((id, clock::micros(elapsed))),
                Some("queued" | "running") if elapsed < BACKTEST_WITHIN => clock::pause(LOOK_EVERY),
                _ => {
                    return Err(LoadError::Unexpected {
                        request: format!("the backtest {id}"),
                        status: 200,
                        body: state.to_string(),
                    });
                }
            }
        }
    }

    /// Asks for the estimates of some customers under the draft; gives how long they took, and whether they are what the backtest says.
    fn estimates(&mut self, backtest: &str, count: u64) -> Result<(u64, RatingCheck), LoadError> {
        let results = self.results(backtest)?;
        let mut random = Random::fork(self.year.seed, 79);
        let mut check = RatingCheck { compared: 0, equal: 0 };
        let mut micros = 0;
        for _ in 0..count.min(self.year.customers) {
            let customer = usage::customer_key(random.between(0, self.year.customers - 1));
            let body = json!({
                "plan": { "key": plan::PLAN, "version": 2 }, "customerKey": customer,
                "from": self.year.from(), "to": self.year.to(),
            });
            let begun = clock::start();
            let estimate = self.project.post("/estimate", &body, &[200])?;
            micros += clock::micros(begun.elapsed());
            check.compared += 1;
            let after = results.get(&customer).map(String::as_str);
            check.equal += u64::from(after.is_some() && after == estimate["subtotal"].as_str());
        }
        Ok((micros, check))
    }

    /// What each customer would have been charged under the draft.
    fn results(&mut self, backtest: &str) -> Result<BTreeMap<String, String>, LoadError> {
        let mut results = BTreeMap::new();
        let mut cursor = String::new();
        loop {
            let path = format!("/backtests/{backtest}/results?order=customer&limit=200{cursor}");
            let page = self.project.read(&path)?;
            for row in page["data"].as_array().into_iter().flatten() {
                if let (Some(customer), Some(after)) = (row["customerKey"].as_str(), row["after"].as_str()) {
                    results.insert(customer.to_owned(), after.to_owned());
                }
            }
            match page["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={}", requests::escaped(next)),
                None => return Ok(results),
            }
        }
    }
}
