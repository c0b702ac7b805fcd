//! Rule `sql-text`: how SQL is written: named, columns listed, pages by key, parameters as `?1`, lower case.

use super::lexer::{Kind, Token};
use super::source::SourceFile;
use super::{Finding, Rule, Tree};

pub const RULE: Rule = Rule {
    name: "sql-text",
    about: "`sql!` begins with `-- name`; no `select *`, no `offset`, no `$1`, keywords in lower case",
    check,
};

const MACROS: &[&str] = &["sql", "bulk_sql"];
const KEYWORDS: &[&str] =
    &["SELECT", "INSERT", "UPDATE", "DELETE", "FROM", "WHERE", "JOIN", "ORDER BY", "VALUES", "CONFLICT"];

fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust().filter(|file| file.crate_name() == Some("storage")).flat_map(check_file).collect()
}

fn check_file(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, token) in file.production_code().filter(|(_, token)| token.kind == Kind::Str) {
        let is_statement = MACROS.iter().any(|name| at >= 3 && file.reads(at - 3, &[name, "!", "("]));
        let complaints =
            if is_statement { complaints_about_statement(token) } else { complaints_about_text(&token.string_value()) };
        findings.extend(complaints.into_iter().map(|message| file.finding(RULE.name, token.line, message)));
    }
    findings
}

fn complaints_about_statement(token: &Token) -> Vec<String> {
    let text = token.string_value();
    let mut complaints = complaints_about_text(&text);
    let name = text.lines().next().and_then(|first| first.strip_prefix("-- ")).unwrap_or("");
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !is_name {
        complaints.push(
            "the first line of a statement is `-- function_name`: it names the statement in logs and metrics"
                .to_owned(),
        );
    }
    if let Some(keyword) = KEYWORDS.iter().find(|keyword| {
        text.split(|c: char| !c.is_ascii_uppercase() && c != ' ').any(|words| words.trim() == **keyword)
    }) {
        complaints.push(format!("`{keyword}` shouts; SQL is written in lower case"));
    }
    if text.match_indices('$').any(|(at, _)| text[at + 1..].starts_with(|c: char| c.is_ascii_digit())) {
        complaints.push("`$1` is bound by order of appearance on SQLite; write `?1`".to_owned());
    }
    complaints
}

/// What holds for every string that holds SQL, also for parts of statements.
fn complaints_about_text(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower
        .split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ','))
        .filter(|word| !word.is_empty())
        .collect();
    let mut complaints = Vec::new();
    if words.windows(2).any(|pair| pair == ["select", "*"]) || lower.contains("select distinct *") {
        complaints.push("`select *` changes its meaning with the table; list the columns".to_owned());
    }
    if words.contains(&"select") && words.contains(&"from") && words.contains(&"offset") {
        complaints.push("`offset` skips and repeats rows while others write; page by key".to_owned());
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::super::lines_found;
    use super::*;

    fn found(text: &str) -> Vec<usize> {
        lines_found(&RULE, "crates/storage/src/a.rs", text)
    }

    #[test]
    fn badly_written_sql_is_found() {
        assert_eq!(found("fn f() { sql!(\"select id from users\"); }"), [1]);
        assert_eq!(found("fn f() { sql!(\"-- Get user\\nselect id from users\"); }"), [1]);
        assert_eq!(found("fn f() { bulk_sql!(\"-- get\\nselect id\\nFROM users\", [a: Int]); }"), [1]);
        assert_eq!(found("fn f() { sql!(\"-- get\\nselect id from users where id = $1\"); }"), [1]);
        assert_eq!(found("fn f() { sql!(r\"-- get\nselect *\nfrom users\"); }"), [1]);
        assert_eq!(found("const A: &str = \"select id from users limit 1 offset 5\";"), [1]);
    }

    #[test]
    fn well_written_sql_and_other_crates_pass() {
        assert_eq!(
            found("fn f() { sql!(\"-- get_user\\nselect id, count(*)\\nfrom users\\nwhere id = ?1\"); }"),
            [0; 0]
        );
        assert_eq!(found("const A: &str = \"the offset of the row\";"), [0; 0]);
        assert_eq!(lines_found(&RULE, "crates/server/src/a.rs", "const A: &str = \"select * from x\";"), [0; 0]);
    }
}
