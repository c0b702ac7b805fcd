//! The two folders of migrations make the same schema: tables, columns, keys, constraints, indexes. And the schema
//! keeps the rules of the house: a project everywhere, no floats.

use std::collections::{BTreeMap, BTreeSet};

use storage::raw::{self, Row};
use storage::{Database, Dialect, StorageError};

/// Tables that belong to no project, or are the project. The list may only shrink.
const TABLES_OF_THE_INSTALLATION: &[&str] =
    &["installation_audit_entries", "projects", "schema_migrations", "sessions", "users"];
/// Keys that do not lead with the project, because they find it. The list may only shrink.
const KEYS_OF_THE_INSTALLATION: &[&str] = &[
    "access_keys_public_id",
    "installation_audit_entries_pk",
    "projects_external_key",
    "projects_pk",
    "schema_migrations_pk",
    "sessions_pk",
    "users_email",
    "users_pk",
];

/// What of a schema must be equal, in words of neither database.
#[derive(Debug, Default, PartialEq, Eq)]
struct Schema {
    /// Table, column → type and nullability, in one text.
    columns: BTreeMap<(String, String), String>,
    /// Table and name → the columns of a primary key, a unique constraint or a unique index.
    keys: BTreeMap<(String, String), Vec<String>>,
    /// Table → its columns and what they refer to.
    references: BTreeSet<(String, String)>,
    /// Table, name of the check.
    checks: BTreeSet<(String, String)>,
    /// Table and name → the columns of an index that is not unique.
    indexes: BTreeMap<(String, String), Vec<String>>,
}

fn pair(row: &Row<'_>) -> Result<(String, String), StorageError> {
    Ok((row.get(0)?, row.get(1)?))
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(|part| part.trim().to_owned()).collect()
}

fn rows<T>(database: &Database, text: &str, read: impl FnMut(&Row<'_>) -> Result<T, StorageError>) -> Vec<T> {
    raw::query_as_owner(database, text, read).unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

fn schema(database: &Database) -> Schema {
    match database.dialect() {
        Dialect::Sqlite => sqlite_schema(database),
        Dialect::Postgres => postgres_schema(database),
    }
}

/// The types of PostgreSQL with what stands for them on SQLite. A float is none of them.
fn portable_type(postgres: &str) -> &'static str {
    match postgres {
        "uuid" | "bytea" | "numeric(38,0)" => "BLOB",
        "bigint" | "boolean" | "timestamp with time zone" => "INTEGER",
        "text" | "jsonb" => "TEXT",
        other => panic!("{other} is not a type of the schema: see DESIGN, section 2"),
    }
}

fn postgres_schema(database: &Database) -> Schema {
    let mut schema = Schema::default();
    let columns = "-- t
        select cast(c.relname as text), cast(a.attname as text), format_type(a.atttypid, a.atttypmod), a.attnotnull
        from pg_attribute a
        join pg_class c on c.oid = a.attrelid
        where c.relnamespace = current_schema()::regnamespace
        and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped";
    schema.columns = rows(database, columns, |row| {
        let (kind, not_null) = (row.get::<String>(2)?, row.get::<bool>(3)?);
        Ok((pair(row)?, format!("{} not null: {not_null}", portable_type(&kind))))
    })
    .into_iter()
    .collect();
    let indexes = "-- t
        select cast(c.relname as text), cast(i.relname as text), x.indisunique,
            string_agg(cast(a.attname as text), ',' order by k.position)
        from pg_index x
        join pg_class c on c.oid = x.indrelid
        join pg_class i on i.oid = x.indexrelid
        join lateral unnest(x.indkey) with ordinality as k (number, position) on true
        join pg_attribute a on a.attrelid = c.oid and a.attnum = k.number
        where c.relnamespace = current_schema()::regnamespace
        group by c.relname, i.relname, x.indisunique";
    for (key, unique, columns) in
        rows(database, indexes, |row| Ok((pair(row)?, row.get::<bool>(2)?, row.get::<String>(3)?)))
    {
        let target = if unique { &mut schema.keys } else { &mut schema.indexes };
        target.insert(key, list(&columns));
    }
    let checks = "-- t
        select cast(conrelid::regclass as text), cast(conname as text)
        from pg_constraint
        where contype = 'c' and connamespace = current_schema()::regnamespace";
    schema.checks = rows(database, checks, pair).into_iter().collect();
    let references = "-- t
        select cast(conrelid::regclass as text), pg_get_constraintdef(oid)
        from pg_constraint
        where contype = 'f' and connamespace = current_schema()::regnamespace";
    schema.references = rows(database, references, pair)
        .into_iter()
        .map(|(table, definition)| (table, definition.replace("FOREIGN KEY ", "").replace(" REFERENCES ", " → ")))
        .collect();
    schema
}

fn sqlite_schema(database: &Database) -> Schema {
    let mut schema = Schema::default();
    let columns = "-- t
        select t.name, c.name, c.type, c.\"notnull\" = 1
        from sqlite_schema t
        join pragma_table_info(t.name) c
        where t.type = 'table' and t.name not like 'sqlite_%'";
    schema.columns = rows(database, columns, |row| {
        let (kind, not_null) = (row.get::<String>(2)?, row.get::<bool>(3)?);
        Ok((pair(row)?, format!("{kind} not null: {not_null}")))
    })
    .into_iter()
    .collect();
    let indexes = "-- t
        select t.name, i.name, i.\"unique\" = 1, i.origin, group_concat(c.name, ',' order by c.seqno)
        from sqlite_schema t
        join pragma_index_list(t.name) i
        join pragma_index_info(i.name) c
        where t.type = 'table' and t.name not like 'sqlite_%'
        group by t.name, i.name";
    for (key, unique, origin, columns) in rows(database, indexes, |row| {
        Ok((pair(row)?, row.get::<bool>(2)?, row.get::<String>(3)?, row.get::<String>(4)?))
    }) {
        match (unique, origin.as_str()) {
            (true, "c") => schema.keys.insert(key, list(&columns)),
            (false, _) => schema.indexes.insert(key, list(&columns)),
            // The index behind a constraint has a name of SQLite's own; the text below has ours.
            (true, _) => None,
        };
    }
    let references = "-- t
        select t.name, '(' || group_concat(f.\"from\", ', ' order by f.seq) || ') → ' || f.\"table\" || '('
            || group_concat(f.\"to\", ', ' order by f.seq) || ')'
        from sqlite_schema t
        join pragma_foreign_key_list(t.name) f
        where t.type = 'table' and t.name not like 'sqlite_%'
        group by t.name, f.id";
    schema.references = rows(database, references, pair).into_iter().collect();
    let tables = "-- t\nselect name, sql\nfrom sqlite_schema\nwhere type = 'table' and name not like 'sqlite_%'";
    for (table, text) in rows(database, tables, pair) {
        for constraint in constraints(&text) {
            read_constraint(&mut schema, &table, constraint);
        }
    }
    schema
}

/// The named constraints at the end of a `create table`, one per line.
fn constraints(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| line.trim().trim_end_matches(',').strip_prefix("constraint "))
}

fn read_constraint(schema: &mut Schema, table: &str, constraint: &str) {
    let (name, rule) = constraint.split_once(' ').unwrap();
    let key = (table.to_owned(), name.to_owned());
    if let Some(columns) = rule.strip_prefix("primary key ").or(rule.strip_prefix("unique ")) {
        schema.keys.insert(key, list(columns.trim_matches(['(', ')'])));
    } else if rule.starts_with("check ") {
        schema.checks.insert(key);
    } else {
        assert!(rule.starts_with("foreign key "), "{table}: {constraint}");
    }
}

fn schemas() -> Vec<(&'static str, Schema)> {
    let databases = testkit::databases();
    databases.iter().map(|(name, database)| (*name, schema(database))).collect()
}

#[test]
fn both_databases_have_the_same_schema() {
    // checklist 128
    let schemas = schemas();
    for pair in schemas.windows(2) {
        let [(_, sqlite), (_, postgres)] = pair else { unreachable!() };
        assert_eq!(sqlite.columns, postgres.columns);
        assert_eq!(sqlite.keys, postgres.keys);
        assert_eq!(sqlite.references, postgres.references);
        assert_eq!(sqlite.checks, postgres.checks);
        assert_eq!(sqlite.indexes, postgres.indexes);
    }
}

#[test]
fn every_column_is_of_a_type_that_keeps_its_value() {
    for (name, schema) in schemas() {
        for ((table, column), kind) in &schema.columns {
            let known = ["BLOB ", "INTEGER ", "TEXT "].iter().any(|known| kind.starts_with(known));
            assert!(known, "{name}: {table}.{column} is {kind}");
        }
    }
}

#[test]
fn every_table_belongs_to_a_project_or_stands_in_the_list() {
    // checklist 15
    for (name, schema) in schemas() {
        let tables: BTreeSet<&str> = schema.columns.keys().map(|(table, _)| table.as_str()).collect();
        let scoped = |table: &&str| schema.columns.contains_key(&((*table).to_owned(), "project_id".to_owned()));
        let without: Vec<&str> = tables.into_iter().filter(|table| !scoped(table)).collect();
        assert_eq!(without, TABLES_OF_THE_INSTALLATION, "{name}");
    }
}

#[test]
fn every_key_leads_with_its_project_or_stands_in_the_list() {
    for (name, schema) in schemas() {
        let without: Vec<&str> = schema
            .keys
            .iter()
            .filter(|(_, columns)| columns[0] != "project_id")
            .map(|((_, key), _)| key.as_str())
            .collect();
        let mut without = without;
        without.sort_unstable();
        assert_eq!(without, KEYS_OF_THE_INSTALLATION, "{name}");
    }
}

#[test]
fn every_violated_key_of_sqlite_can_be_named() {
    // The same columns under two names would leave the name of a violation to chance.
    for (name, schema) in schemas() {
        let mut seen = BTreeSet::new();
        for ((table, key), columns) in &schema.keys {
            assert!(seen.insert((table, columns)), "{name}: {key} has the columns of another key");
        }
    }
}
