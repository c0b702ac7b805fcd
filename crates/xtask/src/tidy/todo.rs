//! Rule `todo`: a note to do something later names the issue where it will be done, or it will not be done.

use super::lexer::Kind;
use super::source::SourceFile;
use super::{Finding, Rule, Tree};

pub const RULE: Rule = Rule { name: "todo", about: "`TODO`, `FIXME`, `XXX` only with an issue number (`#123`)", check };

const MARKS: &[&str] = &["TODO", "FIXME", "XXX"];
const TEXT_ENDINGS: &[&str] = &[".md", ".toml", ".sql", ".sh", ".js", ".css", ".html", ".py"];

fn check(tree: &Tree) -> Vec<Finding> {
    tree.files.iter().flat_map(check_file).collect()
}

fn check_file(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in prose(file) {
        if let Some(mark) = MARKS.iter().find(|mark| stands_alone(line, mark))
            && !names_an_issue(line)
        {
            let message =
                format!("`{mark}` without an issue number; do it now, or open an issue and write `{mark}(#123)`");
            findings.push(file.finding(RULE.name, number, message));
        }
    }
    findings
}

/// The lines a person reads: comments of Rust code, every line of the other texts.
fn prose(file: &SourceFile) -> Vec<(usize, &'static str)> {
    if file.is_rust() {
        let comments = file.tokens.iter().filter(|token| token.kind == Kind::Comment);
        return comments
            .flat_map(|token| token.text.lines().enumerate().map(|(index, line)| (token.line + index, line)))
            .collect();
    }
    let is_text = TEXT_ENDINGS.iter().any(|ending| file.path.ends_with(ending)) || !file.path.contains('.');
    file.text.lines().enumerate().filter(|_| is_text).map(|(index, line)| (index + 1, line)).collect()
}

/// As a word of its own; in backticks it is only spoken about.
fn stands_alone(line: &str, mark: &str) -> bool {
    line.match_indices(mark).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + mark.len()..].chars().next();
        let joins = |character: Option<char>| character.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '`'));
        !joins(before) && !joins(after)
    })
}

fn names_an_issue(line: &str) -> bool {
    line.match_indices('#').any(|(at, _)| line[at + 1..].starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::super::lines_found;
    use super::*;

    #[test]
    fn a_note_without_an_issue_is_found() {
        assert_eq!(
            lines_found(&RULE, "crates/a/src/a.rs", "//! A.\nfn f() {} // TODO: later\n/* x\nFIXME y */\n"),
            [2, 4]
        );
        assert_eq!(lines_found(&RULE, "scripts/a.sh", "# XXX broken\n"), [1]);
    }

    #[test]
    fn a_note_with_an_issue_and_other_words_pass() {
        let text = "//! The mark `TODO` is spoken about.\n// TODO(#12): after the move\nconst A: &str = \"TODO\";\n// METHODXXXX\n";
        assert_eq!(lines_found(&RULE, "crates/a/src/a.rs", text), [0; 0]);
        assert_eq!(lines_found(&RULE, "openapi.json", "{ \"currency\": \"XXX\" }\n"), [0; 0]);
    }
}
