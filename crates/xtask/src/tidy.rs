//! `cargo xtask tidy`: each rule of STYLE.md that a program can check is one file below, with a test that shows it failing.

use std::collections::BTreeMap;
use std::fmt::Write;

mod casts;
mod clocks;
mod commented_code;
mod crate_edges;
mod doc_links;
mod escapes;
mod file_header;
mod file_size;
mod floats;
mod function_size;
mod ignored_tests;
mod lexer;
mod lock_file;
mod machine_paths;
mod manifests;
mod mod_rs;
mod names;
mod randomness;
mod silent_zero;
mod sleeps;
mod source;
mod sql_place;
mod sql_text;
mod todo;
mod tree;
mod unwraps;

pub use tree::Tree;

/// One rule: `check` looks at the whole repository and returns what breaks the rule.
pub struct Rule {
    pub name: &'static str,
    /// What the rule demands, in one line: printed by `cargo xtask tidy --rules`.
    pub about: &'static str,
    pub check: fn(&Tree) -> Vec<Finding>,
}

/// One place where a rule is broken.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    pub path: String,
    /// Counted from 1.
    pub line: usize,
    pub rule: &'static str,
    /// What is wrong and what to do about it.
    pub message: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}:{}: {}: {}", self.path, self.line, self.rule, self.message)
    }
}

pub const RULES: &[Rule] = &[
    crate_edges::RULE,
    manifests::RULE,
    lock_file::RULE,
    file_size::RULE,
    function_size::RULE,
    mod_rs::RULE,
    file_header::RULE,
    names::RULE,
    floats::RULE,
    clocks::RULE,
    randomness::RULE,
    casts::RULE,
    silent_zero::RULE,
    unwraps::RULE,
    sql_place::RULE,
    sql_text::RULE,
    ignored_tests::RULE,
    sleeps::RULE,
    todo::RULE,
    commented_code::RULE,
    machine_paths::RULE,
    doc_links::RULE,
];

/// What a run found, and how many findings a written reason has excused.
pub struct Report {
    pub findings: Vec<Finding>,
    pub excused: BTreeMap<&'static str, usize>,
}

impl Report {
    /// The closing line: how much was checked, what is excused, how many findings.
    pub fn summary(&self, tree: &Tree) -> String {
        let excused: usize = self.excused.values().sum();
        let mut line = format!(
            "tidy: {} rules on {} files, median Rust file {} lines, {excused} excused",
            RULES.len(),
            tree.files.len(),
            file_size::median_lines(tree),
        );
        if excused > 0 {
            let parts: Vec<String> = self.excused.iter().map(|(rule, count)| format!("{rule} {count}")).collect();
            // Cannot fail: writing to a String.
            write!(line, " ({})", parts.join(", ")).expect("a String takes any text");
        }
        // Cannot fail: writing to a String.
        write!(line, ", {} findings", self.findings.len()).expect("a String takes any text");
        line
    }
}

/// Runs every rule, then takes out what an escape with a reason excuses.
pub fn run(tree: &Tree) -> Report {
    let mut findings: Vec<Finding> = RULES.iter().flat_map(|rule| (rule.check)(tree)).collect();
    findings.sort();
    findings.dedup();
    escapes::apply(tree, findings)
}

/// The table behind `cargo xtask tidy --rules`.
pub fn describe_rules() -> String {
    RULES.iter().map(|rule| format!("{:<16} {}\n", rule.name, rule.about)).collect()
}

/// For the tests of the rules: the lines that `rule` reports when the repository is this one file.
#[cfg(test)]
fn lines_found(rule: &Rule, path: &str, text: &str) -> Vec<usize> {
    (rule.check)(&Tree::of(&[(path, text)])).into_iter().map(|finding| finding.line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_its_own_name() {
        let names: std::collections::BTreeSet<_> = RULES.iter().map(|rule| rule.name).collect();
        assert_eq!(names.len(), RULES.len());
    }

    #[test]
    fn a_finding_reads_as_path_line_rule_and_advice() {
        let tree = Tree::of(&[("crates/domain/src/a.rs", "//! A.\nfn f(x: u8) -> i64 { x as i64 }\n")]);
        let report = run(&tree);
        assert_eq!(report.findings.len(), 1);
        assert!(report.findings[0].to_string().starts_with("crates/domain/src/a.rs:2: casts: "));
        assert!(report.summary(&tree).ends_with(" 0 excused, 1 findings"));
    }
}
