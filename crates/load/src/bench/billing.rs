//! Billing runs: the end of a month of many customers, billed and issued in one go, against the same run repeated. A sandbox project has
//! its clock moved over the end of the month; a tenth of the customers is billed first, so that memory can be compared.

mod report;
mod subscribe;

use std::time::{Duration, Instant};

use jiff::civil::Date;
use serde_json::{Value, json};

pub use report::{BillingCheck, BillingReport};

use super::plan;
use super::project::{Project, wait_until_quiet};
use super::usage::{Year, customer_key};
use crate::account::{Account, Owner};
use crate::client::Client;
use crate::random::Random;
use crate::server_process::ServerProcess;
use crate::{LoadError, clock, requests};
use report::{Counts, Figures};

/// How much is billed.
#[derive(Debug, Clone, Copy)]
pub struct BillingOptions {
    pub customers: u64,
    /// Of one customer and metric in the month.
    pub events: u64,
    /// Customers whose invoices are compared with estimates.
    pub compared_customers: u64,
    pub seed: u64,
}

impl BillingOptions {
    /// 10,000 customers with 4 events of each of three metrics; the invoices of 50 of them are compared.
    #[must_use]
    pub fn new(seed: u64) -> BillingOptions {
        BillingOptions { customers: 10_000, events: 4, compared_customers: 50, seed }
    }
}

const LOOK_EVERY: Duration = Duration::from_millis(20);
const RUN_WITHIN: Duration = Duration::from_secs(600);
/// The share of customers that is billed before all of them, to compare memory.
const SMALL_SHARE: u64 = 10;

/// Fills two projects of their own and bills them.
///
/// # Errors
/// When the server refuses what a benchmark must be able to send, or when a run fails or does not end.
pub(super) fn run(
    options: BillingOptions,
    client: &mut Client,
    owner: &Owner,
    server: &ServerProcess,
    mut progress: impl FnMut(&str),
) -> Result<BillingReport, LoadError> {
    let small = BillingOptions { customers: (options.customers / SMALL_SHARE).max(1), ..options };
    let small = Month::prepare(small, client, owner, server, &mut progress)?.bill(server, &mut progress)?;
    let large = Month::prepare(options, client, owner, server, &mut progress)?.bill(server, &mut progress)?;
    Ok(BillingReport::new(&small, &large))
}

/// A project whose customers are about to end a month.
struct Month<'a> {
    client: &'a mut Client,
    account: Account,
    options: BillingOptions,
    year: Year,
}

impl<'a> Month<'a> {
    fn prepare(
        options: BillingOptions,
        client: &'a mut Client,
        owner: &Owner,
        server: &ServerProcess,
        progress: &mut impl FnMut(&str),
    ) -> Result<Month<'a>, LoadError> {
        let BillingOptions { customers, events, seed, .. } = options;
        let account = Account::open_sandbox(client, owner, "Billing", &format!("billing-{customers}-{}", owner.email))?;
        let year = Year { first_day: first_day(), customers, months: 1, events, seed };
        let mut month = Month { client, account, options, year };
        month.project().declare()?;
        progress(&format!("subscribing {customers} customers"));
        subscribe::all(server.base_url(), &month.account, customers, &year.from())?;
        progress("billing their first fees");
        month.advance(0, 2)?;
        progress(&format!("sending {} events", year.event_count()));
        // The last usage is at most as far in the month.
        month.advance(27, 0)?;
        month.project().send(year)?;
        wait_until_quiet(server);
        Ok(month)
    }

    /// The month ends, is billed, and is billed again.
    fn bill(mut self, server: &ServerProcess, progress: &mut impl FnMut(&str)) -> Result<Figures, LoadError> {
        let customers = self.options.customers;
        let before = self.counts()?;
        let resident_before = server.memory().map(|memory| memory.resident_kib);
        progress(&format!("billing a month of {customers} customers"));
        let begun = clock::start();
        self.advance(31, 3)?;
        let run_micros = clock::micros(begun.elapsed());
        let memory = server.memory();
        let billed = self.counts()?.since(&before);
        progress("billing it again");
        let (repeated_micros, repeated) = self.repeat(&json!({}))?;
        let (rated_again_micros, rated_again) = self.repeat(&json!({ "window": self.window() }))?;
        let check = self.check(billed, repeated, rated_again)?;
        Ok(Figures {
            customers,
            prices: plan::PRICES,
            events: self.year.event_count(),
            items: billed.planned,
            invoices: billed.issued,
            run_micros,
            repeated_micros,
            rated_again_micros,
            resident_before_kib: resident_before,
            peak_resident_kib: memory.map(|memory| memory.peak_kib),
            check,
        })
    }

    fn project(&mut self) -> Project<'_> {
        Project { client: self.client, account: &self.account }
    }

    /// Moves the clock to a day and an hour after the beginning of the month, and waits until everything due until then is done.
    fn advance(&mut self, days: i64, hours: i64) -> Result<(), LoadError> {
        let span = jiff::Span::new().days(days).hours(hours);
        let start = self.year.first_day.to_datetime(jiff::civil::Time::midnight());
        let to = format!("{}Z", start.saturating_add(span));
        self.project().post("/clock/advance", &json!({ "to": to }), &[200])?;
        Ok(())
    }

    fn window(&self) -> Value {
        json!({ "start": self.year.from(), "end": self.year.to() })
    }

    /// A run that finds everything done; gives how long it took from request to result.
    fn repeat(&mut self, body: &Value) -> Result<(u64, Counts), LoadError> {
        let (begun, made) = self.start_run(body)?;
        let id = made["id"].as_str().unwrap_or_default().to_owned();
        loop {
            let run = self.project().read(&format!("/billing/runs/{id}"))?;
            let elapsed = begun.elapsed();
            match run["phase"].as_str() {
                Some("done") => return Ok((clock::micros(elapsed), Counts::of(&run["counts"]))),
                Some("charge" | "issue") if elapsed < RUN_WITHIN => clock::pause(LOOK_EVERY),
                _ => {
                    return Err(LoadError::Unexpected {
                        request: format!("the run {id}"),
                        status: 200,
                        body: run.to_string(),
                    });
                }
            }
        }
    }

    /// Starts a run as soon as no other one is at work.
    fn start_run(&mut self, body: &Value) -> Result<(Instant, Value), LoadError> {
        let Account { access_token, project_id, .. } = &self.account;
        let request = requests::write(access_token, project_id, "/billing/runs", body);
        let asked = clock::start();
        loop {
            let begun = clock::start();
            let reply = self.client.send_patiently(&request)?;
            if reply.status != 409 || asked.elapsed() > RUN_WITHIN {
                return Ok((begun, reply.require(&request.name(), &[202])?.json()));
            }
            clock::pause(LOOK_EVERY);
        }
    }

    /// What all runs of the project did so far.
    fn counts(&mut self) -> Result<Counts, LoadError> {
        let runs = self.project().read("/billing/runs?limit=200")?;
        let runs = runs["data"].as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(runs.iter().map(|run| Counts::of(&run["counts"])).fold(Counts::default(), Counts::plus))
    }

    /// Every item is charged and on an issued invoice, a repeated run finds nothing to do, and invoices are what estimates say.
    fn check(&mut self, billed: Counts, repeated: Counts, rated_again: Counts) -> Result<BillingCheck, LoadError> {
        let customers = self.options.customers;
        let mut random = Random::fork(self.options.seed, 80);
        let (mut compared, mut equal) = (0, 0);
        for _ in 0..self.options.compared_customers.min(customers) {
            let customer = customer_key(random.between(0, customers - 1));
            let estimate = json!({
                "plan": { "key": plan::PLAN, "version": 1 }, "customerKey": customer,
                "from": self.year.from(), "to": self.year.to(),
            });
            let estimate = self.project().post("/estimate", &estimate, &[200])?;
            let found = self.project().read(&format!("/invoices?customerKey={customer}&limit=1"))?;
            compared += 1;
            let due = found["data"][0]["due"].as_str();
            equal += u64::from(due.is_some() && due == estimate["total"].as_str());
        }
        Ok(BillingCheck {
            is_complete: billed.charged == customers * plan::PRICES && billed.issued == customers,
            repeated_changed_nothing: repeated.is_unchanged() && rated_again.is_unchanged(),
            compared,
            equal,
        })
    }
}

/// The first day of the month after next: the clock of a sandbox only goes forward.
fn first_day() -> Date {
    let month = clock::month_start(clock::unix_millis(), -2);
    let millis = i64::try_from(month).unwrap_or(i64::MAX);
    let at = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX);
    at.to_zoned(jiff::tz::TimeZone::UTC).date()
}
