//! Rule `unwraps`: outside tests, `unwrap` and `expect` stand only where they cannot fail, and the line says why.

use super::lexer::Kind;
use super::source::SourceFile;
use super::{Finding, Rule, Tree};

pub const RULE: Rule =
    Rule { name: "unwraps", about: "`unwrap` and `expect` outside tests need a comment `// Cannot fail: …`", check };

const MARK: &str = "// Cannot fail: ";

fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust().flat_map(check_file).collect()
}

fn check_file(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, _) in file.production_code().filter(|(_, token)| token.is(".")) {
        let Some(called) = called_at(file, at + 1) else {
            continue;
        };
        let line = file.code[at + 1].line;
        if !is_explained(file, line) && !is_explained(file, statement_line(file, at)) {
            let message = format!("`{called}` can panic; return an error, or write `{MARK}…` above the line");
            findings.push(file.finding(RULE.name, line, message));
        }
    }
    findings
}

/// The name of the panicking method called at `at`. `expect` is ours to name a method with other arguments: it panics when given a text.
fn called_at(file: &SourceFile, at: usize) -> Option<&'static str> {
    let takes_text = || {
        let argument = file.code.get(at + 2)?;
        (argument.kind == Kind::Str || file.reads(at + 2, &["&", "format"])).then_some(())
    };
    let name =
        ["unwrap", "expect", "unwrap_err", "expect_err"].into_iter().find(|name| file.reads(at, &[name, "("]))?;
    if name.starts_with("expect") {
        takes_text()?;
    }
    Some(name)
}

/// The reason stands on the line itself or in the comment right above it.
fn is_explained(file: &SourceFile, line: usize) -> bool {
    let has_reason =
        |number: usize| file.line(number).split_once(MARK).is_some_and(|(_, reason)| !reason.trim().is_empty());
    let is_comment = |number: &usize| file.line(*number).trim_start().starts_with("//");
    has_reason(line) || (1..line).rev().take_while(is_comment).any(has_reason)
}

/// The line on which the statement around the token at `at` begins: a long chain may be explained above its first line.
fn statement_line(file: &SourceFile, at: usize) -> usize {
    let mut depth = 0_usize;
    let mut line = file.code[at].line;
    for token in file.code[..at].iter().rev() {
        let opens = token.is("(") || token.is("[") || token.is("{");
        let closes = token.is(")") || token.is("]") || token.is("}");
        if depth == 0 && (token.is(";") || token.is("{") || token.is("}")) {
            break;
        }
        if closes {
            depth += 1;
        } else if opens {
            depth = depth.saturating_sub(1);
        }
        line = token.line;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::super::lines_found;
    use super::*;

    #[test]
    fn an_unexplained_unwrap_is_found_in_every_crate() {
        let text = "//! A.\nfn f() { x.unwrap(); }\nfn g() {\n    // Because.\n    y\n        .expect(\"fine\");\n}\n";
        assert_eq!(lines_found(&RULE, "crates/load/src/a.rs", text), [2, 6]);
        assert_eq!(lines_found(&RULE, "crates/load/src/a.rs", "fn f() { x.unwrap() } // Cannot fail: \n"), [1]);
    }

    #[test]
    fn a_comment_further_up_explains_nothing() {
        let text = "fn f() {\n    // Cannot fail: one is a number.\n    let a = 1;\n    x.unwrap();\n}\n";
        assert_eq!(lines_found(&RULE, "crates/load/src/a.rs", text), [4]);
    }

    #[test]
    fn an_explained_unwrap_tests_and_other_methods_pass() {
        let text = "//! A.\nfn f() {\n    // Cannot fail: the table is never empty,\n    // see above.\n    x.unwrap();\n    // Cannot fail: checked.\n    y\n        .get(\n            1,\n        )\n        .expect(\"fine\");\n    z.unwrap_or_else(f);\n    run.expect(&request, 201);\n}\n#[test]\nfn t() { x.unwrap(); }\n";
        assert_eq!(lines_found(&RULE, "crates/load/src/a.rs", text), [0; 0]);
        assert_eq!(lines_found(&RULE, "crates/testkit/src/a.rs", "fn f() { x.unwrap(); }"), [0; 0]);
    }
}
