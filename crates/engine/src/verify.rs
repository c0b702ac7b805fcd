//! The standing invariants, recomputed from what is stored: what `neruba verify` prints and every integration test ends with.

use domain::ids::ProjectId;
use storage::{InstallationTx, ProjectTx, projects};

use crate::engine::Engine;
use crate::error::Error;
use crate::{verify_ingest, verify_invoices, verify_ledger, verify_recognition};

const PROJECTS_PER_PAGE: i64 = 1_000;

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
    fn empty() -> VerifyReport {
        let check = |invariant: &Invariant| Check { id: invariant.id, title: invariant.title, findings: Vec::new() };
        VerifyReport { checks: INVARIANTS.iter().map(check).collect() }
    }

    fn look_into(&mut self, tx: &mut ProjectTx<'_>) -> Result<(), Error> {
        for (invariant, check) in INVARIANTS.iter().zip(&mut self.checks) {
            check.findings.extend((invariant.find)(tx)?);
        }
        Ok(())
    }

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
        self.db().read_installation("verify", |tx| -> Result<VerifyReport, Error> {
            let mut report = VerifyReport::empty();
            for project in every_project(tx)? {
                report.look_into(&mut tx.in_project(project))?;
            }
            Ok(report)
        })
    }

    /// Checks every invariant in one project, changing nothing.
    ///
    /// # Errors
    /// As [`Engine::verify`].
    pub fn verify_project(&self, project: ProjectId) -> Result<VerifyReport, Error> {
        self.read(project, "verify_project", |tx| {
            let mut report = VerifyReport::empty();
            report.look_into(tx)?;
            Ok(report)
        })
    }
}

/// What holds in every project at all times, and how to find where it does not.
struct Invariant {
    id: &'static str,
    title: &'static str,
    find: fn(&mut ProjectTx<'_>) -> Result<Vec<String>, Error>,
}

const INVARIANTS: &[Invariant] = &[
    Invariant {
        id: "I1",
        title: "Debits equal credits, in every currency of every project.",
        find: verify_ledger::postings,
    },
    Invariant {
        id: "I2",
        title: "Every stored balance is the sum of its postings.",
        find: verify_ledger::stored_balances,
    },
    Invariant {
        id: "I3",
        title: "No wallet is beyond its overdraft limit, no lot holds less than nothing or more than was granted.",
        find: verify_ledger::wallets_within_limits,
    },
    Invariant {
        id: "I4",
        title: "Every accepted event is stored exactly once, under its key and in its batch.",
        find: verify_ingest::events,
    },
    Invariant {
        id: "I5",
        title: "Every rollup is the sum of the events of its slice.",
        find: verify_ingest::rollup_cells,
    },
    Invariant {
        id: "I6",
        title: "Every invoice is the one that was issued; its total is the sum of its lines and what its entry books.",
        find: verify_invoices::totals,
    },
    Invariant {
        id: "I7",
        title: "Every charge is on at most one invoice that stands; numbers have no gaps and are given once.",
        find: verify_invoices::charges_and_numbers,
    },
    Invariant {
        id: "I8",
        title: "Every transaction balances by itself, is in the audit trail and was announced; nothing else is.",
        find: verify_ledger::entries,
    },
    Invariant {
        id: "I9",
        title: "What is deferred of fees in advance is what was billed of them, less what its days earned and credit notes took back.",
        find: verify_recognition::deferred_fees,
    },
];

fn every_project(tx: &mut InstallationTx<'_>) -> Result<Vec<ProjectId>, Error> {
    let mut found: Vec<ProjectId> = Vec::new();
    loop {
        let page = projects::page_all(tx, found.last().copied(), PROJECTS_PER_PAGE)?;
        if page.is_empty() {
            return Ok(found);
        }
        found.extend(page.iter().map(|project| project.id));
    }
}
