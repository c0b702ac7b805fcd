//! The known-good sequence against any server: each step says passed, failed or skipped, and why.

mod ingest;
mod money;
mod report;
mod run;

pub use report::{Outcome, Report, Step};

use crate::account::Owner;
use crate::client::Client;
use crate::{LoadError, clock};
use run::Run;

/// What the smoke check needs to know.
#[derive(Debug, Clone)]
pub struct SmokeOptions {
    pub base_url: String,
    pub owner: Owner,
    /// Makes project and keys of this run its own: two runs with the same text share a project.
    pub run_id: String,
}

impl SmokeOptions {
    /// Options with a run id taken from the clock and the process.
    #[must_use]
    pub fn new(base_url: &str, email: &str, password: &str) -> SmokeOptions {
        let owner = Owner { email: email.to_owned(), password: password.to_owned() };
        let run_id = format!("{}-{}", clock::unix_millis(), std::process::id());
        SmokeOptions { base_url: base_url.to_owned(), owner, run_id }
    }
}

type Check = fn(&mut Run) -> Result<String, String>;

/// The sequence. A step that fails ends it: what follows needs what it would have made.
const STEPS: [(&str, Check); 18] = [
    ("log in", run::log_in),
    ("a wrong password is refused", run::wrong_password),
    ("create a project", run::create_project),
    ("the same externalKey gives the same project", run::create_project_again),
    ("create an access key", run::create_access_key),
    ("the key is not readable again", run::key_is_shown_once),
    ("post usage", ingest::usage),
    ("repeat it: same answer, marked as replay", ingest::repeat_usage),
    ("same key, other body: conflict", ingest::conflicting_usage),
    ("over-precise units are refused", ingest::too_precise),
    ("grant a credit", money::credit),
    ("repeat the credit: one entry", money::repeat_credit),
    ("charge the wallet", money::charge),
    ("the overview shows all of it", money::overview),
    ("ingest outcomes are counted", ingest::outcomes),
    ("the key can be traced", ingest::trace),
    ("revoke the access key", run::revoke_access_key),
    ("the revoked key is refused", ingest::revoked_key_is_refused),
];

/// Runs the sequence; `each_step` sees every step as it ends.
///
/// # Errors
/// Only when the address cannot be used; a server that is away is a failed first step.
pub fn run(options: &SmokeOptions, mut each_step: impl FnMut(&Step)) -> Result<Report, LoadError> {
    let mut run = Run::new(Client::new(&options.base_url)?, options);
    let mut report = Report { server: options.base_url.clone(), steps: Vec::new() };
    let mut stopped = false;
    for (name, check) in STEPS {
        let started = clock::start();
        let (outcome, detail) = if stopped {
            (Outcome::Skipped, "an earlier step failed".to_owned())
        } else {
            match check(&mut run) {
                Ok(detail) => (Outcome::Passed, detail),
                Err(reason) => (Outcome::Failed, reason),
            }
        };
        stopped |= outcome == Outcome::Failed;
        let step = Step { name: name.to_owned(), outcome, detail, millis: clock::millis(started.elapsed()) };
        each_step(&step);
        report.steps.push(step);
    }
    Ok(report)
}
