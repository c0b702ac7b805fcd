//! The rules of billing against independent oracles (`scripts/oracle/`), and properties that hold for every price.

mod calendar_tables;
mod charges;
mod prices;
mod properties;
mod rating_vectors;
mod rounding_vectors;
mod stories;

use proptest::prelude::ProptestConfig;

/// How many cases a property is tried on: `PROPTEST_CASES` where it is set, a million each in the long run (`NERUBA_LONG`, best with
/// `--release`), else few.
#[expect(clippy::disallowed_methods, reason = "a test is told by its environment how long to run")]
fn cases() -> ProptestConfig {
    let is_long = std::env::var("NERUBA_LONG").is_ok() && std::env::var("PROPTEST_CASES").is_err();
    let usual = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if is_long { ProptestConfig { cases: 1_000_000, ..usual } } else { usual }
}
