//! `neruba doctor`: says what is fine, and what to do about what is not.

use crate::machine::Machine;

#[test]
fn a_new_machine_is_fine_before_and_after_its_first_start() {
    let machine = Machine::new();
    let before = machine.run(&["doctor"]).succeeds();
    assert!(before.contains("the first start makes data/neruba.secret"), "{before}");
    assert!(!machine.path("data").exists());
    machine.run(&["migrate"]).succeeds();
    let after = machine.run(&["doctor"]).succeeds();
    assert!(after.contains("is SQLite 3.") && after.contains("up to date"), "{after}");
}

#[test]
fn what_is_wrong_comes_with_what_to_do() {
    let machine = Machine::new().set("NERUBA_ENV", "production");
    machine.run(&["doctor"]).fails_with(&["FAIL  secret", "NERUBA_SECRET_FILE"]);
    let unreachable = ["doctor", "--database", "postgres://nobody:hunter2hunter2@127.0.0.1:9/none"];
    let run = Machine::new().run(&unreachable).fails_with(&["FAIL  database", "check the address"]);
    assert!(!format!("{run:?}").contains("hunter2"), "{run:?}");
}

#[test]
fn a_schema_that_is_behind_is_found() {
    for (_, url) in testkit::empty_database_addresses().into_iter().filter(|(dialect, _)| *dialect == "postgres") {
        let run = Machine::new().run(&["doctor", "--database", &url]);
        run.fails_with(&["FAIL  schema", "migrations are pending: 0001_access", "neruba migrate"]);
    }
}
