//! A PostgreSQL server for the tests: the one of `./test`, or a private one that lives as long as the test process.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use storage::{Database, DatabaseUrl, OpenOptions, StorageError};

use crate::scratch;

/// The address of a server, as a user that may create databases and roles but is no superuser: what is promised about
/// privileges would not hold for one.
const SERVER: &str = "NERUBA_TEST_POSTGRES_URL";
/// Set where a machine without PostgreSQL must fail the tests instead of leaving half of them out.
const REQUIRED: &str = "NERUBA_TEST_POSTGRES_REQUIRED";
const USER: &str = "neruba";
const LOOKS_MAX: u32 = 300;
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Whether the private server syncs its commits to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Fast, for tests that do not pull the plug.
    Unsynced,
    Synced,
}

/// The address of the tests' server, started at the first call; `None` on a machine without PostgreSQL.
///
/// # Panics
/// When PostgreSQL is there but does not start, and when it is required but not there.
pub fn url() -> Option<&'static str> {
    static URL: OnceLock<Option<String>> = OnceLock::new();
    URL.get_or_init(|| environment(SERVER).or_else(|| start(Durability::Unsynced))).as_deref()
}

/// A new private server, stopped when the process ends; `None` on a machine without PostgreSQL.
///
/// # Panics
/// As [`url`].
pub fn start(durability: Durability) -> Option<String> {
    let Some(programs) = programs() else {
        assert!(environment(REQUIRED).is_none(), "{REQUIRED} is set, but no PostgreSQL server is installed");
        eprintln!("PostgreSQL is not installed: these tests run on SQLite only");
        return None;
    };
    let server = PrivateServer { programs, folder: scratch::path("postgres") };
    Some(server.start(durability))
}

/// The address of a new, empty database on the tests' server.
///
/// # Panics
/// When the server does not make one.
pub fn empty_database() -> Option<DatabaseUrl> {
    url().map(empty_database_on)
}

/// As [`empty_database`], as text for another process.
///
/// # Panics
/// When the server does not make one.
pub fn empty_database_address() -> Option<String> {
    url().map(empty_address_on)
}

/// The address of a new, empty database on this server.
///
/// # Panics
/// When the server does not make one.
pub fn empty_database_on(server: &str) -> DatabaseUrl {
    DatabaseUrl::parse(&empty_address_on(server)).unwrap()
}

/// The address of a new database with everything that is in this one, to which nobody may be connected.
///
/// # Panics
/// When the server does not make one.
pub fn copy_of(address: &str) -> String {
    let name = name_of(address);
    // Not connected to the one that is copied: the server refuses that.
    new_database(url().unwrap(), &format!(" template {name}"))
}

/// Removes a database to which nobody is connected but, for a moment, the server itself: it cleans up tables beside, and a role that is no
/// superuser cannot send that away.
///
/// # Panics
/// When the server does not do it within half a minute.
pub fn drop_database(address: &str) {
    let (name, maintenance) = (name_of(address), maintenance(url().unwrap()));
    let drop = || storage::raw::run_alone(&maintenance, &format!("drop database {name} with (force)"));
    let mut dropped = drop();
    for _ in 0..LOOKS_MAX {
        if dropped.is_ok() {
            break;
        }
        std::thread::park_timeout(LOOK_EVERY);
        dropped = drop();
    }
    dropped.unwrap();
}

fn maintenance(server: &str) -> Database {
    let mut options = OpenOptions::standard();
    options.connections_max = 1;
    Database::open(&DatabaseUrl::parse(server).unwrap(), &options).unwrap()
}

fn empty_address_on(server: &str) -> String {
    new_database(server, "")
}

/// `how` is what `create database` is told beside the name.
fn new_database(server: &str, how: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let maintenance = maintenance(server);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("neruba_test_{}_{number}", std::process::id());
        match storage::raw::run_alone(&maintenance, &format!("create database {name}{how}")) {
            Ok(()) => return with_database(server, &name),
            // Left behind by an earlier process with the same number.
            Err(StorageError::Driver(source)) if source.to_string().contains("42P04") => {}
            Err(error) => panic!("no database for the tests: {error:?}"),
        }
    }
}

/// The database in the path of an address.
fn name_of(address: &str) -> &str {
    let base = address.split_once('?').map_or(address, |(base, _)| base);
    base.rsplit_once('/').unwrap().1
}

/// The address with another database in its path.
fn with_database(server: &str, name: &str) -> String {
    let (base, query) = server.split_once('?').map_or((server, String::new()), |(b, q)| (b, format!("?{q}")));
    let (base, _) = base.rsplit_once('/').unwrap();
    format!("{base}/{name}{query}")
}

struct PrivateServer {
    programs: PathBuf,
    folder: PathBuf,
}

impl PrivateServer {
    fn start(&self, durability: Durability) -> String {
        std::fs::create_dir(&self.folder).unwrap();
        if is_root() {
            // The server refuses to run as root: its user must own the folder and may enter the one above.
            run(Command::new("chmod").arg("711").arg(scratch::folder()));
            run(Command::new("chown").arg("postgres").arg(&self.folder));
        }
        let data = self.folder.join("data");
        let mut initdb = self.program("initdb");
        initdb.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]);
        run(initdb.arg("--pgdata").arg(&data));
        let sync = match durability {
            Durability::Unsynced => "off",
            Durability::Synced => "on",
        };
        let options = format!(
            "-c listen_addresses='' -c unix_socket_directories={} -c fsync={sync} -c max_connections=300 \
             -c shared_buffers=128MB -c log_min_messages=warning",
            self.folder.display()
        );
        let mut start = self.program("pg_ctl");
        start.args(["start", "--wait", "--timeout=60", "--silent"]);
        start.arg("--pgdata").arg(&data).arg("--log").arg(self.folder.join("log"));
        run(start.arg("--options").arg(options));
        self.psql(&format!("create role {USER} login createdb createrole"));
        self.psql(&format!("create database {USER} owner {USER}"));
        let socket = self.folder.display().to_string().replace('/', "%2F");
        format!("postgres://{USER}@{socket}/{USER}")
    }

    fn psql(&self, text: &str) {
        let mut psql = self.program("psql");
        psql.args(["--quiet", "--no-psqlrc", "--username=postgres", "--dbname=postgres"]);
        run(psql.arg("--host").arg(&self.folder).arg("--command").arg(text));
    }

    fn program(&self, name: &str) -> Command {
        let path = self.programs.join(name);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(path);
            command
        } else {
            Command::new(path)
        };
        command.current_dir(&self.folder);
        command
    }
}

/// The folder with the newest server's programs.
fn programs() -> Option<PathBuf> {
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = installed
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(version, folder)| *version >= 15 && folder.join("initdb").is_file())
        .collect();
    versions.sort();
    let newest = versions.pop().map(|(_, folder)| folder);
    newest.or_else(|| {
        let path = environment("PATH")?;
        let complete = |folder: &PathBuf| ["initdb", "pg_ctl", "psql"].iter().all(|name| folder.join(name).is_file());
        path.split(':').map(PathBuf::from).find(complete)
    })
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(Path::new("/proc/self")).is_ok_and(|process| process.uid() == 0)
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?} failed:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[expect(clippy::disallowed_methods, reason = "the tests' own settings, not the program's configuration")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
