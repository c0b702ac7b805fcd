//! Rule `names`: no file or module is called after nothing in particular: a thing that fits everywhere belongs nowhere.

use super::source::SourceFile;
use super::{Finding, Rule, Tree};

pub const RULE: Rule =
    Rule { name: "names", about: "no files or modules called utils, common, helpers, manager, misc", check };

const FORBIDDEN: &[&str] = &["utils", "util", "common", "helpers", "helper", "manager", "misc"];

fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust().flat_map(check_file).collect()
}

fn check_file(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    let path = file.path.trim_end_matches(".rs");
    if let Some(part) = path.split('/').find(|part| is_forbidden(part)) {
        findings.push(file.finding(
            RULE.name,
            1,
            format!("`{part}` says nothing; name the path after what it is about"),
        ));
    }
    for (at, token) in file.code.iter().enumerate() {
        let is_inline_module = token.is("mod") && file.reads(at + 2, &["{"]);
        if is_inline_module && is_forbidden(file.code[at + 1].text) {
            let message = format!("module `{}` says nothing; name it after what it is about", file.code[at + 1].text);
            findings.push(file.finding(RULE.name, token.line, message));
        }
    }
    findings
}

fn is_forbidden(name: &str) -> bool {
    let last_word = name.rsplit('_').next().unwrap_or(name);
    // `common_passwords` is about passwords; `password_helpers` is about nothing.
    FORBIDDEN.contains(&name) || last_word != "common" && FORBIDDEN.contains(&last_word)
}

#[cfg(test)]
mod tests {
    use super::super::lines_found;
    use super::*;

    #[test]
    fn empty_names_are_found_in_paths_and_modules() {
        assert_eq!(lines_found(&RULE, "crates/a/src/utils.rs", ""), [1]);
        assert_eq!(lines_found(&RULE, "crates/a/tests/common/http.rs", ""), [1]);
        assert_eq!(lines_found(&RULE, "crates/a/src/session_manager.rs", ""), [1]);
        assert_eq!(lines_found(&RULE, "crates/a/src/a.rs", "//! A.\nmod helpers {}\n"), [2]);
    }

    #[test]
    fn names_with_a_meaning_pass() {
        assert_eq!(lines_found(&RULE, "crates/a/src/sessions.rs", "mod commands {}\n"), [0; 0]);
        assert_eq!(lines_found(&RULE, "crates/a/src/common_passwords.rs", ""), [0; 0]);
    }
}
