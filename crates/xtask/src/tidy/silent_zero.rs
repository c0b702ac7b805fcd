//! Rule `silent-zero`: in the core a missing value never becomes zero by itself: an unknown balance is not a balance of zero.

use super::lexer::Kind;
use super::source::SourceFile;
use super::{Finding, Rule, Tree};

pub const RULE: Rule = Rule {
    name: "silent-zero",
    about: "no `unwrap_or(0)`, no `unwrap_or_default()` of a number in domain, storage and engine",
    check,
};

fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.core() {
        for (at, token) in file.production_code() {
            if token.is(".") && is_silent_zero(file, at + 1) {
                let message =
                    "a missing value becomes zero in silence; handle the absence, or say why it is zero with `match`";
                findings.push(file.finding(RULE.name, file.code[at + 1].line, message));
            }
        }
    }
    findings
}

fn is_silent_zero(file: &SourceFile, at: usize) -> bool {
    let argument = file.code.get(at + 2).map_or("", |token| token.text);
    let is_zero_constant = (at + 2..at + 6).any(|position| file.reads(position, &["ZERO", ")"]));
    let is_zero = is_zero_number(argument) || is_zero_constant;
    file.reads(at, &["unwrap_or", "("]) && is_zero
        || file.reads(at, &["unwrap_or_default", "(", ")"]) && is_about_numbers(file, at)
}

/// `0`, `0_i64`, `0u8`, but not `0x10`.
fn is_zero_number(text: &str) -> bool {
    let suffix = text.trim_start_matches(['0', '_']);
    let is_suffix = suffix.is_empty() || suffix.starts_with(['i', 'u']);
    text.starts_with('0') && is_suffix
}

/// The default of a text or a list is harmless: look for words of numbers between the call and the start of its statement.
fn is_about_numbers(file: &SourceFile, at: usize) -> bool {
    let statement = file.code[..at].iter().rev().take_while(|token| !(token.is(";") || token.is("{") || token.is("}")));
    let is_conversion =
        |word: &str| matches!(word, "try_from" | "try_into" | "parse" | "sum") || word.starts_with("checked_");
    let is_quantity = |word: &str| {
        word.split('_').any(|part| {
            matches!(part, "micros" | "amount" | "balance" | "units" | "quantity" | "total" | "count" | "price")
        })
    };
    statement
        .filter(|token| token.kind == Kind::Ident)
        .any(|token| is_conversion(token.text) || is_quantity(token.text))
}

#[cfg(test)]
mod tests {
    use super::super::lines_found;
    use super::*;

    #[test]
    fn a_silent_zero_is_found() {
        let text = "//! A.\nfn f() { x.unwrap_or(0) }\nfn g() { balance_micros.get(1).unwrap_or_default() }\nfn h() { x.unwrap_or(0_i64) }\nfn i() {\n    x\n        .unwrap_or(Amount::ZERO)\n}\n";
        assert_eq!(lines_found(&RULE, "crates/storage/src/a.rs", text), [2, 3, 4, 7]);
    }

    #[test]
    fn another_default_and_other_crates_pass() {
        let text = "//! A.\nfn f() { x.unwrap_or(50); x.unwrap_or(0x10); x.unwrap_or(\"0\"); words.next().unwrap_or_default(); x.unwrap_or(Limit::DEFAULT) }\n";
        assert_eq!(lines_found(&RULE, "crates/storage/src/a.rs", text), [0; 0]);
        assert_eq!(lines_found(&RULE, "crates/server/src/a.rs", "fn f() { x.unwrap_or(0) }"), [0; 0]);
    }
}
