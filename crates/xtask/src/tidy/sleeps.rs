//! Rule `sleeps`: a test does not wait for time to pass: it is slow when it works and flaky when it does not.

use super::{Finding, Rule, Tree};

pub const RULE: Rule = Rule { name: "sleeps", about: "no sleeping in tests", check };

fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust() {
        for (at, token) in file.code.iter().enumerate().filter(|(_, token)| file.is_test(token.line)) {
            let is_call = token.is("sleep") && file.reads(at + 1, &["("]);
            let is_definition = at.checked_sub(1).is_some_and(|before| file.reads(before, &["fn"]));
            if is_call && !is_definition {
                let message =
                    "a test may not sleep; wait for the event itself (a channel, a condition, a poll of the state)";
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
    fn a_sleeping_test_is_found() {
        let text = "//! A.\n#[test]\nfn t() {\n    std::thread::sleep(ONE_SECOND);\n}\n";
        assert_eq!(lines_found(&RULE, "crates/a/src/a.rs", text), [4]);
        assert_eq!(lines_found(&RULE, "crates/a/tests/a.rs", "async fn t() { sleep(ONE).await }"), [1]);
    }

    #[test]
    fn code_that_waits_on_purpose_passes() {
        assert_eq!(lines_found(&RULE, "crates/load/src/crash.rs", "fn f() { std::thread::sleep(PAUSE); }"), [0; 0]);
        assert_eq!(lines_found(&RULE, "crates/a/tests/a.rs", "fn t() { done.recv(); }"), [0; 0]);
    }
}
