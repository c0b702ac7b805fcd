//! `neruba doctor`: looks at everything a server needs, and says what to do about what is missing.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use domain::time::Instant;
use engine::ports::Clock;
use storage::{Database, DatabaseUrl, OpenOptions, SchemaState, StorageError};

use super::exit;
use crate::cli::DatabaseArgs;
use crate::config::{Config, Environment, SecretSource};
use crate::world::{self, OsRandom, SystemClock};

/// Less room than this is too little to begin with.
const FREE_BYTES_MIN: u64 = 1024 * 1024 * 1024;

/// A clock before this day is wrong: the program did not exist.
const EARLIEST: &str = "2026-01-01T00:00:00Z";

enum Verdict {
    Fine(String),
    /// Works, but should be known.
    Note(String),
    /// Does not work: what is wrong, what to do.
    Broken {
        problem: String,
        remedy: String,
    },
}

use Verdict::{Broken, Fine, Note};

pub fn run(arguments: &DatabaseArgs) -> Result<ExitCode> {
    let config = Config::load(&arguments.flags())?;
    let mut checks = vec![
        ("configuration", configuration(&config)),
        ("secret", secret(&config)),
        ("clock", clock(SystemClock.now())),
        ("disk", disk(&data_folder(&config))),
    ];
    checks.extend(database(&config));
    let mut all_work = true;
    for (name, verdict) in checks {
        match verdict {
            Fine(text) => println!("ok    {name:<14} {text}"),
            Note(text) => println!("note  {name:<14} {text}"),
            Broken { problem, remedy } => {
                all_work = false;
                println!("FAIL  {name:<14} {problem}\n      {:<14} → {remedy}", "");
            }
        }
    }
    Ok(exit(all_work))
}

fn configuration(config: &Config) -> Verdict {
    let file = config.file().map_or_else(|| "no file".to_owned(), |file| file.display().to_string());
    match config.environment {
        Environment::Production => Fine(format!("production, {file}")),
        Environment::Development => {
            Note(format!("development, {file}; set NERUBA_ENV=production where money depends on it"))
        }
    }
}

fn secret(config: &Config) -> Verdict {
    if let (SecretSource::Made(path), Environment::Development) = (&config.secret, config.environment)
        && !path.exists()
    {
        return Note(format!("none yet; the first start makes {}", path.display()));
    }
    match config.secret.load(config.secret_rules(), &OsRandom) {
        Ok(_) => Fine(config.secret.describe()),
        Err(error) => Broken {
            problem: format!("{error:#}"),
            remedy: "write 32 random bytes into a file only the server can read, and name it in NERUBA_SECRET_FILE"
                .to_owned(),
        },
    }
}

fn clock(now: Instant) -> Verdict {
    if Instant::parse(EARLIEST).is_ok_and(|earliest| now >= earliest) {
        return Fine(now.to_string());
    }
    Broken {
        problem: format!("the clock stands at {now}"),
        remedy: "set the clock, and keep it right with NTP".to_owned(),
    }
}

/// Where data is written: beside the SQLite file, else where secret and logs of the server are.
fn data_folder(config: &Config) -> PathBuf {
    let folder = config.database.sqlite_path().and_then(Path::parent).unwrap_or(Path::new("."));
    // Made on first start; until then the room of its parent counts.
    let existing = folder.ancestors().find(|folder| folder.exists());
    existing.unwrap_or(Path::new(".")).to_owned()
}

fn disk(folder: &Path) -> Verdict {
    match rustix::fs::statvfs(folder) {
        Ok(stat) => {
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            let text = format!("{} MiB free at {}", free / (1024 * 1024), folder.display());
            if free >= FREE_BYTES_MIN {
                return Fine(text);
            }
            Broken {
                problem: text,
                remedy: "make room: a full disk stops all writes (nothing stored is lost)".to_owned(),
            }
        }
        Err(error) => Note(format!("cannot tell how much is free at {}: {error}", folder.display())),
    }
}

fn database(config: &Config) -> Vec<(&'static str, Verdict)> {
    let url = &config.database;
    if let Some(path) = url.sqlite_path().filter(|path| !path.exists()) {
        return vec![("database", Note(format!("{} does not exist yet; the first start makes it", path.display())))];
    }
    let options = OpenOptions { create: false, ..config.database_options.clone() };
    let opened = world::open_database(url, &options).and_then(|db| Ok((db.check_schema()?, db)));
    match opened {
        Ok((SchemaState::Current, db)) => look_inside(url, &db),
        Ok((SchemaState::Pending(names), _)) => {
            let problem = format!("{url} answers, but migrations are pending: {}", names.join(", "));
            vec![("schema", Broken { problem, remedy: "run `neruba migrate`".to_owned() })]
        }
        Err(error) => vec![("database", cannot_use(&error))],
    }
}

fn cannot_use(error: &anyhow::Error) -> Verdict {
    let remedy = match error.downcast_ref::<StorageError>() {
        // It says itself what to do.
        Some(StorageError::Schema { .. }) => "see above",
        Some(_) | None => "check the address, that the database runs, and that it lets this user in",
    };
    Broken { problem: format!("{error:#}"), remedy: remedy.to_owned() }
}

fn look_inside(url: &DatabaseUrl, db: &Database) -> Vec<(&'static str, Verdict)> {
    match db.version().and_then(|version| Ok((version, db.durability_risks()?))) {
        Ok((version, risks)) => vec![
            ("database", Fine(format!("{url} is {version}"))),
            ("schema", Fine("up to date".to_owned())),
            ("durability", durability(&risks)),
        ],
        Err(error) => vec![("database", cannot_use(&error.into()))],
    }
}

/// Settings of the connection were checked when it was opened; what is left are those of the server's machine.
fn durability(risks: &[String]) -> Verdict {
    match risks {
        [] => Fine("commits are synced to the disk".to_owned()),
        risks => Broken {
            problem: risks.join("; "),
            remedy: "switch it on in postgresql.conf: what was acknowledged must survive a crash".to_owned(),
        },
    }
}
