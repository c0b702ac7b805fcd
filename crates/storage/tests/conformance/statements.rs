//! Every statement of the crate, checked against both databases and the house style.

use std::collections::BTreeSet;
use std::path::Path;

use storage::{Dialect, raw};

/// Statements that name no project: they find a user, a project or the schema itself. The list may only shrink.
const UNSCOPED: &[&str] =
    &["insert_installation_audit_entry", "known_migrations", "ping", "record_migration", "schema_migrations_exists"];
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
    let mut written = 0;
    for file in sources(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))) {
        let text = std::fs::read_to_string(&file).unwrap();
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        written += lines.map(|line| line.matches("sql!(").count()).sum::<usize>();
    }
    assert_eq!(raw::registered(Dialect::Sqlite).len(), written, "sql! and bulk_sql! in src");
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

#[test]
fn every_statement_names_its_project_or_stands_in_the_list() {
    let unscoped: Vec<&str> = raw::registered(Dialect::Sqlite)
        .into_iter()
        .filter(|(_, source, _)| !source.contains("project_id"))
        .map(|(name, _, _)| name)
        .collect();
    let unknown: Vec<&&str> = unscoped.iter().filter(|name| !UNSCOPED.contains(name)).collect();
    assert!(unknown.is_empty(), "without project_id: {unknown:?}");
    let gone: Vec<&&str> = UNSCOPED.iter().filter(|name| !unscoped.contains(name)).collect();
    assert!(gone.is_empty(), "listed, but not without project_id: {gone:?}");
}
