//! The escape hatch: a comment `// tidy: allow(rule) reason` on the line or right above it excuses one finding, and is counted.
//! An escape without a reason, for an unknown rule, or that excuses nothing is itself a finding.

use std::collections::BTreeMap;

use super::lexer::Kind;
use super::source::SourceFile;
use super::{Finding, RULES, Report, Tree};

const NAME: &str = "escapes";
const MARK: &str = "tidy: allow(";

struct Escape {
    path: String,
    /// Where the comment stands.
    line: usize,
    /// The line it speaks about: its own, or the next line of code below a comment that stands alone.
    target: usize,
    rule: String,
    reason: String,
    used: usize,
}

/// Takes the excused findings out and adds those about the escapes themselves.
pub fn apply(tree: &Tree, findings: Vec<Finding>) -> Report {
    let mut escapes: Vec<Escape> = tree.files.iter().flat_map(escapes_of).collect();
    let mut report = Report { findings: Vec::new(), excused: BTreeMap::new() };
    for finding in findings {
        let excuse = escapes.iter_mut().find(|escape| {
            escape.path == finding.path
                && escape.rule == finding.rule
                && escape.target == finding.line
                && !escape.reason.is_empty()
        });
        match excuse {
            Some(escape) => {
                escape.used += 1;
                *report.excused.entry(finding.rule).or_default() += 1;
            }
            None => report.findings.push(finding),
        }
    }
    report.findings.extend(escapes.iter().filter_map(complaint));
    report.findings.sort();
    report
}

fn complaint(escape: &Escape) -> Option<Finding> {
    let message = if !RULES.iter().any(|rule| rule.name == escape.rule) {
        format!("no rule is called `{}`; see `cargo xtask tidy --rules`", escape.rule)
    } else if escape.reason.is_empty() {
        "an escape needs a reason; write it behind the closing parenthesis".to_owned()
    } else if escape.used == 0 {
        format!("this escape from `{}` excuses nothing; remove it", escape.rule)
    } else {
        return None;
    };
    Some(Finding { path: escape.path.clone(), line: escape.line, rule: NAME, message })
}

fn escapes_of(file: &SourceFile) -> Vec<Escape> {
    if !file.text.contains(MARK) {
        return Vec::new();
    }
    comments(file).into_iter().filter_map(|(line, comment)| escape_in(file, line, comment)).collect()
}

/// The comments of a file with their lines: by tokens in Rust, by the usual marks in scripts, SQL and TOML.
fn comments(file: &SourceFile) -> Vec<(usize, &'static str)> {
    if file.is_rust() {
        return file
            .tokens
            .iter()
            .filter(|token| token.kind == Kind::Comment)
            .map(|token| (token.line, token.text))
            .collect();
    }
    let has_comments = [".toml", ".sql", ".sh"].iter().any(|ending| file.path.ends_with(ending));
    if !has_comments {
        return Vec::new();
    }
    let comment_of = |line: &'static str| ["# ", "-- "].iter().find_map(|mark| line.find(mark).map(|at| &line[at..]));
    file.text.lines().enumerate().filter_map(|(index, line)| Some((index + 1, comment_of(line)?))).collect()
}

fn escape_in(file: &SourceFile, line: usize, comment: &str) -> Option<Escape> {
    let body = comment.trim_start_matches(['/', '#', '-', ' ']).strip_prefix(MARK)?;
    let (rule, reason) = body.split_once(')')?;
    let stands_alone = file.line(line).trim_start().starts_with(['/', '#', '-']);
    let is_comment = |number: usize| file.line(number).trim_start().starts_with("//");
    let below = (line + 1..).find(|&number| !is_comment(number)).unwrap_or(line);
    Some(Escape {
        path: file.path.clone(),
        line,
        target: if stands_alone { below } else { line },
        rule: rule.trim().to_owned(),
        reason: reason.trim().to_owned(),
        used: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(body: &str) -> Report {
        super::super::run(&Tree::of(&[("crates/domain/src/a.rs", &format!("//! A.\n{body}"))]))
    }

    fn rules_and_lines(report: &Report) -> Vec<(&'static str, usize)> {
        report.findings.iter().map(|finding| (finding.rule, finding.line)).collect()
    }

    #[test]
    fn an_escape_with_a_reason_excuses_its_line_and_is_counted() {
        let same_line = report("fn f(x: u8) -> i64 { x as i64 } // tidy: allow(casts) widening, shown for the test\n");
        assert_eq!(rules_and_lines(&same_line), []);
        assert_eq!(same_line.excused.get("casts"), Some(&1));
        let above = report("// tidy: allow(casts) widening,\n// shown for the test\nfn f(x: u8) -> i64 { x as i64 }\n");
        assert_eq!(rules_and_lines(&above), []);
        assert_eq!(above.excused.get("casts"), Some(&1));
    }

    #[test]
    fn an_escape_without_a_reason_excuses_nothing() {
        let report = report("fn f(x: u8) -> i64 { x as i64 } // tidy: allow(casts)\n");
        assert_eq!(rules_and_lines(&report), [("casts", 2), ("escapes", 2)]);
    }

    #[test]
    fn an_escape_for_another_rule_or_another_line_excuses_nothing() {
        let other_rule = report("fn f(x: u8) -> i64 { x as i64 } // tidy: allow(floats) wrong rule\n");
        assert_eq!(rules_and_lines(&other_rule), [("casts", 2), ("escapes", 2)]);
        let other_line = report("// tidy: allow(casts) too far away\nfn g() {}\nfn f(x: u8) -> i64 { x as i64 }\n");
        assert_eq!(rules_and_lines(&other_line), [("escapes", 2), ("casts", 4)]);
    }

    #[test]
    fn an_escape_for_an_unknown_rule_is_a_finding() {
        assert_eq!(rules_and_lines(&report("fn g() {} // tidy: allow(everything) please\n")), [("escapes", 2)]);
    }

    #[test]
    fn an_escape_inside_a_string_is_only_text() {
        assert_eq!(rules_and_lines(&report("const A: &str = \"// tidy: allow(casts) no\";\n")), []);
    }
}
