//! Rule `clocks`: the core never asks what time it is. `Ctx::now` is fixed for a whole operation, so that it can be repeated exactly.

use super::{Finding, Rule, Tree};

pub const RULE: Rule = Rule { name: "clocks", about: "no clock is read in domain, storage and engine", check };

const CLOCKS: &[&str] = &["SystemTime", "Instant", "Timestamp", "Zoned", "Utc", "Local"];

/// The stopwatch behind metrics and retries of transactions: no stored value depends on it.
const STOPWATCH: &str = "crates/storage/src/timing.rs";

fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.core().filter(|file| file.path != STOPWATCH) {
        for (at, token) in file.production_code() {
            if CLOCKS.iter().any(|clock| token.is(clock)) && file.reads(at + 1, &[":", ":", "now"]) {
                let message =
                    format!("`{}::now` reads the clock; take `ctx.now`, or the `Clock` port for durations", token.text);
                findings.push(file.finding(RULE.name, token.line, message));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::lines_found;
    use super::*;

    #[test]
    fn reading_a_clock_in_the_core_is_found_even_without_a_call() {
        let text = "//! A.\nfn f() { std::time::SystemTime::now(); }\nfn g() { let clock = jiff::Timestamp::now; }\n";
        assert_eq!(lines_found(&RULE, "crates/domain/src/a.rs", text), [2, 3]);
        assert_eq!(lines_found(&RULE, "crates/storage/src/a.rs", "fn f() { Instant::now() }"), [1]);
    }

    #[test]
    fn a_given_instant_the_edge_and_tests_pass() {
        let text = "//! A.\nfn f(ctx: &Ctx) { ctx.now; Instant::from_micros(0); }\n#[cfg(test)]\nmod tests { fn t() { Instant::now(); } }\n";
        assert_eq!(lines_found(&RULE, "crates/domain/src/a.rs", text), [0; 0]);
        assert_eq!(lines_found(&RULE, STOPWATCH, "fn f() { Instant::now() }"), [0; 0]);
        assert_eq!(lines_found(&RULE, "crates/neruba/src/clock.rs", "fn f() { SystemTime::now() }"), [0; 0]);
    }
}
