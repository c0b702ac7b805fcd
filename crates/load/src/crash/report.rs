//! What a crash run found, for people and for programs.

use std::fmt;

use serde::Serialize;

use super::compare::Findings;

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CrashReport {
    /// `sqlite` or `postgres`.
    pub database: String,
    pub seed: u64,
    pub kills: usize,
    /// Distinct events and transactions whose acknowledgement was read.
    pub acknowledged: usize,
    pub events: usize,
    pub transactions: usize,
    /// Requests that had to be sent again because the server died under them.
    pub retried: u64,
    /// Acknowledged requests that were sent again on purpose.
    pub repeated: u64,
    pub findings: Findings,
    /// What `neruba verify` says about the database; none when it was not asked.
    pub verification: Option<Verification>,
    pub elapsed_millis: u64,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    pub passed: bool,
    pub output: String,
}

/// So many findings of a kind are shown to people; the JSON form has all.
const SHOWN: usize = 10;

impl CrashReport {
    #[must_use]
    pub fn lost(&self) -> usize {
        self.findings.lost.len()
    }

    #[must_use]
    pub fn doubled(&self) -> usize {
        self.findings.doubled.len()
    }

    /// Whether nothing at all was found wrong.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.findings.is_empty() && self.verification.as_ref().is_none_or(|verification| verification.passed)
    }
}

impl fmt::Display for CrashReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.passed() { "passed" } else { "FAILED" };
        writeln!(
            f,
            "{word}: {} kills on {} (seed {}) in {} s: {} acknowledged ({} events, {} transactions), {} lost, {} doubled",
            self.kills,
            self.database,
            self.seed,
            self.elapsed_millis / 1_000,
            self.acknowledged,
            self.events,
            self.transactions,
            self.lost(),
            self.doubled()
        )?;
        write!(f, "{} requests were sent again after a kill, {} on purpose", self.retried, self.repeated)?;
        for (kind, found) in self.findings.kinds() {
            for sentence in found.iter().take(SHOWN) {
                write!(f, "\n{kind}: {sentence}")?;
            }
            if found.len() > SHOWN {
                write!(f, "\n{kind}: {} more", found.len() - SHOWN)?;
            }
        }
        match &self.verification {
            Some(verification) if verification.passed => write!(f, "\nneruba verify: every invariant holds"),
            Some(verification) => write!(f, "\nneruba verify FAILED:\n{}", verification.output),
            None => Ok(()),
        }
    }
}
