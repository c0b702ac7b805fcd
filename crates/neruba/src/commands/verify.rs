//! `neruba verify`: every invariant of the stored data, and exit code 0 only if all hold.

use std::process::ExitCode;

use anyhow::{Context, Result};
use engine::verify::VerifyReport;
use storage::OpenOptions;

use super::exit;
use crate::cli::{Output, Verify};
use crate::config::Config;
use crate::world;

pub fn run(arguments: &Verify) -> Result<ExitCode> {
    let config = Config::load(&arguments.database.flags())?;
    // A database that is not there does not hold its invariants.
    let options = OpenOptions { create: false, ..config.database_options.clone() };
    let db = world::open_database(&config.database, &options)?;
    let engine = world::engine(&config, db)?;
    let report = engine.verify().context("the database cannot be verified")?;
    match arguments.output {
        Output::Text => print(&report),
        Output::Json => println!("{}", serde_json::to_string_pretty(&report)?),
    }
    Ok(exit(report.holds()))
}

fn print(report: &VerifyReport) {
    for check in &report.checks {
        let verdict = if check.findings.is_empty() { "ok  " } else { "FAIL" };
        println!("{verdict} {:<3} {}", check.id, check.title);
        for finding in &check.findings {
            println!("         {finding}");
        }
    }
    let broken = report.checks.iter().filter(|check| !check.findings.is_empty()).count();
    match broken {
        0 => println!("all {} invariants hold", report.checks.len()),
        _ => println!("{broken} of {} invariants do not hold", report.checks.len()),
    }
}
