//! Rule `machine-paths`: nothing in the repository knows the machine it was written on: no home folders, no private package mirrors.

use super::source::SourceFile;
use super::{Finding, Rule, Tree};

pub const RULE: Rule =
    Rule { name: "machine-paths", about: "no paths of one machine, no private package registries", check };

/// Absolute folders that exist only on somebody's machine.
const FOLDERS: &[&str] = &[concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/Us", "ers/"), concat!("/ho", "me/")];

/// The public hosts a lock file may download from.
const PUBLIC_HOSTS: &[&str] =
    &["github.com/rust-lang/crates.io-index", "registry.npmjs.org/", "pypi.org/", "files.pythonhosted.org/"];

/// Files in which tools look for another registry.
const TOOL_FILES: &[&str] = &[".npmrc", ".yarnrc", ".yarnrc.yml", "pip.conf", "uv.toml"];

fn check(tree: &Tree) -> Vec<Finding> {
    tree.files.iter().flat_map(check_file).collect()
}

fn check_file(file: &SourceFile) -> Vec<Finding> {
    let name = file.path.rsplit('/').next().unwrap_or(&file.path);
    let is_lock_file = name.ends_with(".lock") || name == "package-lock.json" || name == "pnpm-lock.yaml";
    let names_registries = TOOL_FILES.contains(&name) || file.path.ends_with(".cargo/config.toml");
    let mut findings = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        let folder = FOLDERS.iter().find(|folder| has_absolute_path(line, folder));
        let message = if let Some(folder) = folder {
            format!("`{folder}` is a path of one machine; make it relative or configurable")
        } else if is_lock_file && line.contains("https://") && is_download(line) && !is_public(line) {
            "a package from a private registry; lock it from the public one".to_owned()
        } else if names_registries && (line.contains("registry") || line.contains("index-url")) {
            "a registry set for everybody; put it into the configuration of your own machine".to_owned()
        } else {
            continue;
        };
        findings.push(file.finding(RULE.name, index + 1, message));
    }
    findings
}

/// At the beginning of a path: not inside a longer one and not in a web address.
fn has_absolute_path(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|character| character.is_alphanumeric() || matches!(character, '.' | '_' | '-' | '}' | '/'))
    })
}

fn is_download(line: &str) -> bool {
    ["source", "resolved", "tarball", "url"].iter().any(|field| line.contains(field))
}

fn is_public(line: &str) -> bool {
    PUBLIC_HOSTS.iter().any(|host| line.contains(&format!("https://{host}")))
}

#[cfg(test)]
mod tests {
    use super::super::lines_found;
    use super::*;

    #[test]
    fn a_path_of_one_machine_is_found() {
        let text = format!("# A\ncd {}\n", concat!("/ro", "ot/project"));
        assert_eq!(lines_found(&RULE, "docs/a.md", &text), [2]);
        assert_eq!(lines_found(&RULE, "test", concat!("data='/wo", "rk/data'\n")), [1]);
    }

    #[test]
    fn a_private_registry_is_found() {
        let lock = "source = \"registry+https://packages.example.com/index\"\n";
        assert_eq!(lines_found(&RULE, "Cargo.lock", lock), [1]);
        assert_eq!(lines_found(&RULE, ".npmrc", "registry=https://packages.example.com\n"), [1]);
    }

    #[test]
    fn relative_paths_addresses_and_public_registries_pass() {
        let text = concat!("target/wo", "rk/a https://example.com/ho", "me/x $dir/ro", "ot/y\n");
        assert_eq!(lines_found(&RULE, "docs/a.md", text), [0; 0]);
        let lock = "source = \"registry+https://github.com/rust-lang/crates.io-index\"\n";
        assert_eq!(lines_found(&RULE, "Cargo.lock", lock), [0; 0]);
    }
}
