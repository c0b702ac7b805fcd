//! The address of a database: `sqlite://data/neruba.db` or `postgres://user:password@host/name`. Its password is never
//! printed.

use std::fmt;
use std::path::{Path, PathBuf};

/// A database's address. `Display` and `Debug` leave the password out.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(Kind);

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite(PathBuf),
    Postgres(PostgresUrl),
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct PostgresUrl {
    /// What the driver understands, password included.
    pub driver_url: String,
    pub tls: Tls,
    shown: String,
}

/// Whether and how the connection is encrypted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Tls {
    Off,
    /// Encrypted, the server's certificate checked against this file of roots, or the system's.
    Verified {
        roots: Option<PathBuf>,
    },
}

/// An address that names no database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseUrlError {
    #[error(
        "a database address begins with \"sqlite://\" or \"postgres://\", for example \
         \"sqlite://data/neruba.db\" or \"postgres://neruba@localhost/neruba\""
    )]
    UnknownScheme,
    #[error("the address has no path to the database file: write \"sqlite://data/neruba.db\"")]
    NoPath,
    #[error("a database in memory would be lost with the process: name a file")]
    InMemory,
    #[error("sslmode is one of disable, prefer, require, verify-ca, verify-full")]
    UnknownSslMode,
}

impl DatabaseUrl {
    /// Reads an address.
    ///
    /// `sslmode=disable` and `prefer` (the default) connect without TLS, the other modes with TLS and a checked
    /// certificate; `sslrootcert=/path.pem` names the roots it is checked against.
    ///
    /// # Errors
    /// [`DatabaseUrlError`] says what is wrong; it never repeats the address.
    pub fn parse(text: &str) -> Result<DatabaseUrl, DatabaseUrlError> {
        if let Some(rest) = text.strip_prefix("sqlite:") {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            return match path {
                "" => Err(DatabaseUrlError::NoPath),
                ":memory:" => Err(DatabaseUrlError::InMemory),
                path => Ok(DatabaseUrl::sqlite(path)),
            };
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(DatabaseUrl(Kind::Postgres(postgres(text)?)));
        }
        Err(DatabaseUrlError::UnknownScheme)
    }

    /// The address of a SQLite file.
    pub fn sqlite(path: impl AsRef<Path>) -> DatabaseUrl {
        DatabaseUrl(Kind::Sqlite(path.as_ref().to_owned()))
    }

    /// The file of a SQLite database.
    pub fn sqlite_path(&self) -> Option<&Path> {
        match &self.0 {
            Kind::Sqlite(path) => Some(path),
            Kind::Postgres(_) => None,
        }
    }

    pub(crate) fn kind(&self) -> &Kind {
        &self.0
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Sqlite(path) => write!(out, "sqlite://{}", path.display()),
            Kind::Postgres(url) => out.write_str(&url.shown),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "DatabaseUrl({self})")
    }
}

/// Takes the TLS settings out of the query: the driver knows fewer modes than users write.
fn postgres(text: &str) -> Result<PostgresUrl, DatabaseUrlError> {
    let (base, query) = text.split_once('?').unwrap_or((text, ""));
    let mut mode = "prefer";
    let mut roots = None;
    let mut kept = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("sslmode", value)) => mode = value,
            Some(("sslrootcert", value)) => roots = Some(PathBuf::from(value)),
            _ => kept.push(pair),
        }
    }
    let tls = match mode {
        "disable" | "prefer" => Tls::Off,
        "require" | "verify-ca" | "verify-full" => Tls::Verified { roots },
        _ => return Err(DatabaseUrlError::UnknownSslMode),
    };
    let driver_mode = match tls {
        Tls::Off => "sslmode=disable",
        Tls::Verified { .. } => "sslmode=require",
    };
    kept.push(driver_mode);
    Ok(PostgresUrl { driver_url: format!("{base}?{}", kept.join("&")), tls, shown: without_password(base) })
}

/// The address without query and password: both may hold secrets.
fn without_password(base: &str) -> String {
    let Some((scheme, rest)) = base.split_once("://") else {
        return String::new();
    };
    // From the last `@`: a password may hold a slash that somebody forgot to encode.
    let shown = match rest.rsplit_once('@') {
        Some((user, host)) => {
            let name = user.split(':').next().unwrap_or_default();
            format!("{name}@{host}")
        }
        None => rest.to_owned(),
    };
    format!("{scheme}://{shown}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sqlite_address_names_its_file() {
        for (text, path) in [
            ("sqlite://data/neruba.db", "data/neruba.db"),
            ("sqlite:///var/lib/neruba.db", "/var/lib/neruba.db"),
            ("sqlite:neruba.db", "neruba.db"),
        ] {
            assert_eq!(DatabaseUrl::parse(text).unwrap().sqlite_path(), Some(Path::new(path)));
        }
    }

    #[test]
    fn the_password_is_never_shown() {
        for text in [
            "postgres://me:s3cret@db.example.com:5433/bills?password=s3cret",
            "postgresql://me:s3cret@db.example.com:5433/bills?sslmode=require",
            "postgres://me:s3cret/@db.example.com:5433/bills",
        ] {
            let url = DatabaseUrl::parse(text).unwrap();
            assert!(!format!("{url} {url:?}").contains("s3cret"), "{url}");
        }
    }

    fn postgres_url(text: &str) -> PostgresUrl {
        match DatabaseUrl::parse(text).unwrap().0 {
            Kind::Postgres(url) => url,
            Kind::Sqlite(path) => panic!("{path:?}"),
        }
    }

    #[test]
    fn every_mode_that_asks_for_tls_checks_the_certificate() {
        let url = postgres_url("postgres://h/db?sslmode=verify-full&sslrootcert=/ca.pem");
        assert_eq!(url.driver_url, "postgres://h/db?sslmode=require");
        assert_eq!(url.tls, Tls::Verified { roots: Some("/ca.pem".into()) });
        let url = postgres_url("postgres://h/db?connect_timeout=3");
        assert_eq!(url.driver_url, "postgres://h/db?connect_timeout=3&sslmode=disable");
        assert_eq!(url.tls, Tls::Off);
    }

    #[test]
    fn an_address_of_something_else_is_refused() {
        for (text, error) in [
            ("mysql://h/db", DatabaseUrlError::UnknownScheme),
            ("", DatabaseUrlError::UnknownScheme),
            ("sqlite://", DatabaseUrlError::NoPath),
            ("sqlite::memory:", DatabaseUrlError::InMemory),
            ("postgres://h/db?sslmode=maybe", DatabaseUrlError::UnknownSslMode),
        ] {
            assert_eq!(DatabaseUrl::parse(text), Err(error));
        }
    }
}
