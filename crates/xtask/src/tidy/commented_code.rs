//! Rule `commented-code`: code that is not wanted is deleted; the history keeps it.

use super::lexer::{Kind, Token};
use super::{Finding, Rule, Tree};

pub const RULE: Rule = Rule { name: "commented-code", about: "no commented-out code", check };

const STARTS: &[&str] = &["let ", "fn ", "pub ", "use ", "return ", "if ", "for ", "match ", "self.", "#["];

fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust() {
        for token in file.tokens.iter().filter(|token| is_commented_code(token)) {
            findings.push(file.finding(RULE.name, token.line, "commented-out code; delete it, the history keeps it"));
        }
    }
    findings
}

/// A plain comment that starts and ends as a statement does. Doc comments may show code.
fn is_commented_code(token: &Token) -> bool {
    let is_plain =
        token.kind == Kind::Comment && !["///", "//!", "/**", "/*!"].iter().any(|mark| token.text.starts_with(mark));
    let body = token.text.trim_start_matches(['/', '*']).trim();
    let starts_as_code = STARTS.iter().any(|start| body.starts_with(start));
    let is_call = body.ends_with(");") || body.ends_with("?;");
    is_plain && (is_call || starts_as_code && body.ends_with([';', '{', ']']))
}

#[cfg(test)]
mod tests {
    use super::super::lines_found;
    use super::*;

    #[test]
    fn code_in_a_comment_is_found() {
        let text = "//! A.\n// let total = a + b;\nfn f() {\n    // store(total);\n    // if total > 0 {\n}\n";
        assert_eq!(lines_found(&RULE, "crates/a/src/a.rs", text), [2, 4, 5]);
    }

    #[test]
    fn prose_and_examples_in_docs_pass() {
        let text =
            "//! A.\n/// let total = a + b;\nfn f() {} // for the caller: it sums; nothing else\n// use it with care\n";
        assert_eq!(lines_found(&RULE, "crates/a/src/a.rs", text), [0; 0]);
    }
}
