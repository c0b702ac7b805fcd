//! Rule `sql-place`: SQL and database drivers are in `storage` and nowhere else.

use super::lexer::{Kind, Token};
use super::source::SourceFile;
use super::{Finding, Rule, Tree};

pub const RULE: Rule = Rule { name: "sql-place", about: "SQL text and database drivers only in storage", check };

const DRIVERS: &[&str] = &["rusqlite", "postgres", "tokio_postgres", "postgres_types"];

/// How a statement begins, and a word that must follow for it to be one.
const STATEMENTS: &[(&str, &str)] = &[
    ("select ", " from "),
    ("insert into ", ""),
    ("update ", " set "),
    ("delete from ", ""),
    ("create table ", ""),
    ("alter table ", ""),
    ("drop table ", ""),
    ("truncate ", ""),
    ("pragma ", ""),
];

fn check(tree: &Tree) -> Vec<Finding> {
    let is_outside = |file: &&SourceFile| !matches!(file.crate_name(), Some("storage" | "xtask"));
    tree.rust().filter(is_outside).flat_map(check_file).collect()
}

fn check_file(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, token) in file.production_code() {
        if token.kind == Kind::Str && is_statement(token) {
            findings.push(file.finding(
                RULE.name,
                token.line,
                "SQL outside `storage`; move it into a repository function there",
            ));
        }
        if DRIVERS.iter().any(|driver| token.is(driver)) && file.reads(at + 1, &[":", ":"]) {
            let message = format!("`{}` outside `storage`; go through `storage::Database`", token.text);
            findings.push(file.finding(RULE.name, token.line, message));
        }
    }
    findings
}

fn is_statement(token: &Token) -> bool {
    let text = token.string_value().to_lowercase();
    let words: Vec<&str> =
        text.lines().filter(|line| !line.trim_start().starts_with("--")).flat_map(str::split_whitespace).collect();
    let statement = words.join(" ");
    STATEMENTS.iter().any(|(start, word)| statement.starts_with(start) && statement.contains(word))
}

#[cfg(test)]
mod tests {
    use super::super::lines_found;
    use super::*;

    #[test]
    fn sql_and_drivers_outside_storage_are_found() {
        let text = "//! A.\nconst A: &str = \"-- get\nselect\n  id\nfrom users\";\nfn f() { rusqlite::Connection::open(\"x\"); }\n";
        assert_eq!(lines_found(&RULE, "crates/engine/src/a.rs", text), [2, 6]);
        assert_eq!(
            lines_found(&RULE, "crates/server/src/a.rs", "const A: &str = \"INSERT INTO users values (1)\";"),
            [1]
        );
    }

    #[test]
    fn storage_prose_and_tests_pass() {
        assert_eq!(lines_found(&RULE, "crates/storage/src/a.rs", "const A: &str = \"select id from users\";"), [0; 0]);
        assert_eq!(
            lines_found(&RULE, "crates/server/src/a.rs", "const A: &str = \"Select a project\"; // update x set y"),
            [0; 0]
        );
        assert_eq!(lines_found(&RULE, "crates/engine/tests/a.rs", "const A: &str = \"select id from users\";"), [0; 0]);
    }
}
