//! Every statement of the crate, checked against both databases and the house style.

use std::collections::BTreeSet;
use std::path::Path;

use storage::{Dialect, raw};

/// Statements over the rows of several projects: they find the project of a user or a key, or do the installation's
/// own work. Each is asked for in a review; nothing else may forget its project.
const ACROSS_PROJECTS: &[&str] = &[
    "count_open_jobs",
    "find_access_key_by_public_id",
    "page_projects_of_member",
    "projects_to_settle_late_usage",
    "projects_with_due_jobs",
    "projects_with_unfolded_batches",
];
/// Tables that belong to no project.
const TABLES_OF_THE_INSTALLATION: &[&str] =
    &["installation_audit_entries", "projects", "schema_migrations", "sessions", "users"];
/// Statements that only a migration runs: the server has no right to.
const OF_THE_OWNER: &[&str] = &["record_migration"];

#[test]
fn every_statement_is_understood_by_both_databases() {
    for (name, database) in testkit::databases() {
        let mut wrong = Vec::new();
        for (statement, _, text) in raw::registered(database.dialect()) {
            let prepare = if OF_THE_OWNER.contains(&statement) { raw::prepare_as_owner } else { raw::prepare };
            if let Err(error) = prepare(&database, text) {
                wrong.push(format!("{statement} on {name}: {error:?}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

#[test]
fn every_statement_written_is_registered() {
    let mut registered: BTreeSet<String> = BTreeSet::new();
    for (name, _, _) in raw::registered(Dialect::Sqlite) {
        registered.insert(name.to_owned());
    }
    let mut written = BTreeSet::new();
    for file in sources(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))) {
        let text = std::fs::read_to_string(&file).unwrap();
        let production = text.split("#[cfg(test)]").next().unwrap_or_default();
        written.extend(production.split("sql!(").skip(1).filter_map(first_name));
    }
    let apart: Vec<&String> = registered.symmetric_difference(&written).collect();
    assert!(apart.is_empty(), "written as sql! or bulk_sql! but not registered, or the other way round: {apart:?}");
}

/// `"-- insert_customer\n…` → `insert_customer`
fn first_name(after_macro: &str) -> Option<String> {
    let text = after_macro.trim_start().strip_prefix("\"-- ")?;
    let name = text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_').next()?;
    // The documentation of the macros.
    (name != "function_name").then(|| name.to_owned())
}

fn sources(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

#[test]
fn every_statement_has_a_name_of_its_own() {
    let mut names = BTreeSet::new();
    for (name, source, _) in raw::registered(Dialect::Sqlite) {
        assert!(!name.is_empty() && !name.contains(' '), "the first line is `-- function_name`: {source}");
        assert!(names.insert(name), "{name} names two statements");
    }
}

#[test]
fn no_statement_takes_whatever_columns_there_are() {
    for (name, source, _) in raw::registered(Dialect::Sqlite) {
        assert!(!source.contains("select *") && !source.contains(".*"), "{name} lists no columns");
        assert!(!source.contains(" offset "), "{name} pages by offset: page by key");
        assert!(!source.contains("now()") && !source.contains("random()"), "{name}: times and ids are bound");
    }
}

/// Whether the statement reads and writes the rows of the one project it is given.
fn is_scoped(source: &str) -> bool {
    let words: Vec<&str> = source.split_whitespace().collect();
    let text = words.join(" ");
    text.contains("project_id = ?1")
        || text.contains("project_id = r.project_id")
        || text.contains("r.project_id = ")
        || text.starts_with("--") && text.contains("insert into") && text.contains("(project_id")
}

/// The tables that follow `from`, `join`, `into` and `update`.
fn tables(source: &str) -> Vec<&str> {
    let words: Vec<&str> = source.lines().skip(1).flat_map(str::split_whitespace).collect();
    let named = words.windows(2).filter(|pair| matches!(pair[0], "from" | "join" | "into" | "update"));
    named.map(|pair| pair[1].trim_end_matches([',', ')'])).filter(|word| !word.starts_with(['(', '{'])).collect()
}

#[test]
fn every_statement_keeps_to_its_project_or_stands_in_the_list() {
    // checklist 7
    let across: BTreeSet<&str> = raw::registered(Dialect::Sqlite)
        .into_iter()
        .filter(|(_, source, _)| !is_scoped(source))
        .filter(|(_, source, _)| tables(source).iter().any(|table| !TABLES_OF_THE_INSTALLATION.contains(table)))
        .map(|(name, _, _)| name)
        .collect();
    let listed: BTreeSet<&str> = ACROSS_PROJECTS.iter().copied().collect();
    assert_eq!(across, listed, "statements across projects (left) and the list of them (right)");
}
