//! `neruba bench`: this machine in events per second, durable and deduplicated, against one commit per event, and in ratings.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use load::bench::{self, BenchOptions, RatingOptions};

use super::exit;
use crate::cli::Bench;

pub fn run(arguments: &Bench) -> Result<ExitCode> {
    let executable = std::env::current_exe().context("cannot find this program")?;
    let customers = arguments.rating_customers;
    let rating = (customers > 0).then(|| RatingOptions { customers, ..RatingOptions::new(1) });
    let options = BenchOptions {
        rating,
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
