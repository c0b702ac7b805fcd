//! The requests of `docs/concepts/subscriptions.md`, sent as they stand there.

use serde_json::{Value, json};

use super::Desk;
use crate::world::{on_both, text};

/// The JSON block that begins with this line.
fn block(kind: &str) -> Value {
    let page = include_str!("../../../../../docs/concepts/subscriptions.md");
    let (_, rest) = page.split_once(&format!("```json {kind}\n")).unwrap();
    serde_json::from_str(rest.split_once("```").unwrap().0).unwrap()
}

on_both! {
    fn the_requests_of_the_page_on_subscriptions_are_answered_as_it_says(world) {
        let desk = Desk::open(world);
        let made = desk.create("acme-team", block("create")).expect(201);
        assert_eq!((&made["phase"], &made["state"]["plan"]["version"]), (&json!("active"), &json!(1)));
        let id = text(&made["id"]);
        let seats = desk.change("acme-team-seats", &id, block("change")).expect(201);
        assert_eq!(seats["subscription"]["state"]["quantities"]["seats"], "8.000000");
        let cancelled = desk.change("acme-team-cancel", &id, block("cancel")).expect(201);
        assert_eq!(cancelled["subscription"]["upcoming"], json!([cancelled["change"]]));
        let withdrawn = desk.withdraw("acme-team-stay", &id, &cancelled["change"]["id"]).expect(200);
        assert_eq!(withdrawn["subscription"], seats["subscription"]);
        assert_eq!(desk.history(&id).len(), 3);
    }
}
