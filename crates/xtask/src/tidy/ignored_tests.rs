//! Rule `ignored-tests`: a test that is not run proves nothing: repair it or delete it.

use super::{Finding, Rule, Tree};

pub const RULE: Rule = Rule { name: "ignored-tests", about: "no `#[ignore]`", check };

fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust() {
        for (at, token) in file.code.iter().enumerate() {
            if file.reads(at, &["#", "[", "ignore"]) {
                findings.push(file.finding(
                    RULE.name,
                    token.line,
                    "an ignored test proves nothing; repair it or delete it",
                ));
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
    fn an_ignored_test_is_found() {
        let text = "//! A.\n#[test]\n#[ignore = \"slow\"]\nfn t() {}\n";
        assert_eq!(lines_found(&RULE, "crates/a/tests/a.rs", text), [3]);
    }

    #[test]
    fn a_test_that_runs_passes() {
        let text = "//! A.\n#[test]\nfn t() { line.ignore(); }\n";
        assert_eq!(lines_found(&RULE, "crates/a/tests/a.rs", text), [0; 0]);
    }
}
