//! One file of the repository as the rules see it: its text, its tokens if it is Rust, and which of its lines are test code.

use super::Finding;
use super::lexer::{Kind, Token, lex};

pub struct SourceFile {
    /// Relative to the root, with forward slashes.
    pub path: String,
    pub text: &'static str,
    lines: Vec<&'static str>,
    /// Empty unless the file is Rust.
    pub tokens: Vec<Token>,
    /// The tokens without comments: what rules about code look at.
    pub code: Vec<Token>,
    /// The whole file is test code.
    pub is_test_file: bool,
    /// Line ranges (inclusive) of items under `#[cfg(test)]` or `#[test]`.
    test_ranges: Vec<(usize, usize)>,
}

/// The crates whose code decides about money: no clocks, floats, casts or silent zeros there.
pub const CORE: &[&str] = &["domain", "storage", "engine"];

impl SourceFile {
    pub fn new(path: &str, text: String) -> SourceFile {
        // The process ends within a second; leaking the texts lets every token borrow from them for good.
        let text: &'static str = Box::leak(text.into_boxed_str());
        let tokens = if path.ends_with(".rs") { lex(text) } else { Vec::new() };
        let code: Vec<Token> = tokens.iter().copied().filter(|token| token.kind != Kind::Comment).collect();
        let test_ranges = test_ranges(&code);
        SourceFile {
            path: path.to_owned(),
            text,
            lines: text.lines().collect(),
            tokens,
            code,
            is_test_file: is_test_path(path),
            test_ranges,
        }
    }

    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// The crate the file belongs to, if it lies in `crates/`.
    pub fn crate_name(&self) -> Option<&str> {
        self.path.strip_prefix("crates/")?.split('/').next()
    }

    pub fn is_core(&self) -> bool {
        self.crate_name().is_some_and(|name| CORE.contains(&name))
    }

    pub fn is_test(&self, line: usize) -> bool {
        self.is_test_file || self.test_ranges.iter().any(|&(first, last)| first <= line && line <= last)
    }

    /// The text of a line counted from 1; empty beyond the end.
    pub fn line(&self, number: usize) -> &'static str {
        number.checked_sub(1).and_then(|index| self.lines.get(index).copied()).unwrap_or("")
    }

    /// Code tokens outside tests, each with its position in `code`.
    pub fn production_code(&self) -> impl Iterator<Item = (usize, &Token)> {
        self.code.iter().enumerate().filter(|(_, token)| !self.is_test(token.line))
    }

    /// True if the code tokens from `at` on read as `words`.
    pub fn reads(&self, at: usize, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(offset, word)| self.code.get(at + offset).is_some_and(|token| token.is(word)))
    }

    /// Names of the modules this file declares as `#[cfg(test)] mod name;`.
    pub fn test_modules(&self) -> Vec<&'static str> {
        let declared =
            |at: usize| self.reads(at, &["mod"]) && self.reads(at + 2, &[";"]) && self.is_test(self.code[at].line);
        (0..self.code.len()).filter(|&at| declared(at)).map(|at| self.code[at + 1].text).collect()
    }

    /// Position of the brace that closes the one at `open`; the last token if it is never closed.
    pub fn closing_brace(&self, open: usize) -> usize {
        closing_brace(&self.code, open)
    }

    pub fn finding(&self, rule: &'static str, line: usize, message: impl Into<String>) -> Finding {
        Finding { path: self.path.clone(), line, rule, message: message.into() }
    }
}

/// Test code by its place: integration tests, benches, the crate of test fixtures, and files named for it.
fn is_test_path(path: &str) -> bool {
    let in_test_folder = path.split('/').any(|part| matches!(part, "tests" | "benches"));
    let file = path.rsplit('/').next().unwrap_or(path);
    let is_for_tests = ["crates/testkit/", "crates/simulation/"].iter().any(|folder| path.starts_with(folder));
    in_test_folder || is_for_tests || file == "tests.rs" || file.ends_with("_tests.rs")
}

fn test_ranges(code: &[Token]) -> Vec<(usize, usize)> {
    let mut ranges = Vec::new();
    let mut at = 0;
    while at < code.len() {
        match test_attribute_end(code, at) {
            Some(after) => {
                let end = item_end(code, after);
                ranges.push((code[at].line, code[end].last_line()));
                at = end + 1;
            }
            None => at += 1,
        }
    }
    ranges
}

/// If an outer attribute that marks test code starts at `at`, the position after it.
fn test_attribute_end(code: &[Token], at: usize) -> Option<usize> {
    let end = attribute_end(code, at)?;
    let inside = &code[at + 2..end];
    let names = |word: &str| inside.iter().any(|token| token.is(word));
    let is_cfg_test = inside.first()?.is("cfg") && names("test") && !names("not");
    let is_test = !inside.first()?.is("cfg") && (inside.last()?.is("test") || inside.first()?.is("rstest"));
    (is_cfg_test || is_test).then_some(end + 1)
}

/// Position of the `]` of the outer attribute that starts at `at`.
fn attribute_end(code: &[Token], at: usize) -> Option<usize> {
    if !(code[at].is("#") && code.get(at + 1)?.is("[")) {
        return None;
    }
    let mut depth = 0_usize;
    for (offset, token) in code[at + 1..].iter().enumerate() {
        if token.is("[") {
            depth += 1;
        } else if token.is("]") {
            depth -= 1;
            if depth == 0 {
                return Some(at + 1 + offset);
            }
        }
    }
    None
}

/// Position of the last token of the item that starts at `at`: a `;` or the brace that closes its body.
fn item_end(code: &[Token], mut at: usize) -> usize {
    while let Some(end) = code.get(at).and_then(|_| attribute_end(code, at)) {
        at = end + 1;
    }
    let mut depth = 0_usize;
    while at < code.len() {
        let token = &code[at];
        if token.is("(") || token.is("[") {
            depth += 1;
        } else if token.is(")") || token.is("]") {
            depth = depth.saturating_sub(1);
        } else if depth == 0 && token.is(";") {
            return at;
        } else if depth == 0 && token.is("{") {
            return closing_brace(code, at);
        }
        at += 1;
    }
    code.len() - 1
}

fn closing_brace(code: &[Token], open: usize) -> usize {
    let mut depth = 0_usize;
    for (offset, token) in code[open..].iter().enumerate() {
        if token.is("{") {
            depth += 1;
        } else if token.is("}") {
            depth -= 1;
            if depth == 0 {
                return open + offset;
            }
        }
    }
    code.len() - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "//! A.\nfn a() {}\n#[cfg(test)]\n#[expect(dead_code)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n#[cfg(not(test))]\nfn d() {}\n#[test]\nfn e() {\n}\n";

    #[test]
    fn test_items_are_told_from_the_code_around_them() {
        let file = SourceFile::new("crates/domain/src/a.rs", SAMPLE.to_owned());
        let lines: Vec<usize> = (1..=13).filter(|&line| file.is_test(line)).collect();
        assert_eq!(lines, [3, 4, 5, 6, 7, 11, 12, 13]);
    }

    #[test]
    fn files_are_test_code_by_their_place() {
        let is_test = |path: &str| SourceFile::new(path, String::new()).is_test_file;
        assert!(is_test("crates/engine/tests/ingest/replay.rs"));
        assert!(is_test("crates/testkit/src/world.rs"));
        assert!(is_test("crates/domain/src/amount/tests.rs"));
        assert!(!is_test("crates/domain/src/amount.rs"));
    }

    #[test]
    fn test_modules_in_other_files_are_found() {
        let file = SourceFile::new("crates/a/src/b.rs", "#[cfg(test)]\nmod cases;\nmod real;\n".to_owned());
        assert_eq!(file.test_modules(), ["cases"]);
    }

    #[test]
    fn a_file_knows_its_crate() {
        let file = SourceFile::new("crates/engine/src/a.rs", String::new());
        assert_eq!(file.crate_name(), Some("engine"));
        assert!(file.is_core());
        assert_eq!(SourceFile::new("README.md", String::new()).crate_name(), None);
    }
}
