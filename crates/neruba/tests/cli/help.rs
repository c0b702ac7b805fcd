//! What `--help` says, reviewed as a whole whenever it changes.

use crate::machine::Machine;

#[track_caller]
fn check(name: &str, arguments: &[&str]) {
    let help = Machine::new().run(&[arguments, &["--help"]].concat()).succeeds();
    assert!(help.contains("Usage:"), "{help}");
    insta::assert_snapshot!(name, help);
}

#[test]
fn every_command_explains_itself_with_examples() {
    let commands: [&[&str]; 14] = [
        &["serve"],
        &["demo"],
        &["migrate"],
        &["admin", "create-user"],
        &["verify"],
        &["doctor"],
        &["smoke"],
        &["catalog", "plan"],
        &["catalog", "apply"],
        &["catalog", "export"],
        &["bench"],
        &["crashtest"],
        &["config", "show"],
        &["openapi"],
    ];
    check("neruba", &[]);
    for command in commands {
        let help = Machine::new().run(&[command, &["--help"]].concat()).succeeds();
        assert!(help.contains("Example"), "{command:?} shows no example: {help}");
        check(&command.join("-"), command);
    }
}

#[test]
fn a_misspelt_command_is_refused_with_a_hint() {
    let run = Machine::new().run(&["sevre"]);
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("serve"), "{run:?}");
}
