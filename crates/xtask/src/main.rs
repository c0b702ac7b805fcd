//! Automation of this repository, run as `cargo xtask <task>`: what the compiler, rustfmt and clippy cannot check.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};

mod tidy;

const USAGE: &str = "\
Usage: cargo xtask <task>

Tasks:
  tidy          check the rules of STYLE.md on every file of the repository; exit 1 on any finding
  tidy --rules  list the rules and what each one is for
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["tidy"] => run_tidy(),
        ["tidy", "--rules"] => {
            print!("{}", tidy::describe_rules());
            Ok(true)
        }
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(true)
        }
        _ => {
            eprint!("{USAGE}");
            Ok(false)
        }
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run_tidy() -> Result<bool> {
    let tree = tidy::Tree::load(&repository_root()?)?;
    let report = tidy::run(&tree);
    for finding in &report.findings {
        println!("{finding}");
    }
    println!("{}", report.summary(&tree));
    Ok(report.findings.is_empty())
}

/// The folder of the workspace's manifest: this crate's folder is `crates/xtask` in it.
fn repository_root() -> Result<PathBuf> {
    let manifest = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let root = manifest.ancestors().nth(2).context("crates/xtask is two folders below the root")?;
    Ok(root.to_path_buf())
}
