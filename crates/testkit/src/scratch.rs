//! One temporary folder per test process, removed when the process ends, however it ends.

use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Reads until the test process is gone (its end of the pipe closes), then stops what still runs in the folder and
/// removes it. Signals meant for the tests must not keep it from that.
const CARETAKER: &str = r#"
trap '' INT TERM HUP
read -r _
for pid_file in "$1"/*/data/postmaster.pid; do
    [ -f "$pid_file" ] || continue
    pid=$(head -n 1 "$pid_file")
    kill -QUIT "$pid" 2>/dev/null
    while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
done
rm -rf "$1"
"#;

struct Scratch {
    path: PathBuf,
    /// Closing it tells the caretaker that this process is gone.
    _alive: ChildStdin,
}

static SCRATCH: OnceLock<Scratch> = OnceLock::new();
static NEXT: AtomicU64 = AtomicU64::new(0);

/// The folder of this process.
pub fn folder() -> &'static Path {
    &SCRATCH.get_or_init(make).path
}

/// A path in the folder that no other call returns.
pub fn path(name: &str) -> PathBuf {
    folder().join(format!("{}-{name}", NEXT.fetch_add(1, Ordering::Relaxed)))
}

#[expect(clippy::zombie_processes, reason = "it outlives this process on purpose")]
fn make() -> Scratch {
    let path = tempfile::Builder::new().prefix("neruba-test-").tempdir().unwrap().keep();
    let mut command = Command::new("sh");
    command.args(["-c", CARETAKER, "caretaker"]).arg(&path).stdin(Stdio::piped());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    // A group of its own, so that Ctrl-C in a terminal does not reach it.
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut caretaker = command.spawn().unwrap();
    Scratch { path, _alive: caretaker.stdin.take().unwrap() }
}
