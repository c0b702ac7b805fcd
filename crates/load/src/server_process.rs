//! A real server as a child process: start, wait until ready, kill, stop, look at its memory. It is reached over HTTP only.

mod commands;
mod memory;

use std::fs::{File, OpenOptions};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

pub use crate::account::Owner;
pub use commands::{create_user, migrate, verify};
pub use memory::Memory;

use crate::client::{Client, Request};
use crate::{LoadError, clock};

/// How a server is started.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// The `neruba` executable.
    pub executable: PathBuf,
    /// `sqlite://…` or `postgres://…`.
    pub database: String,
    /// On 127.0.0.1; see [`free_port`].
    pub port: u16,
    /// Standard output and error of the server are appended here.
    pub log: PathBuf,
    /// Added to the environment this process has.
    pub environment: Vec<(String, String)>,
}

/// A running child; it is killed when this value is dropped.
pub struct ServerProcess {
    child: Child,
    base_url: String,
    started: Instant,
    startup: Duration,
    log: PathBuf,
}

const READY_WITHIN: Duration = Duration::from_secs(30);
const ASK_EVERY: Duration = Duration::from_millis(2);
const LOG_END_BYTES: usize = 2_000;

/// A port nobody listened on a moment ago.
///
/// # Errors
/// When the machine has none to give.
pub fn free_port() -> Result<u16, LoadError> {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    Ok(bound.map_err(LoadError::system("find a free port"))?.port())
}

impl ServerProcess {
    /// Starts a server and waits until it is ready.
    ///
    /// # Errors
    /// When it cannot be started, ends, or is not ready within 30 s.
    pub fn start(options: &ServerOptions) -> Result<ServerProcess, LoadError> {
        let mut server = ServerProcess::spawn(options)?;
        server.wait_ready()?;
        Ok(server)
    }

    /// Starts a server without waiting for it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(options: &ServerOptions) -> Result<ServerProcess, LoadError> {
        let listen = format!("127.0.0.1:{}", options.port);
        let log = log_file(&options.log)?;
        let log_too = log.try_clone().map_err(LoadError::system("share the server's log"))?;
        let started = clock::start();
        let child = Command::new(&options.executable)
            .args(["serve", "--database", &options.database, "--listen", &listen])
            .envs(options.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(log_too)
            .spawn()
            .map_err(|source| LoadError::Start { program: options.executable.clone(), source })?;
        let base_url = format!("http://{listen}");
        Ok(ServerProcess { child, base_url, started, startup: Duration::ZERO, log: options.log.clone() })
    }

    /// Asks `/health/ready` until it answers 200.
    ///
    /// # Errors
    /// When the server ends or is not ready within 30 s.
    pub fn wait_ready(&mut self) -> Result<(), LoadError> {
        let mut client = Client::new(&self.base_url)?;
        let ask = Request::get("/health/ready");
        loop {
            if client.send(&ask).is_ok_and(|reply| reply.status == 200) {
                self.startup = self.started.elapsed();
                return Ok(());
            }
            if let Some(status) = self.child.try_wait().map_err(LoadError::system("look at the server"))? {
                return Err(LoadError::EndedEarly { status: status.to_string(), log: end_of(&self.log) });
            }
            if self.started.elapsed() > READY_WITHIN {
                return Err(LoadError::NotReady { seconds: READY_WITHIN.as_secs(), log: end_of(&self.log) });
            }
            clock::pause(ASK_EVERY);
        }
    }

    /// `http://127.0.0.1:port`.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// From the start of the process to its first ready answer.
    #[must_use]
    pub fn startup(&self) -> Duration {
        self.startup
    }

    /// Memory of the process; `None` where the system does not tell.
    #[must_use]
    pub fn memory(&self) -> Option<Memory> {
        Memory::of(self.child.id())
    }

    /// Processor time used so far, in clock ticks; `None` where the system does not tell.
    #[must_use]
    pub fn processor_ticks(&self) -> Option<u64> {
        memory::processor_ticks(self.child.id())
    }

    /// `SIGKILL`, at once; returns when the process is gone.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn kill(mut self) -> Result<(), LoadError> {
        self.child.kill().map_err(LoadError::system("kill the server"))?;
        self.child.wait().map_err(LoadError::system("wait for the killed server"))?;
        Ok(())
    }

    /// `SIGTERM`, then waits for the server to drain and end.
    ///
    /// # Errors
    /// When it still runs after `within` (it is killed then).
    pub fn stop(mut self, within: Duration) -> Result<ExitStatus, LoadError> {
        terminate(&self.child).map_err(LoadError::system("ask the server to stop"))?;
        let asked = clock::start();
        while asked.elapsed() < within {
            if let Some(status) = self.child.try_wait().map_err(LoadError::system("wait for the server"))? {
                return Ok(status);
            }
            clock::pause(ASK_EVERY);
        }
        let source = std::io::Error::from(std::io::ErrorKind::TimedOut);
        Err(LoadError::System { action: format!("stop the server within {} s", within.as_secs()), source })
    }
}

impl Drop for ServerProcess {
    /// A child never outlives the run that started it. Both calls fail harmlessly when it is gone already.
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn terminate(child: &Child) -> std::io::Result<()> {
    let raw = i32::try_from(child.id()).map_err(std::io::Error::other)?;
    let Some(pid) = rustix::process::Pid::from_raw(raw) else {
        return Err(std::io::ErrorKind::NotFound.into());
    };
    Ok(rustix::process::kill_process(pid, rustix::process::Signal::TERM)?)
}

fn log_file(path: &Path) -> Result<File, LoadError> {
    let action = format!("open the server's log {}", path.display());
    OpenOptions::new().create(true).append(true).open(path).map_err(LoadError::system(action))
}

fn end_of(log: &Path) -> String {
    let bytes = std::fs::read(log).unwrap_or_default();
    String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(LOG_END_BYTES)..]).into_owned()
}
