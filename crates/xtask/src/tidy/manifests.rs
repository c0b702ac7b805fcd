//! Rule `manifests`: crates take their versions, their lints and their edition from the root, so that there is one list to review.

use anyhow::Result;
use toml::{Table, Value};

use super::source::SourceFile;
use super::{Finding, Rule, Tree};

pub const RULE: Rule =
    Rule { name: "manifests", about: "crates inherit dependency versions and lints from the workspace", check };

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// `[dependencies]` and `[build-dependencies]`.
    Code,
    /// `[dev-dependencies]`.
    Tests,
}

pub struct Dependency {
    /// The package, also if the manifest renames it.
    pub name: String,
    pub section: Section,
    pub line: usize,
    is_inherited: bool,
}

fn check(tree: &Tree) -> Vec<Finding> {
    let is_manifest = |file: &&SourceFile| file.crate_name().is_some() && file.path.ends_with("/Cargo.toml");
    tree.files.iter().filter(is_manifest).flat_map(check_manifest).collect()
}

fn check_manifest(file: &SourceFile) -> Vec<Finding> {
    let (manifest, dependencies) = match (file.text.parse::<Table>(), dependencies(file)) {
        (Ok(manifest), Ok(dependencies)) => (manifest, dependencies),
        (Err(error), _) => return vec![file.finding(RULE.name, 1, format!("not TOML: {}", error.message()))],
        (Ok(_), Err(error)) => return vec![file.finding(RULE.name, 1, format!("{error:#}"))],
    };
    let mut findings: Vec<Finding> = dependencies
        .iter()
        .filter(|dependency| !dependency.is_inherited)
        .map(|dependency| {
            let message = format!(
                "`{0}` has its own version; put it into the root manifest and write `{0}.workspace = true`",
                dependency.name
            );
            file.finding(RULE.name, dependency.line, message)
        })
        .collect();
    if manifest.get("lints").and_then(|lints| lints.get("workspace")) != Some(&Value::Boolean(true)) {
        findings.push(file.finding(
            RULE.name,
            1,
            "the workspace's lints are off; add `[lints]` with `workspace = true`",
        ));
    }
    findings
}

/// All dependencies of a manifest, those for one platform included.
pub fn dependencies(file: &SourceFile) -> Result<Vec<Dependency>> {
    let manifest: Table = file.text.parse()?;
    let mut found = sections(file, &manifest);
    let targets = manifest.get("target").and_then(Value::as_table);
    for target in targets.into_iter().flat_map(Table::values).filter_map(Value::as_table) {
        found.extend(sections(file, target));
    }
    Ok(found)
}

fn sections(file: &SourceFile, manifest: &Table) -> Vec<Dependency> {
    let names =
        [("dependencies", Section::Code), ("build-dependencies", Section::Code), ("dev-dependencies", Section::Tests)];
    let mut found = Vec::new();
    for (name, section) in names {
        for (key, value) in manifest.get(name).and_then(Value::as_table).into_iter().flatten() {
            let package = value.get("package").and_then(Value::as_str).unwrap_or(key);
            found.push(Dependency {
                name: package.to_owned(),
                section,
                line: line_of(file, name, key),
                is_inherited: value.get("workspace") == Some(&Value::Boolean(true)),
            });
        }
    }
    found
}

/// The parser does not keep lines: look for the key below a header that ends in the section's name.
fn line_of(file: &SourceFile, section: &str, key: &str) -> usize {
    let is_header = |line: &str| {
        line.starts_with('[') && (line.ends_with(&format!("[{section}]")) || line.ends_with(&format!(".{section}]")))
    };
    let mut in_section = false;
    for (index, line) in file.text.lines().map(str::trim).enumerate() {
        if line.starts_with('[') {
            in_section = is_header(line);
            if line.ends_with(&format!("{section}.{key}]")) {
                return index + 1;
            }
        }
        let is_key = line.strip_prefix(key).is_some_and(|rest| rest.starts_with(['.', ' ', '=']));
        if in_section && is_key {
            return index + 1;
        }
    }
    1
}

#[cfg(test)]
mod tests {
    use super::super::lines_found;
    use super::*;

    const LINTS: &str = "[lints]\nworkspace = true\n";

    fn found(manifest: &str) -> Vec<usize> {
        lines_found(&RULE, "crates/domain/Cargo.toml", manifest)
    }

    #[test]
    fn a_version_of_its_own_is_found() {
        assert_eq!(
            found(&format!(
                "[dependencies]\nserde = \"1\"\n[dev-dependencies]\nrstest = {{ version = \"0.1\" }}\n{LINTS}"
            )),
            [2, 4]
        );
        assert_eq!(found(&format!("[dependencies.serde]\nversion = \"1\"\n{LINTS}")), [1]);
    }

    #[test]
    fn missing_lints_and_broken_files_are_found() {
        assert_eq!(found("[dependencies]\n"), [1]);
        assert_eq!(found("[dependencies\n"), [1]);
    }

    #[test]
    fn inherited_versions_pass() {
        assert_eq!(
            found(&format!(
                "[dependencies]\nserde.workspace = true\ntoml = {{ workspace = true, features = [] }}\n{LINTS}"
            )),
            [0; 0]
        );
        assert_eq!(lines_found(&RULE, "Cargo.toml", "[workspace.dependencies]\nserde = \"1\"\n"), [0; 0]);
    }
}
