//! `/projects/{projectId}/add-ons`, `/coupons`, `/custom-assets`, `/tax-categories`, `/tax-rates`

use domain::access::Role;
use domain::refusal::Code;
use http::Method;
use serde_json::{Value, json};

use crate::plans::{Shop, team};
use crate::world::on_both;

/// One of each kind: its path, and what it says when written in full.
fn one_of_each() -> Vec<(&'static str, &'static str, Value)> {
    let price = json!({
        "key": "sso", "name": "Single sign-on", "interval": { "unit": "month" }, "timing": "advance",
        "anchor": "calendar", "terms": { "model": { "type": "recurring", "amount": "99.000000" } },
    });
    vec![
        ("/tax-categories", "saas", json!({ "key": "saas", "name": "Software as a service" })),
        (
            "/tax-rates",
            "de",
            json!({ "key": "de", "name": "VAT", "category": "saas", "country": "DE", "percent": "19" }),
        ),
        (
            "/custom-assets",
            "CREDITS",
            json!({ "code": "CREDITS", "name": "Credits", "places": 2, "conversions": [{ "currency": "EUR", "unitPrice": "0.01" }] }),
        ),
        ("/add-ons", "sso", json!({ "key": "sso", "name": "Single sign-on", "currency": "EUR", "prices": [price] })),
        (
            "/coupons",
            "spring",
            json!({ "key": "spring", "name": "Spring", "discount": { "type": "percent", "percent": "20" }, "duration": { "type": "once" } }),
        ),
    ]
}

on_both! {
    fn each_kind_is_set_listed_read_and_removed(world) {
        let shop = Shop::open(world);
        for (path, key, body) in one_of_each() {
            let own = format!("{path}/{key}");
            shop.send(Method::GET, &own, None).refused(Code::NotFound);
            assert_eq!(shop.put(&own, body.clone()).expect(201), body);
            assert_eq!(shop.put(&own, body.clone()).expect(200), body);
            assert_eq!(shop.get(&own), body);
            assert_eq!(shop.get(path)["data"], json!([body]));
        }
        for (path, key, _) in one_of_each().into_iter().rev() {
            shop.send(Method::DELETE, &format!("{path}/{key}"), None).expect(204);
            shop.send(Method::DELETE, &format!("{path}/{key}"), None).refused(Code::NotFound);
            assert_eq!(shop.get(path)["data"], json!([]));
        }
        let (path, key, body) = one_of_each().swap_remove(0);
        assert_eq!(shop.put(&format!("{path}/{key}"), body.clone()).expect(201), body);
    }

    fn saying_the_same_again_makes_no_entry_and_a_change_makes_one(world) {
        let shop = Shop::open(world);
        let rate = |percent: &str| json!({ "key": "de", "name": "VAT", "country": "DE", "percent": percent });
        shop.put("/tax-rates/de", rate("19")).expect(201);
        shop.put("/tax-rates/de", rate("19.0")).expect(200);
        shop.put("/tax-rates/de", rate("16")).expect(200);
        shop.send(Method::DELETE, "/tax-rates/de", None).expect(204);
        let entries = shop.get("/audit?action=catalogItem.changed");
        let entries = entries["data"].as_array().unwrap();
        assert_eq!(entries.len(), 2);
        let change = entries.iter().find(|entry| entry["details"].get("before").is_some()).unwrap();
        assert_eq!(change["details"], json!({
            "kind": "taxRate", "before": { "percent": "19" }, "after": { "percent": "16" },
            "differences": [{ "change": "changed", "path": "percent", "before": "19", "after": "16" }],
        }));
        let removed = shop.get("/audit?action=catalogItem.removed");
        assert_eq!(removed["data"][0]["details"]["before"]["percent"], "16");
    }

    fn what_something_current_refers_to_stays_and_the_places_are_named(world) {
        let shop = Shop::open(world);
        for (path, key, body) in one_of_each() {
            shop.put(&format!("{path}/{key}"), body).expect(201);
        }
        let mut plan = team("0.002");
        plan["addOns"] = json!(["sso"]);
        plan["prices"][0]["taxCategory"] = json!("saas");
        plan["prices"][1]["asset"] = json!("CREDITS");
        shop.post("/plans", plan).expect(201);
        // A draft holds nothing back: it is checked when it is published.
        shop.send(Method::DELETE, "/add-ons/sso", None).expect(204);
        shop.put("/add-ons/sso", one_of_each().swap_remove(3).2).expect(201);
        shop.publish(1).expect(200);
        for (path, places) in [
            ("/tax-categories/saas", vec!["plans[team].prices[base].taxCategory", "taxRates[de].category"]),
            ("/custom-assets/CREDITS", vec!["plans[team].prices[calls].asset"]),
            ("/add-ons/sso", vec!["plans[team].addOns[sso]"]),
        ] {
            let problem = shop.send(Method::DELETE, path, None).refused(Code::CatalogItemInUse);
            let named: Vec<&str> = problem["errors"].as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect();
            assert_eq!(named, places);
        }
        shop.send(Method::POST, "/plans/team/archive", None).expect(200);
        shop.send(Method::DELETE, "/custom-assets/CREDITS", None).expect(204);
        // What it says does not hold any more.
        let problem = shop.send(Method::POST, "/plans/team/restore", None).refused(Code::InvalidCatalog);
        assert_eq!(problem["errors"][0]["field"], "definition.prices[1].asset");
    }

    fn every_mistake_is_named_by_its_field(world) {
        let shop = Shop::open(world);
        let rate = json!({ "key": "de", "name": " ", "category": "books", "country": "de", "percent": "101" });
        let problem = shop.put("/tax-rates/de", rate).refused(Code::InvalidCatalog);
        let fields: Vec<&str> = problem["errors"].as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect();
        assert_eq!(fields, ["name", "percent", "country", "category"]);
        assert_eq!(shop.get("/tax-rates")["data"], json!([]));
        let category = json!({ "key": "saas", "name": "SaaS" });
        let problem = shop.put("/tax-categories/books", category).refused(Code::InvalidValue);
        assert_eq!(problem["errors"][0]["field"], "key");
        let asset = json!({ "code": "TOK", "name": "Tokens", "places": 0 });
        assert_eq!(shop.put("/custom-assets/MIN", asset).refused(Code::InvalidValue)["errors"][0]["field"], "code");
        shop.put("/coupons/spring", json!({ "key": "spring" })).refused(Code::MissingField);
    }

    fn two_who_set_one_thing_at_once_make_two_versions_of_it(world) {
        let shop = Shop::open(world);
        let body = |name: usize| json!({ "key": "saas", "name": format!("Name {name}") });
        let requests = (0..6).map(|name| shop.request(Method::PUT, "/tax-categories/saas").json(body(name))).collect();
        let replies = world.at_once(requests);
        assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 1);
        assert!(replies.iter().all(|reply| matches!(reply.status, 200 | 201)));
        assert_eq!(shop.get("/tax-categories")["data"].as_array().unwrap().len(), 1);
    }

    // checklist 12
    fn a_developer_reads_taxes_and_sets_none(world) {
        let shop = Shop::open(world);
        let developer = world.member(&shop.project, Role::Developer);
        world.get(shop.project.path("/tax-rates")).bearer(&developer.token).expect(200);
        let body = json!({ "key": "saas", "name": "SaaS" });
        let path = shop.project.path("/tax-categories/saas");
        world.request(Method::PUT, &path).bearer(&developer.token).json(body).refused(Code::Forbidden);
    }
}
