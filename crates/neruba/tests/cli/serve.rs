//! `neruba serve`: a real server process, from its first line to a clean stop.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use load::client::{Client, Request};
use load::server_process::{ServerOptions, ServerProcess, free_port};
use load::smoke::{self, SmokeOptions};

use crate::machine::{Machine, PROGRAM};

pub const EMAIL: &str = "owner@example.com";
const PASSWORD: &str = "correct horse battery";
const STOP_WITHIN: Duration = Duration::from_secs(20);

pub fn serve(machine: &Machine, database: &str, environment: &[(&str, &str)]) -> ServerProcess {
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    // Beside the database would be the working folder of the tests.
    let secret = ("NERUBA_SECRET_FILE".to_owned(), machine.path("secret").display().to_string());
    std::fs::write(machine.path("secret"), "q3J9vX0mB7sKd2LwTzR8yHc4NfGp6UaE1oVi5Yx").unwrap();
    std::fs::set_permissions(machine.path("secret"), Permissions::from_mode(0o600)).unwrap();
    let options = ServerOptions {
        executable: PROGRAM.into(),
        database: database.to_owned(),
        port: free_port().unwrap(),
        log: machine.path("server.log"),
        environment: environment.chain([secret]).collect(),
    };
    ServerProcess::start(&options).unwrap()
}

/// A user on a migrated database, made as an operator makes one.
pub fn create_owner(machine: &Machine, database: &str, password: &str) {
    machine.run(&["migrate", "--database", database]).succeeds();
    let create =
        ["admin", "create-user", "--email", EMAIL, "--name", "Owner", "--password-stdin", "--database", database];
    machine.run_with(&create, password).succeeds();
}

fn log(machine: &Machine) -> String {
    std::fs::read_to_string(machine.path("server.log")).unwrap()
}

#[test]
fn a_first_start_on_sqlite_says_how_to_begin_and_stops_cleanly() {
    // checklist 109
    let machine = Machine::new();
    let database = format!("sqlite://{}", machine.path("data/first.db").display());
    let server = serve(&machine, &database, &[]);
    let mut client = Client::new(server.base_url()).unwrap();
    assert_eq!(client.send(&Request::get("/health/ready")).unwrap().status, 200);
    assert_eq!(client.send(&Request::get("/docs/")).unwrap().status, 200);
    assert!(server.stop(STOP_WITHIN).unwrap().success());
    let log = log(&machine);
    assert!(log.contains("neruba admin create-user --email"), "{log}");
    assert!(log.contains("stopping on SIGTERM") && log.trim_end().ends_with("stopped"), "{log}");
}

#[test]
fn a_production_server_logs_json_and_shows_no_docs() {
    // checklist 103
    let machine = Machine::new();
    let database = format!("sqlite://{}", machine.path("data/production.db").display());
    let server = serve(&machine, &database, &[("NERUBA_ENV", "production")]);
    let mut client = Client::new(server.base_url()).unwrap();
    for path in ["/docs/", "/openapi.json", "/metrics"] {
        let reply = client.send(&Request::get(path).header("X-Request-Id", "trace-me")).unwrap();
        assert_eq!(reply.status, 404, "{path}");
    }
    assert!(server.stop(STOP_WITHIN).unwrap().success());
    // checklist 100
    let events: Vec<serde_json::Value> =
        log(&machine).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(events.iter().all(|event| event["message"].is_string()), "{events:#?}");
    assert!(
        events.iter().any(|event| event["span"]["request_id"] == "trace-me" && event["status"] == 404),
        "{events:#?}"
    );
}

#[test]
fn the_known_good_sequence_passes_and_no_secret_reaches_the_log() {
    // checklist 98 (ingest outcomes and transactions)
    // checklist 99
    // checklist 101
    for (dialect, database) in testkit::empty_database_addresses() {
        let machine = Machine::new();
        create_owner(&machine, &database, PASSWORD);
        let server = serve(&machine, &database, &[("NERUBA_LOG", "debug")]);
        let options = SmokeOptions::new(server.base_url(), EMAIL, PASSWORD);
        let mut said = Vec::new();
        let report = smoke::run(&options, |step| said.push(step.to_string())).unwrap();
        assert!(report.passed(), "{dialect}: {said:#?}");
        let figures = Client::new(server.base_url()).unwrap().send(&Request::get("/metrics")).unwrap();
        let figures = String::from_utf8(figures.body).unwrap();
        for line in [
            "neruba_ingest_total{operation=\"usage\",outcome=\"accepted\"} 1",
            "neruba_ingest_total{operation=\"usage\",outcome=\"replay\"} 1",
            "neruba_ingest_total{operation=\"usage\",outcome=\"conflict\"} 1",
            "neruba_ingest_total{operation=\"charge\",outcome=\"accepted\"} 1",
            "neruba_db_transactions_total{name=\"grant_credit\",outcome=\"committed\"}",
        ] {
            assert!(figures.contains(line), "{dialect}: {line} is missing in {figures}");
        }
        assert!(server.stop(STOP_WITHIN).unwrap().success());
        let log = log(&machine);
        for secret in [PASSWORD, "nrb_", "eyJ", "q3J9vX0m"] {
            assert!(!log.contains(secret), "{dialect}: {secret} stands in the log: {log}");
        }
        machine.run(&["verify", "--database", &database]).succeeds();
    }
}
