//! A working folder of its own and an empty environment to run the program in.

use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_neruba");

pub struct Machine {
    folder: TempDir,
    environment: Vec<(String, String)>,
}

/// What a run left behind.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Machine {
    pub fn new() -> Machine {
        Machine { folder: tempfile::tempdir().unwrap(), environment: Vec::new() }
    }

    /// Sets an environment variable for the runs that follow.
    pub fn set(mut self, name: &str, value: &str) -> Machine {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Writes a file in the working folder.
    pub fn file(self, name: &str, text: &str) -> Machine {
        std::fs::write(self.path(name), text).unwrap();
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn run(&self, arguments: &[&str]) -> Run {
        self.run_with(arguments, "")
    }

    pub fn run_with(&self, arguments: &[&str], input: &str) -> Run {
        let mut child = self.start(arguments);
        // A program that ends without reading is judged by its exit code.
        child.stdin.take().unwrap().write_all(input.as_bytes()).ok();
        let output = child.wait_with_output().unwrap();
        Run {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub fn start(&self, arguments: &[&str]) -> Child {
        Command::new(PROGRAM)
            .args(arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }
}

impl Run {
    #[track_caller]
    pub fn succeeds(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout
    }

    /// Demands exit code 1 and a message that holds all of these words.
    #[track_caller]
    pub fn fails_with(self, words: &[&str]) -> Run {
        assert_eq!(self.code, Some(1), "{self:?}");
        let mut said = self.stderr.clone();
        said.write_str(&self.stdout).unwrap();
        for word in words {
            assert!(said.contains(word), "{word:?} is not in: {said}");
        }
        self
    }
}
