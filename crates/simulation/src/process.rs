//! A node as a process of its own: this program again, told what to do on its standard input.

use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::node::{Orders, Told};

/// The program and its surroundings.
#[derive(Debug, Clone)]
pub struct Program {
    pub executable: PathBuf,
    /// Added to the environment of this process.
    pub environment: Vec<(String, String)>,
}

/// How a node ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// It came to the end of its work.
    Told(Told),
    Killed,
}

impl Program {
    pub fn new(executable: impl AsRef<Path>) -> Program {
        Program { executable: executable.as_ref().to_owned(), environment: Vec::new() }
    }

    /// The same in other surroundings.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Program {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn start(&self, orders: &Orders) -> Node {
        let mut command = Command::new(&self.executable);
        command.arg("node").envs(self.environment.iter().map(|(name, value)| (name, value)));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let text = serde_json::to_string(orders).unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        Node { child }
    }

    /// Runs a node to its end.
    ///
    /// # Panics
    /// When it ends otherwise than by its work or by being killed.
    pub fn run(&self, orders: &Orders) -> Ended {
        self.start(orders).wait()
    }

    /// Runs a node that is not stopped.
    ///
    /// # Panics
    /// When it does not come to the end of its work.
    pub fn finish(&self, orders: &Orders) -> Told {
        match self.run(orders) {
            Ended::Told(told) => told,
            Ended::Killed => panic!("a node was killed that was not to be"),
        }
    }
}

/// A node that runs; killed when this value is dropped.
pub struct Node {
    child: Child,
}

impl Node {
    /// Waits until it ends.
    ///
    /// # Panics
    /// When it ends otherwise than by its work or by being killed.
    pub fn wait(mut self) -> Ended {
        let (mut told, mut errors) = (Vec::new(), String::new());
        self.child.stdout.take().unwrap().read_to_end(&mut told).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        let status = self.child.wait().unwrap();
        if status.signal() == Some(9) {
            return Ended::Killed;
        }
        assert!(status.success(), "a node ended with {status}:\n{errors}");
        Ended::Told(serde_json::from_slice(&told).unwrap())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Both fail harmlessly when it is gone already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
