//! `neruba bench`: this machine in events per second, durable and deduplicated, against one commit per event, in ratings and in invoices.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use load::bench::{self, BenchOptions, BillingOptions, RatingOptions};

use super::exit;
use crate::cli::Bench;

pub fn run(arguments: &Bench) -> Result<ExitCode> {
    let executable = std::env::current_exe().context("cannot find this program")?;
    let customers = arguments.rating_customers;
    let rating = (customers > 0).then(|| RatingOptions { customers, ..RatingOptions::new(1) });
    let customers = arguments.billing_customers;
    let billing = (customers > 0).then(|| BillingOptions { customers, ..BillingOptions::new(1) });
    let options = BenchOptions {
        rating,
        billing,
        database: arguments.database.clone(),
        rounds: arguments.rounds,
        scenario_length: Duration::from_millis(arguments.scenario_millis),
        ..BenchOptions::new(executable, arguments.folder.clone())
    };
    let report = bench::run(&options, |line| eprintln!("{line}"))?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!("{report}");
    }
    Ok(exit(report.holds()))
}
