//! The real world behind the engine's ports: the system's clock and randomness, TLS, and the engine made from them.

use std::num::NonZeroUsize;
use std::sync::Arc;

use anyhow::{Context, Result};
use domain::time::Instant;
use engine::access::AccessSettings;
use engine::ports::{Clock, Random};
use engine::{Engine, EngineParts};
use storage::{Database, DatabaseUrl, OpenOptions};

use crate::config::Config;

pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock behind the port")]
    fn now(&self) -> Instant {
        Instant::from_timestamp(jiff::Timestamp::now())
    }
}

pub struct OsRandom;

impl Random for OsRandom {
    #[expect(clippy::disallowed_methods, reason = "this is the randomness behind the port")]
    fn fill(&self, bytes: &mut [u8]) {
        // Cannot fail: without randomness no id and no key may be made, so there is nothing to go on with.
        getrandom::fill(bytes).expect("the operating system gives randomness");
    }
}

/// One provider of cryptography for every connection of the process.
pub fn install_tls() {
    // It fails only when there is one already.
    rustls::crypto::ring::default_provider().install_default().ok();
}

/// How many things this machine does at once.
pub fn cores() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// Opens the configured database; the folder of a new SQLite file is made on the way.
///
/// # Errors
/// What keeps the database from being opened, with its address but without its password.
pub fn open_database(url: &DatabaseUrl, options: &OpenOptions) -> Result<Database> {
    if options.create
        && let Some(folder) =
            url.sqlite_path().and_then(|path| path.parent()).filter(|path| !path.as_os_str().is_empty())
    {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    Database::open(url, options).with_context(|| format!("cannot open the database {url}"))
}

/// The engine on a database that was opened before.
///
/// # Errors
/// When the installation's secret is missing or too weak.
pub fn engine(config: &Config, db: Database) -> Result<Engine> {
    Ok(Engine::new(EngineParts {
        db,
        clock: Arc::new(SystemClock),
        random: Arc::new(OsRandom),
        secrets: config.secret.load(config.secret_rules(), &OsRandom)?.derive()?,
        access: AccessSettings::for_server(cores()),
    }))
}
