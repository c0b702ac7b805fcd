//! Statements over many rows: arrays and `unnest` on PostgreSQL, one prepared statement in a loop on SQLite.

use std::fmt::Write;
use std::sync::OnceLock;

use crate::dialect::Dialect;

use super::statement::name_of;

/// Every statement of `bulk_sql!`, for the test that prepares them all.
#[linkme::distributed_slice]
#[allow(unsafe_code, reason = "linkme gathers the references in a section of the binary, safely")]
pub(crate) static BULK_STATEMENTS: [&'static BulkStatement];

/// The type of one column of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    Bool,
    Int,
    Text,
    Bytes,
    Uuid,
    Instant,
    Json,
    Wide,
}

impl ColumnType {
    const fn postgres_name(self) -> &'static str {
        match self {
            ColumnType::Bool => "boolean",
            ColumnType::Int => "bigint",
            ColumnType::Text => "text",
            ColumnType::Bytes => "bytea",
            ColumnType::Uuid => "uuid",
            ColumnType::Instant => "timestamptz",
            ColumnType::Json => "jsonb",
            ColumnType::Wide => "numeric",
        }
    }
}

/// A statement with `{values}` (after `insert into t (…)`) or `{rows}` (a row source named `r`) for its rows.
pub struct BulkStatement {
    text: &'static str,
    columns: &'static [(&'static str, ColumnType)],
    sqlite: OnceLock<String>,
    postgres: OnceLock<String>,
}

impl BulkStatement {
    pub(crate) const fn new(text: &'static str, columns: &'static [(&'static str, ColumnType)]) -> BulkStatement {
        BulkStatement { text, columns, sqlite: OnceLock::new(), postgres: OnceLock::new() }
    }

    /// The name in the first line.
    pub fn name(&self) -> &'static str {
        name_of(self.text)
    }

    /// The text as it was written.
    #[cfg(any(test, feature = "raw"))]
    pub fn source(&self) -> &'static str {
        self.text
    }

    pub(crate) fn columns(&self) -> &'static [(&'static str, ColumnType)] {
        self.columns
    }

    pub(crate) fn text(&'static self, dialect: Dialect) -> &'static str {
        let rendered = match dialect {
            Dialect::Sqlite => &self.sqlite,
            Dialect::Postgres => &self.postgres,
        };
        rendered.get_or_init(|| self.render(dialect))
    }

    fn render(&self, dialect: Dialect) -> String {
        let rows = match dialect {
            Dialect::Sqlite => self.sqlite_rows(),
            Dialect::Postgres => self.postgres_rows(),
        };
        let values = match dialect {
            Dialect::Sqlite => format!("values ({})", self.parameters()),
            Dialect::Postgres => format!("select {} from {rows}", self.column_list("r.")),
        };
        let text = match dialect {
            Dialect::Postgres if self.is_lookup() => self.postgres_lookup(),
            Dialect::Postgres | Dialect::Sqlite => self.text.replace("{values}", &values).replace("{rows}", &rows),
        };
        assert!(text.len() > self.text.len(), "the bulk statement {} has neither {{values}} nor {{rows}}", self.name());
        dialect.render(&text)
    }

    /// Whether it reads, row by row, instead of changing something.
    fn is_lookup(&self) -> bool {
        matches!(self.verb(), "select" | "with")
    }

    /// Whether it adds rows.
    pub(crate) fn inserts(&self) -> bool {
        self.verb() == "insert"
    }

    /// The first word that is no comment.
    fn verb(&self) -> &'static str {
        let lines = self.text.lines().map(str::trim_start).filter(|line| !line.starts_with("--"));
        lines.flat_map(str::split_whitespace).next().unwrap_or_default()
    }

    /// The lookup of each row by itself: `lateral` and `limit all` keep the planner from beginning anywhere else. As a plain
    /// join it would, whenever its statistics say that the other table is small, and would then read all of a table that
    /// grew since.
    fn postgres_lookup(&self) -> String {
        let (head, body) = self.text.split_once('\n').unwrap_or(("", self.text));
        let one = format!("(select {}) as r", self.column_list("each_row."));
        let each = self.postgres_rows().replace(") as r (", ") as each_row (");
        format!(
            "{head}\nselect found.*\nfrom {each}\ncross join lateral (\n{}\nlimit all\n) found",
            body.replace("{rows}", &one)
        )
    }

    /// `unnest(cast(?1 as uuid[]), …) as r (project_id, …)`
    fn postgres_rows(&self) -> String {
        let mut out = String::from("unnest(");
        for (index, (_, kind)) in self.columns.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            // Cannot fail: writing to a string does not.
            write!(out, "{comma}cast(?{} as {}[])", index + 1, kind.postgres_name())
                .expect("a string takes every text");
        }
        out + &format!(") as r ({})", self.column_list(""))
    }

    /// `(select ?1 as project_id, …) as r`
    fn sqlite_rows(&self) -> String {
        let columns: Vec<String> =
            (1..).zip(self.columns).map(|(number, (name, _)): (usize, _)| format!("?{number} as {name}")).collect();
        format!("(select {}) as r", columns.join(", "))
    }

    fn parameters(&self) -> String {
        let numbers: Vec<String> = (1..=self.columns.len()).map(|number| format!("?{number}")).collect();
        numbers.join(", ")
    }

    fn column_list(&self, prefix: &str) -> String {
        let names: Vec<String> = self.columns.iter().map(|(name, _)| format!("{prefix}{name}")).collect();
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static INSERT: BulkStatement = BulkStatement::new(
        "-- insert\ninsert into t (project_id, n)\n{values}\non conflict do nothing",
        &[("project_id", ColumnType::Uuid), ("n", ColumnType::Int)],
    );
    static JOIN: BulkStatement =
        BulkStatement::new("-- join\nselect t.n from {rows} join t on t.n = r.n", &[("n", ColumnType::Int)]);

    #[test]
    fn an_insert_takes_one_row_on_sqlite_and_arrays_on_postgres() {
        assert_eq!(
            INSERT.text(Dialect::Sqlite),
            "-- insert\ninsert into t (project_id, n)\nvalues (?1, ?2)\non conflict do nothing"
        );
        assert_eq!(
            INSERT.text(Dialect::Postgres),
            "-- insert\ninsert into t (project_id, n)\nselect r.project_id, r.n from unnest(cast($1 as uuid[]), \
             cast($2 as bigint[])) as r (project_id, n)\non conflict do nothing"
        );
    }

    #[test]
    fn a_join_sees_the_rows_under_the_name_r() {
        assert_eq!(JOIN.text(Dialect::Sqlite), "-- join\nselect t.n from (select ?1 as n) as r join t on t.n = r.n");
        assert_eq!(
            JOIN.text(Dialect::Postgres),
            "-- join\nselect found.*\nfrom unnest(cast($1 as bigint[])) as each_row (n)\ncross join lateral (\n\
             select t.n from (select each_row.n) as r join t on t.n = r.n\nlimit all\n) found"
        );
    }

    #[test]
    fn a_change_joins_all_rows_at_once() {
        static UPDATE: BulkStatement = BulkStatement::new(
            "-- update\nupdate t set n = r.n from {rows} where t.n = r.n",
            &[("n", ColumnType::Int)],
        );
        assert_eq!(
            UPDATE.text(Dialect::Postgres),
            "-- update\nupdate t set n = r.n from unnest(cast($1 as bigint[])) as r (n) where t.n = r.n"
        );
    }
}
