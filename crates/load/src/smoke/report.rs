//! What the smoke check found, for people and for programs.

use std::fmt;

use serde::Serialize;

/// All steps in their order.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub server: String,
    pub steps: Vec<Step>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    pub name: String,
    pub outcome: Outcome,
    /// What was seen, or why the step failed.
    pub detail: String,
    pub millis: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    Passed,
    Failed,
    Skipped,
}

impl Report {
    /// Whether every step passed.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.count(Outcome::Passed) == self.steps.len()
    }

    #[must_use]
    pub fn count(&self, outcome: Outcome) -> usize {
        self.steps.iter().filter(|step| step.outcome == outcome).count()
    }

    /// The last line of the text form.
    #[must_use]
    pub fn summary(&self) -> String {
        let (passed, failed) = (self.count(Outcome::Passed), self.count(Outcome::Failed));
        format!("{passed} passed, {failed} failed, {} skipped", self.count(Outcome::Skipped))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.outcome {
            Outcome::Passed => "pass",
            Outcome::Failed => "FAIL",
            Outcome::Skipped => "skip",
        };
        write!(f, "{word}  {:<45} {:>5} ms  {}", self.name, self.millis, self.detail)
    }
}
