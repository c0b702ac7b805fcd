//! `neruba smoke`: the known-good sequence against any server, step by step.

use std::process::ExitCode;

use anyhow::Result;
use load::smoke::{self, Outcome, SmokeOptions};

use super::{exit, password_from_stdin};
use crate::cli::{Output, Smoke};

pub fn run(arguments: &Smoke) -> Result<ExitCode> {
    let password = password_from_stdin()?;
    let options = SmokeOptions::new(&arguments.url, &arguments.email, &password);
    let report = smoke::run(&options, |step| {
        if arguments.output == Output::Text {
            let verdict = match step.outcome {
                Outcome::Passed => "pass",
                Outcome::Failed => "FAIL",
                Outcome::Skipped => "skip",
            };
            println!("{verdict}  {:<45} {}", step.name, step.detail);
        }
    })?;
    match arguments.output {
        Output::Text => println!("{}", report.summary()),
        Output::Json => println!("{}", serde_json::to_string_pretty(&report)?),
    }
    Ok(exit(report.passed()))
}
