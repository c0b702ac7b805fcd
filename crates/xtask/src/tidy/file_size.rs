//! Rule `file-size`: a Rust file has at most 600 lines, and half of them have at most 130: one thought per file.

use super::{Finding, Rule, Tree};

pub const RULE: Rule = Rule { name: "file-size", about: "a Rust file ≤ 600 lines, the median file ≤ 130", check };

const LINES_MAX: usize = 600;
const MEDIAN_MAX: usize = 130;

fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust() {
        let lines = file.text.lines().count();
        if lines > LINES_MAX {
            let message = format!("{lines} lines, {LINES_MAX} are allowed; split it by what its parts are for");
            findings.push(file.finding(RULE.name, LINES_MAX + 1, message));
        }
    }
    let median = median_lines(tree);
    if median > MEDIAN_MAX {
        let message =
            format!("the median Rust file has {median} lines, {MEDIAN_MAX} are allowed; split the largest files");
        findings.push(Finding { path: "crates".to_owned(), line: 1, rule: RULE.name, message });
    }
    findings
}

/// The middle one of all Rust files by length; 0 in a repository without Rust.
pub fn median_lines(tree: &Tree) -> usize {
    let mut sizes: Vec<usize> = tree.rust().map(|file| file.text.lines().count()).collect();
    sizes.sort_unstable();
    sizes.get(sizes.len() / 2).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(sizes: &[usize]) -> Vec<(String, usize)> {
        let texts: Vec<(String, String)> = sizes
            .iter()
            .enumerate()
            .map(|(index, lines)| (format!("crates/a/src/f{index}.rs"), "x\n".repeat(*lines)))
            .collect();
        let files: Vec<(&str, &str)> = texts.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        check(&Tree::of(&files)).into_iter().map(|finding| (finding.path, finding.line)).collect()
    }

    #[test]
    fn a_file_over_the_limit_is_found() {
        assert_eq!(findings(&[10, 601, 20]), [("crates/a/src/f1.rs".to_owned(), 601)]);
    }

    #[test]
    fn a_median_over_the_limit_is_found() {
        assert_eq!(findings(&[10, 131, 500]), [("crates".to_owned(), 1)]);
    }

    #[test]
    fn files_at_the_limits_pass() {
        assert_eq!(findings(&[600, 130, 1]), []);
        assert_eq!(check(&Tree::of(&[("openapi.json", &"\n".repeat(9000))])), []);
    }
}
