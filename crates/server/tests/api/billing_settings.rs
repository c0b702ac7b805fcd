//! `/projects/{projectId}/billing/settings`: what is printed on documents.

use domain::access::Role;
use domain::refusal::Code;
use http::Method;
use serde_json::{Value, json};

use crate::world::{Project, Reply, World, on_both};

fn put(world: &World, project: &Project, body: Value) -> Reply {
    world.request(Method::PUT, &project.path("/billing/settings")).bearer(&project.owner.token).json(body).send()
}

fn get(world: &World, project: &Project) -> Value {
    world.get(project.path("/billing/settings")).bearer(&project.owner.token).expect(200)
}

on_both! {
    fn a_project_has_settings_before_it_says_anything_and_replaces_them_as_a_whole(world) {
        let project = world.project();
        let nothing = get(world, &project);
        assert_eq!(nothing["series"], json!({
            "invoice": { "prefix": "INV-", "digits": 6 }, "creditNote": { "prefix": "CN-", "digits": 6 },
        }));
        assert_eq!(nothing["seller"]["legalName"], Value::Null);
        let body = json!({
            "seller": {
                "legalName": "Neruba Example GmbH", "taxIds": ["DE123456789"], "email": "billing@example.com",
                "website": "example.com", "footer": "IBAN DE00\nHRB 1", "locale": "de-DE",
                "address": { "lines": ["Lindenweg 4"], "postalCode": "10115", "city": "Berlin", "country": "DE" },
            },
            "series": { "invoice": { "prefix": "R-2026-", "digits": 5 } },
        });
        let stored = put(world, &project, body.clone()).expect(200);
        assert_eq!(stored["seller"]["address"]["city"], "Berlin");
        assert_eq!(stored["series"]["creditNote"]["prefix"], "CN-");
        assert_eq!(get(world, &project), stored);
        assert_eq!(put(world, &project, body).expect(200), stored);
        let seller = put(world, &project, json!({ "seller": { "legalName": "Other" } })).expect(200)["seller"].clone();
        assert_eq!((&seller["legalName"], &seller["footer"]), (&json!("Other"), &Value::Null));
        let path = project.path("/audit?action=billing.settings_changed");
        let trail = world.get(path).bearer(&project.owner.token).expect(200);
        assert_eq!(trail["data"].as_array().unwrap().len(), 3);
        assert_eq!(put(world, &project, json!({})).expect(200), nothing);
    }

    fn what_cannot_be_printed_is_refused_by_name(world) {
        let project = world.project();
        for (body, code, field) in [
            (json!({ "seller": { "legalName": " " } }), Code::InvalidValue, "seller.legalName"),
            (json!({ "seller": { "locale": "en" } }), Code::InvalidValue, "seller.locale"),
            (json!({ "seller": { "iban": "DE00" } }), Code::UnknownField, "seller.iban"),
            (json!({ "series": { "invoice": { "prefix": "A B", "digits": 6 } } }), Code::InvalidValue, "series.invoice.prefix"),
            (json!({ "series": { "invoice": { "prefix": "CN-", "digits": 6 } } }), Code::InvalidValue, "series.creditNote.prefix"),
            (json!({ "series": { "invoice": { "prefix": "A" } } }), Code::MissingField, "series.invoice.digits"),
        ] {
            assert_eq!(put(world, &project, body).refused(code)["errors"][0]["field"], field);
        }
    }

    // checklist 12
    fn finance_changes_them_and_support_only_reads(world) {
        let project = world.project();
        for (role, may) in [(Role::Finance, true), (Role::Support, false), (Role::Viewer, false)] {
            let member = world.member(&project, role);
            world.get(project.path("/billing/settings")).bearer(&member.token).expect(200);
            let request = world.request(Method::PUT, &project.path("/billing/settings")).bearer(&member.token);
            let reply = request.json(json!({})).send();
            if may { reply.expect(200); } else { reply.refused(Code::Forbidden); }
        }
    }
}
