//! Starting a server: what its end, its absence and its refusals look like to the caller. A shell script stands for it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use load::LoadError;
use load::server_process::{Owner, ServerOptions, ServerProcess, create_user, free_port, verify};

fn stand_in() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/stand_in.sh")
}

fn options(behaviour: &str, folder: &Path) -> ServerOptions {
    ServerOptions {
        executable: stand_in(),
        database: "sqlite://x.db".to_owned(),
        port: free_port().unwrap(),
        log: folder.join("server.log"),
        environment: vec![("STAND_IN".to_owned(), behaviour.to_owned())],
    }
}

#[test]
fn a_server_that_ends_at_once_shows_its_last_words() {
    let folder = tempfile::tempdir().unwrap();
    let error = ServerProcess::start(&options("ends", folder.path())).err().unwrap();
    let LoadError::EndedEarly { status, log } = error else { panic!("{error}") };
    assert!(status.contains('3'), "{status}");
    assert_eq!(log, "serve --database sqlite://x.db: migrations are pending\n");
}

#[test]
fn an_executable_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let options = ServerOptions { executable: folder.path().join("missing"), ..options("stops", folder.path()) };
    let error = ServerProcess::start(&options).err().unwrap();
    assert!(matches!(&error, LoadError::Start { program, .. } if program.ends_with("missing")), "{error}");
}

#[test]
fn a_server_asked_to_stop_ends_by_itself_and_a_killed_one_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let options = options("stops", folder.path());
    let server = ServerProcess::spawn(&options).unwrap();
    while std::fs::read_to_string(&options.log).unwrap_or_default().is_empty() {
        std::thread::yield_now();
    }
    assert!(server.memory().is_some_and(|memory| memory.resident_kib > 0));
    let status = server.stop(Duration::from_secs(10)).unwrap();
    assert!(status.success(), "{status}");
    assert!(std::fs::read_to_string(&options.log).unwrap().contains("stopping"));
    ServerProcess::spawn(&options).unwrap().kill().unwrap();
}

#[test]
fn the_password_goes_through_the_pipe_and_a_refusal_is_quoted() {
    let owner = |password: &str| Owner { email: "a@example.com".to_owned(), password: password.to_owned() };
    create_user(&stand_in(), "sqlite://x.db", &owner("right"), "A").unwrap();
    let error = create_user(&stand_in(), "sqlite://x.db", &owner("wrong"), "A").unwrap_err();
    assert!(error.to_string().contains("create-user a@example.com got wrong"), "{error}");
}

#[test]
fn verification_tells_a_violation_from_a_pass() {
    let looked = |url: &str| format!("looked at {url}");
    assert_eq!(verify(&stand_in(), "sqlite://good.db").unwrap(), (true, looked("sqlite://good.db")));
    assert_eq!(verify(&stand_in(), "sqlite://bad.db").unwrap(), (false, looked("sqlite://bad.db")));
}
