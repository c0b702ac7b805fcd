//! One SQL statement: its text as written, and once per database as the driver wants it.

use std::sync::OnceLock;

use crate::dialect::Dialect;

/// Every statement of `sql!`, for the test that prepares them all.
#[linkme::distributed_slice]
#[allow(unsafe_code, reason = "linkme gathers the references in a section of the binary, safely")]
pub(crate) static STATEMENTS: [&'static Statement];

/// A statement with parameters `?1`, `?2`, …; its first line is `-- function_name`.
pub struct Statement {
    text: &'static str,
    sqlite: OnceLock<String>,
    postgres: OnceLock<String>,
}

impl Statement {
    pub(crate) const fn new(text: &'static str) -> Statement {
        Statement { text, sqlite: OnceLock::new(), postgres: OnceLock::new() }
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

    pub(crate) fn text(&'static self, dialect: Dialect) -> &'static str {
        let rendered = match dialect {
            Dialect::Sqlite => &self.sqlite,
            Dialect::Postgres => &self.postgres,
        };
        rendered.get_or_init(|| dialect.render(self.text))
    }
}

/// The name in the first line, `-- function_name`; empty when there is none.
pub(crate) fn name_of(text: &'static str) -> &'static str {
    let first = text.lines().next().unwrap_or_default();
    first.strip_prefix("--").map(str::trim).unwrap_or_default()
}
