//! Rule `mod-rs`: a module is `foo.rs` beside its folder `foo/`, so that no two tabs of an editor have the same name.

use super::{Finding, Rule, Tree};

pub const RULE: Rule = Rule { name: "mod-rs", about: "`foo.rs` + `foo/bar.rs`, never `foo/mod.rs`", check };

fn check(tree: &Tree) -> Vec<Finding> {
    let is_mod_rs = |path: &str| path.rsplit('/').next() == Some("mod.rs");
    tree.rust()
        .filter(|file| is_mod_rs(&file.path))
        .map(|file| {
            let folder = file.path.trim_end_matches("/mod.rs");
            file.finding(RULE.name, 1, format!("a `mod.rs` has no name of its own; call it `{folder}.rs`"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::lines_found;
    use super::*;

    #[test]
    fn a_mod_rs_is_found() {
        assert_eq!(lines_found(&RULE, "crates/a/src/foo/mod.rs", "//! A.\n"), [1]);
        assert_eq!(lines_found(&RULE, "crates/a/tests/api/mod.rs", "//! A.\n"), [1]);
    }

    #[test]
    fn a_named_file_passes() {
        assert_eq!(lines_found(&RULE, "crates/a/src/foo.rs", "//! A.\n"), [0; 0]);
        assert_eq!(lines_found(&RULE, "crates/a/src/mod_rs.rs", "//! A.\n"), [0; 0]);
    }
}
