//! Pages made from the code are committed as the code makes them.

use std::path::Path;

use crate::machine::Machine;

#[test]
fn the_committed_reference_is_what_the_program_writes() {
    let machine = Machine::new();
    let written = machine.run(&["reference", "."]).succeeds();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for path in written.lines() {
        let made = std::fs::read_to_string(machine.path(path)).unwrap();
        let committed = std::fs::read_to_string(root.join(path)).unwrap_or_default();
        assert!(made == committed, "{path} is out of date: run `cargo run -- reference` and review the difference");
    }
}
