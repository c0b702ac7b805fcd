//! Rule `floats`: no binary floating point in the core, not in its tests either: money and quantities are integers.

use super::lexer::{Kind, Token};
use super::{Finding, Rule, Tree};

pub const RULE: Rule =
    Rule { name: "floats", about: "no f32, f64 or float literals in domain, storage and engine", check };

fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.core() {
        for token in file.code.iter().filter(|token| is_float(token)) {
            let message = format!("`{}` is floating point; use integer micros, or i128 for ratios", token.text);
            findings.push(file.finding(RULE.name, token.line, message));
        }
    }
    findings
}

fn is_float(token: &Token) -> bool {
    match token.kind {
        Kind::Ident => matches!(token.text, "f32" | "f64"),
        Kind::Number => is_float_literal(token.text),
        Kind::Lifetime | Kind::Str | Kind::Char | Kind::Punct | Kind::Comment => false,
    }
}

fn is_float_literal(text: &str) -> bool {
    let has_radix = ["0x", "0b", "0o"].iter().any(|prefix| text.starts_with(prefix));
    let has_suffix = text.ends_with("f32") || text.ends_with("f64");
    !has_radix && (text.contains(['.', 'e', 'E']) && !text.contains("size") || has_suffix)
}

#[cfg(test)]
mod tests {
    use super::super::lines_found;
    use super::*;

    #[test]
    fn float_types_and_literals_are_found_also_in_tests() {
        let text = "//! A.\nfn f(x: f64) {}\nconst A: u8 = 1;\n#[test]\nfn t() { check(1.5, 1e3, 2f32); }\n";
        assert_eq!(lines_found(&RULE, "crates/domain/src/a.rs", text), [2, 5, 5, 5]);
    }

    #[test]
    fn integers_indexes_and_texts_pass() {
        let text =
            "//! 1.5 is prose, f64 too.\nfn f() { (pair.0.1, 0..2, 0xE1, 1_000usize, 7isize, \"1.5\", 9.max(1)) }\n";
        assert_eq!(lines_found(&RULE, "crates/domain/src/a.rs", text), [0; 0]);
        assert_eq!(lines_found(&RULE, "crates/load/src/a.rs", "fn f(x: f64) {}"), [0; 0]);
    }
}
