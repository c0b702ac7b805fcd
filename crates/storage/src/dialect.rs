//! What the two databases write differently, as named placeholders of a statement: `{for_update}`, `{uuid}`, …
//!
//! A repository never asks which database it runs on; it names the difference, and this file spells it.

/// The database behind a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    pub const fn as_str(self) -> &'static str {
        match self {
            Dialect::Sqlite => "sqlite",
            Dialect::Postgres => "postgres",
        }
    }

    /// The spelling of a placeholder, or `None` when there is no such placeholder.
    fn spell(self, placeholder: &str) -> Option<&'static str> {
        let (sqlite, postgres) = match placeholder {
            // Locks the rows of a select until the transaction ends. SQLite has one writer: it holds the lock already.
            "for_update" => ("", "for update"),
            "for_share" => ("", "for share"),
            // As a reference of a foreign key does: lets others change the row, unless they hold it {for_update}.
            "for_key_share" => ("", "for key share"),
            // After {for_update}: rows locked by somebody else are left out. A work queue, never a decision.
            "skip_locked" => ("", "skip locked"),
            // Byte order for text, whatever the database's own order is: keyset pages must agree on both.
            "binary" => ("collate binary", "collate \"C\""),
            // The larger and the smaller of several values.
            "greatest" => ("max", "greatest"),
            "least" => ("min", "least"),
            // Type names for cast(?2 as {uuid}) where the database cannot infer the type of a parameter.
            "uuid" => ("blob", "uuid"),
            "bytes" => ("blob", "bytea"),
            "instant" => ("integer", "timestamptz"),
            "json" => ("text", "jsonb"),
            "int" => ("integer", "bigint"),
            "bool" => ("integer", "boolean"),
            "wide" => ("blob", "numeric(38,0)"),
            // The list of tables, with their `name`.
            "tables" => (
                "sqlite_schema",
                "(select tablename as name from pg_tables where schemaname = current_schema()) as tables",
            ),
            "version" => ("sqlite_version()", "split_part(current_setting('server_version'), ' ', 1)"),
            // Settings by `name` and `setting` that a durable commit depends on.
            "settings_that_sync" => (
                "(select 'synchronous' as name, 'on' as setting) as settings",
                "(select name, setting from pg_settings where name in ('fsync', 'full_page_writes')) as settings",
            ),
            _ => return None,
        };
        Some(match self {
            Dialect::Sqlite => sqlite,
            Dialect::Postgres => postgres,
        })
    }

    /// The text of a statement in this dialect: placeholders spelled, parameters numbered as the driver wants them.
    ///
    /// # Panics
    /// On an unknown placeholder, which is a mistake in the statement; one test renders every statement.
    pub(crate) fn render(self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        let mut quoted = false;
        while let Some(position) = rest.find(['\'', '?', '{', '-']) {
            let (plain, special) = rest.split_at(position);
            out.push_str(plain);
            let after = &special[1..];
            rest = after;
            if special.starts_with('\'') {
                quoted = !quoted;
                out.push('\'');
            } else if quoted {
                out.push_str(&special[..1]);
            } else if special.starts_with("--") {
                // A comment runs to the end of its line; quotes in it are not quotes.
                let end = special.find('\n').unwrap_or(special.len());
                out.push_str(&special[..end]);
                rest = &special[end..];
            } else if self == Dialect::Postgres && names_the_project(&out, after) {
                // Not a constant for the planner: `database/postgres_plans.rs` says why.
                out.push_str("(select cast($1 as uuid))");
                rest = &after[1..];
            } else if special.starts_with('?') {
                out.push(match self {
                    Dialect::Sqlite => '?',
                    Dialect::Postgres => '$',
                });
            } else if let Some(name) = placeholder_name(special) {
                let spelled = self.spell(name).unwrap_or_else(|| panic!("unknown placeholder {{{name}}} in: {text}"));
                out.push_str(spelled);
                rest = &special[name.len() + 2..];
            } else {
                out.push_str(&special[..1]);
            }
        }
        out.push_str(rest);
        out
    }
}

/// Whether a parameter, without its question mark, is the project that rows are asked for of.
fn names_the_project(before: &str, parameter: &str) -> bool {
    let is_first = parameter.starts_with('1') && !parameter[1..].starts_with(|next: char| next.is_ascii_digit());
    is_first && before.ends_with("project_id = ")
}

fn placeholder_name(text: &str) -> Option<&str> {
    let (name, _) = text.strip_prefix('{')?.split_once('}')?;
    let shaped = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    shaped.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::Dialect::{Postgres, Sqlite};

    #[test]
    fn parameters_keep_their_numbers_on_both_databases() {
        let text = "select a from t where b = ?2 and c = ?1 and d = ?2";
        assert_eq!(Sqlite.render(text), text);
        assert_eq!(Postgres.render(text), "select a from t where b = $2 and c = $1 and d = $2");
    }

    #[test]
    fn quoted_text_and_comments_stay_as_they_are() {
        let text = "-- it's a {uuid}?\nselect 'a?{uuid}' || '{}', b - ?1";
        assert_eq!(Postgres.render(text), "-- it's a {uuid}?\nselect 'a?{uuid}' || '{}', b - $1");
    }

    #[test]
    fn the_project_is_no_constant_for_postgresql() {
        let text = "select a from t where t.project_id = ?1 and b_project_id = ?12 and c = ?1";
        assert_eq!(Sqlite.render(text), text);
        assert_eq!(
            Postgres.render(text),
            "select a from t where t.project_id = (select cast($1 as uuid)) and b_project_id = $12 and c = $1"
        );
    }

    #[test]
    fn a_lock_is_written_only_where_it_is_needed() {
        let text = "select a from t limit 1 {for_update} {skip_locked}";
        assert_eq!(Sqlite.render(text), "select a from t limit 1  ");
        assert_eq!(Postgres.render(text), "select a from t limit 1 for update skip locked");
    }

    #[test]
    #[should_panic(expected = "unknown placeholder {for_updat}")]
    fn a_misspelled_placeholder_is_found() {
        Sqlite.render("select a from t {for_updat}");
    }
}
