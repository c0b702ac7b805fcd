//! Rule `doc-links`: a link from one document to another file of the repository leads somewhere.

use super::source::SourceFile;
use super::{Finding, Rule, Tree};

pub const RULE: Rule = Rule { name: "doc-links", about: "relative links in Markdown lead to files that exist", check };

fn check(tree: &Tree) -> Vec<Finding> {
    let documents = tree.files.iter().filter(|file| file.path.ends_with(".md"));
    documents.flat_map(|file| check_file(tree, file)).collect()
}

fn check_file(tree: &Tree, file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        for target in targets(line) {
            let path = resolve(&file.path, target);
            let folder = format!("{path}/");
            if !tree.files.iter().any(|known| known.path == path || known.path.starts_with(&folder)) {
                let message = format!("`{target}` leads nowhere; correct the path or remove the link");
                findings.push(file.finding(RULE.name, index + 1, message));
            }
        }
    }
    findings
}

/// The relative targets of `[text](target)` in a line, without their anchors.
fn targets(line: &str) -> Vec<&str> {
    let after_open = line.split("](").skip(1);
    let closed = after_open.filter_map(|rest| rest.split_once(')').map(|(target, _)| target));
    let path = |target| str::split_once(target, '#').map_or(target, |(path, _)| path);
    closed
        .filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
        .map(path)
        .filter(|path| !path.is_empty())
        .collect()
}

/// The path from the root of what `target` means in the document at `from`.
fn resolve(from: &str, target: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.trim_end_matches('/').split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<usize> {
        let tree = Tree::of(&[("docs/guide/start.md", text), ("docs/README.md", ""), ("crates/a/src/a.rs", "")]);
        check(&tree).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn a_link_that_leads_nowhere_is_found() {
        assert_eq!(found("See\n[this](../missing.md) and [that](README.md).\n"), [2, 2]);
    }

    #[test]
    fn links_to_files_folders_anchors_and_the_web_pass() {
        assert_eq!(
            found("[a](../README.md#top) [b](../../crates/a/) [c](#here) [d](https://example.com/x.md)\n"),
            [0; 0]
        );
    }
}
