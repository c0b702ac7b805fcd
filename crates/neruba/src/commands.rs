//! One file per command; what several of them share is here.

mod admin;
mod bench;
mod catalog;
mod config_show;
mod crashtest;
mod demo;
mod doctor;
mod migrate;
mod reference;
mod serve;
mod smoke;
mod verify;

use std::io::BufRead;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};

use crate::cli::{AdminCommand, CatalogCommand, Cli, Command, ConfigSubcommand};

/// # Errors
/// Whatever kept the command from doing its work; what it found wrong is its exit code.
pub fn run(cli: Cli) -> Result<ExitCode> {
    match cli.command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Migrate(arguments) => migrate::run(&arguments),
        Command::Admin(admin) => match admin.command {
            AdminCommand::CreateUser(arguments) => admin::create_user(&arguments),
        },
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Smoke(arguments) => smoke::run(&arguments),
        Command::Catalog(catalog) => match catalog.command {
            CatalogCommand::Plan(arguments) => catalog::plan(&arguments),
            CatalogCommand::Apply(arguments) => catalog::apply(&arguments),
            CatalogCommand::Export(arguments) => catalog::export(&arguments),
        },
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Crashtest(arguments) => crashtest::run(&arguments),
        Command::Config(config) => match config.command {
            ConfigSubcommand::Show { database, output } => config_show::run(&database, output),
        },
        Command::Openapi => reference::openapi(),
        Command::Reference { folder } => reference::write(&folder),
    }
}

/// The first line of standard input, without its end.
///
/// # Errors
/// When there is none.
fn password_from_stdin() -> Result<String> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("cannot read the password from standard input")?;
    let password = line.strip_suffix('\n').unwrap_or(&line);
    let password = password.strip_suffix('\r').unwrap_or(password);
    ensure!(!password.is_empty(), "standard input holds no password: `echo 'a long password' | neruba …`");
    Ok(password.to_owned())
}

fn exit(succeeded: bool) -> ExitCode {
    if succeeded { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
