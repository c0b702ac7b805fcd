//! A run that dies at a failpoint and is repeated makes what it would have made: promise P17.

use simulation::crash::{Kills, crash};
use simulation::outcome::Pdfs;
use simulation::template::Kind;

use crate::world::{CUSTOMERS, program, template};

// checklist 53, checklist 69, promise P17, promise P22
#[test]
fn a_run_that_is_killed_on_sqlite_and_repeated_makes_the_same_bytes() {
    killed_and_repeated(Kind::Sqlite, Kills::OneOf { count: 12, seed: 3 });
}

// checklist 53, checklist 69, promise P17, promise P22
#[test]
fn a_run_that_is_killed_on_postgres_and_repeated_makes_the_same_bytes() {
    killed_and_repeated(Kind::Postgres, Kills::OneOf { count: 20, seed: 7 });
}

/// A choice of all kills; `cargo run -p simulation -- crash` tries each of them.
fn killed_and_repeated(kind: Kind, kills: Kills) {
    let Some(template) = template(kind) else { return };
    let report = crash(&program(), template, kills, Pdfs::NONE, |line| println!("{line}"));
    assert!(report.differences.is_empty(), "{:#?}", report.differences);
    assert!(report.failpoints > 60, "only {} failpoints", report.failpoints);
    assert!(report.kills > 8, "only {} kills", report.kills);
    // It was a run worth killing: everybody has invoices, in every currency, and all of them are reconciled and drawn.
    let outcome = &report.undisturbed;
    let customers = usize::try_from(CUSTOMERS).unwrap();
    assert!(outcome.count("issued") > 2 * customers, "{} invoices", outcome.count("issued"));
    assert_eq!(outcome.count("issued"), outcome.count("reconciliation"));
    assert_eq!(outcome.count("issued"), outcome.count("drawn"));
    for currency in ["USD", "EUR", "JPY", "BHD"] {
        let is_issued = |line: &&String| line.starts_with("invoice ") && line.contains(&format!(" {currency} issued "));
        assert!(outcome.lines.iter().filter(is_issued).count() > 50, "{currency}");
    }
}
