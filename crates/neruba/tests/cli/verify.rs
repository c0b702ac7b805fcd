//! `neruba verify`: exit 0 only if every invariant holds.

use crate::machine::Machine;

#[test]
fn an_empty_installation_holds_every_invariant() {
    for (dialect, url) in testkit::empty_database_addresses() {
        let machine = Machine::new();
        machine.run(&["migrate", "--database", &url]).succeeds();
        let said = machine.run(&["verify", "--database", &url]).succeeds();
        assert!(said.contains("invariants hold"), "{dialect}: {said}");
        let json = machine.run(&["verify", "--database", &url, "--output", "json"]).succeeds();
        assert!(serde_json::from_str::<serde_json::Value>(&json).unwrap()["checks"].is_array());
    }
}

#[test]
fn a_database_that_is_not_there_does_not_hold_them() {
    let machine = Machine::new();
    machine.run(&["verify", "--database", "sqlite://nowhere.db"]).fails_with(&["cannot open the database"]);
    assert!(!machine.path("nowhere.db").exists());
}
