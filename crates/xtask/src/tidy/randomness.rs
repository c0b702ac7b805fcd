//! Rule `randomness`: the core draws no random numbers and mints no random ids by itself; they come through a port.

use super::{Finding, Rule, Tree};

pub const RULE: Rule = Rule { name: "randomness", about: "no randomness in domain, storage and engine", check };

const SOURCES: &[&str] = &["rand", "getrandom", "thread_rng", "OsRng", "fastrand"];
const MINTS: &[&str] = &["now_v7", "new_v4", "now_v1", "now_v6"];

fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.core() {
        for (at, token) in file.production_code() {
            let is_source = SOURCES.iter().any(|source| token.is(source)) && is_path(file, at);
            let is_mint = MINTS.iter().any(|mint| token.is(mint));
            if is_source || is_mint {
                let message = format!("`{}` is random; take ids and bytes from the `Random` port", token.text);
                findings.push(file.finding(RULE.name, token.line, message));
            }
        }
    }
    findings
}

/// Part of a path (`rand::…`, `…::OsRng`), not a local that happens to have the name.
fn is_path(file: &super::source::SourceFile, at: usize) -> bool {
    let follows = at.checked_sub(1).is_some_and(|before| file.reads(before, &[":"]) || file.reads(before, &["use"]));
    follows || file.reads(at + 1, &[":", ":"]) || file.reads(at + 1, &["("])
}

#[cfg(test)]
mod tests {
    use super::super::lines_found;
    use super::*;

    #[test]
    fn randomness_in_the_core_is_found() {
        let text = "//! A.\nuse rand::Rng;\nfn f() { getrandom::fill(&mut b); }\nfn g() { Uuid::now_v7() }\n";
        assert_eq!(lines_found(&RULE, "crates/engine/src/a.rs", text), [2, 3, 4]);
    }

    #[test]
    fn the_port_and_the_edge_pass() {
        let text = "//! A.\nfn f(random: &dyn Random) { random.fill(&mut b); let rand = 1; rand + 1; }\n";
        assert_eq!(lines_found(&RULE, "crates/engine/src/a.rs", text), [0; 0]);
        assert_eq!(lines_found(&RULE, "crates/neruba/src/a.rs", "use getrandom::fill;"), [0; 0]);
    }
}
