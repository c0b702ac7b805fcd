//! `neruba admin create-user`: the password comes by standard input and appears nowhere.

use crate::machine::Machine;

const PASSWORD: &str = "correct horse battery";

fn create(email: &str) -> [&str; 7] {
    ["admin", "create-user", "--email", email, "--name", "Owner", "--password-stdin"]
}

#[test]
fn a_user_is_created_with_a_password_from_standard_input() {
    let machine = Machine::new();
    let run = machine.run_with(&create("owner@example.com"), &format!("{PASSWORD}\n"));
    assert!(!format!("{run:?}").contains(PASSWORD));
    assert!(run.succeeds().contains("created owner@example.com (usr_"));
    let again = machine.run_with(&create("owner@example.com"), PASSWORD);
    again.fails_with(&["A user with the email owner@example.com exists."]);
    // checklist 5
    let stored = std::fs::read(machine.path("data/neruba.db")).unwrap();
    assert!(!stored.windows(PASSWORD.len()).any(|window| window == PASSWORD.as_bytes()));
}

#[test]
fn what_is_not_acceptable_is_refused_before_anything_is_made() {
    let machine = Machine::new();
    machine.run_with(&create("owner@example.com"), "short\n").fails_with(&["weak_password"]);
    machine.run_with(&create("owner@example.com"), "").fails_with(&["holds no password"]);
    machine.run_with(&create("nobody"), PASSWORD).fails_with(&["--email"]);
    assert!(!machine.path("data").exists());
}
