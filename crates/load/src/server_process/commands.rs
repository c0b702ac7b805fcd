//! The few other commands of the executable that a run needs: migrate, create a user, verify.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::Owner;
use crate::LoadError;

/// Brings the database up to date; safe to repeat.
///
/// # Errors
/// When the command cannot be run or fails.
pub fn migrate(executable: &Path, database: &str) -> Result<(), LoadError> {
    checked(executable, &["migrate", "--database", database], "").map(drop)
}

/// Creates the user a run logs in as; the password goes through a pipe, never through arguments.
///
/// # Errors
/// When the command cannot be run or refuses.
pub fn create_user(executable: &Path, database: &str, owner: &Owner, name: &str) -> Result<(), LoadError> {
    let arguments =
        ["admin", "create-user", "--email", &owner.email, "--name", name, "--password-stdin", "--database", database];
    checked(executable, &arguments, &format!("{}\n", owner.password)).map(drop)
}

/// Whether every invariant of the database holds, and what the command printed.
///
/// # Errors
/// When the command cannot be run at all.
pub fn verify(executable: &Path, database: &str) -> Result<(bool, String), LoadError> {
    let output = run(executable, &["verify", "--database", database], "")?;
    Ok((output.status.success(), text(&output)))
}

fn checked(executable: &Path, arguments: &[&str], input: &str) -> Result<Output, LoadError> {
    let output = run(executable, arguments, input)?;
    if output.status.success() {
        return Ok(output);
    }
    let command = format!("{} {}", executable.display(), arguments[0]);
    Err(LoadError::Command { command, status: output.status.to_string(), output: text(&output) })
}

fn run(executable: &Path, arguments: &[&str], input: &str) -> Result<Output, LoadError> {
    let started = |source| LoadError::Start { program: executable.to_owned(), source };
    let mut child = Command::new(executable)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(started)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A command that ends without reading its input is judged by its status.
        stdin.write_all(input.as_bytes()).ok();
    }
    child.wait_with_output().map_err(started)
}

fn text(output: &Output) -> String {
    let mut all = String::from_utf8_lossy(&output.stdout).into_owned();
    all.push_str(&String::from_utf8_lossy(&output.stderr));
    all.trim().to_owned()
}
