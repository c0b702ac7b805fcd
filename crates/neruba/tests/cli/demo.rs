//! `neruba demo`: from nothing to three months of data, and the requests that can be copied.

use crate::machine::Machine;

#[test]
fn a_demo_fills_a_fresh_file_and_shows_the_six_requests_and_why_somebody_would_pay() {
    // checklist 109
    // checklist 110
    let machine = Machine::new();
    let said = machine.run(&["demo", "--exit"]).succeeds();
    assert_eq!(said.matches("curl ").count(), 9, "{said}");
    for word in [
        "owner@example.com",
        "strong-password",
        "nrb_",
        "/billing/overview",
        "/estimate",
        "Northwind Labs",
        "/pdf",
        "INV-000011",
        "CN-000001",
        "late usage",
        "upgraded",
    ] {
        assert!(said.contains(word), "{word} is not in: {said}");
    }
    machine.run(&["verify", "--database", "sqlite://data/demo.db"]).succeeds();
    assert!(!machine.path("data/neruba.db").exists());
}
