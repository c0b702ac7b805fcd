//! Configuration, from outside: what holds, where it comes from, what is refused, and that secrets stay secret.

use crate::machine::Machine;

const CANARY: &str = "q3J9vX0mB7sKd2LwTzR8yHc4NfGp6UaE1oVi5Yx";

#[test]
fn a_flag_wins_over_the_environment_over_the_file_over_the_default() {
    let machine = Machine::new()
        .file("neruba.toml", "databaseUrl = \"sqlite://file.db\"\nlisten = \"127.0.0.1:1\"\nexposeDocs = false\n")
        .set("NERUBA_LISTEN", "127.0.0.1:2")
        .set("NERUBA_DATABASE_URL", "sqlite://variable.db");
    let shown = machine.run(&["config", "show", "--database", "sqlite://flag.db", "--output", "json"]).succeeds();
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let of = |key: &str| {
        let setting = &shown["settings"][key];
        format!("{} from {}", setting["value"].as_str().unwrap(), setting["origin"].as_str().unwrap())
    };
    assert_eq!(of("databaseUrl"), "sqlite://flag.db from --database");
    assert_eq!(of("listen"), "127.0.0.1:2 from NERUBA_LISTEN");
    assert_eq!(of("exposeDocs"), "false from file");
    assert_eq!(of("logFilter"), "info from default");
    assert_eq!(shown["file"], "neruba.toml");
}

#[test]
fn the_configuration_is_shown_without_its_secrets() {
    // checklist 101
    let machine = Machine::new()
        .set("NERUBA_SECRET", CANARY)
        .set("NERUBA_DATABASE_URL", &format!("postgres://me:{CANARY}@db.example.com/bills"));
    for output in ["text", "json"] {
        let shown = machine.run(&["config", "show", "--output", output]).succeeds();
        assert!(shown.contains("postgres://me@db.example.com/bills"), "{shown}");
        assert!(!shown.contains(CANARY), "{shown}");
    }
}

#[test]
fn unknown_keys_are_refused() {
    let machine = Machine::new().file("neruba.toml", "lisen = \"127.0.0.1:1\"\n");
    machine.run(&["config", "show"]).fails_with(&["neruba.toml", "lisen is not a setting"]);
    let machine = Machine::new().set("NERUBA_LISEN", "x");
    machine.run(&["serve"]).fails_with(&["NERUBA_LISEN is not a setting"]);
}

#[test]
fn production_refuses_to_start_without_a_good_secret() {
    // checklist 105
    let production = || Machine::new().set("NERUBA_ENV", "production");
    production().run(&["serve"]).fails_with(&["production needs a secret of its own"]);
    production().set("NERUBA_SECRET", "short").run(&["serve"]).fails_with(&["at least 32"]);
    let weak = "changeme-changeme-changeme-changeme";
    let run = production().set("NERUBA_SECRET", weak).run(&["serve"]).fails_with(&["not made at random"]);
    assert!(!run.stderr.contains(weak), "{run:?}");
    let file = production().file("secret", CANARY).set("NERUBA_SECRET_FILE", "secret");
    let run = file.run(&["serve"]).fails_with(&["chmod 600"]);
    assert!(!run.stderr.contains(CANARY), "{run:?}");
}
