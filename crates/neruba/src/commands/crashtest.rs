//! `neruba crashtest`: kills a real server at random instants and compares what it acknowledged with what it kept.

use std::process::ExitCode;

use anyhow::{Context, Result};
use load::crash::{self, CrashOptions};

use super::exit;
use crate::cli::Crashtest;

pub fn run(arguments: &Crashtest) -> Result<ExitCode> {
    let folder = &arguments.folder;
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let executable = match &arguments.executable {
        Some(executable) => executable.clone(),
        None => std::env::current_exe().context("cannot find this program")?,
    };
    let database = match &arguments.database {
        Some(database) => database.clone(),
        None => format!("sqlite://{}/crashtest-{}.db", folder.display(), std::process::id()),
    };
    let options = CrashOptions {
        kills: arguments.kills,
        seed: arguments.seed,
        threads: arguments.threads,
        ..CrashOptions::new(executable, database, folder.clone())
    };
    let report = crash::run(&options, |line| eprintln!("{line}"))?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!("{report}");
    }
    Ok(exit(report.passed()))
}
