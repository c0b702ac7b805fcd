//! All files that git knows or would add, loaded once for all rules.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::source::SourceFile;

pub struct Tree {
    pub files: Vec<SourceFile>,
}

impl Tree {
    /// Reads the tracked and the new, not ignored files below `root`. Files that are not text are left out.
    pub fn load(root: &Path) -> Result<Tree> {
        let output = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(root)
            .output()
            .context("starting git; tidy needs it to know the files of the repository")?;
        ensure!(output.status.success(), "git ls-files failed: {}", String::from_utf8_lossy(&output.stderr));
        let listing = String::from_utf8(output.stdout).context("a file name is not UTF-8")?;
        let mut paths: Vec<&str> = listing.split('\0').filter(|path| !path.is_empty()).collect();
        paths.sort_unstable();
        paths.dedup();
        let mut files = Vec::with_capacity(paths.len());
        for path in paths {
            // A file deleted in the work tree is still listed until the deletion is staged; bytes that are no text have no lines to check.
            if let Some(text) = std::fs::read(root.join(path)).ok().and_then(|bytes| String::from_utf8(bytes).ok()) {
                files.push(SourceFile::new(path, text));
            }
        }
        Ok(Tree::new(files))
    }

    /// A repository made of these files: `(path, text)`.
    #[cfg(test)]
    pub fn of(files: &[(&str, &str)]) -> Tree {
        Tree::new(files.iter().map(|(path, text)| SourceFile::new(path, (*text).to_owned())).collect())
    }

    fn new(mut files: Vec<SourceFile>) -> Tree {
        let test_files: Vec<String> = files.iter().flat_map(test_module_paths).collect();
        for file in &mut files {
            let is_declared_as_test = test_files.contains(&file.path);
            file.is_test_file |= is_declared_as_test;
        }
        Tree { files }
    }

    pub fn rust(&self) -> impl Iterator<Item = &SourceFile> {
        self.files.iter().filter(|file| file.is_rust())
    }

    /// The Rust files of `domain`, `storage` and `engine`.
    pub fn core(&self) -> impl Iterator<Item = &SourceFile> {
        self.rust().filter(|file| file.is_core())
    }

    pub fn file(&self, path: &str) -> Option<&SourceFile> {
        self.files.iter().find(|file| file.path == path)
    }
}

/// Where the modules live that `file` declares as `#[cfg(test)] mod name;`.
fn test_module_paths(file: &SourceFile) -> Vec<String> {
    let Some(stem) = file.path.strip_suffix(".rs") else {
        return Vec::new();
    };
    let is_root = stem.ends_with("/lib") || stem.ends_with("/main");
    let folder = if is_root { stem.rsplit_once('/').map_or("", |(folder, _)| folder) } else { stem };
    file.test_modules().into_iter().map(|name| format!("{folder}/{name}.rs")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_declared_for_tests_makes_its_file_a_test_file() {
        let tree = Tree::of(&[
            ("crates/domain/src/lib.rs", "#[cfg(test)]\nmod vectors;\nmod amount;\n"),
            ("crates/domain/src/vectors.rs", ""),
            ("crates/domain/src/amount.rs", "#[cfg(test)]\nmod cases;\n"),
            ("crates/domain/src/amount/cases.rs", ""),
        ]);
        let test_files: Vec<&str> =
            tree.files.iter().filter(|file| file.is_test_file).map(|file| file.path.as_str()).collect();
        assert_eq!(test_files, ["crates/domain/src/vectors.rs", "crates/domain/src/amount/cases.rs"]);
    }

    #[test]
    fn the_repository_itself_can_be_loaded() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let tree = Tree::load(&root).unwrap();
        assert!(tree.file("crates/xtask/src/tidy/tree.rs").is_some());
        assert!(tree.file("Cargo.toml").is_some());
    }
}
