//! Rule `function-size`: a function fits on one screen: at most 70 lines from `fn` to its closing brace.

use super::source::SourceFile;
use super::{Finding, Rule, Tree};

pub const RULE: Rule = Rule { name: "function-size", about: "a function ≤ 70 lines", check };

const LINES_MAX: usize = 70;

fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust().flat_map(check_file).collect()
}

fn check_file(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for at in (0..file.code.len()).filter(|&at| file.reads(at, &["fn"])) {
        let Some(open) = body_start(file, at) else { continue };
        let first = file.code[at].line;
        let lines = file.code[file.closing_brace(open)].line - first + 1;
        if lines > LINES_MAX {
            let name = file.code[at + 1].text;
            let message =
                format!("`{name}` has {lines} lines, {LINES_MAX} are allowed; split it by what its parts decide");
            findings.push(file.finding(RULE.name, first, message));
        }
    }
    findings
}

/// Position of the brace that opens the body; nothing for declarations in traits and for function pointer types.
fn body_start(file: &SourceFile, at: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (offset, token) in file.code[at..].iter().enumerate() {
        if token.is("(") || token.is("[") {
            depth += 1;
        } else if token.is(")") || token.is("]") {
            depth = depth.checked_sub(1)?;
        } else if depth == 0 && (token.is(";") || token.is(",") && offset < 3) {
            return None;
        } else if depth == 0 && token.is("{") {
            return Some(at + offset);
        }
        if offset == 1 && token.is("(") {
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::lines_found;
    use super::*;

    fn function(body_lines: usize) -> String {
        format!(
            "//! A.\ntrait T {{ fn declared(x: [u8; 4]); }}\npub fn f(x: fn(u8) -> u8)\nwhere\n    A: B,\n{{\n{}}}\n",
            "    // {\n".repeat(body_lines)
        )
    }

    #[test]
    fn a_long_function_is_found_where_it_begins() {
        assert_eq!(lines_found(&RULE, "crates/a/src/a.rs", &function(66)), [3]);
        assert_eq!(lines_found(&RULE, "crates/a/tests/a.rs", &function(66)), [3]);
    }

    #[test]
    fn a_function_at_the_limit_passes() {
        assert_eq!(lines_found(&RULE, "crates/a/src/a.rs", &function(65)), [0; 0]);
    }

    #[test]
    fn a_function_inside_a_function_is_measured_by_itself() {
        let text = format!("mod m {{\nfn inner() {{\n{}}}\n}}\n", "x();\n".repeat(70));
        assert_eq!(lines_found(&RULE, "crates/a/src/a.rs", &text), [2]);
    }
}
