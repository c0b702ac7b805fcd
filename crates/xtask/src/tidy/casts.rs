//! Rule `casts`: no `as` between numbers in the core: it wraps and truncates in silence.

use super::source::SourceFile;
use super::{Finding, Rule, Tree};

pub const RULE: Rule = Rule { name: "casts", about: "no `as` casts to numbers in domain, storage and engine", check };

const NUMBERS: &[&str] =
    &["u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize", "f32", "f64", "_"];

fn check(tree: &Tree) -> Vec<Finding> {
    tree.core().flat_map(check_file).collect()
}

fn check_file(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut in_import = false;
    for (at, token) in file.production_code() {
        // `use Trait as _;` renames, it does not convert; `use<'a>` is a capture list.
        in_import = (in_import || token.is("use") && !file.reads(at + 1, &["<"])) && !token.is(";");
        let target = file.code.get(at + 1).filter(|next| NUMBERS.iter().any(|number| next.is(number)));
        if let (true, false, Some(target)) = (token.is("as"), in_import, target) {
            let message = format!(
                "`as {}` can change the value in silence; use `from`, or `try_from` and handle the refusal",
                target.text
            );
            findings.push(file.finding(RULE.name, token.line, message));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::lines_found;
    use super::*;

    #[test]
    fn a_number_cast_in_the_core_is_found() {
        let text = "//! A.\nfn f(x: u64) -> i64 { x as i64 }\nfn g(x: u64) -> i64 {\n    x as _\n}\n";
        assert_eq!(lines_found(&RULE, "crates/engine/src/a.rs", text), [2, 4]);
    }

    #[test]
    fn renames_qualified_paths_tests_and_other_crates_pass() {
        let text = "//! A.\nuse std::fmt::Write as _;\nuse a::b as c;\nfn f() { <i64 as TryFrom<u64>>::try_from(1) }\n#[test]\nfn t() { 1u8 as i64; }\n";
        assert_eq!(lines_found(&RULE, "crates/engine/src/a.rs", text), [0; 0]);
        assert_eq!(lines_found(&RULE, "crates/load/src/a.rs", "fn f(x: u64) -> i64 { x as i64 }"), [0; 0]);
    }
}
