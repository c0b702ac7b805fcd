//! `neruba migrate` and what `serve` does about a schema that is behind.

use std::io::{BufRead, BufReader};

use crate::machine::Machine;

#[test]
fn migrating_twice_changes_nothing_the_second_time() {
    // checklist 107
    for (dialect, url) in testkit::empty_database_addresses() {
        let machine = Machine::new();
        let first = machine.run(&["migrate", "--database", &url]).succeeds();
        assert!(first.contains("applied 0001_access"), "{dialect}: {first}");
        let second = machine.run(&["migrate", "--database", &url]).succeeds();
        assert!(second.contains("nothing to do"), "{dialect}: {second}");
    }
}

#[test]
fn a_server_refuses_a_postgresql_schema_that_is_behind_and_names_the_command() {
    for (_, url) in testkit::empty_database_addresses().into_iter().filter(|(dialect, _)| *dialect == "postgres") {
        let run = Machine::new().run(&["serve", "--database", &url, "--listen", "127.0.0.1:0"]);
        run.fails_with(&["migrations are pending", "neruba migrate", "0001_access"]);
    }
}

#[test]
fn a_server_told_to_migrate_brings_postgresql_up_to_date_itself() {
    for (_, url) in testkit::empty_database_addresses().into_iter().filter(|(dialect, _)| *dialect == "postgres") {
        let machine = Machine::new();
        let mut server = machine.start(&["serve", "--migrate", "--database", &url, "--listen", "127.0.0.1:0"]);
        let mut log = BufReader::new(server.stderr.take().unwrap()).lines().map(Result::unwrap);
        let listening = log.find(|line| line.contains("listening on http://127.0.0.1:") || line.contains("error"));
        assert!(listening.as_ref().is_some_and(|line| line.contains("listening")), "{listening:?}");
        server.kill().unwrap();
        server.wait().unwrap();
        assert!(machine.run(&["migrate", "--database", &url]).succeeds().contains("nothing to do"));
    }
}
