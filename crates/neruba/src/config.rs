//! The configuration: flags over environment over file over defaults, each value with its origin, unknown keys refused.

mod secret;
mod table;
mod values;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use server::Settings;
use server::client_address::Network;
use server::settings::{Rate, Rates};
use storage::{DatabaseUrl, OpenOptions};

pub use secret::{SecretRules, SecretSource};
pub use table::markdown;
pub use values::{Flags, Values};

/// Whether people try things out here, or money depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    Development,
    Production,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

/// Everything the program does, decided once at its start.
pub struct Config {
    /// Where each value came from, for `config show`.
    pub values: Values,
    pub environment: Environment,
    pub database: DatabaseUrl,
    pub database_options: OpenOptions,
    pub listen: SocketAddr,
    pub secret: SecretSource,
    pub log_format: LogFormat,
    pub log_filter: String,
    pub server: Settings,
}

/// Whether the person at the terminal wants no colours (<https://no-color.org>).
pub fn wants_no_colour() -> bool {
    std::env::vars_os().any(|(name, value)| name == "NO_COLOR" && !value.is_empty())
}

impl Config {
    /// Reads the file and the environment of this process.
    ///
    /// # Errors
    /// A key that is not known, or a value that cannot be read; the message names it and where it stands.
    pub fn load(flags: &Flags) -> Result<Config> {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| name.starts_with("NERUBA_"));
        Config::read(flags, environment.collect())
    }

    fn read(flags: &Flags, environment: Vec<(String, String)>) -> Result<Config> {
        let mut values = Values::collect(flags, environment)?;
        let environment = values
            .one_of("env", &[("development", Environment::Development), ("production", Environment::Production)])?;
        values.fill_defaults(environment);
        let log_format = values.one_of("logFormat", &[("text", LogFormat::Text), ("json", LogFormat::Json)])?;
        let database = DatabaseUrl::parse(values.text("databaseUrl")).context(values.origin_of("databaseUrl"))?;
        let connections_max = values.parsed("databaseConnections", "a number of connections")?;
        ensure!(
            connections_max > 0,
            "{}: a database needs at least one connection",
            values.origin_of("databaseConnections")
        );
        Ok(Config {
            environment,
            database_options: OpenOptions { connections_max, ..OpenOptions::standard() },
            listen: values.parsed("listen", "an address and port such as 127.0.0.1:8080")?,
            secret: SecretSource::of(&values, &database),
            log_format,
            log_filter: values.text("logFilter").to_owned(),
            server: server_settings(&values)?,
            database,
            values,
        })
    }

    /// What the secret must be like here.
    pub fn secret_rules(&self) -> SecretRules {
        match self.environment {
            Environment::Development => SecretRules::Development,
            Environment::Production => SecretRules::Production,
        }
    }

    /// The file the configuration was read from.
    pub fn file(&self) -> Option<&PathBuf> {
        self.values.file.as_ref()
    }
}

fn server_settings(values: &Values) -> Result<Settings> {
    let rate = |key| -> Result<Rate> {
        let per_second: u32 = values.parsed(key, "a number of requests")?;
        ensure!(per_second > 0, "{}: a rate of 0 would refuse everything", values.origin_of(key));
        Ok(Rate { per_second, burst: per_second.saturating_mul(2) })
    };
    let seconds = |key| -> Result<Duration> { Ok(Duration::from_secs(values.parsed(key, "a number of seconds")?)) };
    let trusted: Result<Vec<Network>> =
        values.list("trustedProxies").map(|text| text.parse().context(values.origin_of("trustedProxies"))).collect();
    Ok(Settings {
        expose_docs: values.flag("exposeDocs")?,
        expose_openapi: values.flag("exposeOpenapi")?,
        expose_metrics: values.flag("exposeMetrics")?,
        trusted_proxies: trusted?,
        rates: Rates {
            per_project: rate("requestsPerSecondPerProject")?,
            per_key: rate("requestsPerSecondPerKey")?,
            per_user: rate("requestsPerSecondPerUser")?,
        },
        body_bytes_max: values.parsed("bodyBytesMax", "a number of bytes")?,
        body_time_max: seconds("bodySecondsMax")?,
        request_time_max: seconds("requestSecondsMax")?,
        connections_max: values.parsed("connectionsMax", "a number of connections")?,
        compress_replies: values.flag("compressReplies")?,
        ..Settings::production()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: &str, environment: &[(&str, &str)], flags: Flags) -> Result<Config> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("neruba.toml");
        std::fs::write(&path, file)?;
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::read(&Flags { config: Some(path), ..flags }, environment.collect())
    }

    #[track_caller]
    fn refused(file: &str, environment: &[(&str, &str)], words: &str) {
        let error = read(file, environment, Flags::default()).err().expect("the configuration is refused");
        assert!(format!("{error:#}").contains(words), "{error:#}");
    }

    #[test]
    fn flags_win_over_the_environment_over_the_file_over_defaults() {
        let file = "listen = \"127.0.0.1:1\"\nlogFilter = \"warn\"\ndatabaseConnections = 3\n";
        let environment = [("NERUBA_LISTEN", "127.0.0.1:2"), ("NERUBA_LOG", "debug")];
        let flags = Flags { listen: Some("127.0.0.1:3".to_owned()), ..Flags::default() };
        let config = read(file, &environment, flags).unwrap();
        assert_eq!(config.listen.port(), 3);
        assert_eq!(config.log_filter, "debug");
        assert_eq!(config.database_options.connections_max, 3);
        assert_eq!(config.database.to_string(), "sqlite://data/neruba.db");
    }

    #[test]
    fn unknown_keys_are_refused_wherever_they_stand() {
        refused("lisen = \"x\"", &[], "lisen is not a setting");
        refused("secret = \"x\"", &[], "secret is not a setting");
        refused("", &[("NERUBA_LISEN", "x")], "NERUBA_LISEN is not a setting");
        assert!(read("", &[("NERUBA_TEST_POSTGRES_URL", "x")], Flags::default()).is_ok());
    }

    #[test]
    fn a_value_that_cannot_be_read_is_refused_with_its_origin() {
        refused("listen = \"somewhere\"", &[], "neruba.toml: listen");
        refused("listen = 8080", &[], "an address and port");
        refused("", &[("NERUBA_ENV", "prod")], "NERUBA_ENV: \"prod\" is not one of development, production");
        refused("", &[("NERUBA_TRUSTED_PROXIES", "10.0.0.0/8, x")], "NERUBA_TRUSTED_PROXIES");
        refused("", &[("NERUBA_REQUESTS_PER_SECOND_PER_KEY", "0")], "would refuse everything");
        refused("listen = ", &[], "neruba.toml");
    }

    #[test]
    fn production_closes_what_development_shows() {
        // checklist 103
        let development = read("", &[], Flags::default()).unwrap();
        assert!(
            development.server.expose_docs && development.server.expose_metrics && development.server.expose_openapi
        );
        let production = read("env = \"production\"", &[], Flags::default()).unwrap();
        assert!(
            !production.server.expose_docs && !production.server.expose_metrics && !production.server.expose_openapi
        );
        assert_eq!(production.log_format, LogFormat::Json);
        let opened = read("env = \"production\"\nexposeMetrics = true", &[], Flags::default()).unwrap();
        assert!(opened.server.expose_metrics && !opened.server.expose_docs);
    }

    #[test]
    fn the_file_of_the_flag_must_exist() {
        let flags = Flags { config: Some("/nowhere/neruba.toml".into()), ..Flags::default() };
        assert!(Config::read(&flags, Vec::new()).is_err());
    }
}
