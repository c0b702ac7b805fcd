//! Rule `file-header`: the first line of a Rust file says what the file is for.

use super::{Finding, Rule, Tree};

pub const RULE: Rule = Rule { name: "file-header", about: "a Rust file begins with `//!` and what it is for", check };

fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust()
        .filter(|file| {
            let words = file.line(1).strip_prefix("//! ");
            words.is_none_or(|words| words.trim().is_empty())
        })
        .map(|file| file.finding(RULE.name, 1, "the first line must be `//! …`: one sentence on what the file is for"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::lines_found;
    use super::*;

    #[test]
    fn a_file_without_a_header_is_found() {
        assert_eq!(lines_found(&RULE, "crates/a/src/a.rs", "use std::fmt;\n"), [1]);
        assert_eq!(lines_found(&RULE, "crates/a/src/a.rs", "//!\n//! Late.\n"), [1]);
        assert_eq!(lines_found(&RULE, "crates/a/src/a.rs", ""), [1]);
    }

    #[test]
    fn a_file_with_a_header_passes() {
        assert_eq!(lines_found(&RULE, "crates/a/src/a.rs", "//! What it is for.\n"), [0; 0]);
        assert_eq!(lines_found(&RULE, "scripts/a.sh", "#!/usr/bin/env bash\n"), [0; 0]);
    }
}
