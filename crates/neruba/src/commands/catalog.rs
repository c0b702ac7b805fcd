//! `neruba catalog`: the catalog of a project as a file, on any running server.

mod print;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use load::account::Owner;
use load::catalog::{
    ApplyOptions, CatalogFile, CatalogOptions, CatalogSession, Format, Publication, Refused, Rest, Verdict,
};

use self::print::Paint;
use super::password_from_stdin;
use crate::cli::{CatalogApply, CatalogExport, CatalogPlan, Output, ProjectArgs};

/// Exit code of `plan` when there is a difference.
const DIFFERENT: u8 = 2;

pub fn plan(arguments: &CatalogPlan) -> Result<ExitCode> {
    let file = read(&arguments.file)?;
    let mut session = open(&arguments.server)?;
    let planned = match session.plan(&file, rest(arguments.prune))? {
        Verdict::Accepted(planned) => planned,
        Verdict::Refused(refused) => return refuse(&arguments.file, &refused, arguments.output),
    };
    match arguments.output {
        Output::Json => println!("{}", serde_json::to_string_pretty(&planned)?),
        Output::Text => print!("{}", print::differences(&planned.differences, Paint::of_output())),
    }
    Ok(if planned.differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(DIFFERENT) })
}

pub fn apply(arguments: &CatalogApply) -> Result<ExitCode> {
    let file = read(&arguments.file)?;
    let mut session = open(&arguments.server)?;
    let publication = if arguments.drafts { Publication::Drafted } else { Publication::Published };
    let digest = match &arguments.expected_digest {
        Some(digest) => digest.clone(),
        // What is printed is what is applied: a change in between is refused.
        None => match session.plan(&file, rest(arguments.prune))? {
            Verdict::Accepted(planned) => planned.digest,
            Verdict::Refused(refused) => return refuse(&arguments.file, &refused, arguments.output),
        },
    };
    let how = ApplyOptions {
        publication,
        digest,
        reason_code: arguments.reason_code.clone(),
        reason: arguments.reason.clone(),
    };
    let applied = match session.apply(&file, rest(arguments.prune), &how)? {
        Verdict::Accepted(applied) => applied,
        Verdict::Refused(refused) => return refuse(&arguments.file, &refused, arguments.output),
    };
    match arguments.output {
        Output::Json => println!("{}", serde_json::to_string_pretty(&applied)?),
        Output::Text => print!("{}", print::applied(&applied, Paint::of_output())),
    }
    Ok(ExitCode::SUCCESS)
}

pub fn export(arguments: &CatalogExport) -> Result<ExitCode> {
    let text = open(&arguments.server)?.export()?;
    match &arguments.file {
        None => print!("{text}"),
        Some(path) => {
            std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
            eprintln!("wrote {}", path.display());
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn read(path: &Path) -> Result<CatalogFile> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(CatalogFile { bytes, format: Format::of_name(&path.to_string_lossy()) })
}

fn open(server: &ProjectArgs) -> Result<CatalogSession> {
    let owner = Owner { email: server.email.clone(), password: password_from_stdin()? };
    let options = CatalogOptions { base_url: server.url.clone(), owner, project: server.project.clone() };
    Ok(CatalogSession::open(&options)?)
}

fn rest(prune: bool) -> Rest {
    if prune { Rest::Goes } else { Rest::Stays }
}

/// Says what is wrong with the file; nothing was applied.
fn refuse(path: &Path, refused: &Refused, output: Output) -> Result<ExitCode> {
    match output {
        Output::Json => println!("{}", serde_json::to_string_pretty(refused)?),
        Output::Text => eprint!("{}", print::refused(&path.display().to_string(), refused, Paint::of_errors())),
    }
    Ok(ExitCode::FAILURE)
}
