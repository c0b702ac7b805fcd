//! `neruba catalog`: the example of the documentation on a real server, on both databases.

use load::client::{Client, Request};
use load::server_process::ServerProcess;
use serde_json::{Value, json};

use crate::machine::{Machine, Run};
use crate::serve::{EMAIL, create_owner, serve};

const PASSWORD: &str = "strong-password";
const EXAMPLE: &str = include_str!("../../../../docs/examples/catalog.yaml");

/// A server with a project that has nothing in it yet.
struct Shop {
    machine: Machine,
    server: ServerProcess,
    database: String,
}

impl Shop {
    fn open(database: &str) -> Shop {
        let machine = Machine::new().file("catalog.yaml", EXAMPLE);
        create_owner(&machine, database, PASSWORD);
        let server = serve(&machine, database, &[]);
        let mut client = Client::new(server.base_url()).unwrap();
        let login = Request::post("/auth/login").json(&json!({ "email": EMAIL, "password": PASSWORD }));
        let token = client.send(&login).unwrap().text_at("login", "/accessToken").unwrap();
        let project = json!({ "name": "Acme", "externalKey": "acme" });
        let made = client.send(&Request::post("/projects").bearer(&token).json(&project)).unwrap();
        assert_eq!(made.status, 201, "{}", made.quoted());
        Shop { machine, server, database: database.to_owned() }
    }

    fn catalog(&self, arguments: &[&str]) -> Run {
        let server = ["--url", self.server.base_url(), "--project", "acme", "--email", EMAIL, "--password-stdin"];
        self.machine.run_with(&[&["catalog"], arguments, &server].concat(), PASSWORD)
    }
}

#[test]
fn the_example_is_planned_applied_and_exported() {
    for (dialect, database) in testkit::empty_database_addresses() {
        let shop = Shop::open(&database);
        let planned = shop.catalog(&["plan", "catalog.yaml"]);
        assert_eq!(planned.code, Some(2), "{dialect}: {planned:?}");
        assert!(planned.stdout.contains("+ plans[team]  Team\n"), "{}", planned.stdout);
        assert!(planned.stdout.ends_with("16 added, 0 changed, 0 removed.\n"), "{}", planned.stdout);
        assert!(!planned.stdout.contains('\u{1b}'), "nobody looks: no colours");
        let applied = shop.catalog(&["apply", "catalog.yaml"]).succeeds();
        assert!(
            applied.ends_with("Published version 1 of team.\nPublished version 1 of pay-as-you-go.\n"),
            "{applied}"
        );
        assert_eq!(shop.catalog(&["plan", "catalog.yaml"]).succeeds(), "No difference.\n");
        assert_eq!(shop.catalog(&["apply", "catalog.yaml"]).succeeds(), "No difference.\n");
        // What is exported is what is there: by its bytes, and by what it says.
        let exported = shop.catalog(&["export"]).succeeds();
        assert_eq!(shop.catalog(&["export", "export.yaml"]).code, Some(0));
        assert_eq!(std::fs::read_to_string(shop.machine.path("export.yaml")).unwrap(), exported);
        assert_eq!(shop.catalog(&["plan", "export.yaml", "--prune"]).succeeds(), "No difference.\n");
        shop.machine.run(&["verify", "--database", &shop.database]).succeeds();
    }
}

#[test]
fn a_change_is_shown_as_it_was_and_as_it_will_be() {
    let machine = Machine::new();
    let shop = Shop::open(&format!("sqlite://{}", machine.path("catalog.db").display()));
    shop.catalog(&["apply", "catalog.yaml"]).succeeds();
    let changed = EXAMPLE
        .replace("{ upTo: 1000000, unitPrice: 0.00040 }", "{ upTo: 1000000, unitPrice: 0.000395 }")
        .replace("  - { key: us-ca-saas", "  - { key: us-tx-saas, name: Texas, category: saas, country: US, region: TX, percent: 6.6 }\n  - { key: us-ca-saas");
    let shop = Shop { machine: shop.machine.file("next.yaml", &changed), ..shop };
    let planned = shop.catalog(&["plan", "next.yaml"]);
    assert_eq!(planned.code, Some(2));
    insta::assert_snapshot!(planned.stdout, @"
    ~ plans[team].prices[calls].changes[0].terms.model.tiers[0].unitPrice  0.0004 → 0.000395
    ~ plans[team].prices[calls].terms.model.tiers[0].unitPrice  0.0004 → 0.000395
    + taxRates[us-tx-saas]  Texas
    1 added, 2 changed, 0 removed.
    ");
    let digest: Value = serde_json::from_str(&shop.catalog(&["plan", "next.yaml", "--output", "json"]).stdout).unwrap();
    let digest = digest["digest"].as_str().unwrap().to_owned();
    let drafts = shop.catalog(&["apply", "next.yaml", "--drafts", "--expected-digest", &digest]).succeeds();
    assert!(drafts.ends_with("Version 2 of team is a draft.\n"), "{drafts}");
    shop.catalog(&["apply", "next.yaml", "--expected-digest", &digest]).fails_with(&["catalog_changed"]);
    let published: Value =
        serde_json::from_str(&shop.catalog(&["apply", "next.yaml", "--output", "json"]).succeeds()).unwrap();
    assert_eq!(published["published"], json!([{ "plan": "team", "number": 2 }]));
    let pruned = shop.catalog(&["plan", "catalog.yaml", "--prune"]);
    assert!(pruned.stdout.contains("− taxRates[us-tx-saas]  Texas\n"), "{}", pruned.stdout);
}

#[test]
fn mistakes_stand_where_editors_can_jump_to_and_nothing_is_applied() {
    let machine = Machine::new();
    let shop = Shop::open(&format!("sqlite://{}", machine.path("catalog.db").display()));
    let wrong = EXAMPLE.replace("percent: 19", "percent: 190").replace("metric: seat_days", "metric: seat_hours");
    let line = |text: &str, place: &str| (1..).zip(text.lines()).find(|(_, line)| line.contains(place)).unwrap().0;
    let [tax, metric] = ["percent: 190", "metric: seat_hours"].map(|place| line(&wrong, place));
    let unreadable = EXAMPLE.replace("unitPrice: 12 }", "unitPrice: 1.2e1 }");
    let seat = line(&unreadable, "1.2e1");
    let shop = Shop { machine: shop.machine.file("wrong.yaml", &wrong).file("unreadable.yaml", &unreadable), ..shop };
    for command in ["plan", "apply"] {
        shop.catalog(&[command, "wrong.yaml"]).fails_with(&[
            &format!("wrong.yaml:{tax}: taxRates[0].percent must be 0 to 100."),
            &format!("wrong.yaml:{metric}: plans[1].prices[2].metric names `seat_hours`"),
            "Nothing was applied (invalid_catalog).",
        ]);
        shop.catalog(&[command, "unreadable.yaml"]).fails_with(&[
            &format!("unreadable.yaml:{seat}: plans[0].prices[1].terms.model.unitPrice is not a decimal number"),
            "without an exponent",
        ]);
    }
    let refused = shop.catalog(&["apply", "wrong.yaml", "--output", "json"]);
    let refused: Value = serde_json::from_str(&refused.fails_with(&[]).stdout).unwrap();
    assert_eq!(refused["errors"][0]["line"], tax);
    assert_eq!(shop.catalog(&["export"]).succeeds(), "{}\n");
    shop.catalog(&["plan", "nothing.yaml"]).fails_with(&["cannot read nothing.yaml"]);
}

#[test]
fn a_project_that_is_not_there_is_said_so() {
    let machine = Machine::new();
    let shop = Shop::open(&format!("sqlite://{}", machine.path("catalog.db").display()));
    let server = ["--url", shop.server.base_url(), "--email", EMAIL, "--password-stdin"];
    let run = |project: &str, password: &str| {
        let arguments = [&["catalog", "export", "--project", project], &server[..]].concat();
        shop.machine.run_with(&arguments, password)
    };
    run("nobody", PASSWORD).fails_with(&["no project with the externalKey \"nobody\""]);
    run("prj_00000000000000000000000007", PASSWORD).fails_with(&["404"]);
    run("acme", "wrong password").fails_with(&["invalid_credentials"]);
    run("acme", "").fails_with(&["standard input holds no password"]);
}

#[test]
fn every_excerpt_of_the_page_stands_in_the_example() {
    let page = include_str!("../../../../docs/concepts/catalog.md");
    let excerpts: Vec<&str> = page.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(excerpts.len(), 8);
    for excerpt in excerpts {
        assert!(EXAMPLE.contains(excerpt), "the example does not say: {excerpt}");
    }
}
